//! The board's shell, as the dispatcher types to it.
//!
//! Any POSIX shell will do; nothing but `sh`, `mkdir`, `chmod` and `wc` is asked of the board. Where
//! it has `stty` it echoes nothing, and a shell that edits lines then reads them plainly as well.
//! Every line that is typed is short, for a terminal or a line editor drops what is too long, and
//! where there may be an editor the next is typed only when the shell asks for it. Whatever is waited
//! for is typed in two halves, so that the echo is never taken for it.
//!
//! This talk stays out of the log, which says once what runs.

mod encode;
mod folder;
mod meet;

use std::time::Duration;

use super::halt::Halt;
use super::listen::{Console, Heard, Talk};
use super::testdef::quoted;
use crate::dispatch::protocol::text::{clean, last_words};
use crate::dispatch::rendezvous;
use crate::model::pattern::Patterns;
use crate::process::Moment;

/// What a Linux kernel says when nothing more can be done.
pub const PANIC: &str = "Kernel panic - not syncing";

/// The longest text that is typed as it is.
const LONGEST: usize = 200;

/// How much is typed ahead to a shell that reads plainly: a terminal of Linux keeps 4095 bytes.
const AHEAD: usize = 2048;

/// How long the shell may take for its next prompt, which stands behind no work.
const PROMPT: Duration = Duration::from_secs(60);

/// How long is waited before the shell is spoken to again: a login may drop what was typed too early.
const AGAIN: Duration = Duration::from_secs(5);

/// How much of the line with a panic is kept, in bytes: it becomes a reason.
const LINE: usize = 1 << 10;

/// How long a panicking kernel is listened to: its trace belongs into the log.
const TRACE: Duration = Duration::from_secs(3);

pub struct Session<'a> {
    console: Console<'a>,
    /// The prompt of this session, then [`PANIC`].
    prompt: Patterns,
    /// Two halves of a word that no board could know.
    word: (String, String),
    /// On the board: files that are sent, and the helpers.
    folder: Option<String>,
    has_helpers: bool,
    /// Whether the board's terminal echoes nothing.
    is_plain: bool,
    /// Whether the job is a group's: then its helpers may ask for the other members.
    in_group: bool,
}

impl<'a> Session<'a> {
    /// Speaks to the shell whose prompt is there, until it answers.
    pub fn open(console: Console<'a>, until: Moment) -> Result<Self, Halt> {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let word = (id[..6].to_owned(), id[6..12].to_owned());
        let prompt = format!("{}{}-?# ", word.0, word.1);
        let patterns = Patterns::new(&[prompt.as_str(), PANIC]).map_err(Halt::pattern)?;
        let mut session = Self {
            console,
            prompt: patterns,
            word,
            folder: None,
            has_helpers: false,
            is_plain: false,
            in_group: std::env::var_os(rendezvous::SOCKET).is_some(),
        };
        let (one, two) = &session.word;
        let talk = |end: &str| format!("{one}{two}{end}").into_bytes();
        session.console.keep_quiet(vec![
            Talk::Prompt(talk("# ")),
            Talk::Prompt(talk("-# ")),
            Talk::Line(talk("b")),
            Talk::Number(talk("e:")),
        ]);
        // The prompt tells whether `stty` did it.
        let typed = format!("stty -echo 2>/dev/null&&e=-;PS1='{one}''{two}'$e'# ' PS2=");
        let mut is_first = true;
        loop {
            if !is_first {
                // What was cut off may stand on the line.
                session.console.send(b"\n");
            }
            session.console.send_quietly(&typed);
            let next = Moment::now().plus(AGAIN).min(until);
            match session.wait_for_prompt(Some(next), &mut |_| {})? {
                true => break,
                false if Moment::now() >= until => {
                    return Err(Halt::Board("no shell answers behind the prompt".into()));
                }
                false => is_first = false,
            }
        }
        session.is_plain = session.console.tail().ends_with(b"-# ");
        Ok(session)
    }

    /// Runs a command, given as one line or as a script, and gives its exit code. What it prints,
    /// and nothing else, is given to `take`, without terminal sequences.
    pub fn run(&mut self, command: &str, take: &mut dyn FnMut(&[u8])) -> Result<i32, Halt> {
        let mut path = String::new();
        if self.in_group {
            path = format!("PATH=$PATH:{} ", self.helpers()?);
        }
        self.run_in(&path, command, take)
    }

