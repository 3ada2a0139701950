//! The built-in dispatcher `lava-run`: runs a LAVA v2 job by the `lava-run` of LAVA's dispatcher.

mod definition;
mod entry;
mod steps;
mod verdict;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use self::definition::Definition;
use self::entry::{Entry, Said};
use self::steps::Steps;
use self::verdict::Verdict;
use crate::dispatch::built_in;
use crate::dispatch::built_in::log::say;
use crate::dispatch::built_in::{board, exit, host, output, terminated};
use crate::dispatch::protocol::event::ResultEvent;
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::dispatch::protocol::writer::EventWriter;
use crate::model::adapters::Lava;

const LAVA_RUN: &str = "lava-run";

/// What LAVA leaves behind, which becomes attachments: the description, its result, its log.
const OUTPUT: &str = "out/lava";

/// The longest line of LAVA's log: it cuts its own at a million characters.
const LONGEST: usize = 4 << 20;

/// How much of LAVA's own log is kept beside ours, in bytes.
const KEPT: usize = 16 << 20;

/// Runs as a dispatcher; returns the exit code of the protocol.
pub fn main() -> i32 {
    built_in::main("lava-run", |job, events| {
        let definition = Definition::of(job)?;
        let board = match board::section::<Lava>("lava") {
            Ok(board) => board,
            Err(why) => {
                say(&why);
                events.end(&why);
                return Ok(exit::BOARD_CONFIG);
            }
        };
        let terminated = terminated::listen();
        let verdict = run(&board, &definition, events, &terminated)
            .unwrap_or_else(|error| Verdict::infrastructure(format!("{LAVA_RUN}: {error}")));
        if terminated.load(Ordering::Acquire) {
            return Ok(exit::TERMINATED);
        }
        if let Some(why) = &verdict.why {
            say(why);
            events.end(why);
        }
        if let Some(case) = verdict.case {
            events.result(case);
        }
        Ok(verdict.code)
    })
}

/// Starts it, listens to it and judges its end.
fn run(
    board: &Lava,
    definition: &Definition,
    events: &mut EventWriter,
    terminated: &AtomicBool,
) -> io::Result<Verdict> {
    fs::create_dir_all(OUTPUT)?;
    let job = Path::new("tmp/lava-job.yaml");
    fs::write(job, &definition.text)?;
    let log = File::create(Path::new(OUTPUT).join("logs.yaml"))?;
    let (lines, mut child) = match start(board, job) {
        Ok(started) => started,
        Err(error) => return Ok(Verdict::board(host::not_started(LAVA_RUN, &error))),
    };
    if terminated.load(Ordering::Acquire) {
        let _ = kill_process(Pid::from_child(&child), Signal::TERM);
    }
    let mut listener = Listener {
        events,
        steps: Steps::new(definition.steps),
        log: Some(log),
        room: KEPT,
        last: None,
        began: false,
    };
    let mut cut = Lines::new(LONGEST);
    output::read(&child, lines, |bytes| {
        cut.feed(bytes, |line| listener.line(line));
    })?;
    cut.finish(|line| listener.line(line));
    listener.end();
    let status = child.wait()?;
    let result = fs::read_to_string(Path::new(OUTPUT).join("result.yaml"));
    Ok(verdict::judge(
        result.ok().as_deref(),
        status,
        listener.last.filter(|_| !listener.began),
    ))
}

/// LAVA without a server writes its log to standard error, and what goes wrong before it has one
/// to standard output.
fn start(board: &Lava, job: &Path) -> io::Result<(io::PipeReader, Child)> {
    let (reader, writer) = io::pipe()?;
    let mut lava = Command::new(LAVA_RUN);
    lava.args(["--job-id", &job_id(), "--output-dir", OUTPUT])
        .args(["--device", &board.device]);
    if let Some(dispatcher) = &board.dispatcher {
        lava.args(["--dispatcher", dispatcher]);
    }
    let child = lava
        .arg(job)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()?;
    Ok((reader, child))
}

/// LAVA makes its own temporary folder after it, so two attempts must not share one.
fn job_id() -> String {
    let word = |name: &str| std::env::var(name).unwrap_or_else(|_| "0".to_owned());
    format!("{}-{}", word("PUMICE_JOB_ID"), word("PUMICE_ATTEMPT"))
}

/// Tells what LAVA says, as it comes.
struct Listener<'a> {
    events: &'a mut EventWriter,
    steps: Steps,
    /// Where LAVA's own log is kept, until it fails.
    log: Option<File>,
    room: usize,
    /// The last line that was none of its log.
    last: Option<String>,
    /// Whether an entry of its log was read: then it accepted the job.
    began: bool,
}

impl Listener<'_> {
    fn line(&mut self, line: Line<'_>) {
        let (Line::Whole(bytes) | Line::Cut(bytes)) = line;
        let text = String::from_utf8_lossy(bytes);
        let Some(entry) = Entry::read(&text) else {
            if !text.trim().is_empty() {
                self.last = Some(text.trim().to_owned());
            }
            return say(&text);
        };
        self.began = true;
        self.keep(&text);
        say(&entry.to_string());
        match entry.said {
            Some(Said::Begins { n, name, timeout }) => {
                for event in self.steps.begin(n, &name, timeout) {
                    self.events.send(&event);
                }
            }
            Some(Said::Ends { n }) => {
                if let Some(event) = self.steps.end(n) {
                    self.events.send(&event);
                }
            }
            Some(Said::Action { level, result }) => self.steps.judge(&level, result),
            Some(Said::Case(case)) => self.events.result(case),
            None => {}
        }
    }

    fn end(&mut self) {
        for event in self.steps.close() {
            self.events.send(&event);
        }
    }

    /// As LAVA's server keeps it: a list of one entry a line.
    fn keep(&mut self, text: &str) {
        let line = format!("- {text}\n");
        self.room = self.room.saturating_sub(line.len());
        if self.room == 0
            || self
                .log
                .as_mut()
                .is_some_and(|log| log.write_all(line.as_bytes()).is_err())
        {
            self.log = None;
        }
    }
}

/// A result of a test of the job's own.
type Case = ResultEvent;
