//! Runs the commands of `run`, whatever shell they are for.
//!
//! A dispatcher says where its shell is; this keeps the order of things, which is the same for all:
//! steps, one result a command or what a parser finds, and the end that the runner asked for.

use std::io;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::log::say;
use super::plan::Planned;
use super::{exit, output, terminated};
use crate::dispatch::action::run::{CaseNames, Parse, RunAction};
use crate::dispatch::parse::{Parser, junit};
use crate::dispatch::protocol::event::{Event, ResultEvent};
use crate::dispatch::protocol::text::clean;
use crate::dispatch::protocol::writer::EventWriter;
use crate::model::record::CaseResult;

/// Where commands are run. An error is the infrastructure's, and says what failed.
pub trait Shell {
    /// What this dispatcher does beside `run`.
    type Own;

    /// Does it, as step `n`.
    fn own(&mut self, own: &Self::Own, n: u32, commands: &mut Commands<'_>) -> Result<(), Halt>;

    /// Starts one command in a fresh shell, its standard output going to `output`.
    fn start(&mut self, command: &str, output: Stdio) -> Result<Child, String>;

    /// Whether the exit of what was started is the command's own.
    fn judge(&mut self, status: ExitStatus) -> Result<(), String>;

    /// Reads a report that a command left.
    fn report(&mut self, path: &str) -> io::Result<Vec<u8>>;
}

/// One run through the actions of a job.
pub struct Commands<'a> {
    job_name: String,
    events: &'a mut EventWriter,
    names: CaseNames,
    terminated: Arc<AtomicBool>,
}

/// Why the rest is not run.
pub enum Halt {
    Terminated,
    Infrastructure(String),
    /// The definition is wrong, which showed only now.
    Job(String),
    /// The host is not set up for the board.
    Board(String),
}

impl<'a> Commands<'a> {
    pub fn new(job: &Value, events: &'a mut EventWriter) -> Self {
        let job_name = job.get("job_name").and_then(Value::as_str);
        Self {
            job_name: job_name.unwrap_or("job").to_owned(),
            events,
            names: CaseNames::default(),
            terminated: terminated::listen(),
        }
    }

    /// Gives the exit code of the protocol.
    pub fn run<S: Shell>(mut self, actions: &[Planned<S::Own>], shell: &mut S) -> i32 {
        for (n, action) in (0..).zip(actions) {
            let of = actions.len() as u32;
            self.events.step_start(n, of, action.name());
            let halt = match action {
                Planned::Run { run, .. } => self.action(n, run, shell).err(),
                Planned::Pass { .. } => None,
                Planned::Own { own, .. } => shell.own(own, n, &mut self).err(),
            };
            match halt {
                None => self.events.step_end(n, CaseResult::Pass, None),
                Some(Halt::Terminated) => {
                    self.events
                        .step_end(n, CaseResult::Unknown, Some("terminated"));
                    return exit::TERMINATED;
                }
                Some(Halt::Infrastructure(why)) => return self.fail(n, &why, exit::TRY_AGAIN),
                Some(Halt::Job(why)) => return self.fail(n, &why, exit::JOB_ERROR),
                Some(Halt::Board(why)) => return self.fail(n, &why, exit::BOARD_CONFIG),
            }
        }
        exit::OK
    }

    fn fail(&mut self, n: u32, why: &str, code: i32) -> i32 {
        say(why);
        self.events.step_end(n, CaseResult::Unknown, Some(why));
        self.events.end(why);
        code
    }

    /// The suite of an action.
    pub fn suite(&self, suite: Option<&str>) -> String {
        suite.unwrap_or(&self.job_name).to_owned()
    }

