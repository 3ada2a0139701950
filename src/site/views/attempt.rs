//! The attempts of a job that had more than one.

use serde::Serialize;

use super::Link;
use crate::model::Record;
use crate::model::record::{Attempt, AttemptRecord};
use crate::site::history::speaks_of_board;
use crate::site::{paths, text};

/// Attempts that a page shows.
const ATTEMPTS: usize = 64;

#[derive(Debug, Clone, Serialize)]
pub struct AttemptView {
    pub n: u32,
    pub boards: Vec<Link>,
    pub runner: String,
    pub started: String,
    pub took: String,
    pub reason: &'static str,
    /// The reason in words.
    pub message: String,
    /// What it wrote and what its runner did, below the job's folder; empty when it is not published.
    pub logs: Vec<Link>,
}

/// The attempts of a job; none when its only attempt is the job itself.
pub fn attempts(record: &Record, retried: &[AttemptRecord]) -> Vec<AttemptView> {
    // While the job is alive its record names those that are over, each of which was retried.
    let one = record.attempts.len() < 2 && record.finished_at.is_some();
    if one && retried.is_empty() {
        return Vec::new();
    }
    let message = |n: u32| {
        let record = retried.iter().find(|record| record.attempt.n == n)?;
        record.message.as_deref()
    };
    let shown = record.attempts.iter().take(ATTEMPTS);
    shown
        .map(|attempt| AttemptView::new(record, attempt, message(attempt.n).unwrap_or_default()))
        .collect()
}

impl AttemptView {
    fn new(record: &Record, attempt: &Attempt, message: &str) -> Self {
        let took = attempt
            .started_at
            .map(|start| attempt.finished_at.seconds_since(start).max(0.0));
        let failed_there = attempt.reason.is_some_and(speaks_of_board);
        Self {
            n: attempt.n,
            boards: attempt
                .all_boards()
                .map(|board| {
                    // Only boards that are or were somehow used have a page.
                    let known = failed_there || record.boards().any(|on| on == board);
                    let place = if known {
                        paths::board(board.as_str())
                    } else {
                        String::new()
                    };
                    Link::new(board.as_str(), place)
                })
                .collect(),
            runner: attempt.runner.to_string(),
            started: attempt.started_at.map(text::second).unwrap_or_default(),
            took: took.map(text::duration).unwrap_or_default(),
            reason: attempt.reason.map_or("", |reason| reason.as_str()),
            message: text::shorten(message, 500),
            logs: Vec::new(),
        }
    }
}
