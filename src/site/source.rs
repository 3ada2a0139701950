//! What the site is made from, in its own words: whoever can answer this can be shown as a site.

use std::collections::BTreeMap;

use super::SiteError;
use crate::model::board::Board;
use crate::model::lab::LabFiles;
use crate::model::record::{AttemptRecord, BoardHealth, BoardRecord, LogLocation};
use crate::model::status::{RunnerStatus, Underway};
use crate::model::{Job, JobId, ObjectId, Record, RunnerName, State, Time};
use crate::schedule::Past;
use crate::schedule::outlook::{BoardNow, Facts, JobNow, Outlook};

/// The head of each runner's journal.
pub type Journals = BTreeMap<RunnerName, ObjectId>;

/// A lab that can be opened by several threads, each with a reader of its own.
pub trait Source: Sync {
    type Reader: Reader + Send;

    fn reader(&self) -> Result<Self::Reader, SiteError>;
}

/// Reads one state of a lab.
pub trait Reader {
    /// Every ref that the site depends on with its object. Equal heads are an equal lab.
    fn heads(&self) -> Result<BTreeMap<String, ObjectId>, SiteError>;

    fn journals(&self) -> Result<Journals, SiteError>;

    /// The records that differ between two states of the journals; an empty `old` gives all of them.
    fn changes(&self, old: &Journals, new: &Journals) -> Result<Vec<Change>, SiteError>;

    fn record(&self, blob: ObjectId) -> Result<Record, SiteError>;

    /// The retried attempts that a record names, by number.
    fn retried(&self, record: &Record) -> Result<Vec<AttemptRecord>, SiteError>;

    /// A log as it was written; `None` when it has expired or was not fetched.
    fn log(&self, at: &LogLocation) -> Result<Option<Vec<u8>>, SiteError>;

    /// The last lines of a running job's log.
    fn log_tail(
        &self,
        runner: &RunnerName,
        id: JobId,
        member: Option<&str>,
    ) -> Result<Option<Vec<u8>>, SiteError>;

    /// Any object's content; `None` when it is not there.
    fn blob(&self, id: ObjectId) -> Result<Option<Vec<u8>>, SiteError>;

    /// The regular files below a folder of main.
    fn files(&self, under: &str) -> Result<Vec<(String, ObjectId)>, SiteError>;

    fn snapshot(&self) -> Result<Snapshot, SiteError>;

    /// What the finished jobs say that estimates need, as of now.
    fn past(&self, now: Time) -> Result<Past, SiteError>;
}

/// A record file that came, changed or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub runner: RunnerName,
    pub id: JobId,
    pub old: Option<ObjectId>,
    pub new: Option<ObjectId>,
}

/// Everything that is not history.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    pub main: Option<ObjectId>,
    pub files: LabFiles,
    /// Waiting and running jobs, oldest first.
    pub live: Vec<LiveJob>,
    pub boards: Vec<BoardState>,
    pub runners: Vec<RunnerStatus>,
}

impl Snapshot {
    /// What is to be expected of its jobs at a moment, and why they wait.
    pub fn outlook(&self, past: &Past, now: Time) -> Outlook {
        Outlook::new(&Facts {
            files: &self.files,
            runners: &self.runners,
            boards: self.boards.iter().map(BoardState::facts).collect(),
            jobs: self.live.iter().map(LiveJob::facts).collect(),
            past,
            now,
        })
    }
}

impl Snapshot {
    /// The runner that has the job, if nothing was heard of it for longer than its lease.
    pub fn silent_runner<'j>(&self, job: &'j LiveJob, now: Time) -> Option<&'j RunnerName> {
        let record = &job.record;
        let claim = record.claim.as_ref();
        let runner = &claim.filter(|_| record.state != State::Submitted)?.runner;
        let mut said = self.runners.iter().filter(|said| said.runner == *runner);
        let lease_s = self.files.config.lease.seconds();
        let silent = said.next()?.at.plus_seconds(lease_s) < now;
        silent.then_some(runner)
    }
}

/// A job that waits or runs.
#[derive(Debug, Clone)]
pub struct LiveJob {
    pub record: Record,
    /// The definition, unless it has an error.
    pub job: Option<Job>,
    /// The place in main's history: the smaller came first.
    pub order: i64,
    pub attempt: u32,
    /// Percent.
    pub progress: u8,
    /// What its runner's heartbeat says of it.
    pub underway: Option<Underway>,
}

impl LiveJob {
    fn facts(&self) -> JobNow<'_> {
        JobNow {
            record: &self.record,
            job: self.job.as_ref(),
            order: self.order,
        }
    }
}

/// A board with what its journal and its runner's heartbeat say.
#[derive(Debug, Clone)]
pub struct BoardState {
    pub board: Board,
    pub health: BoardHealth,
    pub reason: Option<String>,
    /// The job that runs on it.
    pub job: Option<JobId>,
    /// What its runner last noted of it.
    pub noted: Option<BoardRecord>,
}

impl BoardState {
    fn facts(&self) -> BoardNow<'_> {
        BoardNow {
            board: &self.board,
            health: self.health,
            reason: self.reason.as_deref(),
            job: self.job,
        }
    }
}
