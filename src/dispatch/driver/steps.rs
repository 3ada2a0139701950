//! The steps of an attempt: one for each action, and what the dispatcher adds.

use std::time::Duration;

use crate::dispatch::protocol::event::{STEPS, StepEvent, StepPhase};
use crate::model::record::{CaseResult, Step, StepState};

pub struct Steps(Vec<Step>);

impl Steps {
    pub fn new<'a>(actions: impl Iterator<Item = &'a str>) -> Self {
        Self(
            actions
                .take(STEPS as usize)
                .zip(0..)
                .map(|(name, n)| waiting(n, name))
                .collect(),
        )
    }

    /// Takes an event at that time since the attempt's start; gives the step when its state changed.
    pub fn take(&mut self, event: &StepEvent, at: Duration) -> Option<&Step> {
        let known = event.of.unwrap_or(0).min(STEPS).max(event.n + 1);
        for n in self.0.len() as u32..known {
            self.0.push(waiting(n, &format!("step-{n}")));
        }
        let step = self.0.get_mut(event.n as usize)?;
        if let Some(name) = &event.name {
            step.name.clone_from(name);
        }
        match event.phase {
            StepPhase::Start => {
                *step = waiting(step.n, &step.name);
                step.state = StepState::Running;
                step.started_s = Some(seconds(at));
            }
            // Progress of a step that was never started starts it.
            StepPhase::Progress if step.state == StepState::Waiting => {
                step.state = StepState::Running;
                step.started_s = Some(seconds(at));
            }
            StepPhase::Progress => return None,
            StepPhase::End => {
                end(
                    step,
                    at,
                    event.result.unwrap_or(CaseResult::Unknown),
                    event.reason.clone(),
                );
            }
        }
        Some(step)
    }

    /// Ends the steps that were still running when the process ended.
    pub fn finish(mut self, at: Duration, result: CaseResult, reason: &str) -> Vec<Step> {
        for step in &mut self.0 {
            if step.state == StepState::Running {
                end(step, at, result, Some(reason.to_owned()));
            }
        }
        self.0
    }
}

fn waiting(n: u32, name: &str) -> Step {
    Step {
        n,
        member: None,
        name: name.to_owned(),
        state: StepState::Waiting,
        result: None,
        reason: None,
        started_s: None,
        duration_s: None,
    }
}

fn end(step: &mut Step, at: Duration, result: CaseResult, reason: Option<String>) {
    let at = seconds(at);
    let started = *step.started_s.get_or_insert(at);
    step.state = StepState::Done;
    step.result = Some(result);
    step.reason = reason;
    step.duration_s = Some(((at - started) * 1000.0).round() / 1000.0);
}

/// To the millisecond: finer digits would only be noise in the records.
fn seconds(at: Duration) -> f64 {
    (at.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn steps_are_stamped_by_us_and_closed_at_the_end() {
        let mut steps = Steps::new(["deploy", "run", "submit_results"].into_iter());
        steps.take(&StepEvent::new(0, StepPhase::Start), at(10));
        let mut ended = StepEvent::new(0, StepPhase::End);
        ended.result = Some(CaseResult::Pass);
        let step = steps.take(&ended, at(2510)).unwrap();
        assert_eq!((step.started_s, step.duration_s), (Some(0.01), Some(2.5)));
        steps.take(&StepEvent::new(1, StepPhase::Start), at(3000));
        let steps = steps.finish(at(4000), CaseResult::Fail, "too slow");
        assert_eq!(steps[1].state, StepState::Done);
        assert_eq!(steps[1].result, Some(CaseResult::Fail));
        assert_eq!(steps[1].reason.as_deref(), Some("too slow"));
        assert_eq!(steps[2].state, StepState::Waiting);
        assert_eq!(steps[2].name, "submit_results");
    }

    #[test]
    fn a_dispatcher_may_report_more_steps_than_actions() {
        let mut steps = Steps::new(["run"].into_iter());
        let event = StepEvent {
            of: Some(u32::MAX),
            name: Some("boot".into()),
            ..StepEvent::new(2, StepPhase::Start)
        };
        steps.take(&event, at(0));
        assert_eq!(steps.0.len(), STEPS as usize);
        assert_eq!(steps.0[1].name, "step-1");
        assert_eq!(steps.0[2].name, "boot");
    }
}
