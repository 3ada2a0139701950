//! Drives one dispatcher: spawns it, listens to it, holds it to its limits, gathers what it gave.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::allowance::Allowance;
use super::attachments;
use super::attempt::{AttemptEnd, AttemptMessage, AttemptSpec, Exit, Progress, Trace};
use super::diary::Diary;
use super::event_log::EventLog;
use super::folder;
use super::limits::Limits;
use super::net::Net;
use super::results::Results;
use super::steps::Steps;
use crate::dispatch::protocol::event::{
    self, AttachEvent, Event, LONGEST, StepEvent, StepPhase, decode,
};
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::dispatch::protocol::text;
use crate::model::BoardName;
use crate::model::record::{BoardHealth, CaseResult};
use rustix::process::Signal;

use crate::process::{
    self, CappedLog, Control, Leader, LogTail, Moment, Program, Stop, Turn, Watch,
};

/// The exit code that asks for another attempt.
pub(super) const TRY_AGAIN: i32 = 75;

/// How many events an attempt may send; later ones are counted only. Signs of life and progress,
/// which a long job sends for hours, do not count until then.
const EVENTS: u64 = 100_000;

/// How many bad lines are quoted, and how many notes are kept in all.
const QUOTED: u64 = 5;
const NOTES: usize = 50;

/// How many `attach` events are kept.
const ATTACHED: usize = 1000;

/// How often a sign of life is reported.
const ALIVE: Duration = Duration::from_secs(1);

/// In so short a time the process numbers cannot have gone round.
const SHORT: Duration = Duration::from_secs(2);

/// Runs the attempt to its end on the calling thread.
pub fn drive<'a>(
    spec: &'a AttemptSpec,
    log: CappedLog,
    control: &Control,
    report: &'a dyn Fn(AttemptMessage),
    net: &'a Net,
    diary: &'a mut Diary,
) -> AttemptEnd {
    let env = folder::environment(spec);
    let words: Vec<_> = spec
        .argv
        .iter()
        .map(|word| word.to_string_lossy())
        .collect();
    diary.note(&format!("starts {}", words.join(" ")));
    let started = Moment::now();
    let leader = Leader::spawn(&Program {
        argv: &spec.argv,
        env: &env,
        folder: &spec.folder,
        channel: true,
        group: net.group(),
    });
    let leader = match leader {
        Ok(leader) => leader,
        Err(error) => {
            let end = not_started(spec, log, &error);
            diary.note(end.said.as_deref().unwrap_or_default());
            return end;
        }
    };
    let pid = leader.pid();
    diary.note(&format!("the dispatcher is process {pid}"));
    if let Some(trace) = &spec.trace
        && let Err(error) = write_trace(trace, &spec.board, pid)
    {
        diary.note(&format!("cannot write {}: {error}", trace.display()));
    }
    report(AttemptMessage::Progress(Progress::Started { pid }));
    let grace = spec.grace;
    let mut attempt = Attempt::new(spec, log, started, pid, report, net, diary);
    let ended = process::supervise(leader, grace, control, &mut attempt);
    attempt.finish(ended)
}

/// Says which process the dispatcher is, for a runner that comes after a crash of this one.
fn write_trace(path: &Path, board: &BoardName, pid: u32) -> io::Result<()> {
    let trace = Trace {
        board: board.clone(),
        process: process::Identity::of(pid)?,
    };
    fs::write(path, serde_json::to_vec(&trace)?)
}

/// The end of an attempt whose dispatcher was never started.
pub(super) fn not_begun(spec: &AttemptSpec, log: CappedLog, exit: Exit) -> AttemptEnd {
    let steps = Steps::new(spec.actions.iter().map(|action| action.0.as_str()));
    AttemptEnd {
        steps: steps.finish(Duration::ZERO, CaseResult::Unknown, ""),
        log_bytes: log.finish().bytes,
        ..AttemptEnd::new(exit, folder::log(&spec.folder))
    }
}

/// A program that is missing or may not run is the board's fault, a host out of processes is not.
fn not_started(spec: &AttemptSpec, log: CappedLog, error: &io::Error) -> AttemptEnd {
    let program = spec.argv.first().map(|name| name.to_string_lossy());
    let words = text::clean(
        &format!("cannot start `{}`: {error}", program.unwrap_or_default()),
        500,
    );
    let exit = match error.kind() {
        io::ErrorKind::WouldBlock
        | io::ErrorKind::OutOfMemory
        | io::ErrorKind::StorageFull
        | io::ErrorKind::BrokenPipe => Exit::Code(TRY_AGAIN),
        // Without descriptors the kind says nothing.
        _ if matches!(error.raw_os_error(), Some(23 | 24)) => Exit::Code(TRY_AGAIN),
        _ => Exit::SpawnFailed(words.clone()),
    };
    AttemptEnd {
        said: Some(words),
        ..not_begun(spec, log, exit)
    }
}

struct Attempt<'a> {
    spec: &'a AttemptSpec,
    net: &'a Net,
    diary: &'a mut Diary,
    started: Moment,
    pid: u32,
    log: CappedLog,
    tail: LogTail,
    lines: Lines,
    heard: Heard<'a>,
}

