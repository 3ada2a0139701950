//! A runner's heartbeat, `status.json`.

use serde::{Deserialize, Serialize};

use super::record::{BoardHealth, Step};
use super::{BoardName, JobId, ObjectId, RunnerName, Time};

/// Why a runner claims nothing whose last heartbeat this is: it has ended in order.
pub const STOPPED: &str = "stopped";

/// What a runner says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunnerStatus {
    pub version: u32,
    pub runner: RunnerName,
    /// The state folder's own id.
    pub instance: String,
    /// Grows with every heartbeat of an instance.
    pub counter: u64,
    pub at: Time,
    /// Pumice's version.
    pub program: String,
    /// Main's head that it has walked.
    pub main: Option<ObjectId>,
    pub boards: Vec<BoardStatus>,
    pub running: Vec<RunningJob>,
    pub free_disk_bytes: Option<u64>,
    /// Why it claims nothing, if so.
    pub paused: Option<String>,
    /// What keeps hold of the processes of its attempts; older runners do not say.
    #[serde(default)]
    pub containment: Option<String>,
    /// What waits are multiplied by for "nine times in ten by"; older runners do not say.
    #[serde(default)]
    pub factors: Option<Factors>,
}

/// By what an expected wait has to be multiplied to be enough nine times in ten, by priority from `low`
/// to `urgent`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    /// Of the wait for the start.
    pub start: [f64; 4],
    /// Of the wait for the end.
    pub end: [f64; 4],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BoardUse {
    Idle,
    Busy,
    /// Takes nothing: its health or the runner says why.
    Unavailable,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardStatus {
    pub name: BoardName,
    pub usage: BoardUse,
    pub health: BoardHealth,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningJob {
    pub id: JobId,
    pub board: BoardName,
    pub attempt: u32,
    pub started_at: Time,
    /// Percent, at most 99.
    pub progress: u8,
    pub canceling: bool,
    pub steps: Vec<Step>,
    /// When it is expected to end.
    #[serde(default)]
    pub expected_end: Option<Time>,
    /// Nine times in ten it ends by then.
    #[serde(default)]
    pub p90: Option<Time>,
    #[serde(default)]
    pub pace: Pace,
}

/// What a heartbeat says of an attempt that runs, beside its progress: when it was said, and when it
/// will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Underway {
    /// When its runner said it.
    pub at: Time,
    /// When it is expected to end.
    pub expected_end: Option<Time>,
    /// Nine times in ten it ends by then.
    pub p90: Option<Time>,
    pub pace: Pace,
}

impl RunnerStatus {
    /// What is said of one of the jobs that run.
    pub fn underway(&self, job: &RunningJob) -> Underway {
        Underway {
            at: self.at,
            expected_end: job.expected_end,
            p90: job.p90,
            pace: job.pace,
        }
    }
}

/// Whether an attempt takes as long as it should.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    #[default]
    Usual,
    /// Longer than nine runs in ten.
    Overdue,
    /// More than twice as long as nine runs in ten, and its log is silent: it probably hangs.
    Hanging,
}

impl Pace {
    /// As in the heartbeat.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Overdue => "overdue",
            Self::Hanging => "hanging",
        }
    }

    /// For people; nothing for the usual one.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Usual => "",
            Self::Overdue => "overdue",
            Self::Hanging => "probably hanging",
        }
    }
}
