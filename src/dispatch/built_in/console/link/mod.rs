//! The ways to a console: a process on pipes or on a pty, a TCP connection, a serial device.
//!
//! Each gives the same: a descriptor to read from and one to write to, neither of which blocks, and
//! perhaps a process that ends with them. None of them knows what the bytes mean.

mod ending;
mod process;
mod pty;
mod serial;
mod tcp;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;

use rustix::io::Errno;

use self::ending::Process;
use super::board::Way;

/// An open console.
pub struct Link {
    input: OwnedFd,
    output: OwnedFd,
    process: Option<Process>,
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

    /// Over descriptors that do not block.
    fn over(input: OwnedFd, output: OwnedFd, child: Option<Child>) -> io::Result<Self> {
        Ok(Self {
            input,
            output,
            process: child.map(Process::new).transpose()?,
        })
    }

    pub fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    pub fn output(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// Readable once the console's process has ended.
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.process.as_ref().map(Process::pidfd)
    }

    pub fn read(&self, buffer: &mut [u8]) -> Read {
        // Asked first, so that its last words are not missed. What it left running may hold the
        // console open for ever.
        let ended = self.process.as_ref().is_some_and(Process::has_ended);
        match rustix::io::read(&self.input, buffer) {
            Ok(0) => Read::End(None),
            Ok(n) => Read::Bytes(n),
            Err(Errno::AGAIN | Errno::INTR) if ended => Read::End(None),
            Err(Errno::AGAIN | Errno::INTR) => Read::Nothing,
            // What a pty says when the last process on its other side has gone.
            Err(Errno::IO) if self.process.is_some() => Read::End(None),
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

    /// Gives the process no time to end.
    pub fn hurry(&mut self) {
        if let Some(process) = &mut self.process {
            process.hurry();
        }
    }
}

impl Drop for Link {
    /// TERM comes before the ends are closed: User Mode Linux that has lost its console heeds it only
    /// now and then. What is stuck in writing is set free by the closing, and then has its time to end.
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            process.terminate();
        }
    }
}