/// What came of the events so far.
struct Heard<'a> {
    job_name: String,
    started: Moment,
    now: Moment,
    limits: Limits,
    timeout: Option<String>,
    steps: Steps,
    results: Results,
    attached: HashMap<PathBuf, AttachEvent>,
    board: Option<(BoardHealth, Option<String>)>,
    said: Option<String>,
    event_log: EventLog,
    events: u64,
    bad_events: u64,
    allowance: Allowance,
    notes: Vec<String>,
    new_results: bool,
    alive: bool,
    told_alive: Moment,
    report: &'a dyn Fn(AttemptMessage),
}

impl<'a> Attempt<'a> {
    fn new(
        spec: &'a AttemptSpec,
        log: CappedLog,
        started: Moment,
        pid: u32,
        report: &'a dyn Fn(AttemptMessage),
        net: &'a Net,
        diary: &'a mut Diary,
    ) -> Self {
        let heard = Heard {
            job_name: text::clean(&spec.job_name, event::NAME),
            started,
            now: started,
            limits: Limits::new(started, spec.deadline, spec.idle, spec.actions.clone()),
            timeout: None,
            steps: Steps::new(spec.actions.iter().map(|action| action.0.as_str())),
            results: Results::default(),
            attached: HashMap::new(),
            board: None,
            said: None,
            event_log: EventLog::new(),
            events: 0,
            bad_events: 0,
            allowance: Allowance::new(started),
            notes: Vec::new(),
            new_results: false,
            alive: false,
            told_alive: started,
            report,
        };
        Self {
            tail: log.tail(),
            spec,
            net,
            diary,
            started,
            pid,
            log,
            lines: Lines::new(LONGEST),
            heard,
        }
    }

    fn finish(mut self, ended: io::Result<process::Ended>) -> AttemptEnd {
        let heard = &mut self.heard;
        heard.now = Moment::now();
        self.lines.finish(|line| heard.line(line));
        let Heard {
            mut notes,
            timeout,
            limits: _,
            steps,
            results,
            attached,
            board,
            said,
            event_log,
            events,
            bad_events,
            now,
            ..
        } = self.heard;
        // A limit that passed while the last output was read did not end the process.
        let timeout = timeout.filter(|_| {
            let stop = ended.as_ref().map_or(Some(Stop::Watch), |ended| ended.stop);
            stop == Some(Stop::Watch)
        });
        let (exit, terminated, leaked) = match &ended {
            Ok(ended) => {
                if ended.undead {
                    notes.push("the dispatcher could not be killed: the kernel holds it".into());
                }
                let exit = match ended.exit {
                    process::Exit::Code(code) => Exit::Code(code),
                    process::Exit::Signal(signal) => Exit::Signal(signal),
                };
                (exit, ended.stop == Some(Stop::Owner), ended.leaked)
            }
            Err(error) => {
                notes.push(format!("the dispatcher could not be supervised: {error}"));
                self.net.haul(None);
                (Exit::Code(TRY_AGAIN), false, 0)
            }
        };
        if bad_events > QUOTED {
            notes.push(format!("{} more lines were no events", bad_events - QUOTED));
        }
        if events > EVENTS {
            notes.push(format!(
                "{} events were beyond the limit of {EVENTS}",
                events - EVENTS
            ));
        }
        let events_file = folder::events(&self.spec.folder);
        notes.extend(event_log.finish(&events_file));
        if leaked > 0 {
            notes.push(format!("{leaked} processes were left behind and killed"));
        }
        self.diary
            .note(&format!("the dispatcher ended: {}", words(&exit)));
        let failed = exit != Exit::Code(0) || timeout.is_some();
        let said = said.or_else(|| {
            failed
                .then(|| text::last_words(&self.tail.read(2048).unwrap_or_default()))
                .flatten()
        });
        let log = self.log.finish();
        if let Some(error) = log.error {
            notes.push(format!("the log is not complete: {error}"));
        }
        let out = folder::out(&self.spec.folder);
        let attachments = attachments::find(&out, &attached, &mut notes);
        let (result, reason) = match (&timeout, terminated) {
            (Some(limit), _) => (CaseResult::Fail, limit.clone()),
            (None, true) => (CaseResult::Unknown, "stopped by the runner".to_owned()),
            (None, false) => (
                CaseResult::Unknown,
                format!("the dispatcher ended during this step ({})", words(&exit)),
            ),
        };
        AttemptEnd {
            exit,
            timeout,
            terminated,
            steps: steps.finish(now.since(self.started), result, &reason),
            suites: results.finish(events.saturating_sub(EVENTS)),
            log: folder::log(&self.spec.folder),
            log_bytes: log.bytes,
            log_dropped: log.dropped,
            events: events_file.is_file().then_some(events_file),
            attachments,
            board,
            bad_events,
            notes,
            said,
            leaked,
            power: None,
            diary: None,
            group: None,
        }
    }
}

