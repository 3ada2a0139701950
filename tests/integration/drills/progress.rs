//! How true a bar is: what it shows of jobs with a past, against what turns out.

use std::collections::BTreeMap;

use chrono::Utc;
use pumice::model::{JobId, Record, State, Time};
use pumice::schedule::{median, shown};
use serde_json::json;

use super::{beside, figure};
use crate::harness::{Lab, until};

/// The steps of each job, in seconds: a long one at the end, in the middle, and all alike.
const JOBS: [&[f64]; 3] = [&[0.2, 0.4, 1.8], &[0.3, 1.5, 0.3, 0.3], &[0.8, 0.8, 0.8]];

/// How much longer than usual each run takes.
const RUNS: [f64; 4] = [1.0, 1.15, 0.9, 1.05];

/// Submits every job once more.
fn submit(lab: &Lab, run: usize) {
    for (n, steps) in JOBS.iter().enumerate() {
        let action = |seconds: &f64| {
            let command = format!("sleep {:.2}", seconds * RUNS[run]);
            json!({"command": "run", "parameters": {"commands": [command]}})
        };
        let actions: Vec<_> = steps.iter().map(action).collect();
        let more = json!({"job_name": format!("job-{n}"), "actions": actions});
        lab.job_with(&format!("queue/job-{n}-{run}.json"), "true", more);
    }
    lab.submit("Submit every job once more");
}

/// What somebody saw who looked all the time.
#[derive(Default)]
struct Looks {
    of: BTreeMap<JobId, Vec<(Time, u8)>>,
}

impl Looks {
    fn look(&mut self, lab: &Lab) {
        let snapshot = lab.snapshot();
        let now = Time::new(Utc::now());
        for job in &snapshot.live {
            // Before the first heartbeat that names it there is nothing to show.
            if job.record.state == State::Running && job.underway.is_some() {
                let shown = shown(job.progress, job.underway.as_ref(), now);
                let looks = self.of.entry(job.record.id).or_default();
                // No bar moves back.
                let highest = looks.last().map_or(0, |(_, before)| *before);
                looks.push((now, shown.max(highest)));
            }
        }
    }

    /// How many points each look was off.
    fn errors(&self, records: &BTreeMap<JobId, Record>) -> Vec<f64> {
        let mut errors = Vec::new();
        for (id, looks) in &self.of {
            let record = &records[id];
            let (begun, ended) = (record.started_at.unwrap(), record.finished_at.unwrap());
            let whole = ended.seconds_since(begun);
            for (at, shown) in looks {
                let truth = (100.0 * at.seconds_since(begun) / whole).clamp(0.0, 100.0);
                errors.push((f64::from(*shown) - truth).abs());
            }
        }
        errors
    }
}

#[test]
fn half_of_all_looks_at_a_bar_are_within_ten_points_of_the_truth() {
    let lab = Lab::new();
    lab.write(
        "lab.yaml",
        "name: Test lab\nheartbeat: 300ms\npoll: 1s\ntimeouts: {grace: 1s}\n",
    );
    for n in 0..JOBS.len() {
        lab.board(&format!("b{n}"), "r1");
    }
    submit(&lab, 0);
    let mut measured = Looks::default();
    let mut new = Looks::default();
    beside(&lab, "r1", |_| {
        for run in 0..RUNS.len() {
            if run > 0 {
                submit(&lab, run);
            }
            until("every job has its record", || {
                match run {
                    0 => new.look(&lab),
                    3 => measured.look(&lab),
                    _ => {}
                }
                lab.records().len() == JOBS.len() * (run + 1)
            });
        }
    });
    let records = lab.records();
    let errors = measured.errors(&records);
    assert!(errors.len() >= 30, "only {} looks", errors.len());
    let median_error = median(errors.into_iter()).unwrap();
    figure("progress_error_median", median_error, "points");
    let without = median(new.errors(&records).into_iter());
    figure(
        "progress_error_median_first_run",
        without.unwrap_or(f64::NAN),
        "points",
    );
    assert!(median_error <= 10.0, "{median_error}");
}
