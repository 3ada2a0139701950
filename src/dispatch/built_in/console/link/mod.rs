//! The ways to a console: a process on pipes or on a pty, a TCP connection, a serial device.
//!
//! Each gives the same: a descriptor to read from and one to write to, neither of which blocks, and
//! perhaps a process that ends with them. None of them knows what the bytes mean.

mod process;
mod pty;
mod serial;
mod tcp;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::board::Way;
use crate::dispatch::built_in::wait::ready;
use crate::process::Moment;

/// How long a console's process may take to end after TERM.
const GRACE: Duration = Duration::from_secs(5);

/// An open console.
pub struct Link {
    input: OwnedFd,
    output: OwnedFd,
    child: Option<Child>,
}

/// What one look at the console gave. The end is a value of its own: a read that gives nothing for
/// the eye, such as a terminal sequence, is not the end.
#[derive(Debug)]
pub enum Read {
    Bytes(usize),
    Nothing,
    /// With its reason, if there is more to say.
    End(Option<io::Error>),
}

impl Link {
    /// Opens the console; `command` is the program of a process with the images filled in.
    pub fn open(way: &Way, command: &[String]) -> io::Result<Self> {
        match way {
            Way::Pipes => process::open(command),
            Way::Pty => pty::open(command),
            Way::Tcp(address) => tcp::open(address),
            Way::Serial { device, baud } => serial::open(device, *baud),
        }
    }

    /// Both directions over one descriptor that does not block.
    fn over(both: OwnedFd, child: Option<Child>) -> io::Result<Self> {
        Ok(Self {
            output: both.try_clone()?,
            input: both,
            child,
        })
    }

    pub fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    pub fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    pub fn read(&self, buffer: &mut [u8]) -> Read {
        match rustix::io::read(&self.input, buffer) {
            Ok(0) => Read::End(None),
            Ok(n) => Read::Bytes(n),
            Err(Errno::AGAIN | Errno::INTR) => Read::Nothing,
            // What a pty says when the last process on its other side has gone.
            Err(Errno::IO) if self.child.is_some() => Read::End(None),
            Err(error) => Read::End(Some(error.into())),
        }
    }

    /// Writes what there is room for.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::io::write(&self.output, bytes) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            written => Ok(written?),
        }
    }
}

impl Drop for Link {
    /// Ends the process: TERM, so that an emulator can close its files, and KILL after a grace time.
    fn drop(&mut self) {
        let Some(child) = &mut self.child else { return };
        let pid = Pid::from_child(child);
        let ended = || -> io::Result<bool> {
            let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
            kill_process(pid, Signal::TERM)?;
            let until = Moment::now().plus(GRACE);
            Ok(ready(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(until))? > 0)
        };
        if !matches!(child.try_wait(), Ok(Some(_))) {
            if !ended().unwrap_or(false) {
                let _ = child.kill();
            }
            let _ = child.wait();
        }
    }
}
