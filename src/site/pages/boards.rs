//! All boards, and each board.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

use super::Site;
use super::home::BoardCounts;
use crate::model::BoardName;
use crate::model::record::Attempt;
use crate::report::{By, Period, Usage};
use crate::site::engine::Page;
use crate::site::source::BoardState;
use crate::site::views::Link;
use crate::site::views::board::BoardView;
use crate::site::views::row::{FailedRow, JobRow};
use crate::site::views::usage::UsageView;
use crate::site::{SiteError, paths};

#[derive(Debug, Serialize)]
pub struct BoardsView {
    pub boards: Vec<BoardView>,
    pub counts: BoardCounts,
    /// How many there are.
    pub runners: usize,
    /// Boards that are only in the history.
    pub gone: Vec<Link>,
}

#[derive(Debug, Serialize)]
pub struct BoardPageView {
    pub board: BoardView,
    /// Its last health checks, newest first.
    pub checks: Vec<JobRow>,
    /// The last attempts that failed on it, newest first.
    pub failed: Vec<FailedRow>,
    pub usage: UsageView,
    /// People's jobs.
    pub recent: Vec<JobRow>,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let present: BTreeSet<&str> = site
        .snapshot
        .boards
        .iter()
        .map(|state| state.board.name.as_str())
        .collect();
    let lists = [&site.lists.boards, &site.lists.checks, &site.lists.failed];
    let known = lists.into_iter().flat_map(|list| list.keys());
    let live = site.snapshot.live.iter().flat_map(|job| {
        let past = job.record.attempts.iter().flat_map(Attempt::all_boards);
        job.record.boards().chain(past)
    });
    let gone: BTreeSet<&str> = known
        .map(String::as_str)
        .chain(live.map(BoardName::as_str))
        .filter(|name| !present.contains(name))
        .collect();
    let boards = site.snapshot.boards.iter().map(|state| ahead(site, state));
    let boards: Vec<BoardView> = boards.collect();
    let path = "boards/index.html";
    let view = BoardsView {
        counts: BoardCounts::new(&boards),
        boards,
        runners: site.snapshot.runners.len(),
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
        let view = ahead(site, state);
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

/// A board with what is expected of it.
fn ahead(site: &Site<'_>, state: &BoardState) -> BoardView {
    let mut view = BoardView::new(state);
    if let Some(job) = state.job {
        view.idle = site.when(job).end;
    }
    if let Some(job) = site.outlook.next_on(&state.board.name) {
        view.next = Link::new(&job.short(), paths::job_page(job));
        view.next_start = site.when(job).start;
    }
    view
}

fn board(
    site: &Site<'_>,
    key: super::Key,
    name: String,
    view: impl FnOnce() -> BoardView,
) -> Result<(), SiteError> {
    let path = paths::board(&name);
    let of = |lists: &BTreeMap<String, Vec<u32>>| lists.get(&name).cloned().unwrap_or_default();
    let recent = of(&site.lists.boards);
    let checks = of(&site.lists.checks);
    let failed = of(&site.lists.failed);
    let usage = usage(site, By::Board, &name);
    let key = key
        .jobs(site, &recent)
        .jobs(site, &checks)
        .jobs(site, &failed)
        .debug(&usage);
    site.page(&path, key, || {
        let failures = failed.iter().flat_map(|at| {
            let job = site.job(*at);
            let here = site.history.failures(job).filter(|one| one.board == name);
            let mut rows: Vec<FailedRow> = here
                .map(|failure| FailedRow::new(site.history, job, failure))
                .collect();
            rows.reverse();
            rows
        });
        // The heading says already what they are.
        let checks = site.rows(&checks).into_iter().map(|row| JobRow {
            health_check: false,
            ..row
        });
        let view = BoardPageView {
            board: view(),
            checks: checks.collect(),
            failed: failures.collect(),
            usage: UsageView::new(&usage),
            recent: site.rows(&recent),
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
