//! The end of a console's process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::dispatch::built_in::wait::{is_ready, ready};
use crate::process::Moment;

/// How long it may take to end after TERM.
const GRACE: Duration = Duration::from_secs(5);

/// A process that ends with its console: it is asked by TERM, so that an emulator can close its files,
/// and when this is dropped it has a grace time before KILL.
pub struct Process {
    child: Child,
    pidfd: OwnedFd,
    grace: Duration,
}

impl Process {
    pub fn new(mut child: Child) -> io::Result<Self> {
        match pidfd_open(Pid::from_child(&child), PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Self {
                child,
                pidfd,
                grace: GRACE,
            }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error.into())
            }
        }
    }

    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    pub fn has_ended(&self) -> bool {
        is_ready(self.pidfd())
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    pub fn hurry(&mut self) {
        self.grace = Duration::ZERO;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let until = Moment::now().plus(self.grace);
        while !self.has_ended() && Moment::now() < until {
            let _ = ready(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(until));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
