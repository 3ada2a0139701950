//! Programs of this host that the dispatcher needs: power switches, git.

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::halt::Halt;
use crate::dispatch::built_in::terminated::Bell;
use crate::dispatch::built_in::wait::ready;
use crate::process::Moment;

/// Runs a program of this host, whose output goes to the log. It stays in this process's group, so
/// that the runner's end reaches it. A program that cannot be started or takes too long is told in
/// words.
pub fn on_host(
    command: &mut Command,
    limit: Duration,
    bell: &Bell,
) -> Result<Result<ExitStatus, String>, Halt> {
    let mut child = match command.stdin(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let pidfd =
        pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).map_err(io::Error::from)?;
    let until = Moment::now().plus(limit);
    loop {
        let mut fds = [
            PollFd::new(&pidfd, PollFlags::IN),
            PollFd::from_borrowed_fd(bell.fd(), PollFlags::IN),
        ];
        ready(&mut fds, Some(until))?;
        if !fds[0].revents().is_empty() {
            let status = child.wait()?;
            // The runner's wish may be what ended it.
            if !status.success() && bell.rings_soon() {
                return Err(Halt::Terminated);
            }
            return Ok(Ok(status));
        }
        let rang = !fds[1].revents().is_empty();
        if rang || Moment::now() >= until {
            child.kill()?;
            child.wait()?;
            if rang {
                return Err(Halt::Terminated);
            }
            return Ok(Err(format!("took longer than {} s", limit.as_secs())));
        }
    }
}
