//! By what an expected wait has to be multiplied to be enough nine times in ten: learnt from how good the
//! last estimates were.
//!
//! It is the factor that would have been enough for nine in ten of the last 150 estimates of the same
//! priority whose jobs ended, together with all that are still open, which count with what they have
//! reached (Kaplan and Meier's estimate). On made-up farms (seeds 1 to 60) it keeps 90 to 93 % of the
//! claims.

use serde::{Deserialize, Serialize};

use crate::model::record::Estimate;
use crate::model::status::Factors;
use crate::model::{Priority, Record, Time};

/// How many estimates of a priority count: of fewer the factor jumps, of more it is old.
const KEPT: usize = 150;

/// For what share of them the factor would have been enough.
const SHARE: f64 = 0.90;

/// With fewer estimates than this the factor is a guess.
const ENOUGH: usize = 20;

/// That guess.
const GUESS: f64 = 3.0;

/// Waits shorter than this, in seconds, say nothing about a ratio.
const SHORTEST_S: f64 = 1.0;

/// The last estimates of each priority, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration([Vec<Sample>; 4]);

/// One estimate given at submission, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When its job ended, in Unix milliseconds. Kept by when it was given, the estimates that were broken
    /// most would be the first to be forgotten.
    at: i64,
    start: Option<Ratio>,
    end: Option<Ratio>,
}

/// Actual by expected wait.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Ratio {
    value: f64,
    /// The wait is not over: the ratio will be at least this.
    waits: bool,
}

impl Ratio {
    fn new(from: Time, expected: Option<Time>, actual: Time, waits: bool) -> Option<Self> {
        let expected = expected?.seconds_since(from);
        let value = actual.seconds_since(from).max(0.0) / expected;
        (expected >= SHORTEST_S).then_some(Self { value, waits })
    }
}

impl Sample {
    /// What became of the estimate of a job that ran; none for one that was never started or never
    /// estimated, and for one that started before it was given.
    pub fn of(record: &Record) -> Option<(Priority, Self)> {
        let estimate = record.estimate.as_ref()?.at_submission?;
        let started = record.first_started_at()?;
        let from = estimate.at.filter(|from| *from <= started)?;
        let ended = record.finished_at?;
        let by_itself = super::runs::Run::of(record).is_some();
        Some((
            record.priority,
            Self {
                at: ended.utc().timestamp_millis(),
                start: Ratio::new(from, estimate.start, started, false),
                end: Ratio::new(from, estimate.end, ended, false).filter(|_| by_itself),
            },
        ))
    }

    /// The estimate of a job that still waits, or of one that runs since `started`; none that was given
    /// later.
    pub fn open(estimate: &Estimate, started: Option<Time>, now: Time) -> Option<Self> {
        let is_earlier = |from: &Time| started.is_none_or(|started| *from <= started);
        let from = estimate.at.filter(is_earlier)?;
        let until = started.unwrap_or(now);
        Some(Self {
            at: now.utc().timestamp_millis(),
            start: Ratio::new(from, estimate.start, until, started.is_none()),
            end: Ratio::new(from, estimate.end, now, true),
        })
    }
}

impl Sample {
    /// Whether it goes before another: the same for both, in whichever order they come.
    fn is_older(&self, other: &Self) -> bool {
        let value = |ratio: Option<Ratio>| ratio.map_or(-1.0, |ratio| ratio.value);
        let ratios = |one: &Self, of: fn(&Self) -> Option<Ratio>| value(of(one));
        let by = |of| ratios(self, of).total_cmp(&ratios(other, of));
        let order = self.at.cmp(&other.at);
        let order = order.then_with(|| by(|one| one.end));
        order.then_with(|| by(|one| one.start)).is_le()
    }
}

impl Calibration {
    /// Adds an estimate, wherever the end of its job stands among those known, and forgets the oldest. Of
    /// jobs that ended at once the larger ratio counts as newer.
    pub fn add(&mut self, priority: Priority, sample: Sample) {
        let known = &mut self.0[priority as usize];
        let at = known.partition_point(|known| known.is_older(&sample));
        known.insert(at, sample);
        if known.len() > KEPT {
            known.remove(0);
        }
    }

