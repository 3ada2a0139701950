//! One attempt, as the runner sees it: what it asks for, hears meanwhile and gets in the end.

use std::ffi::OsString;
use std::io;
use std::path::{self, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::diary::Diary;
use super::group::GroupEnd;
use super::{folder, session};
use crate::dispatch::power::{PowerOff, PowerTrouble};
use crate::dispatch::rendezvous::GroupFile;
use crate::model::record::{BoardHealth, Step, Suite};
use crate::model::{BoardName, JobId};
use crate::process::{Containment, Control, Identity, LogTail};

/// Everything that a dispatcher is given, and its limits.
#[derive(Debug, Clone)]
pub struct AttemptSpec {
    pub id: JobId,
    /// From 1.
    pub attempt: u32,
    pub board: BoardName,
    /// The job folder. Made fresh: what stands there from an attempt that was cut short is removed.
    pub folder: PathBuf,
    /// The definition's `job_name`, else the stem of its file: the suite of results that name none.
    pub job_name: String,
    /// The definition as written; `job_name` is filled in for the dispatcher.
    pub job: Value,
    pub board_file: Value,
    /// Program and arguments; a built-in is `[current exe, "dispatch", NAME]`.
    pub argv: Vec<OsString>,
    /// Command and own time limit of each action.
    pub actions: Vec<(String, Option<Duration>)>,
    pub deadline: Duration,
    /// How long the dispatcher may be silent.
    pub idle: Option<Duration>,
    /// From TERM to KILL.
    pub grace: Duration,
    /// How many bytes of the log are kept.
    pub log_cap: u64,
    /// The attempt's mark in the environment of everything it starts; never used twice.
    pub cookie: String,
    /// What the runner's diary begins with: the claim, the board and the like.
    pub preface: Vec<String>,
    /// Run before the dispatcher and after it, whatever its end.
    pub power: Option<PowerOff>,
    pub containment: Containment,
    /// Where the dispatcher's process is written down, out of its own reach, while it runs.
    pub trace: Option<PathBuf>,
    /// Its part in a group, if it has one.
    pub group: Option<Membership>,
}

/// What a member of a group is given beside what every attempt is.
#[derive(Debug, Clone)]
pub struct Membership {
    pub file: GroupFile,
    /// Where it meets the others.
    pub socket: PathBuf,
    /// The program that the tools of the rendezvous are links to.
    pub program: PathBuf,
}

/// Which process drives which board: what a runner that was killed leaves to its successor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub board: BoardName,
    pub process: Identity,
}

/// A sign of life of a running attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    Started {
        pid: u32,
    },
    /// A step began or ended.
    Step(Step),
    /// Percent of the step `n`, of that member in a group.
    Pct {
        member: Option<String>,
        n: u32,
        pct: u8,
    },
    /// Results came in.
    Result,
    /// Something was heard, said at most once a second.
    Alive,
    Note(String),
}

#[derive(Debug)]
pub enum AttemptMessage {
    Progress(Progress),
    /// Exactly once, and last.
    Ended(Box<AttemptEnd>),
}

/// How a dispatcher ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// It never ran; in words.
    SpawnFailed(String),
}

/// A file from `out/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAttachment {
    /// A relative path that git takes, `/` between its parts.
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    /// Where the file lies.
    pub path: PathBuf,
}

/// What came of an attempt.
#[derive(Debug)]
pub struct AttemptEnd {
    pub exit: Exit,
    /// The limit that was reached, in words.
    pub timeout: Option<String>,
    /// Whether the runner's wish ended it.
    pub terminated: bool,
    pub steps: Vec<Step>,
    pub suites: Vec<Suite>,
    /// The log file: head and tail, with a line between them that says how many bytes are missing.
    pub log: PathBuf,
    /// The length of that file.
    pub log_bytes: u64,
    pub log_dropped: u64,
    /// The events as they came, stamped; `None` when there were none.
    pub events: Option<PathBuf>,
    pub attachments: Vec<FoundAttachment>,
    /// What the dispatcher said of its board, and why.
    pub board: Option<(BoardHealth, Option<String>)>,
    /// Lines on descriptor 3 that are no events.
    pub bad_events: u64,
    /// What people should know: bad lines, files left out, processes left behind.
    pub notes: Vec<String>,
    /// The reason in an `end` event; after a failure, else, the log's last lines.
    pub said: Option<String>,
    /// How many processes it left behind; they were killed.
    pub leaked: u32,
    /// Why the board's power may still be on.
    pub power: Option<PowerTrouble>,
    /// What the runner did, for more to be added.
    pub diary: Option<Diary>,
    /// How each member of a group ended.
    pub group: Option<GroupEnd>,
}

impl AttemptEnd {
    /// What the runner did, on every board.
    pub fn diaries(&mut self) -> impl Iterator<Item = &mut Diary> {
        let members = self.group.iter_mut().flat_map(|group| &mut group.members);
        let theirs = members.filter_map(|member| member.end.diary.as_mut());
        self.diary.iter_mut().chain(theirs)
    }

    /// An end with nothing to show for it.
    pub fn new(exit: Exit, log: PathBuf) -> Self {
        Self {
            exit,
            timeout: None,
            terminated: false,
            steps: Vec::new(),
            suites: Vec::new(),
            log,
            log_bytes: 0,
            log_dropped: 0,
            events: None,
            attachments: Vec::new(),
            board: None,
            bad_events: 0,
            notes: Vec::new(),
            said: None,
            leaked: 0,
            power: None,
            diary: None,
            group: None,
        }
    }
}

/// A hold on a running attempt. Dropping it changes nothing.
pub struct AttemptHandle {
    control: Arc<Control>,
    tail: LogTail,
}

impl AttemptHandle {
    /// TERM to the dispatcher's group, and KILL after the grace time.
    pub fn terminate(&self) {
        self.control.terminate();
    }

    /// KILL at once.
    pub fn kill(&self) {
        self.control.kill();
    }

    /// The log's last bytes, at most `most`; readable until the attempt ends.
    pub fn log_tail(&self, most: u64) -> io::Result<Vec<u8>> {
        self.tail.read(most)
    }
}

/// Makes the job folder and starts the thread that spawns, supervises and waits. Fails only when
/// this host cannot do that (a full disk, too many threads): never the board's fault. A dispatcher
/// that cannot be started is an [`AttemptEnd`], and so is a panic in the thread.
pub fn start(
    mut spec: AttemptSpec,
    report: impl Fn(AttemptMessage) + Send + 'static,
) -> io::Result<AttemptHandle> {
    // The dispatcher runs in the folder, so it must not be named relative to ours.
    spec.folder = path::absolute(&spec.folder)?;
    let control = Arc::new(Control::new()?);
    let log = folder::make(&spec)?;
    let handle = AttemptHandle {
        control: Arc::clone(&control),
        tail: log.tail(),
    };
    thread::Builder::new()
        .name("attempt".into())
        // It parses small JSON and keeps little on its stack; a host may have hundreds of boards.
        .stack_size(1 << 20)
        .spawn(move || {
            let end = session::run(&spec, log, &control, &report);
            report(AttemptMessage::Ended(Box::new(end)));
        })?;
    Ok(handle)
}
