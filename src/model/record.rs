//! The record of a job: what the journal keeps of a finished one, and what lists show of every one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BoardName, Diagnostic, JobId, ObjectId, Priority, RunnerName, Time};

/// The version written into every record; older ones stay readable.
pub const VERSION: u32 = 1;

/// Everything the site needs about a job without reading main. Absent facts are `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Pumice result record")]
pub struct Record {
    pub version: u32,
    pub id: JobId,
    pub job_name: String,
    /// The definition's path on main.
    pub path: String,
    /// The introducing commit.
    pub commit: ObjectId,
    pub submitter: Submitter,
    pub submitted_at: Time,
    pub stream: String,
    pub priority: Priority,
    pub tags: Vec<String>,
    /// The definition as run; a text that is not JSON as a string.
    pub definition: Value,
    pub state: State,
    #[serde(default)]
    pub health: Option<Health>,
    #[serde(default)]
    pub reason: Option<Reason>,
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// The reason in words.
    #[serde(default)]
    pub message: Option<String>,
    #[serde(default)]
    pub claim: Option<ClaimFacts>,
    /// Who took part in a group job, and how each ended in the last attempt; absent for a job on one board.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    #[serde(default)]
    pub started_at: Option<Time>,
    #[serde(default)]
    pub finished_at: Option<Time>,
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    #[serde(default)]
    pub steps: Vec<Step>,
    #[serde(default)]
    pub suites: Vec<Suite>,
    #[serde(default)]
    pub estimate: Option<Estimates>,
    #[serde(default)]
    pub log: Option<LogLocation>,
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    #[serde(default)]
    pub canceled: Option<Canceled>,
    #[serde(default)]
    pub diagnostics: Vec<Diagnostic>,
    /// The board whose health this checks: such a job is in no queue, and its runner submitted it.
    #[serde(default)]
    pub health_check: Option<BoardName>,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Submitted,
    Running,
    Canceling,
    Finished,
}

/// How a job ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// The dispatcher ran to its end; the verdict tells about the tests.
    Complete,
    Incomplete,
    Canceled,
    Rejected,
}

/// Why a job is incomplete or an attempt was retried; `expired` goes with canceled.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The job's, an action's or the idle time limit; the message says which.
    Timeout,
    JobError,
    DispatcherError,
    Infrastructure,
    Board,
    /// The runner went away while the attempt ran.
    Lost,
    Expired,
}

/// What the tests say.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    Fail,
    None,
}

macro_rules! as_str {
    ($($type:ident { $($variant:ident => $text:literal),+ $(,)? })+) => {$(
        impl $type {
            /// The word as files and lists write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("`{}` is none of {}", text.escape_debug(), [$($text),+].join(", "))),
                }
            }
        }
    )+};
}

as_str! {
    State { Submitted => "submitted", Running => "running", Canceling => "canceling", Finished => "finished" }
    Health { Complete => "complete", Incomplete => "incomplete", Canceled => "canceled", Rejected => "rejected" }
    Reason {
        Timeout => "timeout", JobError => "job-error", DispatcherError => "dispatcher-error",
        Infrastructure => "infrastructure", Board => "board", Lost => "lost", Expired => "expired",
    }
    Verdict { Pass => "pass", Fail => "fail", None => "none" }
    CaseResult { Pass => "pass", Fail => "fail", Skip => "skip", Unknown => "unknown" }
}

/// The author of the introducing commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Submitter {
    pub name: String,
    pub email: String,
    /// The user name: `lab.yaml`'s for the address, else the address's part before `@`.
    pub user: String,
    /// Whether the commit carries a good signature by the lab's allowed signers.
    pub verified: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimFacts {
    pub runner: RunnerName,
    /// Absent when the job was only closed; the first member's in a group.
    pub board: Option<BoardName>,
    pub device_type: Option<String>,
    pub at: Time,
}

/// One member of a group job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// Its role, with a number when several play it: `server`, `client-0`.
    pub name: String,
    pub role: String,
    pub board: BoardName,
    pub device_type: Option<String>,
    /// How it ended by itself; `null` while it runs, and when it was ended with the group.
    pub health: Option<Health>,
    pub reason: Option<Reason>,
    /// The reason in words.
    pub message: Option<String>,
    pub log: Option<LogLocation>,
}

/// One execution on one board, or of a group on several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// From 1.
    pub n: u32,
    /// In a group the board of the member whose end decided.
    pub board: Option<BoardName>,
    /// All boards of a group; absent for a job on one board.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boards: Vec<BoardName>,
    pub runner: RunnerName,
    pub started_at: Option<Time>,
    pub finished_at: Time,
    /// Why it was retried or failed; `null` for one that ended well.
    pub reason: Option<Reason>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Not reached.
    Waiting,
    Running,
    Done,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CaseResult {
    Pass,
    Fail,
    Skip,
    Unknown,
}

/// What the dispatcher reported about one action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// From 0; each member of a group counts its own.
    pub n: u32,
    /// Whose step it is in a group job; absent for a job on one board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    pub name: String,
    pub state: StepState,
    pub result: Option<CaseResult>,
    pub reason: Option<String>,
    /// Seconds from the attempt's start.
    pub started_s: Option<f64>,
    pub duration_s: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    pub name: String,
    pub cases: Vec<Case>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    pub name: String,
    pub result: CaseResult,
    /// A measurement.
    pub value: Option<f64>,
    pub units: Option<String>,
    pub seconds: Option<f64>,
    pub why: Option<String>,
}