impl Watch for Attempt<'_> {
    fn output(&mut self, bytes: &[u8]) {
        self.log.write(bytes);
        self.heard.alive = true;
    }

    fn channel(&mut self, bytes: &[u8]) {
        let heard = &mut self.heard;
        // Read anew for every piece, so that stamps are right to the turn.
        heard.tick(Moment::now());
        heard.alive = true;
        self.lines.feed(bytes, |line| heard.line(line));
        heard.event_log.flush(&folder::events(&self.spec.folder));
    }

    fn turn(&mut self, now: Moment) -> Turn {
        let known = self.heard.timeout.is_some();
        let turn = self.heard.turn(now);
        if let Some(limit) = self.heard.timeout.as_ref().filter(|_| !known) {
            self.diary.note(&format!("limit reached: {limit}"));
        }
        turn
    }

    fn signalled(&mut self, signal: Signal, by: Stop) {
        let name = if signal == Signal::KILL {
            "KILL"
        } else {
            "TERM"
        };
        let why = match by {
            Stop::Watch => "a limit was reached",
            Stop::Owner => "the runner asked for the end",
        };
        self.diary
            .note(&format!("{name} to the process group: {why}"));
    }

    fn sweep(&mut self) -> u32 {
        let young = Moment::now().since(self.started) < SHORT;
        let found = self.net.haul(young.then_some(self.pid));
        if found > 0 {
            self.diary
                .note(&format!("{found} more processes were found and killed"));
        }
        found
    }
}

impl Heard<'_> {
    fn tell(&self, progress: Progress) {
        (self.report)(AttemptMessage::Progress(progress));
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < NOTES {
            self.tell(Progress::Note(note.clone()));
            self.notes.push(note);
        }
    }

    /// Moves the clock on and fills up the allowance of events.
    fn tick(&mut self, now: Moment) {
        self.allowance.tick(now);
        self.now = now;
    }

    fn turn(&mut self, now: Moment) -> Turn {
        self.tick(now);
        if std::mem::take(&mut self.new_results) {
            self.tell(Progress::Result);
        }
        if self.alive {
            self.limits.heard(now);
            if now.since(self.told_alive) >= ALIVE {
                self.told_alive = now;
                self.tell(Progress::Alive);
            }
            self.alive = false;
        }
        if self.timeout.is_some() {
            return Turn {
                stop: true,
                ..Turn::default()
            };
        }
        self.timeout = self.limits.reached(now);
        let held_until = self.allowance.waits_until();
        let next = self.limits.next();
        Turn {
            stop: self.timeout.is_some(),
            hold_channel: held_until.is_some(),
            next: Some(held_until.map_or(next, |until| until.min(next))),
        }
    }

    fn line(&mut self, line: Line<'_>) {
        if self.events >= EVENTS {
            self.events += 1;
            return;
        }
        self.allowance.spend();
        match line {
            Line::Whole(line) if line.trim_ascii().is_empty() => {}
            Line::Whole(line) => match decode(line) {
                Ok((event, object)) => {
                    self.events += u64::from(!event.is_transient());
                    self.event_log.add(object, self.now.since(self.started));
                    self.event(event);
                }
                Err(error) => self.bad_line(line, &error.to_string()),
            },
            Line::Cut(line) => self.bad_line(line, &format!("longer than {} KiB", LONGEST >> 10)),
        }
    }

    fn bad_line(&mut self, line: &[u8], why: &str) {
        self.events += 1;
        self.bad_events += 1;
        if self.bad_events <= QUOTED {
            let beginning = String::from_utf8_lossy(&line[..line.len().min(400)]);
            let quoted = text::clean(&beginning, 80);
            self.note(format!(
                "not an event: {}: `{quoted}`",
                text::clean(why, 160)
            ));
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Step(step) => self.step(&step),
            Event::Result(result) => {
                self.new_results |= self.results.add(result, &self.job_name);
            }
            Event::Attach(attach) if self.attached.len() < ATTACHED => {
                let path = attach.path.trim_start_matches("./");
                self.attached.insert(PathBuf::from(path), attach);
            }
            Event::Note { level, msg } => self.note(match level {
                Some(level) => format!("{level}: {msg}"),
                None => msg,
            }),
            Event::Board { health, reason } => self.board = Some((health, reason)),
            Event::End { reason, .. } => self.said = reason.or(self.said.take()),
            Event::Attach(_) | Event::Alive | Event::Unknown => {}
        }
    }

    fn step(&mut self, event: &StepEvent) {
        let n = event.n;
        if let Some(step) = self.steps.take(event, self.now.since(self.started)) {
            let step = step.clone();
            match event.phase {
                StepPhase::Start => {
                    self.limits
                        .step_started(n, &step.name, event.timeout, self.now);
                }
                StepPhase::Progress => self.limits.step_started(n, &step.name, None, self.now),
                StepPhase::End => self.limits.step_ended(n),
            }
            self.tell(Progress::Step(step));
        }
        if let Some(pct) = event.pct {
            self.tell(Progress::Pct {
                member: None,
                n,
                pct,
            });
        }
    }
}

fn words(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::SpawnFailed(why) => why.clone(),
    }
}