    /// Runs every command, whatever the earlier ones gave.
    fn action(&mut self, n: u32, action: &RunAction, shell: &mut impl Shell) -> Result<(), Halt> {
        let suite = self.suite(action.suite.as_deref());
        let count = action.commands.len();
        for (i, command) in action.commands.iter().enumerate() {
            self.go_on()?;
            say(&format!("$ {}", clean(command, 4000)));
            let started = Instant::now();
            let status = self.command(command, action.parse.as_ref(), &suite, shell)?;
            let seconds = (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
            // A command that our TERM cut short has no result.
            self.go_on()?;
            shell.judge(status).map_err(Halt::Infrastructure)?;
            let why = failure(status);
            let result = match why {
                None => CaseResult::Pass,
                Some(_) => CaseResult::Fail,
            };
            let case = match action.parse {
                None => Some(self.names.name(action, &suite, i)),
                Some(_) => why.is_some().then(|| "exit".to_owned()),
            };
            if let Some(case) = case {
                let event = ResultEvent::new(case, result);
                let seconds = Some(seconds);
                self.found(
                    &suite,
                    ResultEvent {
                        seconds,
                        why,
                        ..event
                    },
                );
            }
            if i + 1 < count {
                self.events
                    .step_progress(n, ((i + 1) * 100 / count).min(99) as u8);
            }
        }
        if let Some(Parse::Junit { report }) = &action.parse {
            self.report(&suite, report, shell);
        }
        Ok(())
    }

    /// Whether the runner still wants the attempt.
    pub fn go_on(&self) -> Result<(), Halt> {
        if self.terminated.load(Ordering::Acquire) {
            return Err(Halt::Terminated);
        }
        Ok(())
    }

    /// A TERM that came while a child was being started may have missed it.
    pub fn pass_on(&self, child: &Child) {
        if self.terminated.load(Ordering::Acquire) {
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
        }
    }

    /// Runs one command to its end. Output that is parsed is copied to the log on the way.
    fn command(
        &mut self,
        command: &str,
        parse: Option<&Parse>,
        suite: &str,
        shell: &mut impl Shell,
    ) -> Result<ExitStatus, Halt> {
        let lost = |error: io::Error| Halt::Infrastructure(format!("a command was lost: {error}"));
        let parse = parse.filter(|parse| !matches!(parse, Parse::Junit { .. }));
        let output = match parse {
            Some(_) => Stdio::piped(),
            None => Stdio::inherit(),
        };
        let started = shell.start(command, output);
        // What our TERM cut short while it was being started did not fail.
        let mut child = started.map_err(|why| match self.go_on() {
            Ok(()) => Halt::Infrastructure(why),
            Err(terminated) => terminated,
        })?;
        self.pass_on(&child);
        let Some(parse) = parse else {
            return child.wait().map_err(lost);
        };
        let mut parser = Parser::new(parse).in_suite(suite);
        if let Some(output) = child.stdout.take() {
            output::read(&child, output, |bytes| {
                output::log(bytes);
                parser.feed(bytes, &mut |found| self.found(suite, found));
            })
            .map_err(lost)?;
        }
        let status = child.wait().map_err(lost)?;
        self.go_on()?;
        parser.finish(&mut |found| self.found(suite, found));
        Ok(status)
    }

    /// Gives the results of a report. One that is missing or broken is a failing case itself.
    fn report(&mut self, suite: &str, path: &str, shell: &mut impl Shell) {
        let bytes = shell.report(path);
        self.judge_report(suite, path, bytes);
    }

    /// Gives the results of a report that was read, or why it was not.
    pub fn judge_report(&mut self, suite: &str, path: &str, bytes: io::Result<Vec<u8>>) {
        let read = bytes.map_err(|error| error.to_string()).and_then(|bytes| {
            junit::read(&bytes, &mut |found| {
                let named = found.suite.as_ref().map(|name| format!("{suite}.{name}"));
                self.found(
                    suite,
                    ResultEvent {
                        suite: named,
                        ..found
                    },
                );
            })
            .map_err(|error| error.to_string())
        });
        if let Err(why) = read {
            let why = format!("{}: {why}", clean(path, 200));
            say(&format!("the report {why}"));
            let event = ResultEvent::new("report", CaseResult::Fail);
            let why = Some(why);
            self.found(suite, ResultEvent { why, ..event });
        }
    }

    /// Sends an event as it is.
    pub fn tell(&mut self, event: &Event) {
        self.events.send(event);
    }

    /// Gives a result; one without a suite is of `suite`.
    pub fn found(&mut self, suite: &str, found: ResultEvent) {
        self.events.result(ResultEvent {
            suite: found.suite.or_else(|| Some(suite.to_owned())),
            ..found
        });
    }
}

/// Why a command failed; `None` when it did not.
pub fn failure(status: ExitStatus) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, signal) => Some(format!("signal {}", signal.unwrap_or_default())),
    }
}
