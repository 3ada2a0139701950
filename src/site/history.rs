//! The finished jobs in their order, each as the few facts that lists and neighbours need.
//!
//! A hundred thousand of them fit into a few megabytes, so every build can hold the whole history.

use std::collections::{BTreeSet, HashMap};

use crate::model::record::{AttemptRecord, CaseResult};
use crate::model::{
    BoardName, Health, JobId, ObjectId, Priority, Reason, Record, RunnerName, Verdict,
};
use crate::report::usage::{device_type, label, user};

/// Texts that occur many times, kept once. Index 0 is the empty text.
#[derive(Debug, Clone)]
pub struct Strings {
    texts: Vec<Box<str>>,
    index: HashMap<Box<str>, u32>,
}

impl Default for Strings {
    fn default() -> Self {
        let mut strings = Self {
            texts: Vec::new(),
            index: HashMap::new(),
        };
        strings.intern("");
        strings
    }
}

impl Strings {
    pub fn intern(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.index.get(text) {
            return at;
        }
        let at = self.texts.len() as u32;
        self.texts.push(text.into());
        self.index.insert(text.into(), at);
        at
    }

    pub fn get(&self, at: u32) -> &str {
        self.texts.get(at as usize).map_or("", |text| text)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }
}

/// One finished job. Texts are indices into [`History::strings`], 0 for an absent one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub id: JobId,
    /// The record's blob.
    pub blob: ObjectId,
    /// Unix milliseconds.
    pub finished: i64,
    /// Milliseconds on its board; -1 when it never started.
    pub took: i64,
    pub name: u32,
    pub user: u32,
    /// A line for each board of a group.
    pub board: u32,
    pub device_type: u32,
    /// The journal that holds the record.
    pub runner: u32,
    /// The tags, each with a line feed at its end.
    pub tags: u32,
    /// The refs of its logs, a line each.
    pub log_refs: u32,
    /// Its attempts that speak of their boards; see [`History::failures`].
    pub failures: u32,
    pub passed: u32,
    /// Cases that failed or whose result is unknown.
    pub failed: u32,
    pub health: u8,
    pub reason: u8,
    pub verdict: u8,
    pub priority: u8,
    /// Whether it checks the health of its board, and so is nobody's.
    pub health_check: bool,
    /// Another journal's record of the same job goes before this one.
    pub shadowed: bool,
    /// Log pages written.
    pub log_pages: u16,
    /// The hash of all that its page was made from; 0 when it is not written yet.
    pub key: u64,
}

impl Summary {
    pub fn health(&self) -> Option<Health> {
        HEALTHS.get(usize::from(self.health)).copied()
    }

    pub fn reason(&self) -> Option<Reason> {
        REASONS.get(usize::from(self.reason)).copied()
    }

    pub fn verdict(&self) -> Option<Verdict> {
        VERDICTS.get(usize::from(self.verdict)).copied()
    }
}

const HEALTHS: [Health; 4] = [
    Health::Complete,
    Health::Incomplete,
    Health::Canceled,
    Health::Rejected,
];
const REASONS: [Reason; 7] = [
    Reason::Timeout,
    Reason::JobError,
    Reason::DispatcherError,
    Reason::Infrastructure,
    Reason::Board,
    Reason::Lost,
    Reason::Expired,
];
const VERDICTS: [Verdict; 3] = [Verdict::Pass, Verdict::Fail, Verdict::None];

/// The place of a value in its table; one past the end for an absent one.
fn code<T: PartialEq>(table: &[T], value: Option<T>) -> u8 {
    let found = value.and_then(|value| table.iter().position(|known| *known == value));
    found.unwrap_or(table.len()) as u8
}

/// A record's facts before its texts are interned: what a reading thread hands over.
pub struct Draft {
    blob: ObjectId,
    id: JobId,
    finished: i64,
    took: i64,
    texts: [String; 8],
    passed: u32,
    failed: u32,
    health: u8,
    reason: u8,
    verdict: u8,
    priority: Priority,
    health_check: bool,
}

impl Draft {
    pub fn new(
        runner: &RunnerName,
        blob: ObjectId,
        record: &Record,
        retried: &[AttemptRecord],
    ) -> Self {
        let count = |wanted: fn(CaseResult) -> bool| {
            let cases = record.suites.iter().flat_map(|suite| &suite.cases);
            cases.filter(|case| wanted(case.result)).count() as u32
        };
        let finished = record.finished_at.unwrap_or(record.submitted_at);
        let boards: Vec<&str> = record.boards().map(BoardName::as_str).collect();
        let tags = record
            .tags
            .iter()
            .filter(|tag| !tag.is_empty())
            .map(|tag| label(tag) + "\n");
        Self {
            blob,
            id: record.id,
            finished: finished.utc().timestamp_millis(),
            took: record.started_at.map_or(-1, |started| {
                ((finished.seconds_since(started) * 1000.0) as i64).max(0)
            }),
            texts: [
                label(&record.job_name),
                user(record),
                boards.join("\n"),
                label(device_type(record).unwrap_or_default()),
                runner.to_string(),
                tags.collect(),
                log_refs(record, retried),
                failures(record),
            ],
            passed: count(|result| result == CaseResult::Pass),
            failed: count(|result| matches!(result, CaseResult::Fail | CaseResult::Unknown)),
            health: code(&HEALTHS, record.health),
            reason: code(&REASONS, record.reason),
            verdict: code(&VERDICTS, record.verdict),
            priority: record.priority,
            health_check: record.health_check.is_some(),
        }
    }
}

