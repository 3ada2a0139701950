//! A finished job as one row of a list.

use serde::Serialize;

use super::Link;
use crate::model::{Health, JobId, Time, Verdict};
use crate::site::history::{Failure, History, Summary};
use crate::site::{paths, text};

#[derive(Debug, Clone, Serialize)]
pub struct JobRow {
    pub href: String,
    pub name: String,
    pub short: String,
    pub health_check: bool,
    /// `pass`, `fail`, `none`; empty when there is none.
    pub verdict: &'static str,
    /// The health, for its colour.
    pub health: &'static str,
    /// How it ended in a word: `complete`, the reason, `canceled`, `rejected`.
    pub ended: &'static str,
    pub board: Link,
    pub user: Link,
    pub finished: String,
    pub took: String,
    pub took_s: i64,
    /// `12/14`: cases passed of those that passed or failed.
    pub tests: String,
}

/// The word for the end of a job.
pub fn ended(health: Option<Health>, reason: Option<crate::model::Reason>) -> &'static str {
    match (health, reason) {
        (Some(Health::Incomplete | Health::Canceled), Some(reason)) => reason.as_str(),
        (Some(health), _) => health.as_str(),
        (None, _) => "",
    }
}

impl JobRow {
    pub fn new(history: &History, job: &Summary) -> Self {
        let tests = job.passed + job.failed;
        Self {
            href: paths::job_page(job.id),
            name: history.text(job.name).to_owned(),
            short: job.id.short(),
            health_check: job.health_check,
            verdict: job.verdict().map_or("", |verdict| verdict.as_str()),
            health: job.health().map_or("", |health| health.as_str()),
            ended: ended(job.health(), job.reason()),
            board: Link::to_boards(history.boards(job)),
            user: Link::to(history.text(job.user), paths::user),
            finished: moment(job.finished),
            took: match job.took {
                ..0 => String::new(),
                took => text::duration(took as f64 / 1000.0),
            },
            took_s: job.took / 1000,
            tests: match tests {
                0 => String::new(),
                _ => format!("{}/{tests}", job.passed),
            },
        }
    }
}

/// An attempt that failed on a board, as the board's page lists it.
#[derive(Debug, Clone, Serialize)]
pub struct FailedRow {
    pub href: String,
    pub name: String,
    pub short: String,
    pub attempt: String,
    pub reason: String,
    pub finished: String,
}

impl FailedRow {
    pub fn new(history: &History, job: &Summary, failure: Failure<'_>) -> Self {
        Self {
            href: paths::job_page(job.id),
            name: history.text(job.name).to_owned(),
            short: job.id.short(),
            attempt: failure.attempt.to_owned(),
            reason: failure.reason.to_owned(),
            finished: moment(failure.finished),
        }
    }
}

/// Unix milliseconds as a `time` element holds them.
pub fn moment(millis: i64) -> String {
    text::minute(Time::from_unix(millis.div_euclid(1000)))
}

/// The job before or after one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    pub id: JobId,
    /// How it went, in a word: the verdict of a complete job that has one, else how it ended.
    pub word: &'static str,
}

impl Neighbour {
    pub fn new(job: &Summary) -> Self {
        Self {
            id: job.id,
            word: match (job.health(), job.verdict()) {
                (Some(Health::Complete), Some(verdict)) if verdict != Verdict::None => {
                    verdict.as_str()
                }
                _ => ended(job.health(), job.reason()),
            },
        }
    }
}
