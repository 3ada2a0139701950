//! How good the estimates were: what was claimed when jobs were submitted and claimed, against what
//! came of it. Running sums of records.
//!
//! - A job counts with what was estimated of it, once it has started and ended. Health checks, which
//!   are in no queue, and jobs that were cancelled, rejected or never started do not count.
//! - Claims about the start are judged for every such job. Claims about the end and the length are
//!   judged for those that ended by themselves: an infrastructure failure that was not retried, a bad
//!   board or a lost runner is nothing an estimate speaks of. A job that was retried and then ended by
//!   itself counts with all the time that took.
//! - Waits are counted from the moment of the estimate. The start is that of the first attempt.
//! - An error is |expected − actual| / actual; where the actual is 0 there is none.

use std::collections::BTreeMap;
use std::fmt;

use super::Period;
use super::histogram::Histogram;
use super::usage::{device_type, label};
use crate::model::record::Estimate;
use crate::model::{Health, Priority, Record, Time};

/// A job that starts within this many seconds did not wait: its board was idle, and nothing about a
/// queue was estimated.
pub const WAITED_S: f64 = 60.0;

/// With fewer jobs than this a figure says little.
pub const FEW: u64 = 20;

/// A share or a median, and of how many jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figure {
    /// Shares are from 0 to 1. None where there is no job.
    pub value: Option<f64>,
    pub of: u64,
}

impl Figure {
    /// Whether it is of so few jobs that it says little.
    pub fn of_few(&self) -> bool {
        self.of < FEW
    }
}

impl fmt::Display for Figure {
    /// `89 %`; `164×` where percent would be unreadable, and `-` where there is no job.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) if value < 10.0 => f.pad(&format!("{:.0} %", value * 100.0)),
            Some(value) => f.pad(&format!("{value:.0}×")),
            None => f.pad("-"),
        }
    }
}

/// What was claimed of one job and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Outcome<'a> {
    priority: Priority,
    /// Empty when no board says it.
    device_type: &'a str,
    at_submission: Option<Estimate>,
    at_claim: Option<Estimate>,
    /// When its first attempt started.
    started: Time,
    /// When its last attempt started, if that ended by itself.
    ran_from: Option<Time>,
    finished: Time,
}

impl<'a> Outcome<'a> {
    /// None for a job that does not count.
    fn of(record: &'a Record) -> Option<Self> {
        let dated = |estimate: Option<Estimate>| estimate.filter(|said| said.at.is_some());
        let estimates = record.estimate.as_ref()?;
        let at_submission = dated(estimates.at_submission);
        let at_claim = dated(estimates.at_claim);
        let ended = record.ended_by_itself();
        if record.health_check.is_some()
            || (at_submission.is_none() && at_claim.is_none())
            || !(ended || record.health == Some(Health::Incomplete))
        {
            return None;
        }
        Some(Self {
            priority: record.priority,
            device_type: device_type(record).unwrap_or_default(),
            at_submission,
            at_claim,
            started: record.first_started_at()?,
            ran_from: record.started_at.filter(|_| ended),
            finished: record.finished_at?,
        })
    }
}

/// How many jobs kept a claim, and of how many it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Kept {
    kept: u64,
    of: u64,
}

impl Kept {
    /// One job's: none if nothing was claimed.
    fn new(claimed: Option<Time>, actual: Time) -> Self {
        claimed.map_or(Self::default(), |claimed| Self {
            kept: u64::from(actual <= claimed),
            of: 1,
        })
    }

    fn share(self) -> Figure {
        Figure {
            value: (self.of > 0).then(|| self.kept as f64 / self.of as f64),
            of: self.of,
        }
    }
}

/// The sums of some jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accuracy {
    /// Jobs that count.
    pub jobs: u64,
    end: Kept,
    end_p90: Kept,
    start: Kept,
    start_p90: Kept,
    run_error: Histogram,
    start_error: Histogram,
    end_error: Histogram,
    tightness: Histogram,
}

impl Accuracy {
    /// How many counts it has beside its histograms.
    pub const COUNTS: usize = 9;

    /// How many histograms it has.
    pub const HISTOGRAMS: usize = 4;

