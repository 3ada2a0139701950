//! The tags and each tag: which boards carry it, which jobs asked for it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use super::Site;
use crate::report::usage::label;
use crate::site::engine::Page;
use crate::site::views::Link;
use crate::site::views::board::BoardView;
use crate::site::views::row::JobRow;
use crate::site::{SiteError, paths};

#[derive(Debug, Serialize)]
pub struct TagsView {
    pub tags: Vec<TagRow>,
}

#[derive(Debug, Serialize)]
pub struct TagRow {
    pub link: Link,
    pub boards: usize,
    /// Of those, the ones that take jobs.
    pub usable: usize,
}

#[derive(Debug, Serialize)]
pub struct TagView {
    pub name: String,
    pub boards: Vec<BoardView>,
    pub recent: Vec<JobRow>,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let mut tags: BTreeMap<String, Vec<BoardView>> = BTreeMap::new();
    for tag in site.lists.tags.keys() {
        tags.entry(tag.clone()).or_default();
    }
    for job in &site.snapshot.live {
        for link in site.live_row(job).tags {
            tags.entry(link.name).or_default();
        }
    }
    for file in site.snapshot.files.types.values() {
        for tag in &file.tags {
            tags.entry(label(tag)).or_default();
        }
    }
    for state in &site.snapshot.boards {
        let view = BoardView::new(state);
        for tag in &state.board.tags {
            tags.entry(label(tag)).or_default().push(view.clone());
        }
    }
    let row = |(name, boards): (&String, &Vec<BoardView>)| TagRow {
        link: Link::to(name, paths::tag),
        boards: boards.len(),
        usable: boards
            .iter()
            .filter(|board| matches!(board.status, "idle" | "busy"))
            .count(),
    };
    let rows = tags
        .iter()
        .filter(|(name, _)| !name.is_empty())
        .map(row)
        .collect();
    let path = "tags/index.html";
    let page = Page::new(path, "tags", "Tags");
    site.fresh(
        path,
        &site
            .engine
            .render("tags.html", &page, &TagsView { tags: rows })?,
    )?;
    let tags: Vec<(String, Vec<BoardView>)> = tags
        .into_iter()
        .filter(|(name, _)| !name.is_empty())
        .collect();
    tags.par_iter()
        .try_for_each(|(name, boards)| tag(site, name, boards))
}

fn tag(site: &Site<'_>, name: &str, boards: &[BoardView]) -> Result<(), SiteError> {
    let path = paths::tag(name);
    let recent = site
        .lists
        .tags
        .get(name)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let key = site.key().debug(&boards).jobs(site, recent);
    site.page(&path, key, || {
        let view = TagView {
            name: name.to_owned(),
            boards: boards.to_vec(),
            recent: site.rows(recent),
        };
        site.engine
            .render("tag.html", &Page::new(&path, "tags", name), &view)
    })
}
