//! Waiting for descriptors until a moment.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::process::Moment;

/// Sleeps until one of the descriptors is ready or the moment has come; gives how many are ready.
/// A signal may wake it early, with zero.
pub fn ready(fds: &mut [PollFd<'_>], until: Option<Moment>) -> io::Result<usize> {
    let left = until.map(|until| until.since(Moment::now()));
    let timeout = left.map(|left| Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(left.subsec_nanos()),
    });
    match poll(fds, timeout.as_ref()) {
        Err(Errno::INTR) => Ok(0),
        ready => Ok(ready?),
    }
}

/// Whether a descriptor is ready now.
pub fn is_ready(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)];
    ready(&mut fds, Some(Moment::now())).is_ok_and(|ready| ready > 0)
}
