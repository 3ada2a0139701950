//! Results on their way out.

use crate::dispatch::protocol::event::ResultEvent;
use crate::dispatch::protocol::writer::EventWriter;
use crate::model::record::CaseResult;

/// Gives results of one suite.
pub struct Found<'a> {
    events: &'a mut EventWriter,
    suite: &'a str,
}

impl<'a> Found<'a> {
    pub fn new(events: &'a mut EventWriter, suite: &'a str) -> Self {
        Self { events, suite }
    }

    /// A result without a suite is one of this one.
    pub fn give(&mut self, result: ResultEvent) {
        let suite = result.suite.or_else(|| Some(self.suite.to_owned()));
        self.events.result(ResultEvent { suite, ..result });
    }

    /// A case with a reason, if there is one.
    pub fn case(
        &mut self,
        case: &str,
        result: CaseResult,
        why: Option<String>,
        seconds: Option<f64>,
    ) {
        self.give(ResultEvent {
            why,
            seconds,
            ..ResultEvent::new(case, result)
        });
    }
}
