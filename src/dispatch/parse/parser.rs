//! The front of the parsers: one of them, by what a job's `parse` says.

use super::ktap::Ktap;
use super::lava_signals::LavaSignals;
use super::outline::Case;
use super::tap::Tap;
use crate::dispatch::action::run::Parse;
use crate::dispatch::protocol::event::ResultEvent;

/// Reads results from one stream of output. A result without a suite is one of the action's suite.
pub struct Parser(Kind);

enum Kind {
    Tap(Tap),
    Ktap(Ktap),
    LavaSignals(LavaSignals),
    /// A report is a file: nothing is read from the stream.
    Report,
}

impl Parser {
    pub fn new(parse: &Parse) -> Self {
        Self(match parse {
            Parse::Tap => Kind::Tap(Tap::new()),
            Parse::Ktap => Kind::Ktap(Ktap::new()),
            Parse::LavaSignals => Kind::LavaSignals(LavaSignals::new()),
            Parse::Junit { .. } => Kind::Report,
        })
    }

    /// Says what the action's suite is called, so that suites below it can be named in full.
    pub fn in_suite(mut self, suite: &str) -> Self {
        if let Kind::LavaSignals(signals) = &mut self.0 {
            signals.set_suite(suite);
        }
        self
    }

    /// Takes a piece of the stream and gives the results that are complete.
    pub fn feed(&mut self, bytes: &[u8], give: &mut dyn FnMut(ResultEvent)) {
        match &mut self.0 {
            Kind::Tap(tap) => tap.feed(bytes, &mut |case| give(event(case))),
            Kind::Ktap(ktap) => ktap.feed(bytes, &mut |case| give(event(case))),
            Kind::LavaSignals(signals) => signals.feed(bytes, give),
            Kind::Report => {}
        }
    }

    /// Ends the stream and gives what is missing or unfinished. To be called once.
    pub fn finish(&mut self, give: &mut dyn FnMut(ResultEvent)) {
        match &mut self.0 {
            Kind::Tap(tap) => tap.finish(&mut |case| give(event(case))),
            Kind::Ktap(ktap) => ktap.finish(&mut |case| give(event(case))),
            Kind::LavaSignals(signals) => signals.finish(give),
            Kind::Report => {}
        }
    }
}

fn event(case: Case) -> ResultEvent {
    ResultEvent {
        why: case.why,
        ..ResultEvent::new(case.name, case.result)
    }
}
