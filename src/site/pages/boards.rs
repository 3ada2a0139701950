//! All boards, and each board.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::Serialize;

use super::Site;
use super::home::BoardCounts;
use crate::model::status::RunnerStatus;
use crate::report::{By, Period, Usage};
use crate::site::engine::Page;
use crate::site::views::Link;
use crate::site::views::board::BoardView;
use crate::site::views::row::JobRow;
use crate::site::views::usage::UsageView;
use crate::site::{SiteError, paths, text};

#[derive(Debug, Serialize)]
pub struct BoardsView {
    pub boards: Vec<BoardView>,
    pub counts: BoardCounts,
    pub runners: Vec<RunnerView>,
    /// Boards that are only in the history.
    pub gone: Vec<Link>,
}

/// A runner as its last heartbeat says.
#[derive(Debug, Serialize)]
pub struct RunnerView {
    pub name: String,
    pub version: String,
    pub at: String,
    pub running: usize,
    pub free: String,
    /// Why it takes no jobs; empty when it does.
    pub paused: String,
}

impl RunnerView {
    fn new(status: &RunnerStatus) -> Self {
        Self {
            name: status.runner.to_string(),
            version: text::shorten(&status.program, 40),
            at: text::minute(status.at),
            running: status.running.len(),
            free: status.free_disk_bytes.map(text::bytes).unwrap_or_default(),
            paused: text::shorten(status.paused.as_deref().unwrap_or_default(), 300),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct BoardPageView {
    pub board: BoardView,
    pub usage: UsageView,
    pub recent: Vec<JobRow>,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let present: BTreeSet<&str> = site
        .snapshot
        .boards
        .iter()
        .map(|state| state.board.name.as_str())
        .collect();
    let running = site
        .snapshot
        .live
        .iter()
        .flat_map(|job| job.record.boards());
    let known = site.lists.boards.keys().map(String::as_str);
    let gone: BTreeSet<&str> = known
        .chain(running.map(crate::model::name::BoardName::as_str))
        .filter(|name| !present.contains(name))
        .collect();
    let boards: Vec<BoardView> = site.snapshot.boards.iter().map(BoardView::new).collect();
    let path = "boards/index.html";
    let view = BoardsView {
        counts: BoardCounts::new(&boards),
        boards,
        runners: site.snapshot.runners.iter().map(RunnerView::new).collect(),
        gone: gone
            .iter()
            .map(|name| Link::to(name, paths::board))
            .collect(),
    };
    site.fresh(
        path,
        &site
            .engine
            .render("boards.html", &Page::new(path, "boards", "Boards"), &view)?,
    )?;
    site.snapshot.boards.par_iter().try_for_each(|state| {
        let view = BoardView::new(state);
        let description = state.board.description.as_deref().unwrap_or_default();
        let key = site.key().debug(&view).add(description.as_bytes());
        board(site, key, view.name.clone(), || view.described(state))
    })?;
    gone.iter().try_for_each(|name| {
        board(site, site.key(), (*name).to_owned(), || {
            BoardView::gone(name)
        })
    })
}

fn board(
    site: &Site<'_>,
    key: super::Key,
    name: String,
    view: impl FnOnce() -> BoardView,
) -> Result<(), SiteError> {
    let path = paths::board(&name);
    let recent = site
        .lists
        .boards
        .get(&name)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let usage = usage(site, By::Board, &name);
    let key = key.jobs(site, recent).debug(&usage);
    site.page(&path, key, || {
        let view = BoardPageView {
            board: view(),
            usage: UsageView::new(&usage),
            recent: site.rows(recent),
        };
        site.engine
            .render("board.html", &Page::new(&path, "boards", &name), &view)
    })
}

/// What a board, type or user has used in all.
pub fn usage(site: &Site<'_>, by: By, name: &str) -> Usage {
    let all = site.sums.periods.get(&Period::All);
    all.and_then(|sums| sums.by.get(&(by, name.to_owned())))
        .copied()
        .unwrap_or_default()
}
