//! The output of a command, on its way into the log.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// How long a command's output may stay open after its end before it is left alone.
const DRAIN: Duration = Duration::from_millis(500);

/// Writes bytes to the log as they are. A log that nobody reads any more is no reason to stop.
pub fn log(bytes: &[u8]) {
    let mut log = io::stdout();
    let _ = log.write_all(bytes).and_then(|()| log.flush());
}

/// Reads a child's output until its end, or until shortly after the child's own end: what it left
/// running in the background may hold the pipe open for ever.
pub fn read(child: &Child, output: impl AsFd, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    rustix::io::ioctl_fionbio(&output, true)?;
    let mut buffer = vec![0; 64 << 10];
    let mut until: Option<Instant> = None;
    loop {
        let mut fds = vec![PollFd::new(&output, PollFlags::IN)];
        if until.is_none() {
            fds.push(PollFd::new(&pidfd, PollFlags::IN));
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ended = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
        match rustix::io::read(&output, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&buffer[..read]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if ended {
            until = Some(Instant::now() + DRAIN);
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(());
        }
    }
}
