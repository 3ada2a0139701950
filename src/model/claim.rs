//! What a claim commit says, as JSON below its subject.

use serde::{Deserialize, Serialize};

use super::{BoardName, JobId, ObjectId, RunnerName, Time};

/// The lock on a job, as its runner wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub version: u32,
    pub job: JobId,
    pub path: String,
    pub runner: RunnerName,
    /// The state folder that wrote it: tells two processes of one name apart.
    pub instance: String,
    /// Absent when the job is only closed.
    pub board: Option<BoardName>,
    /// A hint; the attempt records decide.
    pub attempt: u32,
    /// Main's head that the runner saw.
    pub main: ObjectId,
    pub at: Time,
    /// The first claim of the lost attempt that this one stands for: it takes that runner's claim over
    /// and starts nothing. Board, attempt and time are the first claim's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_over: Option<ObjectId>,
    /// Whose attempt that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_by: Option<RunnerName>,
    /// Makes every claim commit differ: an identical id would be answered "up to date", which is no win.
    pub nonce: String,
}