    /// The same with assignments before the shell's invocation.
    fn run_in(
        &mut self,
        path: &str,
        command: &str,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<i32, Halt> {
        let quoted = quoted(command);
        let can_be_typed = |c: char| (' '..='~').contains(&c);
        let invocation = if quoted.len() <= LONGEST && command.chars().all(can_be_typed) {
            format!("{path}sh -c {quoted}")
        } else {
            let script = format!("{}/command", self.folder()?);
            self.put(&script, command.as_bytes())?;
            format!("{path}sh {script}")
        };
        self.invoke(&invocation, take)
    }

    /// Types lines in this very shell and waits for the prompt behind each.
    fn type_lines(&mut self, lines: &[String]) -> Result<(), Halt> {
        let mut left = lines;
        while !left.is_empty() {
            let mut count = 0;
            let mut bytes = 0;
            for line in left {
                bytes += line.len() + 1;
                if count > 0 && (!self.is_plain || bytes > AHEAD) {
                    break;
                }
                self.console.send_quietly(line);
                count += 1;
            }
            for _ in 0..count {
                let until = Moment::now().plus(PROMPT);
                if !self.wait_for_prompt(Some(until), &mut |_| {})? {
                    return Err(self.silent());
                }
            }
            left = &left[count..];
        }
        Ok(())
    }

    /// Types one line in this very shell, whose exit code counts.
    pub fn line(&mut self, line: &str) -> Result<i32, Halt> {
        self.invoke(line, &mut |_| {})
    }

    fn invoke(&mut self, invocation: &str, take: &mut dyn FnMut(&[u8])) -> Result<i32, Halt> {
        let (one, two) = &self.word;
        let begin = format!("{one}{two}b\\r*\\n");
        let end = format!("{one}{two}e:[0-9]+;");
        // What a helper asks for is answered on the console itself, past the tests' own input.
        let asks = if self.in_group { meet::INPUT } else { "" };
        let typed = format!(
            "echo {one}'{two}b';{invocation} {asks}</dev/null;printf '\\n%s%s:%s;\\n' {one} {two}e $?"
        );
        let begin = Patterns::new(&[begin.as_str(), PANIC]).map_err(Halt::pattern)?;
        let ends = [end.as_str(), PANIC, meet::REQUEST];
        let ends = if self.in_group { &ends[..] } else { &ends[..2] };
        let end = Patterns::new(ends).map_err(Halt::pattern)?;
        self.console.send_quietly(&typed);
        if !self.wait(&begin, Some(Moment::now().plus(PROMPT)), &mut |_| {})? {
            return Err(self.silent());
        }
        self.wait_and_meet(&end, take)?;
        let code = self.exit_code();
        if !self.wait_for_prompt(Some(Moment::now().plus(PROMPT)), &mut |_| {})? {
            return Err(self.silent());
        }
        Ok(code)
    }

    /// The number before the `;` that was said last.
    fn exit_code(&mut self) -> i32 {
        let text = String::from_utf8_lossy(self.console.tail()).into_owned();
        let code = text.rsplit_once(':').map_or("", |(_, code)| code);
        code.trim_end_matches(';').parse().unwrap_or(-1)
    }

    fn wait_for_prompt(
        &mut self,
        until: Option<Moment>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, Halt> {
        let prompt = self.prompt.clone();
        self.wait(&prompt, until, take)
    }

    /// Whether the first of two patterns came in time; the second is [`PANIC`].
    fn wait(
        &mut self,
        patterns: &Patterns,
        until: Option<Moment>,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, Halt> {
        let heard = self.console.wait(patterns, until, take)?;
        Ok(self.or_halt(heard)? == Heard::Pattern(0))
    }

    /// What a wait came to, unless that ends everything.
    fn or_halt(&mut self, heard: Heard) -> Result<Heard, Halt> {
        match heard {
            Heard::Pattern(1) => Err(panicked(&mut self.console)),
            Heard::Closed(why) => Err(Halt::Board(closed(&mut self.console, why))),
            Heard::Terminated => Err(Halt::Terminated),
            Heard::Pattern(_) | Heard::TimedOut | Heard::News => Ok(heard),
        }
    }

    fn silent(&mut self) -> Halt {
        Halt::Board(format!(
            "the shell does not answer: {}",
            last(&mut self.console)
        ))
    }
}

impl Drop for Session<'_> {
    /// Whoever uses the console next may want to see what they type.
    fn drop(&mut self) {
        if self.is_plain {
            self.console.send_last(b"stty echo\n");
        }
    }
}

/// Listens on until the trace is in the log, and says what the kernel said.
pub fn panicked(console: &mut Console<'_>) -> Halt {
    let rest_of_line = Patterns::new(&["\\n"]);
    let until = Moment::now().plus(TRACE);
    let mut line = PANIC.as_bytes().to_vec();
    if let Ok(pattern) = rest_of_line {
        let mut take = |bytes: &[u8]| {
            let room = LINE.saturating_sub(line.len());
            line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        };
        let _ = console.wait(&pattern, Some(until), &mut take);
    }
    // Nothing is waited for but the end.
    if let Ok(never) = Patterns::new(&["[^\\x00-\\xff]x"]) {
        let _ = console.wait(&never, Some(until), &mut |_| {});
    }
    Halt::Panic(clean(&String::from_utf8_lossy(&line), 200))
}

/// That the console is gone, with its last words.
pub fn closed(console: &mut Console<'_>, why: Option<String>) -> String {
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!("the console closed{why}: {}", last(console))
}

/// The last line that the console gave.
pub fn last(console: &mut Console<'_>) -> String {
    last_words(console.tail())
        .and_then(|words| {
            words
                .lines()
                .last()
                .map(|line| format!("it last said `{line}`"))
        })
        .unwrap_or_else(|| "it said nothing".into())
}