    /// The factors as of now, with the jobs that have not ended: without them the longest waits would
    /// be the last ones to be learnt from.
    pub fn factors(&self, open: impl Iterator<Item = (Priority, Sample)>) -> Factors {
        let mut all = self.clone();
        // However many: in the places of ended ones, a long queue of young jobs would leave nothing to
        // learn from.
        open.for_each(|(priority, sample)| all.0[priority as usize].push(sample));
        let of = |pick: fn(&Sample) -> Option<Ratio>| {
            let factor = |samples: &Vec<Sample>| factor(samples.iter().filter_map(pick).collect());
            let [low, medium, high, urgent] = &all.0;
            [factor(low), factor(medium), factor(high), factor(urgent)]
        };
        Factors {
            start: of(|sample| sample.start),
            end: of(|sample| sample.end),
        }
    }
}

/// The ratio that is enough for the share: where the Kaplan–Meier estimate of "longer than this" falls
/// to what is left.
fn factor(mut ratios: Vec<Ratio>) -> f64 {
    let n = ratios.len();
    if ratios.iter().filter(|ratio| !ratio.waits).count() < ENOUGH {
        return GUESS;
    }
    ratios.sort_by(|a, b| a.value.total_cmp(&b.value).then(a.waits.cmp(&b.waits)));
    // As the order statistic of n values that a further one exceeds as often as it should.
    let wanted = 1.0 - (SHARE * (n + 1) as f64 / n as f64).min(1.0);
    let mut longer = 1.0;
    for (at, ratio) in ratios.iter().enumerate() {
        if !ratio.waits {
            longer *= 1.0 - 1.0 / (n - at) as f64;
            // With room for what rounding leaves.
            if longer <= wanted + 1e-9 {
                return ratio.value;
            }
        }
    }
    ratios.last().map_or(GUESS, |last| last.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(value: f64) -> Ratio {
        Ratio {
            value,
            waits: false,
        }
    }

    #[test]
    fn the_factor_would_have_been_enough_for_ninety_of_a_hundred() {
        let ratios: Vec<Ratio> = (1..=100).map(|n| ratio(f64::from(n))).collect();
        assert_eq!(factor(ratios), 91.0);
        assert_eq!(factor(vec![ratio(1.0); 19]), GUESS);
        assert_eq!(factor(vec![ratio(1.5); 20]), 1.5);
    }

    #[test]
    fn jobs_that_still_wait_raise_it() {
        let mut ratios: Vec<Ratio> = (1..=80).map(|n| ratio(f64::from(n))).collect();
        let ended = factor(ratios.clone());
        ratios.extend((0..20).map(|_| Ratio {
            value: 60.0,
            waits: true,
        }));
        assert!(factor(ratios.clone()) > ended);
        // A wait that has just begun says nothing against a short one.
        let mut young: Vec<Ratio> = (1..=80).map(|n| ratio(f64::from(n))).collect();
        young.extend((0..20).map(|_| Ratio {
            value: 0.0,
            waits: true,
        }));
        assert_eq!(factor(young), ended);
    }

    #[test]
    fn a_long_queue_of_young_jobs_hides_nothing() {
        let at = Time::from_unix;
        let sample = |ended: bool, seconds: i64| Sample {
            at: seconds * 1000,
            start: Ratio::new(
                at(0),
                Some(at(100)),
                at(if ended { 150 } else { 1 }),
                !ended,
            ),
            end: None,
        };
        let mut known = Calibration::default();
        (0..20).for_each(|n| known.add(Priority::Low, sample(true, n)));
        let open = (0..1000).map(|n| (Priority::Low, sample(false, 100 + n)));
        let factors = known.factors(open.clone());
        assert_eq!(factors.start, [1.5, GUESS, GUESS, GUESS]);
        // Jobs of which none has ended are nothing to learn from.
        let factors = Calibration::default().factors(open);
        assert_eq!(factors.start, [GUESS; 4]);
    }
}
