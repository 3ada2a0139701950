//! An estimate, as it is said and kept.

use super::runs::RunTime;
use crate::model::record::Estimate;
use crate::model::status::Factors;
use crate::model::{Priority, Time};

/// The largest factor that is used.
const MOST: f64 = 100.0;

/// What is expected of a waiting job that starts at `start` if all goes as expected: "nine times in ten by"
/// multiplies its waits by the factors of its priority. Nothing is expected earlier than now.
pub fn of_waiting(
    now: Time,
    start: Time,
    run: &RunTime,
    priority: Priority,
    factors: &Factors,
) -> Estimate {
    let wait_s = start.seconds_since(now).max(0.0);
    let to_end_s = wait_s + run.p50_s;
    let level = priority as usize;
    let start_p90_s = wait_s * bounded(factors.start[level]);
    // Both factors are learnt by themselves; nothing ends before it starts.
    let p90_s = (to_end_s * bounded(factors.end[level])).max(start_p90_s);
    Estimate {
        at: Some(now),
        start: Some(now.plus_seconds(wait_s)),
        start_p90: Some(now.plus_seconds(start_p90_s)),
        end: Some(now.plus_seconds(to_end_s)),
        p90: Some(now.plus_seconds(p90_s)),
        basis: Some(run.basis),
    }
}

/// A factor as it is used, whoever said it: no bound lies before what is expected, and none so far away that
/// it says nothing.
fn bounded(factor: f64) -> f64 {
    factor.clamp(1.0, MOST)
}

/// What is expected of a job that starts now.
pub fn of_starting(now: Time, run: &RunTime) -> Estimate {
    Estimate {
        at: Some(now),
        start: None,
        start_p90: None,
        end: Some(now.plus_seconds(run.p50_s)),
        p90: Some(now.plus_seconds(run.p90_s)),
        basis: Some(run.basis),
    }
}

/// What is said of a waiting job that no board can take as things are.
pub fn of_stuck(now: Time) -> Estimate {
    Estimate {
        at: Some(now),
        start: None,
        start_p90: None,
        end: None,
        p90: None,
        basis: None,
    }
}