    fn of(outcome: &Outcome<'_>) -> Self {
        let mut one = Self {
            jobs: 1,
            ..Self::default()
        };
        if let Some((said, at)) = outcome
            .at_submission
            .and_then(|said| Some((said, said.at?)))
        {
            if outcome.started.seconds_since(at) >= WAITED_S {
                one.start = Kept::new(said.start, outcome.started);
                one.start_p90 = Kept::new(said.start_p90, outcome.started);
                add_error(&mut one.start_error, at, said.start, at, outcome.started);
            }
            if outcome.ran_from.is_some() {
                one.end = Kept::new(said.end, outcome.finished);
                one.end_p90 = Kept::new(said.p90, outcome.finished);
                add_error(&mut one.end_error, at, said.end, at, outcome.finished);
                if let (Some(end), Some(p90)) = (said.end, said.p90) {
                    let (end, p90) = (end.seconds_since(at), p90.seconds_since(at));
                    if end > 0.0 {
                        one.tightness.add(p90 / end);
                    }
                }
            }
        }
        if let (Some(said), Some(from)) = (outcome.at_claim, outcome.ran_from)
            && let Some(at) = said.at
        {
            add_error(&mut one.run_error, at, said.end, from, outcome.finished);
        }
        one
    }

    /// How many ended by nine times in ten as it was said at their submission.
    pub fn p90_coverage(&self) -> Figure {
        self.end_p90.share()
    }

    /// How many ended by the end that was expected at their submission; half of them should.
    pub fn early(&self) -> Figure {
        self.end.share()
    }

    /// How many ended after the end that was expected at their submission.
    pub fn late(&self) -> Figure {
        let Figure { value, of } = self.early();
        Figure {
            value: value.map(|early| 1.0 - early),
            of,
        }
    }

    /// How many of those that waited had started by the start that was expected at their submission.
    pub fn start_early(&self) -> Figure {
        self.start.share()
    }

    /// How many of those that waited had started by nine times in ten as it was said at their
    /// submission.
    pub fn start_p90_coverage(&self) -> Figure {
        self.start_p90.share()
    }

    /// The median error of the length that was expected when the job was claimed.
    pub fn run_time_error(&self) -> Figure {
        median(&self.run_error)
    }

    /// The median error of the wait for the start, of those that waited.
    pub fn start_error(&self) -> Figure {
        median(&self.start_error)
    }

    /// The median error of the time from submission to the end.
    pub fn end_error(&self) -> Figure {
        median(&self.end_error)
    }

    /// The median of how many times as long as the expected end the bound for nine in ten is: the
    /// price of its being kept.
    pub fn tightness(&self) -> Figure {
        median(&self.tightness)
    }

    pub fn plus(&mut self, other: &Self) {
        self.change_counts(other, u64::saturating_add);
        for (mine, other) in self.histograms_mut().into_iter().zip(other.histograms()) {
            mine.plus(other);
        }
    }

    fn minus(&mut self, other: &Self) {
        self.change_counts(other, u64::saturating_sub);
        for (mine, other) in self.histograms_mut().into_iter().zip(other.histograms()) {
            mine.minus(other);
        }
    }

    fn change_counts(&mut self, other: &Self, change: fn(u64, u64) -> u64) {
        let mut counts = self.counts();
        for (mine, other) in counts.iter_mut().zip(other.counts()) {
            *mine = change(*mine, other);
        }
        self.set_counts(counts);
    }

    /// Every count in a fixed order, as a file keeps them.
    pub fn counts(&self) -> [u64; Self::COUNTS] {
        let [a, b, c, d] = [self.end, self.end_p90, self.start, self.start_p90];
        [
            self.jobs, a.kept, a.of, b.kept, b.of, c.kept, c.of, d.kept, d.of,
        ]
    }

    /// Every histogram in a fixed order, as a file keeps them.
    pub fn histograms(&self) -> [&Histogram; Self::HISTOGRAMS] {
        [
            &self.run_error,
            &self.start_error,
            &self.end_error,
            &self.tightness,
        ]
    }

    /// What [`Self::counts`] and [`Self::histograms`] gave.
    pub fn from_parts(
        counts: [u64; Self::COUNTS],
        histograms: [Histogram; Self::HISTOGRAMS],
    ) -> Self {
        let [run_error, start_error, end_error, tightness] = histograms;
        let mut all = Self {
            run_error,
            start_error,
            end_error,
            tightness,
            ..Self::default()
        };
        all.set_counts(counts);
        all
    }

