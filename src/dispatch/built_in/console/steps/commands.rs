//! `run` and `lava_command_run`.

use std::time::Instant;

use super::Steps;
use crate::dispatch::action::run::{Parse, RunAction};
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::plan::CommandRun;
use crate::dispatch::built_in::console::session::Session;
use crate::dispatch::built_in::log::say;
use crate::dispatch::parse::{Parser, junit};
use crate::dispatch::protocol::event::ResultEvent;
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// The suite of v1's `lava_command_run`.
const SUITE: &str = "lava-command";

/// How long a line may be in which a pattern is looked for.
pub(super) const LINE: usize = 16 << 10;

impl Steps<'_> {
    /// Runs every command in a fresh shell of the board, whatever the earlier ones gave.
    pub(super) fn run_commands(&mut self, n: u32, run: &RunAction) -> Result<(), Halt> {
        let mut session = self.session()?;
        let suite = run.suite.as_deref().unwrap_or(&self.job_name).to_owned();
        self.running = Some(suite.clone());
        let count = run.commands.len();
        for (i, command) in run.commands.iter().enumerate() {
            shown(command);
            let mut parser = run.parse.as_ref().map(|p| Parser::new(p).in_suite(&suite));
            let started = Instant::now();
            let mut found = self.found(&suite);
            let ended = session.run(command, &mut |bytes| {
                if let Some(parser) = &mut parser {
                    parser.feed(bytes, &mut |result| found.give(result));
                }
            });
            // However it ended: what is missing then shows.
            if let Some(parser) = &mut parser {
                parser.finish(&mut |result| found.give(result));
            }
            let code = ended?;
            let seconds = Some(seconds(started));
            let why = (code != 0).then(|| format!("exit code {code}"));
            if parser.is_some() {
                if why.is_some() {
                    found.case("exit", CaseResult::Fail, why, seconds);
                }
            } else {
                let case = self.names.name(run, &suite, i);
                let result = verdict(&why);
                self.found(&suite).case(&case, result, why, seconds);
            }
            if i + 1 < count {
                let done = (i + 1) * 100 / count;
                self.events.step_progress(n, done.min(99) as u8);
            }
        }
        if let Some(Parse::Junit { report }) = &run.parse {
            self.report(&mut session, &suite, report)?;
        }
        self.session = Some(session);
        Ok(())
    }

    /// Gives the results of a report. One that is missing or broken is a failing case itself.
    fn report(&mut self, session: &mut Session<'_>, suite: &str, path: &str) -> Result<(), Halt> {
        let mut found = self.found(suite);
        let read = session.get(path, junit::LARGEST + 1)?.and_then(|bytes| {
            junit::read(&bytes, &mut |result| {
                let below = result.suite.as_ref().map(|name| format!("{suite}.{name}"));
                found.give(ResultEvent {
                    suite: below,
                    ..result
                });
            })
            .map_err(|error| error.to_string())
        });
        if let Err(why) = read {
            let why = format!("{}: {why}", clean(path, 200));
            found.case("report", CaseResult::Fail, Some(why), None);
        }
        Ok(())
    }

    /// v1's commands run in one shell: what one of them sets the next one sees.
    pub(super) fn command_run(&mut self, run: &CommandRun) -> Result<(), Halt> {
        let mut session = self.session()?;
        let suite = self.suite(SUITE);
        self.running = Some(suite.clone());
        for command in &run.commands {
            shown(command);
        }
        let script = run.commands.join("\n");
        for _ in 0..run.iterations {
            let started = Instant::now();
            let mut found = self.found(&suite);
            let mut lines = Lines::new(LINE);
            let code = session.run(&script, &mut |bytes| {
                lines.feed(bytes, |line| {
                    if let (Line::Whole(line), Some(pattern)) = (line, &run.pattern)
                        && let Some(result) = pattern.read(line.trim_ascii_end())
                    {
                        found.give(result);
                    }
                });
            })?;
            let why = (code != 0).then(|| format!("exit code {code}"));
            if run.pattern.is_none() || why.is_some() {
                found.case("exit", verdict(&why), why, Some(seconds(started)));
            }
        }
        self.session = Some(session);
        Ok(())
    }
}

fn verdict(why: &Option<String>) -> CaseResult {
    match why {
        Some(_) => CaseResult::Fail,
        None => CaseResult::Pass,
    }
}

/// Tells the log what the board is given to run; the board itself echoes nothing.
pub(super) fn shown(command: &str) {
    say(&format!("$ {}", clean(command, 4000)));
}

/// Seconds to the thousandth.
pub(super) fn seconds(started: Instant) -> f64 {
    (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}
