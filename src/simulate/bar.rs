//! What the bar of a run would show, against what turns out.

use super::workload::Arrival;
use crate::model::record::{Step, StepState};
use crate::schedule::{Course, RunTimes, Usual};

/// At how many moments a run is looked at, evenly spread.
const LOOKS: usize = 20;

/// How many points the bar is off at each look. It goes by the runs known when it starts.
pub fn errors(arrival: &Arrival, runs: &RunTimes) -> Vec<f64> {
    let usual = Usual {
        runs,
        job_name: &arrival.name,
        device_type: &arrival.device_type,
        limit_s: arrival.limit_s,
    };
    let mut course = Course::new([(None, arrival.actions)]);
    let mut events = events(arrival).into_iter().peekable();
    let look = |n: usize| {
        let share = n as f64 / LOOKS as f64;
        let elapsed_s = share * arrival.run_s();
        while let Some((at_s, step)) = events.next_if(|(at_s, _)| *at_s <= elapsed_s) {
            course.step(&step, at_s);
        }
        (f64::from(course.progress(&usual, elapsed_s)) - 100.0 * share).abs()
    };
    (1..LOOKS).map(look).collect()
}

/// The begins and ends of its steps, with the seconds after its start at which they come.
fn events(arrival: &Arrival) -> Vec<(f64, Step)> {
    let mut at_s = 0.0;
    let mut events = Vec::with_capacity(2 * arrival.steps_s.len());
    for (n, seconds) in arrival.steps_s.iter().enumerate() {
        events.push((at_s, step(n, StepState::Running)));
        at_s += seconds;
        events.push((at_s, step(n, StepState::Done)));
    }
    events
}

fn step(n: usize, state: StepState) -> Step {
    Step {
        n: n as u32,
        member: None,
        name: "run".to_owned(),
        state,
        result: None,
        reason: None,
        started_s: None,
        duration_s: None,
    }
}
