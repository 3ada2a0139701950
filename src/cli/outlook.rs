//! What is to be expected of a lab's jobs, from what was fetched of it; and the words for it.

use super::error::Error;
use super::moment::{self, bound, until};
use super::open::Seen;
use super::view::Job;
use crate::lab::Snapshot;
use crate::model::record::{Basis, Estimate};
use crate::model::{Record, State, Time};
use crate::schedule::Past;
use crate::schedule::outlook::{BoardNow, Facts, JobNow, Outlook};

/// The outlook of the lab as last fetched. Reads of the history only what it has gained since the last
/// time, and nothing at all where no job lives.
pub fn of(seen: &Seen, now: Time) -> Result<Outlook, Error> {
    if seen.snapshot.live.is_empty() {
        return Ok(Outlook::default());
    }
    let past = seen
        .reader
        .fold(Past::FILE, |past: &mut Past, record| past.add(record, now))?;
    Ok(Outlook::new(&facts(&seen.snapshot, &past, now)))
}

fn facts<'a>(snapshot: &'a Snapshot, past: &'a Past, now: Time) -> Facts<'a> {
    let boards = snapshot.boards.iter().map(|view| BoardNow {
        board: &view.board,
        health: view.health,
        reason: view.reason.as_deref(),
        job: view.job,
    });
    let jobs = snapshot.live.iter().map(|live| JobNow {
        record: &live.record,
        job: live.job.as_ref(),
        order: live.order,
    });
    Facts {
        files: &snapshot.files,
        runners: &snapshot.runners,
        boards: boards.collect(),
        jobs: jobs.collect(),
        past,
        now,
    }
}

/// What is expected of a job, in a sentence without its subject: `expected to start in 12m (14:05), done by
/// 14:20, nine times in ten by 14:40`. Text of any origin, for a waiting job that nothing can take.
pub fn expectation(job: &Job, outlook: &Outlook, now: Time) -> String {
    let record = &job.record;
    let none = || match outlook.why(record.id) {
        Some(why) => format!("not expected to start: {why}"),
        None => "not expected to start".to_owned(),
    };
    let estimate = outlook.estimate(record.id);
    match (record.state, estimate) {
        (State::Finished, _) => job.standing(),
        (State::Canceling, _) => "being canceled".to_owned(),
        (State::Submitted, Some(estimate)) => match (estimate.start, estimate.end) {
            (Some(start), Some(end)) => format!(
                "expected to start {}, done by {}{}",
                in_and_at(start, now),
                moment::expected(end, now),
                nine_in_ten(estimate, now)
            ),
            _ => none(),
        },
        (State::Submitted, None) => none(),
        (State::Running, estimate) => {
            match estimate.and_then(|estimate| Some((estimate, estimate.end?))) {
                Some((estimate, end)) => format!(
                    "expected to end {}{}",
                    in_and_at(end, now),
                    nine_in_ten(estimate, now)
                ),
                None => match outlook.why(record.id) {
                    Some(why) => format!("running, until when is unknown: {why}"),
                    None => "running".to_owned(),
                },
            }
        }
    }
}

/// Whether a waiting job is expected to start, and if not why. It changes when more than a moment does.
pub fn prospect(job: &Job, outlook: &Outlook) -> Option<String> {
    let waits = job.record.state == State::Submitted;
    let estimate = job.expected(outlook).filter(|_| waits)?;
    let why = || outlook.why(job.record.id).map(ToString::to_string);
    Some(match estimate.start {
        Some(_) => String::new(),
        None => why().unwrap_or_default(),
    })
}

/// The same in words: `expected to start in 5m`, `cannot start: …`. Text of any origin.
pub fn prospect_in_words(job: &Job, outlook: &Outlook, now: Time) -> Option<String> {
    let why = prospect(job, outlook)?;
    let start = job.expected(outlook).and_then(|one| one.start);
    Some(match start {
        Some(start) => format!("expected to start {}", in_and_at(start, now)),
        None if why.is_empty() => "cannot start".to_owned(),
        None => format!("cannot start: {why}"),
    })
}

fn nine_in_ten(estimate: &Estimate, now: Time) -> String {
    let p90 = estimate.p90.map(|p90| bound(p90, now));
    p90.map(|p90| format!(", nine times in ten by {p90}"))
        .unwrap_or_default()
}

/// `in 12m (14:05)`.
fn in_and_at(at: Time, now: Time) -> String {
    format!("{} ({})", until(at, now), moment::expected(at, now))
}

/// What an estimate rests on, if it is not this job's own history.
pub fn basis(estimate: &Estimate) -> Option<&'static str> {
    match estimate.basis? {
        Basis::Runs => None,
        Basis::Name => Some("by its runs on any device type"),
        Basis::Timeout if estimate.start.is_none() => Some("by its time limit"),
        Basis::Timeout => Some("first run: 60 % of its time limit"),
    }
}

/// What a job's runner expected of it, as recorded: when it was submitted, and when it was claimed.
pub fn recorded(record: &Record, now: Time) -> Vec<String> {
    let estimates = record.estimate.iter();
    let said = estimates.flat_map(|said| {
        [
            ("at submission", said.at_submission),
            ("at claim", said.at_claim),
        ]
    });
    said.filter_map(|(when, estimate)| Some(format!("{when}: {}", times(&estimate?, now))))
        .collect()
}

/// `start 14:05, end 14:20, nine times in ten by 14:40`.
fn times(estimate: &Estimate, now: Time) -> String {
    let start = estimate
        .start
        .map(|at| format!("start {}", moment::expected(at, now)));
    let end = estimate
        .end
        .map(|at| format!("end {}", moment::expected(at, now)));
    let times: Vec<String> = start.into_iter().chain(end).collect();
    if times.is_empty() {
        return "no start in sight".to_owned();
    }
    format!("{}{}", times.join(", "), nine_in_ten(estimate, now))
}
