//! LAVA's actions as steps.

use std::time::Duration;

use crate::dispatch::protocol::event::{Event, STEPS, StepEvent, StepPhase};
use crate::model::record::CaseResult;

pub struct Steps {
    of: u32,
    /// The step that runs, counted from 1 as LAVA does, and its result so far.
    open: Option<(u32, CaseResult)>,
}

impl Steps {
    pub fn new(of: u32) -> Self {
        Self { of, open: None }
    }

    /// A step begins. One that is open has ended without a word: LAVA goes on to its last action.
    pub fn begin(&mut self, n: u32, name: &str, timeout: Option<Duration>) -> Vec<Event> {
        if n > STEPS {
            return Vec::new();
        }
        let mut events = self.close();
        self.open = Some((n, CaseResult::Pass));
        self.of = self.of.max(n);
        events.push(Event::Step(StepEvent {
            of: Some(self.of),
            name: Some(name.to_owned()),
            timeout,
            ..StepEvent::new(n - 1, StepPhase::Start)
        }));
        events
    }

    /// What the step is made of, such as 2.1 of 2, went so. The last word counts: LAVA tries again.
    pub fn judge(&mut self, level: &str, told: CaseResult) {
        let whole = level.split('.').next().and_then(|n| n.parse().ok());
        if let Some((n, result)) = &mut self.open
            && whole == Some(*n)
        {
            *result = told;
        }
    }

    pub fn end(&mut self, n: u32) -> Option<Event> {
        let (_, result) = self.open.take_if(|(open, _)| *open == n)?;
        Some(ended(n, result))
    }

    /// What is open did not come to its end.
    pub fn close(&mut self) -> Vec<Event> {
        let open = self.open.take();
        open.map(|(n, result)| match result {
            CaseResult::Pass => ended(n, CaseResult::Unknown),
            result => ended(n, result),
        })
        .into_iter()
        .collect()
    }
}

fn ended(n: u32, result: CaseResult) -> Event {
    Event::Step(StepEvent {
        result: Some(result),
        ..StepEvent::new(n - 1, StepPhase::End)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_about_a_step_counts() {
        let mut steps = Steps::new(2);
        assert_eq!(steps.begin(1, "deploy", None).len(), 1);
        steps.judge("1.1", CaseResult::Fail);
        steps.judge("1.1", CaseResult::Pass);
        steps.judge("2.1", CaseResult::Fail);
        assert_eq!(steps.end(2), None);
        assert_eq!(steps.end(1), Some(ended(1, CaseResult::Pass)));
        steps.begin(2, "boot", None);
        assert_eq!(
            steps.begin(3, "finalize", None)[0],
            ended(2, CaseResult::Unknown)
        );
        assert_eq!(steps.begin(STEPS + 1, "beyond", None), []);
        assert_eq!(steps.close(), [ended(3, CaseResult::Unknown)]);
    }
}
