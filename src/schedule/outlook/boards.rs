//! How the boards of a lab stand, by their health and what the runners say of them.

use std::collections::BTreeMap;

use super::{BoardNow, Facts};
use crate::model::record::BoardHealth;
use crate::model::status::{BoardStatus, BoardUse, RunnerStatus, STOPPED};
use crate::model::{Board, BoardName, RunnerName};
use crate::schedule::PlanBoard;

/// A board, and what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardFacts<'a> {
    pub board: &'a Board,
    pub usage: Use,
    /// As the plan sees it, if it takes jobs.
    pub plan: Option<PlanBoard>,
}

/// What a board does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    Idle,
    Busy,
    /// It is idle but for a health check that goes before any job: words that follow its name.
    CheckedFirst(String),
    /// It takes no jobs: words that follow its name, such as `is in maintenance (no cable)`.
    Out(String),
}

/// How every board of the lab stands, by name.
pub fn board_facts<'a>(facts: &Facts<'a>) -> Vec<BoardFacts<'a>> {
    let drivers = drivers(facts);
    let board_facts = |now: &BoardNow<'a>| {
        let board = now.board;
        let said = drivers.get(&board.name).copied();
        let usage = usage(facts, now, said);
        let runner = said.filter(|_| !matches!(usage, Use::Out(_)));
        BoardFacts {
            board,
            plan: runner.map(|(runner, _)| {
                let busy_ms = facts.past.busy_ms(&board.name, facts.now);
                PlanBoard::new(board, &runner.runner, busy_ms)
            }),
            usage,
        }
    };
    let mut boards: Vec<BoardFacts<'a>> = facts.boards.iter().map(board_facts).collect();
    boards.sort_by(|a, b| a.board.name.cmp(&b.board.name));
    boards
}

/// What each board's runner says of it. Of several that list it those count that its file allows: first
/// one that takes jobs, then the one that spoke last, for a host that got another name leaves its last
/// words behind.
fn drivers<'a>(facts: &Facts<'a>) -> BTreeMap<&'a BoardName, (&'a RunnerStatus, &'a BoardStatus)> {
    let wanted = facts.boards.iter();
    let wanted: BTreeMap<&BoardName, Option<&RunnerName>> = wanted
        .map(|now| (&now.board.name, now.board.runner.as_ref()))
        .collect();
    let rank = |runner: &RunnerStatus| {
        let stopped = runner.paused.as_deref() == Some(STOPPED);
        let speaks = !is_silent(facts, runner);
        (speaks, !stopped, runner.paused.is_none(), runner.at)
    };
    let mut drivers: BTreeMap<_, (&RunnerStatus, &BoardStatus)> = BTreeMap::new();
    for runner in facts.runners {
        for said in &runner.boards {
            let Some(wanted) = wanted.get(&said.name) else {
                continue;
            };
            let is_allowed = wanted.is_none_or(|wanted| *wanted == runner.runner);
            let known = drivers.get(&said.name);
            if is_allowed && known.is_none_or(|(known, _)| rank(known) < rank(runner)) {
                drivers.insert(&said.name, (runner, said));
            }
        }
    }
    drivers
}

/// Whether others may take over what a runner has.
pub(super) fn is_silent(facts: &Facts<'_>, runner: &RunnerStatus) -> bool {
    facts.now.seconds_since(runner.at) > facts.files.config.lease.seconds()
}

/// What a board does, by its health and what a runner says of it.
fn usage(
    facts: &Facts<'_>,
    now: &BoardNow<'_>,
    said: Option<(&RunnerStatus, &BoardStatus)>,
) -> Use {
    let because = |reason: Option<&str>| {
        let reason = reason.map(short).filter(|reason| !reason.is_empty());
        reason.map(|why| format!(" ({why})")).unwrap_or_default()
    };
    let out = |text: &str, reason| Use::Out(format!("{text}{}", because(reason)));
    match now.health {
        BoardHealth::Maintenance => return out("is in maintenance", now.reason),
        BoardHealth::Retired => return out("is retired", now.reason),
        BoardHealth::Bad => return out("is bad", now.reason),
        BoardHealth::Good | BoardHealth::Unknown => {}
    }
    let Some((runner, status)) = said else {
        return Use::Out(match &now.board.runner {
            Some(wanted) => format!("is driven by no runner (its file says `{wanted}`)"),
            None => "is driven by no runner".to_owned(),
        });
    };
    let name = &runner.runner;
    if is_silent(facts, runner) {
        return Use::Out(format!("is driven by `{name}`, which is silent"));
    }
    if runner.paused.as_deref() == Some(STOPPED) {
        return Use::Out(format!("is driven by `{name}`, which has stopped"));
    }
    if let Some(why) = &runner.paused {
        return out(
            &format!("is driven by `{name}`, which takes no jobs"),
            Some(why),
        );
    }
    if now.job.is_some() {
        return Use::Busy;
    }
    match status.usage {
        BoardUse::Unavailable if now.board.health_check.is_some() => {
            let why = because(status.reason.as_deref());
            Use::CheckedFirst(format!("waits for its health check{why}"))
        }
        BoardUse::Unavailable if status.reason.is_some() => {
            out("takes no jobs", status.reason.as_deref())
        }
        _ => Use::Idle,
    }
}

/// A reason that somebody wrote, on one line, not too long and without control characters.
fn short(reason: &str) -> String {
    const LONGEST: usize = 80;
    let words: Vec<&str> = reason.split_whitespace().collect();
    let visible = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    let line: String = words.join(" ").chars().map(visible).collect();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
