//! The one place that makes and runs git commands.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::error::{GitError, GitErrorKind};

/// How long a killed git may take to remove its lock files before it is killed for good.
const GRACE: Duration = Duration::from_secs(2);

/// How long output is read after git itself has ended. A helper that outlives it (an ssh master
/// connection, a detached `gc`) keeps the pipe open and would otherwise hold us for ever.
const DRAIN: Duration = Duration::from_millis(200);

/// The most that is kept of one stream: the porcelain of a hundred thousand references fits, and a
/// server's hook that writes without end does not fill the memory.
const STREAM_LIMIT: usize = 32 << 20;

/// For whom git works, which decides whose settings and hooks count.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// Our own bare mirror: nothing may be asked, no hook may run.
    Mirror(&'a Path),
    /// A person's folder: their hooks run, their terminal may be asked for a passphrase.
    Person(&'a Path),
}

/// Variables by which a user says how to reach a server and where the settings are. All other
/// `GIT_*` describe some other repository or operation (a hook's, for instance) and are dropped.
const KEPT: [&str; 9] = [
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_ASKPASS",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_EXEC_PATH",
    "GIT_CEILING_DIRECTORIES",
];

/// Prefixes of further variables of that kind.
const KEPT_PREFIXES: [&str; 3] = ["GIT_SSL_", "GIT_HTTP_", "GIT_PROXY_"];

/// Variables that say who a person is; a mirror's commits are made without the git program.
const KEPT_PERSON: [&str; 6] = [
    "GIT_AUTHOR_NAME",
    "GIT_AUTHOR_EMAIL",
    "GIT_AUTHOR_DATE",
    "GIT_COMMITTER_NAME",
    "GIT_COMMITTER_EMAIL",
    "GIT_COMMITTER_DATE",
];

/// A git command, ready for its subcommand and arguments.
pub(super) fn git(place: Place<'_>) -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| dropped(name, place)) {
            command.env_remove(name);
        }
    }
    command
        // Messages are parsed only where no porcelain says it; those must be English.
        .env("LC_ALL", "C")
        // Replacement refs change parents for the git program but not for libgit2, and job ids hang on parents.
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        // `ext::` and other transports would run whatever a URL says.
        .env("GIT_ALLOW_PROTOCOL", "file:http:https:ssh")
        // Looking must not take locks that somebody's own git command waits for.
        .env("GIT_OPTIONAL_LOCKS", "0")
        // No process of ours reads our own standard input.
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    match place {
        Place::Mirror(dir) => {
            command
                .arg("--git-dir")
                .arg(dir)
                // Nobody is there to answer.
                .env("GIT_TERMINAL_PROMPT", "0")
                // A template or a shared setting may bring hooks; the mirror's refs are nobody's business.
                .args(["-c", "core.hooksPath=/dev/null"])
                // The runner repacks on a schedule; a repack in the middle of a push would only slow it.
                .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
                // Version 2 lists only the refs asked for.
                .args(["-c", "protocol.version=2"])
                // A pack of a few objects is not worth starting threads.
                .args(["-c", "pack.threads=1"])
                // What is fetched can be fetched again: only packs wait for the disk. After a power cut
                // `Mirror::open` looks for the empty files that this may leave.
                .args(["-c", "core.fsync=committed,-loose-object,-reference"])
                // Small fetches become loose objects, without a pack and its `.keep` each.
                .args([
                    "-c",
                    "fetch.unpackLimit=100",
                    "-c",
                    "fetch.writeCommitGraph=false",
                ])
                // A user's own settings for these would break pushes of machine references.
                .args(["-c", "push.gpgSign=false", "-c", "push.followTags=false"])
                // The whole tree of processes can be ended at once.
                .process_group(0);
        }
        Place::Person(dir) => {
            // No group of its own: it must be able to ask at the terminal, and Ctrl-C must reach it.
            command.arg("-C").arg(dir).args(["-c", "gc.auto=0"]);
        }
    }
    command
}

/// Adds what ssh needs for a mirror: the user's ssh configuration counts, but nobody answers a question.
pub(super) fn set_ssh(command: &mut Command, place: Place<'_>) {
    let chosen = ["GIT_SSH_COMMAND", "GIT_SSH"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    if chosen || matches!(place, Place::Person(_)) {
        return;
    }
    // `core.sshCommand` is the user's choice as well, and the variable would override it.
    let mut asked = git(place);
    asked.args(["config", "--get", "core.sshCommand"]);
    let configured = run(asked, "read core.sshCommand", Duration::from_secs(10))
        .is_ok_and(|output| output.ok() && !output.stdout.is_empty());
    if !configured {
        command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    }
}

fn dropped(name: &str, place: Place<'_>) -> bool {
    let kept = KEPT.contains(&name)
        || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || (matches!(place, Place::Person(_)) && KEPT_PERSON.contains(&name));
    name.starts_with("GIT_") && !kept
}

/// How a git command ended and what it said, each stream cut to a bound.
pub(super) struct Output {
    pub status: ExitStatus,
    pub timed_out: bool,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Output {
    pub fn ok(&self) -> bool {
        self.status.success() && !self.timed_out
    }

    /// Standard error as text that is safe to show: its last 8 KiB, where git says why it gave up,
    /// without control characters but line ends.
    pub fn message(&self) -> String {
        const SHOWN: usize = 8 << 10;
        let from = self.stderr.len().saturating_sub(SHOWN);
        String::from_utf8_lossy(&self.stderr[from..])
            .chars()
            .map(|c| if c == '\r' { '\n' } else { c })
            .filter(|c| *c == '\n' || *c == '\t' || !c.is_control())
            .collect()
    }

    /// The first line of standard output.
    pub fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.stdout);
        text.lines().next().unwrap_or_default().to_owned()
    }

    /// This output, or the error that it stands for.
    pub fn success(self, attempt: &str, limit: Duration) -> Result<Self, GitError> {
        if self.ok() {
            return Ok(self);
        }
        let kind = if self.timed_out {
            GitErrorKind::TimedOut(limit)
        } else {
            GitErrorKind::Failed {
                status: self.status.code(),
                stderr: self.message(),
            }
        };
        Err(GitError::new(attempt, kind))
    }
}

