//! Starts a process as the leader of its own group, and ends that group.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use rustix::io::ioctl_fionbio;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, getppid, kill_process_group, pidfd_open,
    set_parent_process_death_signal, waitpgid,
};

use super::{Group, descriptors};

/// The child's descriptor for its event channel. Not above 9: dash cannot write there.
const CHANNEL: i32 = 3;

/// What to start.
pub struct Program<'a> {
    /// The program and its arguments; a name without a slash is looked up in `PATH` of `env`.
    pub argv: &'a [OsString],
    /// The whole environment: nothing is inherited.
    pub env: &'a [(OsString, OsString)],
    pub folder: &'a Path,
    /// Whether descriptor 3 is a pipe to the supervisor.
    pub channel: bool,
    /// Where the process and all its children are born.
    pub group: Option<&'a Group>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

/// A running process that leads its own process group. Dropping it kills the group.
pub struct Leader {
    child: Child,
    pid: Pid,
    pidfd: OwnedFd,
    output: Option<OwnedFd>,
    channel: Option<OwnedFd>,
    reaped: bool,
}

impl Leader {
    /// Starts the program: standard input is empty, standard output and error are one pipe. The
    /// calling thread must live as long as the process, for the kernel sends TERM to the process
    /// when that thread ends.
    pub fn spawn(program: &Program<'_>) -> io::Result<Self> {
        descriptors::seal();
        let (name, arguments) = program
            .argv
            .split_first()
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program is named"))?;
        let (output, output_end) = pipe()?;
        let mut command = Command::new(name);
        command
            .args(arguments)
            .env_clear()
            .envs(program.env.iter().map(|(key, value)| (key, value)))
            .current_dir(program.folder)
            .stdin(Stdio::null())
            .stdout(output_end.try_clone()?)
            .stderr(output_end)
            .process_group(0);
        let channel = if program.channel {
            let (channel, channel_end) = pipe()?;
            command
                .fd_mappings(vec![FdMapping {
                    parent_fd: channel_end,
                    child_fd: CHANNEL,
                }])
                .map_err(io::Error::other)?;
            Some(channel)
        } else {
            None
        };
        let parent = getpid();
        let members = program.group.map(|group| group.members().as_raw_fd());
        // SAFETY: the closure makes three system calls and neither allocates nor locks; the group, and
        // with it the descriptor, outlives the call that runs the closure.
        unsafe {
            command.pre_exec(move || {
                if let Some(members) = members {
                    // Who cannot enter is still caught by its process group and its cookie.
                    let _ = rustix::io::write(BorrowedFd::borrow_raw(members), b"0");
                }
                set_parent_process_death_signal(Some(Signal::TERM))?;
                // A parent that died before the call above would never be noticed.
                if getppid() == Some(parent) {
                    Ok(())
                } else {
                    Err(io::ErrorKind::BrokenPipe.into())
                }
            });
        }
        let mut child = command.spawn()?;
        // Closes this process's copies of the pipe ends that now belong to the child.
        drop(command);
        let pid = Pid::from_child(&child);
        let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(pidfd) => pidfd,
            Err(error) => {
                let _ = kill_process_group(pid, Signal::KILL);
                let _ = child.wait();
                return Err(error.into());
            }
        };
        Ok(Self {
            child,
            pid,
            pidfd,
            output: Some(output),
            channel,
            reaped: false,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal to the whole group. The leader is not yet reaped, so its number is still its
    /// own and no stranger can be hit; a group that is gone is as good as signalled.
    pub fn signal_group(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }

    /// Kills what is left of the group and takes the leader's exit status.
    pub fn reap(mut self) -> io::Result<Exit> {
        self.signal_group(Signal::KILL);
        self.reaped = true;
        let status = self.child.wait()?;
        // Members whose own parent is gone are ours to reap when this process is a subreaper.
        while let Ok(Some(_)) = waitpgid(self.pid, WaitOptions::NOHANG) {}
        Ok(status.into())
    }

    /// Leaves a process behind that even KILL did not end.
    pub(super) fn abandon(mut self) {
        self.reaped = true;
    }

    /// Readable once the process has ended.
    pub(super) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    pub(super) fn take_output(&mut self) -> Option<OwnedFd> {
        self.output.take()
    }

    pub(super) fn take_channel(&mut self) -> Option<OwnedFd> {
        self.channel.take()
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if !self.reaped {
            self.signal_group(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// A pipe whose reading end does not block; the writing end is the child's and does.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    ioctl_fionbio(&reader, true)?;
    Ok((reader, writer))
}