    fn set_counts(&mut self, counts: [u64; Self::COUNTS]) {
        let [jobs, pairs @ ..] = counts;
        let kept = |n: usize| Kept {
            kept: pairs[2 * n],
            of: pairs[2 * n + 1],
        };
        self.jobs = jobs;
        (self.end, self.end_p90, self.start, self.start_p90) = (kept(0), kept(1), kept(2), kept(3));
    }

    fn histograms_mut(&mut self) -> [&mut Histogram; Self::HISTOGRAMS] {
        [
            &mut self.run_error,
            &mut self.start_error,
            &mut self.end_error,
            &mut self.tightness,
        ]
    }
}

fn median(histogram: &Histogram) -> Figure {
    Figure {
        value: histogram.median(),
        of: histogram.count(),
    }
}

/// Adds how far an expected stretch of time was from the actual one. Both have their own beginning.
fn add_error(
    errors: &mut Histogram,
    said_at: Time,
    expected: Option<Time>,
    from: Time,
    until: Time,
) {
    let actual = until.seconds_since(from);
    if let Some(expected) = expected
        && actual > 0.0
    {
        errors.add((expected.seconds_since(said_at) - actual).abs() / actual);
    }
}

/// The sums of one period, by priority and device type.
pub type PeriodAccuracy = BTreeMap<(Priority, String), Accuracy>;

/// Sums by period; a job counts in the week, the month and the whole in which it finished.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalibrationSums {
    pub periods: BTreeMap<Period, PeriodAccuracy>,
}

impl CalibrationSums {
    pub fn add(&mut self, record: &Record) {
        if let Some(outcome) = Outcome::of(record) {
            self.apply(&outcome, Accuracy::plus);
        }
    }

    /// Takes away a record that was added.
    pub fn remove(&mut self, record: &Record) {
        if let Some(outcome) = Outcome::of(record) {
            self.apply(&outcome, Accuracy::minus);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (period, cells) in &other.periods {
            let mine = self.periods.entry(*period).or_default();
            for (key, accuracy) in cells {
                match mine.get_mut(key) {
                    Some(sum) => sum.plus(accuracy),
                    None => {
                        mine.insert(key.clone(), accuracy.clone());
                    }
                }
            }
        }
    }

    /// All jobs of a period.
    pub fn whole(&self, period: Period) -> Accuracy {
        let mut whole = Accuracy::default();
        self.cells(period).for_each(|(_, cell)| whole.plus(cell));
        whole
    }

    /// The jobs of a period by priority, the highest first; those without any are left out.
    pub fn by_priority(&self, period: Period) -> Vec<(Priority, Accuracy)> {
        let mut by = BTreeMap::<Priority, Accuracy>::new();
        for ((priority, _), cell) in self.cells(period) {
            by.entry(*priority).or_default().plus(cell);
        }
        by.into_iter().rev().collect()
    }

    /// The jobs of a period by device type, in the order of their names; those of an unknown one are
    /// left out.
    pub fn by_type(&self, period: Period) -> Vec<(&str, Accuracy)> {
        let mut by = BTreeMap::<&str, Accuracy>::new();
        for ((_, name), cell) in self.cells(period).filter(|((_, name), _)| !name.is_empty()) {
            by.entry(name).or_default().plus(cell);
        }
        by.into_iter().collect()
    }

    /// How many ended by nine times in ten, by priority, the highest first.
    pub fn p90_coverage_by_priority(&self, period: Period) -> Vec<(Priority, Figure)> {
        let by = self.by_priority(period).into_iter();
        by.map(|(priority, sums)| (priority, sums.p90_coverage()))
            .collect()
    }

    fn cells(&self, period: Period) -> impl Iterator<Item = (&(Priority, String), &Accuracy)> {
        self.periods.get(&period).into_iter().flatten()
    }

    fn apply(&mut self, outcome: &Outcome<'_>, change: fn(&mut Accuracy, &Accuracy)) {
        let one = Accuracy::of(outcome);
        let key = (outcome.priority, label(outcome.device_type));
        for period in Period::of(outcome.finished) {
            let cells = self.periods.entry(period).or_default();
            let cell = cells.entry(key.clone()).or_default();
            change(cell, &one);
            if *cell == Accuracy::default() {
                cells.remove(&key);
            }
            if cells.is_empty() {
                self.periods.remove(&period);
            }
        }
    }
}

#[cfg(test)]
mod tests;
