//! All device types on one page.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Site;
use crate::report::usage::{device_type, label};
use crate::site::engine::Page;
use crate::site::views::Link;
use crate::site::{SiteError, markdown, paths};

#[derive(Debug, Serialize)]
pub struct TypesView {
    pub types: Vec<TypeView>,
}

#[derive(Debug, Serialize)]
pub struct TypeView {
    pub name: String,
    pub anchor: String,
    /// Whether the lab has a file for it.
    pub known: bool,
    pub tags: Vec<Link>,
    pub dispatchers: Vec<String>,
    pub health_check: String,
    pub boards: Vec<TypeBoard>,
    /// HTML.
    pub description: String,
}

#[derive(Debug, Serialize)]
pub struct TypeBoard {
    pub link: Link,
    pub status: &'static str,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let known = &site.snapshot.files.types;
    let mut boards: BTreeMap<String, Vec<TypeBoard>> = BTreeMap::new();
    for state in &site.snapshot.boards {
        let view = crate::site::views::board::BoardView::new(state);
        boards
            .entry(label(&state.board.device_type))
            .or_default()
            .push(TypeBoard {
                link: Link::new(&view.name, view.href),
                status: view.status,
            });
    }
    let wanted = site
        .snapshot
        .live
        .iter()
        .filter_map(|job| device_type(&job.record));
    let mut names: BTreeSet<String> = known.keys().map(|name| label(name)).collect();
    names.extend(boards.keys().cloned());
    names.extend(site.lists.types.keys().cloned());
    names.extend(wanted.map(label));
    let mut view = |name: String| {
        let file = known.get(&name);
        TypeView {
            anchor: paths::slug(&name),
            known: file.is_some(),
            tags: file
                .map(|file| {
                    file.tags
                        .iter()
                        .map(|tag| Link::to(&label(tag), paths::tag))
                        .collect()
                })
                .unwrap_or_default(),
            dispatchers: file
                .and_then(|file| file.dispatchers.as_ref())
                .map(|all| all.iter().map(|choice| choice.name().to_owned()).collect())
                .unwrap_or_default(),
            health_check: file
                .and_then(|file| file.health_check.as_ref())
                .map(|check| match check.every {
                    Some(every) => format!("{} every {every}", check.job),
                    None => check.job.clone(),
                })
                .unwrap_or_default(),
            boards: boards.remove(&name).unwrap_or_default(),
            description: markdown::render_alone(
                file.and_then(|file| file.description.as_deref())
                    .unwrap_or_default(),
            ),
            name,
        }
    };
    let types = names.into_iter().map(&mut view).collect();
    let path = "types/index.html";
    let page = Page::new(path, "boards", "Device types");
    site.fresh(
        path,
        &site
            .engine
            .render("types.html", &page, &TypesView { types })?,
    )
}