/// The refs that hold its logs, a line each.
fn log_refs(record: &Record, retried: &[AttemptRecord]) -> String {
    let members = record.members.iter();
    let past = retried.iter().flat_map(|past| {
        let members = past.members.iter().filter_map(|one| one.log.as_ref());
        past.log.iter().chain(members)
    });
    let logs = record.log.iter();
    let logs = logs.chain(members.filter_map(|one| one.log.as_ref()));
    let refs: BTreeSet<&str> = logs.chain(past).map(|log| log.reference.as_str()).collect();
    refs.into_iter().collect::<Vec<_>>().join("\n")
}

/// Whether an attempt that ended so says something about the board it was on.
pub fn speaks_of_board(reason: Reason) -> bool {
    !matches!(reason, Reason::JobError | Reason::Expired)
}

/// The attempts that speak of their boards: a line each of board, number, reason and the end in Unix
/// milliseconds. None of these words has a space in it.
fn failures(record: &Record) -> String {
    let mut lines = String::new();
    for attempt in &record.attempts {
        let Some(reason) = attempt.reason.filter(|reason| speaks_of_board(*reason)) else {
            continue;
        };
        let at = attempt.finished_at.utc().timestamp_millis();
        for board in attempt.all_boards() {
            lines.push_str(&format!("{board} {} {reason} {at}\n", attempt.n));
        }
    }
    lines
}

/// An attempt that did not end well on a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'h> {
    pub board: &'h str,
    pub attempt: &'h str,
    pub reason: &'h str,
    /// Unix milliseconds.
    pub finished: i64,
}

/// All finished jobs, ordered by the time they finished, then by id.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub strings: Strings,
    pub jobs: Vec<Summary>,
}

impl History {
    /// Adds a job out of order; [`History::settle`] follows.
    pub fn push(&mut self, draft: Draft) {
        let [
            name,
            user,
            board,
            device_type,
            runner,
            tags,
            log_refs,
            failures,
        ] = draft.texts.map(|text| self.strings.intern(&text));
        self.jobs.push(Summary {
            id: draft.id,
            blob: draft.blob,
            finished: draft.finished,
            took: draft.took,
            name,
            user,
            board,
            device_type,
            runner,
            tags,
            log_refs,
            failures,
            passed: draft.passed,
            failed: draft.failed,
            health: draft.health,
            reason: draft.reason,
            verdict: draft.verdict,
            priority: draft.priority as u8,
            health_check: draft.health_check,
            shadowed: false,
            log_pages: 0,
            key: 0,
        });
    }

    /// Orders the jobs and marks those of which another journal holds an earlier record.
    pub fn settle(&mut self) {
        let strings = &self.strings;
        self.jobs.sort_by(|a, b| {
            (a.finished, a.id)
                .cmp(&(b.finished, b.id))
                .then_with(|| strings.get(a.runner).cmp(strings.get(b.runner)))
        });
        let mut ids: Vec<JobId> = self.jobs.iter().map(|job| job.id).collect();
        ids.sort_unstable();
        let twice = |pair: &[JobId]| pair[0] == pair[1];
        let mut doubles: Vec<JobId> = ids.windows(2).filter(|p| twice(p)).map(|p| p[0]).collect();
        doubles.dedup();
        let mut seen: Vec<JobId> = Vec::new();
        for job in &mut self.jobs {
            job.shadowed = false;
            if !doubles.is_empty() && doubles.binary_search(&job.id).is_ok() {
                job.shadowed = seen.contains(&job.id);
                seen.push(job.id);
            }
        }
    }

    /// The jobs that are shown, oldest first.
    pub fn shown(&self) -> Vec<u32> {
        let places = (0..self.jobs.len() as u32).zip(&self.jobs);
        places
            .filter(|(_, job)| !job.shadowed)
            .map(|(i, _)| i)
            .collect()
    }

    pub fn text(&self, at: u32) -> &str {
        self.strings.get(at)
    }

    pub fn boards(&self, job: &Summary) -> impl Iterator<Item = &str> {
        self.strings.get(job.board).lines()
    }

    /// Its attempts that did not end well and not for the job's own fault, the first one first.
    pub fn failures(&self, job: &Summary) -> impl Iterator<Item = Failure<'_>> {
        self.strings.get(job.failures).lines().filter_map(|line| {
            let mut words = line.split(' ');
            Some(Failure {
                board: words.next()?,
                attempt: words.next()?,
                reason: words.next()?,
                finished: words.next()?.parse().ok()?,
            })
        })
    }

    pub fn tags(&self, job: &Summary) -> impl Iterator<Item = &str> {
        self.strings.get(job.tags).lines()
    }
}
