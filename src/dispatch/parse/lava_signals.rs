//! Reads the signals that LAVA's test helpers print: `<LAVA_SIGNAL_TESTCASE …>` and their kind.
//!
//! A signal counts wherever in a line it stands, so a prompt, a terminal sequence or the time of the
//! kernel's log before it does not hide it. A case that began and never got a result is unknown, and
//! so is a run that never ended. Any bytes are accepted.

use std::time::Instant;

use super::signal::{MARKER, Signal};
use crate::dispatch::protocol::event::{NAME, ResultEvent, TEXT};
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// How long the words of a signal may be, in bytes; a longer one is none.
const LONGEST: usize = 4 << 10;

/// How many begun cases are remembered at once: more would be a board that counts up names.
const BEGUN: usize = 1000;

/// A parser of one stream, fed as bytes come in.
pub struct LavaSignals {
    /// How much of the marker the last bytes are, or the words of a signal so far.
    scan: Scan,
    state: State,
}

enum Scan {
    Marker(usize),
    Words(Vec<u8>),
}

struct State {
    /// Seconds since some moment, never going back.
    clock: Box<dyn FnMut() -> f64 + Send>,
    /// The action's suite, when somebody said it.
    suite: Option<String>,
    /// The name of the run that is under way.
    run: Option<String>,
    /// The test set that is open.
    set: Option<String>,
    /// The cases that began and have no result yet, in their order.
    begun: Vec<Begun>,
    any: bool,
}

struct Begun {
    case: String,
    suite: Option<String>,
    at: f64,
    /// How long it took, once it ended.
    seconds: Option<f64>,
}

impl Default for LavaSignals {
    fn default() -> Self {
        Self::new()
    }
}

impl LavaSignals {
    pub fn new() -> Self {
        let start = Instant::now();
        Self::with_clock(Box::new(move || start.elapsed().as_secs_f64()))
    }

    /// The clock tells when signals come; durations are taken from it.
    fn with_clock(clock: Box<dyn FnMut() -> f64 + Send>) -> Self {
        Self {
            scan: Scan::Marker(0),
            state: State {
                clock,
                suite: None,
                run: None,
                set: None,
                begun: Vec::new(),
                any: false,
            },
        }
    }

    pub fn set_suite(&mut self, suite: &str) {
        self.state.suite = Some(clean(suite, NAME));
    }

    /// Takes a piece of the stream and gives the results that are complete.
    pub fn feed(&mut self, bytes: &[u8], give: &mut dyn FnMut(ResultEvent)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Scan::Marker(0) = self.scan {
                let Some(at) = rest.iter().position(|&byte| byte == MARKER[0]) else {
                    return;
                };
                rest = &rest[at..];
            }
            self.byte(rest[0], give);
            rest = &rest[1..];
        }
    }

    /// Ends the stream and gives what is missing or unfinished.
    pub fn finish(&mut self, give: &mut dyn FnMut(ResultEvent)) {
        let state = &mut self.state;
        state.close_cases(give);
        if let Some(run) = state.run.take() {
            state.give(
                Some(run),
                unknown("run", "the run did not come to its end"),
                give,
            );
        }
        if !state.any {
            state.give(
                None,
                unknown("lava-signals", "no signal in the output"),
                give,
            );
        }
    }

    fn byte(&mut self, byte: u8, give: &mut dyn FnMut(ResultEvent)) {
        match &mut self.scan {
            Scan::Marker(matched) => {
                // No part of the marker but its first byte begins it again.
                *matched = match MARKER.get(*matched) {
                    Some(&wanted) if wanted == byte => *matched + 1,
                    _ => usize::from(byte == MARKER[0]),
                };
                if *matched == MARKER.len() {
                    self.scan = Scan::Words(Vec::new());
                }
            }
            Scan::Words(words) => {
                let end = byte == b'\n' || words.len() == LONGEST;
                if !end {
                    words.push(byte);
                }
                // A signal ends at a `>` that is in no quotes; the line's end settles what is left.
                if (end || byte == b'>')
                    && let Some(signal) = Signal::read(&String::from_utf8_lossy(words), end)
                {
                    self.state.signal(&signal, give);
                    self.scan = Scan::Marker(0);
                } else if end {
                    self.scan = Scan::Marker(0);
                }
            }
        }
    }
}

