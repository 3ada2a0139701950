//! Switches a board's power off: the runner's own business, whatever the dispatcher did.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::driver::diary::Diary;
use super::driver::net::Net;
use super::driver::{folder, sweep};
use super::protocol::text;
use crate::model::BoardName;
use crate::process::{self, Command, Containment, Control, Exit, Ran};

/// How often the command is tried, how long each may take, and how long is waited before the next:
/// power distribution units answer slowly and forget a command now and then.
const TRIES: u32 = 3;
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(2);

/// The command that switches a board off: an argv array. It must be idempotent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerOff {
    pub board: BoardName,
    pub argv: Vec<OsString>,
}

/// Why a board's power may still be on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerTrouble {
    /// Whether that was before the dispatcher, which then was not started.
    pub before: bool,
    pub why: String,
}

impl PowerOff {
    /// `None` where the board has no such command.
    pub fn new(board: &BoardName, off: &[String]) -> Option<Self> {
        (!off.is_empty()).then(|| Self {
            board: board.clone(),
            argv: off.iter().map(OsString::from).collect(),
        })
    }

    /// Runs the command until it works, on the calling thread; nothing cuts it short but its limit.
    /// `folder` holds the folders `home` and `tmp`.
    pub(super) fn run(&self, folder: &Path, net: &Net, diary: &mut Diary) -> Result<(), String> {
        let words: Vec<_> = self
            .argv
            .iter()
            .map(|word| word.to_string_lossy())
            .collect();
        let words = words.join(" ");
        let mut why = String::new();
        for n in 1..=TRIES {
            if n > 1 {
                std::thread::sleep(PAUSE);
            }
            diary.note(&format!("power off, try {n} of {TRIES}: {words}"));
            match self.once(folder, net) {
                Ok(ran) => {
                    diary.quote(&ran.output);
                    if ran.succeeded() {
                        diary.note("power off: done");
                        return Ok(());
                    }
                    why = complaint(&ran);
                }
                Err(error) => why = format!("cannot start `{words}`: {error}"),
            }
            diary.note(&format!("power off: failed: {why}"));
        }
        Err(text::clean(&why, 500))
    }

    fn once(&self, folder: &Path, net: &Net) -> std::io::Result<Ran> {
        let mut env = folder::surroundings(folder);
        env.push(("PUMICE_BOARD".into(), self.board.as_str().into()));
        env.push((sweep::COOKIE.into(), net.cookie().into()));
        // A control of its own: the wish that ends a dispatcher must not end this.
        let ran = process::run(
            &Command {
                argv: &self.argv,
                env: &env,
                folder,
                limit: LIMIT,
                group: net.group(),
            },
            &Control::new()?,
        );
        net.haul(None);
        ran
    }
}

/// The last line of what the command said, else how it ended.
fn complaint(ran: &Ran) -> String {
    let said =
        text::last_words(&ran.output).and_then(|words| words.lines().last().map(str::to_owned));
    let ended = match ran.exit {
        _ if ran.timed_out => format!("not done within {} s", LIMIT.as_secs()),
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
    };
    match said {
        Some(said) => format!("{said} ({ended})"),
        None => ended,
    }
}

/// Switches a board off that has no attempt, in a folder of its own that is made fresh.
pub fn off_alone(
    power: &PowerOff,
    folder: &Path,
    containment: &Containment,
    cookie: &str,
) -> Result<(), String> {
    let make = || {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for inner in ["home", "tmp"] {
            fs::create_dir_all(folder.join(inner))?;
        }
        Ok::<_, std::io::Error>(())
    };
    make().map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let net = Net::new(containment, &format!("power-{}", power.board), cookie)
        .unwrap_or_else(|_| Net::of_cookie(cookie));
    power.run(folder, &net, &mut Diary::begin(&folder.join("runner.txt")))
}