/// Runs a command of [`git`] to its end, or ends it when `limit` has passed.
pub(super) fn run(
    mut command: Command,
    attempt: &str,
    limit: Duration,
) -> Result<Output, GitError> {
    let spawn_error = |error: std::io::Error| GitError::new(attempt, GitErrorKind::Spawn(error));
    let grouped = command.get_args().next() == Some(OsStr::new("--git-dir"));
    let child = command.spawn().map_err(spawn_error)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return Err(spawn_error(std::io::ErrorKind::InvalidData.into()));
    };
    let running = Running {
        child,
        pid,
        grouped,
        stdout: Vec::new(),
        stderr: Vec::new(),
    };
    running.finish(limit).map_err(spawn_error)
}

struct Running {
    child: Child,
    pid: Pid,
    /// Whether it leads a process group of its own.
    grouped: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Running {
    fn finish(mut self, limit: Duration) -> std::io::Result<Output> {
        let ended = match rustix::process::pidfd_open(self.pid, PidfdFlags::empty()) {
            Ok(ended) => ended,
            Err(error) => {
                self.signal(Signal::KILL);
                self.child.wait()?;
                return Err(error.into());
            }
        };
        let started = Instant::now();
        let mut timed_out = false;
        if !self.read_until(ended.as_fd(), started + limit) {
            timed_out = true;
            self.signal(Signal::TERM);
            if !self.read_until(ended.as_fd(), Instant::now() + GRACE) {
                self.signal(Signal::KILL);
            }
        }
        let status = self.child.wait()?;
        self.drain();
        Ok(Output {
            // A time-out is told by the signal too, should git have ended just then by itself.
            timed_out: timed_out && (status.signal().is_some() || !status.success()),
            status,
            stdout: self.stdout,
            stderr: self.stderr,
        })
    }

    /// Signals all processes of the command. Only called before its leader is waited for, so the id is ours.
    fn signal(&self, signal: Signal) {
        // It may just have ended by itself; then there is nobody to signal.
        let _ = if self.grouped {
            rustix::process::kill_process_group(self.pid, signal)
        } else {
            rustix::process::kill_process(self.pid, signal)
        };
    }

    /// Reads output until the process has ended (true) or the deadline has passed (false).
    fn read_until(&mut self, ended: rustix::fd::BorrowedFd<'_>, deadline: Instant) -> bool {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            if self.read_some(Some(ended), left) == Heard::End {
                return true;
            }
        }
    }

    /// Reads what is left in the pipes once the process has ended.
    fn drain(&mut self) {
        let deadline = Instant::now() + DRAIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let closed = self.child.stdout.is_none() && self.child.stderr.is_none();
            if closed || left.is_zero() || self.read_some(None, left) == Heard::Nothing {
                return;
            }
        }
    }

    fn read_some(&mut self, ended: Option<rustix::fd::BorrowedFd<'_>>, left: Duration) -> Heard {
        let wanted = PollFlags::IN;
        let mut fds = Vec::with_capacity(3);
        let out = self.child.stdout.as_ref().map(AsFd::as_fd);
        let err = self.child.stderr.as_ref().map(AsFd::as_fd);
        fds.extend(
            [ended, out, err]
                .into_iter()
                .flatten()
                .map(|fd| PollFd::from_borrowed_fd(fd, wanted)),
        );
        let wait = Timespec::try_from(left).ok();
        match rustix::event::poll(&mut fds, wait.as_ref()) {
            Ok(0) => return Heard::Nothing,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Heard::Output,
            Err(_) => return Heard::End,
        }
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
        let mut is_ready = |there: bool| there && ready.next() == Some(true);
        let has_ended = is_ready(ended.is_some());
        let (has_out, has_err) = (is_ready(out.is_some()), is_ready(err.is_some()));
        drop(fds);
        if has_out && !read_chunk(self.child.stdout.as_mut(), &mut self.stdout, STREAM_LIMIT) {
            self.child.stdout = None;
        }
        if has_err && !read_chunk(self.child.stderr.as_mut(), &mut self.stderr, STREAM_LIMIT) {
            self.child.stderr = None;
        }
        if has_ended { Heard::End } else { Heard::Output }
    }
}

#[derive(PartialEq)]
enum Heard {
    Output,
    /// The time was up.
    Nothing,
    End,
}

/// Reads what a ready pipe holds, keeping at most `limit` in all; false at its end.
fn read_chunk(pipe: Option<&mut impl std::io::Read>, kept: &mut Vec<u8>, limit: usize) -> bool {
    let mut buffer = [0; 16 << 10];
    let Some(pipe) = pipe else { return false };
    match pipe.read(&mut buffer) {
        Ok(0) => false,
        Ok(n) => {
            let room = limit.saturating_sub(kept.len()).min(n);
            kept.extend_from_slice(&buffer[..room]);
            true
        }
        Err(error) => error.kind() == std::io::ErrorKind::Interrupted,
    }
}
