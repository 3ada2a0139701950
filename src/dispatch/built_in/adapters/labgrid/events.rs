//! What the plugin says while pytest runs.

use crate::dispatch::built_in::commands::Commands;
use crate::dispatch::protocol::event::{Event, LONGEST, ResultEvent, StepEvent, StepPhase, decode};
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::model::record::CaseResult;

/// Hands the plugin's events on. What a test says in its place counts for no more than its results.
pub struct Plugin<'a> {
    lines: Lines,
    heard: Heard<'a>,
}

struct Heard<'a> {
    suite: &'a str,
    n: u32,
    /// The test that runs.
    running: Option<String>,
    any: bool,
    failed: bool,
    ended: bool,
}

/// How much the plugin told.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    Nothing,
    /// It stopped before the session ended.
    Part,
    Whole,
}

impl<'a> Plugin<'a> {
    /// For the step `n`, whose results are of `suite`.
    pub fn new(suite: &'a str, n: u32) -> Self {
        Self {
            lines: Lines::new(LONGEST),
            heard: Heard {
                suite,
                n,
                running: None,
                any: false,
                failed: false,
                ended: false,
            },
        }
    }

    pub fn feed(&mut self, bytes: &[u8], commands: &mut Commands<'_>) {
        let heard = &mut self.heard;
        self.lines.feed(bytes, |line| heard.line(line, commands));
    }

    /// Ends the stream. The test that ran when it stopped has no result. Also gives whether any failed.
    pub fn finish(mut self, commands: &mut Commands<'_>) -> (Told, bool) {
        let heard = &mut self.heard;
        self.lines.finish(|line| heard.line(line, commands));
        if let Some(case) = heard.running.take().filter(|_| !heard.ended) {
            let event = ResultEvent::new(case, CaseResult::Unknown);
            let why = Some("pytest ended before this test did".to_owned());
            commands.found(heard.suite, ResultEvent { why, ..event });
        }
        let told = match (heard.any, heard.ended) {
            (_, true) => Told::Whole,
            (true, false) => Told::Part,
            (false, false) => Told::Nothing,
        };
        (told, heard.failed)
    }
}

impl Heard<'_> {
    fn line(&mut self, line: Line<'_>, commands: &mut Commands<'_>) {
        let Line::Whole(bytes) = line else { return };
        let Ok((event, _)) = decode(bytes) else {
            return;
        };
        self.any = true;
        match event {
            Event::Result(found) => {
                if self.running.as_ref() == Some(&found.case) {
                    self.running = None;
                }
                self.failed |= found.result == CaseResult::Fail;
                commands.found(self.suite, found);
            }
            Event::Step(step) if step.phase == StepPhase::Progress => {
                self.running = step.msg.clone();
                commands.tell(&Event::Step(StepEvent {
                    pct: step.pct,
                    msg: step.msg,
                    ..StepEvent::new(self.n, StepPhase::Progress)
                }));
            }
            Event::End { .. } => self.ended = true,
            _ => {}
        }
    }
}
