//! How far a running job is.

use crate::model::record::{Step, StepState};

/// Percent done, at most 99 before the end.
///
/// Each action counts alike; the running one counts by what its dispatcher said (`pct`, 0–100) of it.
/// The caller keeps the highest value it has shown, so that a bar never moves back.
pub fn progress(steps: &[Step], actions: usize, pct: Option<u8>) -> u8 {
    let done = steps
        .iter()
        .filter(|step| step.state == StepState::Done)
        .count();
    let running = if steps.iter().any(|step| step.state == StepState::Running) {
        pct.unwrap_or(0).min(100)
    } else {
        0
    };
    let of = actions.max(steps.len()).max(1);
    ((done * 100 + usize::from(running)) / of).min(99) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(n: u32, state: StepState) -> Step {
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
    fn counts_actions_and_what_the_running_one_says() {
        assert_eq!(progress(&[], 2, None), 0);
        assert_eq!(
            progress(
                &[step(0, StepState::Done), step(1, StepState::Running)],
                2,
                Some(50)
            ),
            75
        );
        assert_eq!(progress(&[step(0, StepState::Done)], 1, None), 99);
        assert_eq!(progress(&[], 0, Some(100)), 0);
    }
}
