//! From power to a shell that answers.

use std::io::{self, ErrorKind};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::Steps;
use super::commands::shown;
use crate::dispatch::built_in::console::dialog::Dialog;
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::link::Link;
use crate::dispatch::built_in::console::listen::{Console, Heard};
use crate::dispatch::built_in::console::plan::Boot;
use crate::dispatch::built_in::console::session::{self, PANIC, Session};
use crate::dispatch::built_in::wait::ready;
use crate::model::pattern::Patterns;
use crate::process::Moment;

/// How long is waited before a console that cannot be opened is tried again: one that hangs on its
/// board appears when the board has power.
const AGAIN: Duration = Duration::from_millis(500);

/// How often a login is tried: a kernel's message may fall into a prompt.
const LOGINS: u32 = 3;

impl<'a> Steps<'a> {
    /// Boots the board anew.
    pub(super) fn boot(&mut self, boot: &Boot) -> Result<(), Halt> {
        self.open(boot, true)
    }

    /// Takes the console as it is. One that is a process begins with its board.
    pub(super) fn attach(&mut self, boot: &Boot) -> Result<(), Halt> {
        let fresh = !self.board.way.outlives_power();
        self.open(boot, fresh)
    }

    fn open(&mut self, boot: &Boot, fresh: bool) -> Result<(), Halt> {
        // Ends a console's process of an earlier boot.
        self.session = None;
        // What has to be fetched first is not the board's time.
        let command = if fresh { self.command()? } else { Vec::new() };
        self.brings = boot.is_own() || self.login.is_some() || !self.images.is_empty();
        self.booting = true;
        let until = Moment::now().plus(self.board.boot_timeout.duration());
        let link = if fresh {
            self.switch_on(&command, until)?
        } else {
            self.link(&command, until)?
        };
        let mut console = Console::new(link, self.bell);
        let session = self
            .answer(&mut console, boot, fresh, until)
            .and_then(|()| Session::open(console, until))
            .map_err(did_not_boot)?;
        self.booting = false;
        let session = self.session.insert(session);
        for command in self.login.iter().flat_map(|login| &login.commands) {
            shown(command);
            session.line(command)?;
        }
        Ok(())
    }

    /// Power and console. A console that is there without its board is opened first, or the first
    /// words of the board would be lost.
    fn switch_on(&mut self, command: &[String], until: Moment) -> Result<Link, Halt> {
        let early = if self.board.way.outlives_power() {
            Link::open(&self.board.way, command).ok()
        } else {
            None
        };
        self.power()?;
        match early {
            Some(link) => Ok(link),
            None => self.link(command, until),
        }
    }

    fn link(&self, command: &[String], until: Moment) -> Result<Link, Halt> {
        loop {
            let error = match Link::open(&self.board.way, command) {
                Ok(link) => return Ok(link),
                Err(error) => error,
            };
            if !self.board.way.outlives_power() {
                let program = command.first().map_or("", String::as_str);
                let why = format!("cannot start `{program}`: {error}");
                return Err(match is_of_file(&error) {
                    true => Halt::Config(why),
                    false => Halt::Infrastructure(why),
                });
            }
            if Moment::now() >= until {
                let why = format!("did not boot: the console cannot be opened: {error}");
                return Err(Halt::Hardware(why));
            }
            let mut fds = [PollFd::from_borrowed_fd(self.bell.fd(), PollFlags::IN)];
            if ready(&mut fds, Some(Moment::now().plus(AGAIN).min(until)))? > 0 {
                return Err(Halt::Terminated);
            }
        }
    }

    /// Answers what the board asks, up to its shell's prompt.
    fn answer(
        &self,
        console: &mut Console<'_>,
        boot: &Boot,
        fresh: bool,
        until: Moment,
    ) -> Result<(), Halt> {
        let dialog = Dialog::of(self.board, boot, self.login.as_ref());
        if fresh {
            for (pattern, line) in &dialog.answers {
                self.hear(console, &[pattern], until)?;
                console.send(line.as_bytes());
            }
        } else {
            // A shell that waits for us shows its prompt once more.
            console.send(b"\n");
        }
        let asked = dialog.ends();
        let Some(login) = &dialog.login else {
            return self.hear(console, &asked, until).map(drop);
        };
        let mut logins = 0;
        loop {
            match self.hear(console, &asked, until)? {
                0 => return Ok(()),
                1 if logins == LOGINS => {
                    return Err(Halt::Board(format!(
                        "the login as `{}` was refused {LOGINS} times",
                        login.user
                    )));
                }
                1 => {
                    logins += 1;
                    console.send(format!("{}\n", login.user).as_bytes());
                }
                _ => console.send(format!("{}\n", login.password).as_bytes()),
            }
        }
    }

    /// Waits for one of the patterns and gives which; anything else is an end.
    fn hear(
        &self,
        console: &mut Console<'_>,
        patterns: &[&str],
        until: Moment,
    ) -> Result<usize, Halt> {
        let all: Vec<&str> = patterns.iter().copied().chain([PANIC]).collect();
        let wanted = Patterns::new(&all).map_err(Halt::pattern)?;
        match console.wait(&wanted, Some(until), &mut |_| {})? {
            Heard::Pattern(which) if which < patterns.len() => Ok(which),
            Heard::Pattern(_) => Err(session::panicked(console)),
            Heard::Closed(why) => Err(Halt::Board(session::closed(console, why))),
            Heard::Terminated => Err(Halt::Terminated),
            // Nobody is asked for news before the shell is there.
            Heard::TimedOut | Heard::News => Err(Halt::Board(format!(
                "`{}` was not seen within {}: {}",
                patterns[0],
                self.board.boot_timeout,
                session::last(console)
            ))),
        }
    }
}

/// Whatever a board did in the place of booting says nothing of the tests.
fn did_not_boot(halt: Halt) -> Halt {
    match halt {
        Halt::Board(why) | Halt::Panic(why) => Halt::Board(format!("did not boot: {why}")),
        halt => halt,
    }
}

/// Whether a program does not start for what the board's file names, and not for the state of the host.
fn is_of_file(error: &io::Error) -> bool {
    let is_no_program = error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error());
    is_no_program
        || matches!(
            error.kind(),
            ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::NotADirectory
                | ErrorKind::InvalidInput
        )
}
