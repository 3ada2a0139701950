//! Runs a short command to its end, such as one that switches power.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::{Control, Exit, Group, Leader, Moment, Program, Turn, Watch, supervise};

/// How long a command that outran its limit may take to end after TERM.
const GRACE: Duration = Duration::from_secs(5);

/// How much of a command's output is kept: enough for its complaint.
const KEPT: usize = 4096;

/// A command with a time limit.
pub struct Command<'a> {
    pub argv: &'a [OsString],
    /// The whole environment.
    pub env: &'a [(OsString, OsString)],
    pub folder: &'a Path,
    pub limit: Duration,
    pub group: Option<&'a Group>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub exit: Exit,
    /// Whether it was ended because of its limit.
    pub timed_out: bool,
    /// The last 4 KiB of standard output and error.
    pub output: Vec<u8>,
}

impl Ran {
    pub fn succeeded(&self) -> bool {
        !self.timed_out && self.exit == Exit::Code(0)
    }
}

/// Runs a command on the calling thread, which sleeps until it ends; `control` may end it early.
/// Fails when it cannot be started.
pub fn run(command: &Command<'_>, control: &Control) -> io::Result<Ran> {
    let leader = Leader::spawn(&Program {
        argv: command.argv,
        env: command.env,
        folder: command.folder,
        channel: false,
        group: command.group,
    })?;
    let mut watch = Limited {
        deadline: Moment::now().plus(command.limit),
        timed_out: false,
        output: Vec::new(),
    };
    let ended = supervise(leader, GRACE, control, &mut watch)?;
    let surplus = watch.output.len().saturating_sub(KEPT);
    watch.output.drain(..surplus);
    Ok(Ran {
        exit: ended.exit,
        timed_out: watch.timed_out,
        output: watch.output,
    })
}

struct Limited {
    deadline: Moment,
    timed_out: bool,
    output: Vec<u8>,
}

impl Watch for Limited {
    fn output(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        if self.output.len() > 64 * KEPT {
            let surplus = self.output.len() - KEPT;
            self.output.drain(..surplus);
        }
    }

    fn turn(&mut self, now: Moment) -> Turn {
        self.timed_out |= now >= self.deadline;
        Turn {
            stop: self.timed_out,
            hold_channel: false,
            next: (!self.timed_out).then_some(self.deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> io::Result<Ran> {
        let argv = ["/bin/sh", "-c", script].map(OsString::from);
        run(
            &Command {
                argv: &argv,
                env: &[("PATH".into(), "/usr/bin:/bin".into())],
                folder: Path::new("/"),
                limit,
                group: None,
            },
            &Control::new()?,
        )
    }

    #[test]
    fn gives_the_exit_code_and_the_last_output() {
        let ran = sh(
            "echo off; echo trouble >&2; exit 3",
            Duration::from_secs(60),
        )
        .unwrap();
        assert_eq!(ran.exit, Exit::Code(3));
        assert_eq!(ran.output, b"off\ntrouble\n");
        assert!(!ran.succeeded());
        assert!(sh("true", Duration::from_secs(60)).unwrap().succeeded());
    }

    #[test]
    fn ends_what_outruns_its_limit() {
        let ran = sh("echo begun; sleep 600", Duration::from_millis(200)).unwrap();
        assert!(ran.timed_out);
        assert_eq!(ran.exit, Exit::Signal(15));
        assert_eq!(ran.output, b"begun\n");
    }

    #[test]
    fn a_flood_cannot_keep_the_clock_from_being_read() {
        let ran = sh("yes flood", Duration::from_millis(300)).unwrap();
        assert!(ran.timed_out);
        assert_eq!(ran.output.len(), KEPT);
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let argv = ["/no/such/program".into()];
        let command = Command {
            argv: &argv,
            env: &[],
            folder: Path::new("/"),
            limit: Duration::from_secs(1),
            group: None,
        };
        let error = run(&command, &Control::new().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
