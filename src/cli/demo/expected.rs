//! How every job of the demo must end.

use super::embedded;
use super::kernels;
use super::stage::Jobs;
use crate::cli::view::Job;
use crate::model::{Health, Reason, State, Verdict};

/// An end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Pass,
    /// Complete, with a failing test.
    Fail,
    ActionTimeout,
    /// Canceled before any attempt.
    CanceledQueued,
    /// Canceled while an attempt ran.
    CanceledRunning,
    Rejected,
}

/// The cases by the stem of their file; the example lab's own jobs pass.
const CASES: [(&str, End); 17] = [
    ("pass-smoke", End::Pass),
    ("pass-tap", End::Pass),
    ("pass-measure", End::Pass),
    ("tagged-net", End::Pass),
    ("other-type", End::Pass),
    ("urgent", End::Pass),
    ("low-priority", End::Pass),
    ("merged-a", End::Pass),
    ("merged-b", End::Pass),
    ("resubmitted", End::Pass),
    ("resubmitted-2", End::Pass),
    ("fail-test", End::Fail),
    ("timeout-action", End::ActionTimeout),
    ("cancelled-queued", End::CanceledQueued),
    ("cancelled-running", End::CanceledRunning),
    ("invalid", End::Rejected),
    // Not a case of its own: what the runner does while the others wait.
    (EXAMPLES, End::Pass),
];

/// Stands for all of the example lab's own jobs.
const EXAMPLES: &str = "examples/*";

/// Every path that must have a job, and its end; the cases of boards with a real kernel only with those.
fn all(with_kernels: bool) -> Vec<(String, End)> {
    let mut all = Vec::new();
    if with_kernels {
        let passes = |stem| (embedded::path(stem), End::Pass);
        all.extend(kernels::CASES.map(passes));
    }
    for (stem, end) in CASES {
        if stem == EXAMPLES {
            all.extend(
                embedded::examples()
                    .into_iter()
                    .map(|(path, _)| (path, end)),
            );
        } else {
            all.push((embedded::path(stem), end));
        }
    }
    all
}

/// How many jobs the story submits.
pub fn count(with_kernels: bool) -> usize {
    all(with_kernels).len()
}

/// What is not as it must be, a sentence each; nothing when all is well.
pub fn mismatches(jobs: &Jobs, with_kernels: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let all = all(with_kernels);
    for (path, end) in &all {
        match jobs.at(path) {
            None => wrong.push(format!("{path} has no job")),
            Some(job) if !is(job, *end) => {
                wrong.push(format!(
                    "{path} is `{}`, but must be {}",
                    job.standing(),
                    end.words()
                ));
            }
            Some(_) => {}
        }
    }
    for job in jobs.all() {
        if all.iter().all(|(path, _)| *path != job.record.path) {
            wrong.push(format!("nobody submitted {}", job.record.path));
        }
    }
    let started = |stem| {
        jobs.at(&embedded::path(stem))
            .and_then(|job| job.record.started_at)
    };
    if let (Some(urgent), Some(low)) = (started("urgent"), started("low-priority"))
        && urgent > low
    {
        wrong.push("the low priority started before the urgent one".to_owned());
    }
    wrong
}

impl End {
    fn words(self) -> &'static str {
        match self {
            Self::Pass => "complete with the verdict pass",
            Self::Fail => "complete with the verdict fail",
            Self::ActionTimeout => "incomplete by a timeout",
            Self::CanceledQueued => "canceled before it ran",
            Self::CanceledRunning => "canceled while it ran",
            Self::Rejected => "rejected with its problems",
        }
    }
}

fn is(job: &Job, end: End) -> bool {
    let record = &job.record;
    let (health, verdict) = (record.health, record.verdict);
    if record.state != State::Finished {
        return false;
    }
    match end {
        End::Pass => health == Some(Health::Complete) && verdict == Some(Verdict::Pass),
        End::Fail => health == Some(Health::Complete) && verdict == Some(Verdict::Fail),
        End::ActionTimeout => {
            health == Some(Health::Incomplete) && record.reason == Some(Reason::Timeout)
        }
        End::CanceledQueued => {
            health == Some(Health::Canceled) && record.started_at.is_none() && job.board().is_none()
        }
        End::CanceledRunning => {
            health == Some(Health::Canceled) && record.started_at.is_some() && job.board().is_some()
        }
        End::Rejected => health == Some(Health::Rejected) && !record.diagnostics.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_embedded_and_every_embedded_case_is_expected() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/demo");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let is_expected = CASES.iter().any(|(case, _)| *case == stem);
            assert!(is_expected || kernels::CASES.contains(&stem), "{stem}");
            assert!(embedded::case(stem).is_some(), "{stem}");
        }
        assert_eq!(count(true), count(false) + kernels::CASES.len());
        assert!(count(false) >= 16 && !embedded::examples().is_empty());
    }

    #[test]
    fn what_is_missing_is_named() {
        let wrong = mismatches(&Jobs::default(), false);
        assert_eq!(wrong.len(), count(false));
        assert!(
            wrong.contains(&"queue/fail-test.json has no job".to_owned()),
            "{wrong:?}"
        );
    }
}
