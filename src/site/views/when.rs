//! When a job is expected to start and end, and why it waits, as pages show it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::record::{Basis, Estimate};
use crate::model::{JobId, Priority, Record, RunnerName, Time};
use crate::schedule::Why;
use crate::schedule::outlook::Outlook;
use crate::site::source::{LiveJob, Snapshot};
use crate::site::text;

/// Characters of a reason that a page shows.
const WHY: usize = 400;

/// A moment to come: `14:20` today, `25 Nov 14:20` on another day. Empty texts for an unknown one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Moment {
    pub text: String,
    /// For the `datetime` of a `time` element.
    pub at: String,
}

/// What is expected of a job that waits or runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct When {
    pub start: Moment,
    pub start_p90: Moment,
    pub end: Moment,
    pub p90: Moment,
    /// What its length is, where it is little more than a guess: words that follow `its length is`.
    pub basis: &'static str,
    /// Why it waits; of a job that runs, why no end is said.
    pub why: String,
    /// It runs, and its runner is silent: nobody knows how it stands.
    pub silent: bool,
    /// The level to which it has risen with age; empty when it stands where it was submitted.
    pub risen: &'static str,
    /// Which of the waiting jobs it is, from 1, in the order in which they are asked; 0 for one that is
    /// not asked at all.
    pub place: usize,
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

impl Moment {
    /// To the minute that is nearest, or coarser for one that is hours ahead.
    pub fn about(at: Option<Time>, now: Time) -> Self {
        let Some(at) = at else {
            return Self::default();
        };
        let grain = grain(at, now, HOUR);
        Self::of((at.unix() + grain / 2).div_euclid(grain) * grain, now)
    }

    /// Never earlier than the moment itself. A bound comes nearer while its job waits, so it is coarser
    /// than what is expected.
    pub fn by(at: Option<Time>, now: Time) -> Self {
        let Some(at) = at else {
            return Self::default();
        };
        let grain = grain(at, now, 10.0 * MINUTE);
        Self::of((at.unix() + grain - 1).div_euclid(grain) * grain, now)
    }

    fn of(seconds: i64, now: Time) -> Self {
        let at = Time::from_unix(seconds);
        Self {
            text: clock(at, now),
            at: at.utc().format("%Y-%m-%dT%H:%MZ").to_string(),
        }
    }
}

/// The seconds to which a moment is rounded: a minute if it is less than `near` seconds ahead. Nobody
/// knows to the minute what is half a day ahead, and a page that said so would be written at every
/// heartbeat.
fn grain(at: Time, now: Time, near: f64) -> i64 {
    match at.seconds_since(now) {
        ahead if ahead < near => 60,
        ahead if ahead < 6.0 * HOUR => 300,
        ahead if ahead < 24.0 * HOUR => 900,
        _ => 3600,
    }
}

/// Why a job waits. The marks around names are for terminals. How many jobs are ahead of one that is far
/// back is rounded, so that not every page of a long queue is written whenever a job starts.
fn reason(why: &Why) -> String {
    let why = Why {
        ahead: about(why.ahead),
        ..why.clone()
    };
    text::shorten(&why.to_string().replace('`', ""), WHY)
}

/// The time of day, with the date unless it is that of `day`.
fn clock(at: Time, day: Time) -> String {
    let format = if at.utc().date_naive() == day.utc().date_naive() {
        "%H:%M"
    } else {
        "%-d %b %H:%M"
    };
    at.utc().format(format).to_string()
}

/// A count with two digits that mean something.
fn about(count: usize) -> usize {
    let grain = match count {
        ..100 => 1,
        100..1000 => 10,
        1000.. => 100,
    };
    (count + grain / 2) / grain * grain
}

/// What is expected of every job that waits or runs.
pub fn whens(snapshot: &Snapshot, outlook: &Outlook, now: Time) -> BTreeMap<JobId, When> {
    let order = outlook.order().iter().zip(1..);
    let places: BTreeMap<JobId, (usize, Priority)> = order
        .map(|((level, id), place)| (*id, (place, *level)))
        .collect();
    let when = |job: &LiveJob| {
        let record = &job.record;
        let when = match snapshot.silent_runner(job, now) {
            Some(runner) => When::silent(record, outlook, runner),
            None => When::new(record, outlook, now),
        };
        match places.get(&record.id) {
            Some((place, level)) => When {
                place: *place,
                risen: match *level != record.priority {
                    true => level.as_str(),
                    false => "",
                },
                ..when
            },
            None => when,
        }
    };
    let jobs = snapshot.live.iter();
    jobs.map(|job| (job.record.id, when(job))).collect()
}