/// When the job was expected, as it was said at two moments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimates {
    pub at_submission: Option<Estimate>,
    pub at_claim: Option<Estimate>,
}

/// What was expected of a job at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// When this was said; records of 0.1.0 do not say.
    #[serde(default)]
    pub at: Option<Time>,
    /// Absent once it has started, and where no board can take it.
    pub start: Option<Time>,
    /// Nine times in ten it starts by then.
    #[serde(default)]
    pub start_p90: Option<Time>,
    pub end: Option<Time>,
    /// Nine times in ten it ends by then.
    pub p90: Option<Time>,
    /// What the length of its run was taken from.
    #[serde(default)]
    pub basis: Option<Basis>,
}

/// What the length of a run was taken from, the best first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Earlier runs of this job name on this device type.
    Runs,
    /// Earlier runs of this job name on any device type.
    Name,
    /// Its time limit: it never ran before.
    Timeout,
}

/// Where an attempt's log lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLocation {
    #[serde(rename = "ref")]
    pub reference: String,
    pub path: String,
    pub blob: ObjectId,
    pub bytes: u64,
    /// Bytes cut out of its middle.
    pub dropped: u64,
    /// The blob of `runner.txt` beside it, which says what the runner did and why.
    #[serde(default)]
    pub runner: Option<ObjectId>,
}

/// A file that the dispatcher left in `out/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    pub name: String,
    #[serde(rename = "type")]
    pub media_type: String,
    pub bytes: u64,
    pub blob: ObjectId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Canceled {
    /// The author of the commit that removed the version; a user name.
    pub by: Option<String>,
    pub at: Time,
    pub commit: Option<ObjectId>,
    /// Whether the lab's policy would have let them.
    pub allowed: bool,
}

/// `attempts/…/<job id>-<n>.json`: an attempt that was retried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptRecord {
    pub version: u32,
    pub id: JobId,
    /// The claim under which it ran: the fencing token.
    pub claim: ObjectId,
    pub attempt: Attempt,
    pub message: Option<String>,
    pub log: Option<LogLocation>,
    /// As in the record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

impl Record {
    /// Every board of its last attempt: a group's in the order of its members.
    pub fn boards(&self) -> impl Iterator<Item = &BoardName> {
        let alone = self.claim.iter().filter_map(|claim| claim.board.as_ref());
        let members = self.members.iter().map(|member| &member.board);
        alone.filter(|_| self.members.is_empty()).chain(members)
    }

    /// When its wait was over: the start of the first attempt.
    pub fn first_started_at(&self) -> Option<Time> {
        let attempts = self.attempts.iter();
        let starts = attempts.filter_map(|attempt| attempt.started_at);
        starts.chain(self.started_at).min()
    }

    /// Whether it ran to an end of its own, so that the time it took says how long it takes: nobody
    /// cancelled it, and no board, runner or infrastructure failed it.
    pub fn ended_by_itself(&self) -> bool {
        match self.health {
            Some(Health::Complete) => true,
            Some(Health::Incomplete) => matches!(
                self.reason,
                Some(Reason::Timeout | Reason::JobError | Reason::DispatcherError)
            ),
            Some(Health::Canceled | Health::Rejected) | None => false,
        }
    }
}

impl Attempt {
    /// Every board it was on.
    pub fn all_boards(&self) -> impl Iterator<Item = &BoardName> {
        let alone = self.board.iter().filter(|_| self.boards.is_empty());
        alone.chain(&self.boards)
    }
}

/// `boards/<board>.json` in the journal: health and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BoardRecord {
    pub version: u32,
    pub board: BoardName,
    pub health: BoardHealth,
    pub reason: Option<String>,
    pub at: Time,
    /// The job that showed it.
    pub job: Option<JobId>,
    /// The board file's blob at that time: touching the file gives a bad board another chance.
    pub file: Option<ObjectId>,
    /// The board's last health check, whatever was noted since.
    #[serde(default)]
    pub checked: Option<Checked>,
}

/// A health check that has run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checked {
    pub job: JobId,
    pub at: Time,
    pub passed: bool,
    /// What the board's file said in `check` then.
    pub asked: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BoardHealth {
    Good,
    Unknown,
    Bad,
    Maintenance,
    Retired,
}

impl BoardHealth {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Bad => "bad",
            Self::Maintenance => "maintenance",
            Self::Retired => "retired",
        }
    }
}

/// `seen.json` in the journal: the last main its runner has walked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    pub version: u32,
    pub main: ObjectId,
    pub at: Time,
}

/// `fail` if any case fails or is unknown, `pass` if any passes, else `none`.
pub fn verdict(suites: &[Suite]) -> Verdict {
    let cases = || {
        suites
            .iter()
            .flat_map(|suite| &suite.cases)
            .map(|case| case.result)
    };
    if cases().any(|result| matches!(result, CaseResult::Fail | CaseResult::Unknown)) {
        Verdict::Fail
    } else if cases().any(|result| result == CaseResult::Pass) {
        Verdict::Pass
    } else {
        Verdict::None
    }
}
