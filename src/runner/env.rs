//! What the runner's core is given from outside: the server, the clock, what runs attempts.
//!
//! The daemon passes the real ones. The randomised protocol test passes a server that loses and
//! delays answers, and asks for a crash at any named point.

use std::fmt;
use std::io;
use std::thread;
use std::time::Duration;

use crate::dispatch::{self, AttemptHandle, AttemptMessage, AttemptSpec, GroupHandle, GroupSpec};
use crate::git::{GitError, Push, Pushed, RefChange};
use crate::lab::{Lab, LabError, Scope};
use crate::model::Time;
use crate::process::Containment;

/// A push of claims or a heartbeat that takes longer is ended.
const SMALL_PUSH_LIMIT: Duration = Duration::from_secs(60);

/// The lab's server.
pub trait Remote: Send {
    /// Brings the mirror up to date.
    fn fetch(&self) -> Result<Vec<RefChange>, LabError>;
    fn push(&self, push: &Push) -> Result<Pushed, GitError>;
    /// Two pushes under way together, in any order: endings, and the claims that follow them.
    fn push_both(&self, endings: &Push, claims: &Push) -> Both;
}

/// The answers to two pushes.
pub type Both = (Result<Pushed, GitError>, Result<Pushed, GitError>);

impl Remote for Lab {
    fn fetch(&self) -> Result<Vec<RefChange>, LabError> {
        Self::fetch(self, Scope::Main)
    }

    fn push(&self, push: &Push) -> Result<Pushed, GitError> {
        if push.atomic {
            return self.mirror().push(push);
        }
        // Claims and heartbeats are small; a server that hangs must not hold the loop up for long.
        let mirror = self.mirror().clone().with_time_limit(SMALL_PUSH_LIMIT);
        mirror.push(push)
    }

    fn push_both(&self, endings: &Push, claims: &Push) -> Both {
        thread::scope(|scope| {
            let beside = thread::Builder::new()
                .name("claims".to_owned())
                .spawn_scoped(scope, || Remote::push(self, claims));
            let ended = Remote::push(self, endings);
            // Without a thread, and where it has panicked, the claims were not made or are found later.
            let claimed = beside.ok().and_then(|claims| claims.join().ok());
            (
                ended,
                claimed.unwrap_or_else(|| Ok(Pushed::unanswered(claims))),
            )
        })
    }
}

/// Stops an attempt that runs.
pub trait Running: Send {
    /// TERM, then KILL after the grace.
    fn terminate(&self);
    /// KILL at once.
    fn kill(&self);
    /// The last bytes of its log, at most so many, or of each member's log under the member's name.
    /// Nothing where it cannot be read.
    fn log_tails(&self, most: u64) -> Vec<(Option<String>, Vec<u8>)>;
}

impl Running for AttemptHandle {
    fn terminate(&self) {
        Self::terminate(self);
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn log_tails(&self, most: u64) -> Vec<(Option<String>, Vec<u8>)> {
        vec![(None, self.log_tail(most).unwrap_or_default())]
    }
}

impl Running for GroupHandle {
    fn terminate(&self) {
        Self::terminate(self);
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn log_tails(&self, most: u64) -> Vec<(Option<String>, Vec<u8>)> {
        let tails = Self::log_tails(self, most).into_iter();
        tails.map(|(name, tail)| (Some(name), tail)).collect()
    }
}

/// Where an attempt reports to.
pub type Report = Box<dyn Fn(AttemptMessage) + Send>;

/// Starts attempts.
pub trait Driver: Send {
    /// What keeps hold of the processes that it starts.
    fn containment(&self) -> Containment;
    fn start(&self, spec: AttemptSpec, report: Report) -> io::Result<Box<dyn Running>>;
    /// Starts all members of a group; it reports as one attempt.
    fn start_group(&self, spec: GroupSpec, report: Report) -> io::Result<Box<dyn Running>>;
}

/// Starts dispatchers as processes.
pub struct Processes(pub Containment);

impl Driver for Processes {
    fn containment(&self) -> Containment {
        self.0.clone()
    }

    fn start(&self, spec: AttemptSpec, report: Report) -> io::Result<Box<dyn Running>> {
        Ok(Box::new(dispatch::start(spec, report)?))
    }

    fn start_group(&self, spec: GroupSpec, report: Report) -> io::Result<Box<dyn Running>> {
        Ok(Box::new(dispatch::start_group(spec, report)?))
    }
}

/// Two clocks: one to show and record, one to measure with, which suspends and jumps do not disturb.
pub trait Clock: Send {
    fn now(&self) -> Time;
    /// Time since boot, suspends included.
    fn since_boot(&self) -> Duration;
}

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::new(chrono::Utc::now())
    }

    fn since_boot(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
    }
}

/// A place in the protocol where a test may let the runner die.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    BeforeClaim,
    Claimed,
    Verified,
    Started,
    Ended,
    Spooled,
    Published,
    GivenBack,
    BeforeTakeover,
    TakenOver,
}

impl Point {
    pub const ALL: [Self; 10] = [
        Self::BeforeClaim,
        Self::Claimed,
        Self::Verified,
        Self::Started,
        Self::Ended,
        Self::Spooled,
        Self::Published,
        Self::GivenBack,
        Self::BeforeTakeover,
        Self::TakenOver,
    ];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// All of them together.
pub struct Environment {
    pub remote: Box<dyn Remote>,
    pub driver: Box<dyn Driver>,
    pub clock: Box<dyn Clock>,
    /// Whether the runner dies at this point; never, outside tests.
    pub dies_at: Box<dyn Fn(Point) -> bool + Send>,
    /// Where a line for the lab's admin goes.
    pub say: Box<dyn Fn(&str) + Send>,
}