impl When {
    fn new(record: &Record, outlook: &Outlook, now: Time) -> Self {
        let Some(estimate) = outlook.estimate(record.id) else {
            return Self::default();
        };
        Self {
            start: Moment::about(estimate.start, now),
            start_p90: Moment::by(estimate.start_p90, now),
            end: Moment::about(estimate.end, now),
            p90: Moment::by(estimate.p90, now),
            basis: match estimate.basis {
                Some(Basis::Runs) | None => "",
                Some(Basis::Name) => "known only from other device types",
                Some(Basis::Timeout) => "a guess from its time limit: this is its first run",
            },
            why: outlook.why(record.id).map(reason).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Of a job that runs, while nothing is heard of its runner.
    fn silent(record: &Record, outlook: &Outlook, runner: &RunnerName) -> Self {
        let why = outlook.why(record.id).map(reason);
        Self {
            why: why.unwrap_or_else(|| format!("its runner {runner} is silent")),
            silent: true,
            ..Self::default()
        }
    }
}

/// What was said of a job at some moment, beside what came.
#[derive(Debug, Clone, Serialize)]
pub struct Said {
    /// `Said at submission`, `Said at claim`.
    pub moment: &'static str,
    pub text: String,
}

/// What was said of a job before it started and what came, as far as it is known.
pub fn said(record: &Record) -> Vec<Said> {
    let Some(estimates) = &record.estimate else {
        return Vec::new();
    };
    let clock = Clock::of(record);
    let said = |moment, estimate: &Estimate| {
        let mut text = clock.span(estimate.start, estimate.end);
        if text.is_empty() {
            text = "no start in sight".to_owned();
        }
        if let Some(p90) = estimate.p90 {
            text += &format!(", nine times in ten by {}", clock.by(p90));
        }
        Said { moment, text }
    };
    let at_submission = estimates.at_submission.as_ref().map(|estimate| {
        let mut said = said("Said at submission", estimate);
        if record.finished_at.is_some() {
            said.text += &match record.started_at {
                None => "; it never started".to_owned(),
                started => format!("; came {}", clock.span(started, record.finished_at)),
            };
        }
        said
    });
    // The end that came stands beside it.
    let at_claim = estimates.at_claim.as_ref();
    let at_claim = at_claim.map(|estimate| said("Said at claim", estimate));
    at_submission.into_iter().chain(at_claim).collect()
}

/// A run that was, or was to be, shorter than so many seconds is told to the second: to the minute all
/// that was said of it would look alike.
const SHORT_S: f64 = 600.0;

/// Tells what was said of a job: what is expected and what came to what is nearest, a bound never earlier
/// than it is.
struct Clock {
    /// Whose date goes without saying.
    day: Time,
    /// The seconds to which moments are rounded.
    grain: i64,
}

impl Clock {
    fn of(record: &Record) -> Self {
        let estimates = record.estimate.iter();
        let estimates = estimates.flat_map(|both| both.at_submission.iter().chain(&both.at_claim));
        let said = estimates.map(|said| (said.start.or(record.started_at), said.end));
        let mut runs = said.chain([(record.started_at, record.finished_at)]);
        let short = runs.any(|run| match run {
            (Some(start), Some(end)) => end.seconds_since(start) < SHORT_S,
            _ => false,
        });
        Self {
            day: record.submitted_at,
            grain: if short { 1 } else { 60 },
        }
    }

    fn about(&self, at: Time) -> String {
        let half = self.grain as f64 / 2.0;
        self.tell(at.plus_seconds(half).unix().div_euclid(self.grain))
    }

    fn by(&self, at: Time) -> String {
        let whole = at.unix().div_euclid(self.grain);
        let exact = at.seconds_since(Time::from_unix(whole * self.grain)) <= 0.0;
        self.tell(if exact { whole } else { whole + 1 })
    }

    fn tell(&self, grains: i64) -> String {
        let at = Time::from_unix(grains * self.grain);
        match self.grain {
            60 => clock(at, self.day),
            _ => format!("{}{}", clock(at, self.day), at.utc().format(":%S")),
        }
    }

    /// `14:05–14:20`, or `end 14:20` alone.
    fn span(&self, start: Option<Time>, end: Option<Time>) -> String {
        match (start, end) {
            (Some(start), Some(end)) => format!("{}–{}", self.about(start), self.about(end)),
            (Some(start), None) => format!("start {}", self.about(start)),
            (None, Some(end)) => format!("end {}", self.about(end)),
            (None, None) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_coarser_the_farther_it_is() {
        let now: Time = "2026-11-24T10:00:20Z".parse().unwrap();
        let after = |seconds: f64| Some(now.plus_seconds(seconds));
        for (seconds, about, by) in [
            (0.0, "10:00", "10:01"),
            (50.0, "10:01", "10:02"),
            (1201.0, "10:20", "10:25"),
            (3600.0 * 3.0, "13:00", "13:05"),
            (3600.0 * 11.0 + 600.0, "21:15", "21:15"),
            (3600.0 * 40.0 + 2400.0, "26 Nov 03:00", "26 Nov 03:00"),
        ] {
            assert_eq!(Moment::about(after(seconds), now).text, about, "{seconds}");
            assert_eq!(Moment::by(after(seconds), now).text, by, "{seconds}");
        }
        for n in 0..3000 {
            let at = after(f64::from(n) * 61.0);
            let (about, by) = (Moment::about(at, now), Moment::by(at, now));
            assert!(about.at <= by.at, "{about:?} {by:?}");
        }
        assert_eq!(Moment::by(None, now), Moment::default());
    }

    #[test]
    fn the_jobs_ahead_are_counted_up_to_a_hundred() {
        assert_eq!([0, 1, 99].map(about), [0, 1, 99]);
        assert_eq!([104, 105, 4_960].map(about), [100, 110, 5_000]);
    }
}
