//! The front page: what runs, what waits, what ended last, how the boards are.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Site;
use crate::model::{Health, Time, Verdict};
use crate::report::Period;
use crate::site::engine::Page;
use crate::site::views::board::BoardView;
use crate::site::views::chart::{Chart, Count};
use crate::site::views::live::LiveRow;
use crate::site::views::row::JobRow;
use crate::site::views::usage::UsageView;
use crate::site::{SiteError, markdown};

const RECENT: usize = 12;
const QUEUE: usize = 10;
const DAYS: i64 = 30;
/// Boards shown as tiles; beyond them those that need attention go first.
const TILES: usize = 60;

#[derive(Debug, Serialize)]
pub struct HomeView {
    /// HTML.
    pub description: String,
    pub running: Vec<LiveRow>,
    pub waiting: Vec<LiveRow>,
    pub waiting_more: usize,
    pub waiting_count: usize,
    pub recent: Vec<JobRow>,
    pub boards: Vec<BoardView>,
    pub boards_more: usize,
    pub counts: BoardCounts,
    pub days: Chart,
    /// The week in which anything ended last.
    pub week: Option<UsageView>,
    pub week_title: String,
    pub problems: Vec<String>,
    /// What stands in the runners' way.
    pub paused: Vec<Paused>,
    pub revision: String,
    pub manual: String,
}

#[derive(Debug, Serialize)]
pub struct Paused {
    pub runner: String,
    pub why: String,
}

/// How many boards are in which state.
#[derive(Debug, Default, Serialize)]
pub struct BoardCounts {
    pub all: usize,
    pub busy: usize,
    pub idle: usize,
    pub bad: usize,
    pub away: usize,
}

impl BoardCounts {
    pub fn new(boards: &[BoardView]) -> Self {
        let count = |wanted: &[&str]| {
            let is = |board: &&BoardView| wanted.contains(&board.status);
            boards.iter().filter(is).count()
        };
        Self {
            all: boards.len(),
            busy: count(&["busy"]),
            idle: count(&["idle"]),
            bad: count(&["bad", "unknown"]),
            away: count(&["maintenance", "retired"]),
        }
    }
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let path = "index.html";
    let title = site.config().name.clone();
    let page = Page::new(path, "home", &title).live(true);
    site.fresh(path, &site.engine.render("home.html", &page, &view(site))?)
}

fn view(site: &Site<'_>) -> HomeView {
    let (running, mut waiting) = site.live();
    let waiting_count = waiting.len();
    waiting.truncate(QUEUE);
    let mut boards: Vec<BoardView> = site.snapshot.boards.iter().map(BoardView::new).collect();
    let counts = BoardCounts::new(&boards);
    if boards.len() > TILES {
        let urgency = |board: &BoardView| match board.status {
            "bad" | "unknown" => 0,
            "busy" => 1,
            "idle" => 2,
            _ => 3,
        };
        boards.sort_by_key(urgency);
    }
    let boards_more = boards.len().saturating_sub(TILES);
    boards.truncate(TILES);
    let recent: Vec<u32> = site
        .lists
        .people
        .iter()
        .rev()
        .take(RECENT)
        .copied()
        .collect();
    let week = site
        .sums
        .latest(|period| matches!(period, Period::Week { .. }));
    let config = site.config();
    HomeView {
        description: markdown::render_alone(&config.description),
        running,
        waiting_more: waiting_count - waiting.len(),
        waiting,
        waiting_count,
        recent: site.rows(&recent),
        boards,
        boards_more,
        counts,
        days: days(site),
        week: week
            .and_then(|week| site.sums.periods.get(&week))
            .map(|sums| UsageView::new(&sums.total)),
        week_title: week.map(Period::title).unwrap_or_default(),
        problems: site
            .snapshot
            .files
            .diagnostics
            .iter()
            .filter(|problem| problem.is_error())
            .take(10)
            .map(|problem| {
                format!(
                    "{}:{}:{}: {}",
                    problem.path, problem.line, problem.column, problem.message
                )
            })
            .collect(),
        paused: site
            .snapshot
            .runners
            .iter()
            .filter_map(|status| {
                Some(Paused {
                    runner: status.runner.to_string(),
                    why: status.paused.clone()?,
                })
            })
            .collect(),
        revision: site
            .snapshot
            .main
            .map(|main| main.short())
            .unwrap_or_default(),
        manual: site
            .manual
            .front()
            .map(|page| page.path.clone())
            .unwrap_or_default(),
    }
}

/// People's jobs of the last days up to today.
fn days(site: &Site<'_>) -> Chart {
    const DAY: i64 = 86_400_000;
    let today = site.now.utc().timestamp_millis().div_euclid(DAY);
    let mut counts: BTreeMap<i64, Count> = (today - DAYS + 1..=today)
        .map(|day| {
            let label = Time::from_unix(day * 86_400)
                .utc()
                .format("%-d %b")
                .to_string();
            (
                day,
                Count {
                    label,
                    ..Count::default()
                },
            )
        })
        .collect();
    for &at in site.lists.people.iter().rev() {
        let job = site.job(at);
        let day = job.finished.div_euclid(DAY);
        if day <= today - DAYS {
            break;
        }
        let Some(count) = counts.get_mut(&day) else {
            continue;
        };
        match (job.health(), job.verdict()) {
            (_, Some(Verdict::Fail)) | (Some(Health::Incomplete), _) => count.failed += 1,
            (Some(Health::Complete), Some(Verdict::Pass)) => count.passed += 1,
            _ => count.other += 1,
        }
    }
    Chart::new(&counts.into_values().collect::<Vec<_>>())
}
