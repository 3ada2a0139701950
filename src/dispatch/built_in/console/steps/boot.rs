//! From power to a shell that answers.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::Steps;
use super::commands::shown;
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

/// What systems ask for when nobody says otherwise.
const LOGIN: &str = "login:";
const PASSWORD: &str = "[Pp]assword:";

/// How to log in: patterns, and what is typed.
struct Credentials {
    prompt: String,
    user: String,
    password_prompt: String,
    password: String,
}

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
                return Err(Halt::Config(format!("cannot start `{program}`: {error}")));
            }
            if Moment::now() >= until {
                let why = format!("did not boot: the console cannot be opened: {error}");
                return Err(Halt::Board(why));
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
        if fresh {
            for (pattern, line) in self.answers(boot) {
                self.hear(console, &[&pattern], until)?;
                console.send(line.as_bytes());
            }
        } else {
            // A shell that waits for us shows its prompt once more.
            console.send(b"\n");
        }
        let prompt = boot.prompt.as_deref().unwrap_or(&self.board.prompt);
        let Some(login) = self.credentials() else {
            return self.hear(console, &[prompt], until).map(drop);
        };
        let mut logins = 0;
        loop {
            let asked = [prompt, &login.prompt, &login.password_prompt];
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

    /// What is answered before the login, in its order: a pattern, and what is sent.
    fn answers(&self, boot: &Boot) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        if let Some(loader) = &self.board.bootloader
            && !boot.commands.is_empty()
        {
            let interrupt = boot.interrupt.as_ref().unwrap_or(&loader.interrupt);
            let send = loader.send.clone().unwrap_or_else(|| "\n".into());
            answers.push((interrupt.clone(), send));
            let typed = boot.commands.iter();
            answers.extend(typed.map(|line| (loader.prompt.clone(), format!("{line}\n"))));
        }
        let pairs = self.board.boot.iter().chain(&boot.answers);
        answers.extend(pairs.map(|[pattern, line]| (pattern.clone(), format!("{line}\n"))));
        answers
    }

    /// The board's login; the job's words count for more.
    fn credentials(&self) -> Option<Credentials> {
        let board = self.board.login.clone();
        let job = self.login.clone().unwrap_or_default();
        let or = |job: Option<String>, board: Option<Option<String>>, default: &str| {
            job.or(board.flatten()).unwrap_or_else(|| default.into())
        };
        Some(Credentials {
            user: job
                .user
                .or(board.as_ref().map(|login| login.user.clone()))?,
            prompt: or(job.prompt, board.as_ref().map(|l| l.prompt.clone()), LOGIN),
            password_prompt: or(
                job.password_prompt,
                board.as_ref().map(|l| l.password_prompt.clone()),
                PASSWORD,
            ),
            password: or(job.password, board.map(|login| login.password), ""),
        })
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