impl State {
    fn signal(&mut self, signal: &Signal, give: &mut dyn FnMut(ResultEvent)) {
        let word = |n: usize| signal.words.get(n).map(|word| clean(word, NAME));
        match signal.name.as_str() {
            "STARTRUN" => {
                self.close_cases(give);
                self.run = word(0);
                self.set = None;
            }
            "ENDRUN" => {
                self.close_cases(give);
                self.run = None;
                self.set = None;
            }
            "STARTTC" => {
                if let Some(case) = word(0) {
                    self.start(case, give);
                }
            }
            "ENDTC" => {
                let now = (self.clock)();
                let begun = word(0).and_then(|case| self.begun(&case));
                if let Some(begun) = begun.and_then(|at| self.begun.get_mut(at)) {
                    begun.seconds.get_or_insert(now - begun.at);
                }
            }
            "TESTCASE" => self.case(signal, CaseResult::Unknown, None, give),
            // What was measured counts as done.
            "MEASUREMENT" => self.case(signal, CaseResult::Pass, None, give),
            "TESTREFERENCE" => {
                let reference = signal.get("REFERENCE").map(str::to_owned);
                self.case(signal, CaseResult::Unknown, reference, give);
            }
            "TESTRAISE" => {
                let case = clean(&signal.words.join(" "), NAME);
                let why = Some("raised by the test itself".to_owned());
                let event = ResultEvent {
                    why,
                    ..ResultEvent::new(case, CaseResult::Fail)
                };
                self.give(self.suite_now(), event, give);
            }
            "TESTSET" => match (word(0).as_deref(), word(1)) {
                (Some("START"), Some(set)) => self.set = Some(set),
                (Some("STOP"), _) => self.set = None,
                _ => {}
            },
            _ => {}
        }
    }

    /// A signal that carries a result, in whatever order its words stand.
    fn case(
        &mut self,
        signal: &Signal,
        otherwise: CaseResult,
        remark: Option<String>,
        give: &mut dyn FnMut(ResultEvent),
    ) {
        let case = clean(signal.get("TEST_CASE_ID").unwrap_or_default(), NAME);
        if case.is_empty() {
            return;
        }
        let mut why = remark;
        let result = match signal.get("RESULT") {
            None => otherwise,
            Some(word) => word.to_ascii_lowercase().parse().unwrap_or_else(|_| {
                why = Some(format!("`{word}` is no result"));
                CaseResult::Unknown
            }),
        };
        let measured = signal.get("MEASUREMENT").filter(|text| !text.is_empty());
        let value: Option<f64> = measured.and_then(|text| text.parse().ok());
        let value = value.filter(|value| value.is_finite());
        if let (Some(text), None, None) = (measured, value, &why) {
            why = Some(format!("the measurement `{text}` is no number"));
        }
        let now = (self.clock)();
        let begun = self.begun(&case).map(|at| self.begun.remove(at));
        let event = ResultEvent {
            value,
            units: signal
                .get("UNITS")
                .filter(|_| value.is_some())
                .map(|units| clean(units, NAME))
                .filter(|units| !units.is_empty()),
            seconds: begun.map(|begun| begun.seconds.unwrap_or(now - begun.at)),
            why,
            ..ResultEvent::new(case, result)
        };
        self.give(self.suite_now(), event, give);
    }

    fn start(&mut self, case: String, give: &mut dyn FnMut(ResultEvent)) {
        if self.begun.len() == BEGUN {
            let oldest = self.begun.remove(0);
            self.without_result(oldest, give);
        }
        let begun = Begun {
            case,
            suite: self.suite_now(),
            at: (self.clock)(),
            seconds: None,
        };
        self.begun.push(begun);
    }

    /// Where the case that began last under this name stands.
    fn begun(&self, case: &str) -> Option<usize> {
        self.begun.iter().rposition(|begun| begun.case == case)
    }

    /// The cases that still have no result get none any more.
    fn close_cases(&mut self, give: &mut dyn FnMut(ResultEvent)) {
        for begun in std::mem::take(&mut self.begun) {
            self.without_result(begun, give);
        }
    }

    fn without_result(&mut self, begun: Begun, give: &mut dyn FnMut(ResultEvent)) {
        let event = ResultEvent {
            seconds: begun.seconds,
            ..unknown(begun.case, "began, but gave no result")
        };
        self.give(begun.suite, event, give);
    }

    /// The suite of what comes now: that of the run, else the action's, with the test set behind it.
    fn suite_now(&self) -> Option<String> {
        let suite = self.run.as_ref().or(self.suite.as_ref());
        match (suite, &self.set) {
            (Some(suite), Some(set)) => Some(clean(&format!("{suite}.{set}"), NAME)),
            (suite, set) => suite.or(set.as_ref()).cloned(),
        }
    }

    fn give(
        &mut self,
        suite: Option<String>,
        event: ResultEvent,
        give: &mut dyn FnMut(ResultEvent),
    ) {
        self.any = true;
        give(ResultEvent {
            suite,
            why: event.why.map(|why| clean(&why, TEXT)),
            ..event
        });
    }
}

fn unknown(case: impl Into<String>, why: impl Into<String>) -> ResultEvent {
    ResultEvent {
        why: Some(why.into()),
        ..ResultEvent::new(case, CaseResult::Unknown)
    }
}

#[cfg(test)]
mod tests;
