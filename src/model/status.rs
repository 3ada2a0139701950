//! A runner's heartbeat, `status.json`.

use serde::{Deserialize, Serialize};

use super::record::{BoardHealth, Step};
use super::{BoardName, JobId, ObjectId, RunnerName, Time};

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
}
