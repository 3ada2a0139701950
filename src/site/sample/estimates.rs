//! What was estimated of made-up jobs: about right, as real estimates are.

use super::facts::dice;
use crate::model::record::{Basis, Estimate, Estimates};
use crate::model::{Record, Time};

/// How many times as long as expected a wait or a run took: half of them less, one in ten far more.
const WAITS: [f64; 10] = [0.45, 0.68, 0.8, 0.9, 0.97, 1.05, 1.12, 1.22, 1.34, 1.9];
const RUNS: [f64; 10] = [0.7, 0.86, 0.93, 0.97, 0.99, 1.01, 1.05, 1.12, 1.3, 1.7];

/// How many times as long as expected it takes nine times in ten.
const BOUND: f64 = 1.4;

fn ratio(i: u64, salt: u64, ratios: [f64; 10]) -> f64 {
    ratios[dice(i, salt, 10) as usize] + (dice(i, salt + 1, 61) as f64 - 30.0) / 1000.0
}

/// Seconds that the `i`th finished job waited: a third found an idle board.
pub(super) fn waited(i: u64) -> f64 {
    match dice(i, 50, 3) {
        0 => 100.0 - 60.0 * dice(i, 51, 2) as f64,
        _ => 120.0 + dice(i, 51, 1700) as f64,
    }
}

/// What was said of the `i`th job, which started after it had waited and took so many seconds.
pub(super) fn estimates(i: u64, record: &Record, waited: f64, took: f64) -> Estimates {
    let said = |at: Time, wait: Option<f64>, run: f64| {
        let end = wait.unwrap_or(0.0) + run;
        Some(Estimate {
            at: Some(at),
            start: wait.map(|wait| at.plus_seconds(wait)),
            start_p90: wait.map(|wait| at.plus_seconds(wait * BOUND)),
            end: Some(at.plus_seconds(end)),
            p90: Some(at.plus_seconds(end * BOUND)),
            basis: Some(Basis::Runs),
        })
    };
    let (wait, run) = (waited / ratio(i, 52, WAITS), took / ratio(i, 54, RUNS));
    let claim = record.claim.as_ref();
    Estimates {
        at_submission: said(record.submitted_at, Some(wait), run),
        at_claim: claim.and_then(|claim| said(claim.at, None, run)),
    }
}
