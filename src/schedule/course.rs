//! How an attempt goes: which of its steps are done, and since when one runs.

use crate::model::record::{Step, StepState};

/// Steps beyond this are not followed; the dispatcher's protocol has a lower limit of its own.
const MOST: usize = 10_000;

/// The steps of an attempt on one board, or of each member of a group, side by side.
#[derive(Debug, Clone, Default)]
pub struct Course {
    pub(super) parts: Vec<Part>,
    /// The highest percentage given so far: a bar never moves back.
    pub(super) highest: u8,
}

/// What goes on on one board.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// The member of a group.
    member: Option<String>,
    /// At least one for each action of the job, and more if the dispatcher has reported more.
    pub stages: Vec<Stage>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stage {
    Waiting,
    Running {
        /// Seconds from the attempt's start.
        since_s: f64,
        /// What the dispatcher says of it, 0–100.
        pct: Option<u8>,
    },
    Done {
        seconds: f64,
    },
}

impl Course {
    /// Of an attempt with so many actions, by the members of a group or once without a name.
    pub fn new(actions: impl IntoIterator<Item = (Option<String>, usize)>) -> Self {
        let part = |(member, actions)| Part {
            member,
            stages: vec![Stage::Waiting; actions],
        };
        Self {
            parts: actions.into_iter().map(part).collect(),
            highest: 0,
        }
    }

    /// A step began or ended, `at_s` seconds after the attempt's start. It is that moment that counts,
    /// and not the dispatcher's `started_s`, since a board may be switched off before the dispatcher
    /// starts.
    pub fn step(&mut self, step: &Step, at_s: f64) {
        let Some(stage) = self.stage(step.member.as_deref(), step.n) else {
            return;
        };
        *stage = match (step.state, *stage) {
            (StepState::Waiting, _) => Stage::Waiting,
            (StepState::Running, _) => Stage::Running {
                since_s: at_s,
                pct: None,
            },
            (StepState::Done, Stage::Running { since_s, .. }) => Stage::Done {
                seconds: (at_s - since_s).max(0.0),
            },
            (StepState::Done, _) => Stage::Done {
                seconds: step.duration_s.unwrap_or(0.0),
            },
        };
    }

    /// The dispatcher says how much of a step is done, 0–100.
    pub fn pct(&mut self, member: Option<&str>, n: u32, said: u8) {
        if let Some(Stage::Running { pct, .. }) = self.stage(member, n) {
            *pct = Some(said.min(100));
        }
    }

    fn stage(&mut self, member: Option<&str>, n: u32) -> Option<&mut Stage> {
        let part = self
            .parts
            .iter_mut()
            .find(|part| part.member.as_deref() == member)?;
        let n = n as usize;
        if n >= MOST {
            return None;
        }
        if n >= part.stages.len() {
            part.stages.resize(n + 1, Stage::Waiting);
        }
        part.stages.get_mut(n)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn step(n: u32, state: StepState) -> Step {
        Step {
            n,
            member: None,
            name: "run".to_owned(),
            state,
            result: None,
            reason: None,
            started_s: None,
            duration_s: None,
        }
    }

    #[test]
    fn a_step_is_timed_from_its_beginning_and_members_have_their_own() {
        let mut course = Course::new([(Some("a".to_owned()), 1), (Some("b".to_owned()), 1)]);
        let of = |member: &str, n, state| Step {
            member: Some(member.to_owned()),
            ..step(n, state)
        };
        course.step(&of("b", 0, StepState::Running), 2.0);
        course.pct(Some("b"), 0, 200);
        course.pct(Some("a"), 0, 10);
        assert_eq!(course.parts[0].stages, [Stage::Waiting], "it has not begun");
        let running = Stage::Running {
            since_s: 2.0,
            pct: Some(100),
        };
        assert_eq!(course.parts[1].stages, [running]);
        course.step(&of("b", 0, StepState::Done), 5.5);
        course.step(&of("b", 2, StepState::Done), 6.0);
        course.step(&of("nobody", 0, StepState::Done), 6.0);
        let done = |seconds| Stage::Done { seconds };
        assert_eq!(
            course.parts[1].stages,
            [done(3.5), Stage::Waiting, done(0.0)]
        );
    }
}
