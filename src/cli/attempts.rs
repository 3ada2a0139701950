//! The attempts of a job as `pumice show` lists them: where, how they ended, and how to see their logs.

use super::moment;
use super::table::{Cell, Table};
use super::terminal::Colour;
use super::text::one_line;
use super::view::Job;
use crate::model::record::{Attempt, AttemptRecord};
use crate::model::{BoardName, Reason, State};

/// The attempts of a job; empty when its only one is the job itself.
pub fn table(job: &Job, past: &[AttemptRecord]) -> Table {
    let mut table = Table::new()
        .right("N")
        .column("BOARD")
        .column("RUNNER")
        .right("TOOK")
        .column("REASON")
        .column("LOG")
        .cut("WHY");
    let record = &job.record;
    // While the job is alive its record names those that are over, each of which was retried.
    let finished = record.state == State::Finished;
    if finished && record.attempts.len() < 2 && past.is_empty() {
        return table;
    }
    for attempt in &record.attempts {
        let took = attempt
            .started_at
            .map(|started| moment::length(attempt.finished_at.seconds_since(started)));
        let retried = past.iter().find(|past| past.attempt.n == attempt.n);
        let (has_log, why) = match retried {
            Some(retried) => (
                retried.log.is_some() || retried.members.iter().any(|one| one.log.is_some()),
                retried.message.as_deref(),
            ),
            None => (record.log.is_some(), None),
        };
        let log = format!("pumice log {} --attempt {}", record.id.short(), attempt.n);
        table.row([
            attempt.n.to_string().into(),
            Cell::opt(on(attempt)),
            attempt.runner.as_str().into(),
            Cell::opt(took),
            Cell::opt(attempt.reason.map(Reason::as_str)),
            Cell::opt(has_log.then_some(log)),
            Cell::new(one_line(why.unwrap_or_default()), Colour::Plain),
        ]);
    }
    table
}

/// The board of an attempt, or all of a group's.
fn on(attempt: &Attempt) -> Option<String> {
    let boards: Vec<&str> = attempt.all_boards().map(BoardName::as_str).collect();
    (!boards.is_empty()).then(|| boards.join(", "))
}
