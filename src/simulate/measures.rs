//! What a played workload comes to: waits, fairness, use and wear of the boards, and how good the
//! estimates were.

use std::collections::{BTreeMap, BTreeSet};

use super::play::Played;
use crate::model::{BoardName, LabConfig, Priority, Record, Time};
use crate::report::CalibrationSums;
use crate::schedule::median;

/// A shorter run counts as one of so many seconds where a wait is set against it.
const SHORTEST_S: f64 = 60.0;

/// How long some jobs waited for their start, in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Waits {
    pub jobs: usize,
    pub mean_s: f64,
    pub median_s: f64,
    /// Nineteen of twenty waited no longer.
    pub p95_s: f64,
    pub longest_s: f64,
    /// How many times its own run a job took from submission to end, in the mean.
    pub stretch: f64,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measures {
    pub boards: usize,
    pub waits: Waits,
    /// The highest first.
    pub by_priority: Vec<(Priority, Waits)>,
    pub by_group: Vec<(String, Waits)>,
    /// Jain's index of the groups' mean stretches: 1 where all are alike, 1/n where one of n bears all.
    pub fairness: f64,
    /// The share of the boards' time in which they worked, from the first submission to the last end.
    pub utilisation: f64,
    /// The device type whose boards worked for the largest share of that time, and the share.
    pub busiest: Option<(String, f64)>,
    /// By device type how much longer the busiest board worked than the least busy one, as a factor;
    /// the worst of them. None where a board never worked.
    pub wear: Option<f64>,
    /// How many points bars were off, in the median.
    pub progress_error: Option<f64>,
    /// By the same sums as the calibration report.
    pub calibration: CalibrationSums,
}

/// A job's wait and run in seconds.
#[derive(Clone, Copy)]
struct Waited {
    wait_s: f64,
    run_s: f64,
}

impl Measures {
    /// The measures of a workload that was played under a lab's rules and with the workload's users.
    pub fn new(played: &Played, config: &LabConfig) -> Self {
        let mut all = Vec::new();
        let mut by_priority: BTreeMap<Priority, Vec<Waited>> = BTreeMap::new();
        let mut by_group: BTreeMap<String, Vec<Waited>> = BTreeMap::new();
        let mut calibration = CalibrationSums::default();
        for record in &played.records {
            calibration.add(record);
            let Some(waited) = Waited::of(record) else {
                continue;
            };
            all.push(waited);
            by_priority.entry(record.priority).or_default().push(waited);
            let group = config.group_of(&record.submitter.user).to_owned();
            by_group.entry(group).or_default().push(waited);
        }
        let by_group: Vec<(String, Waits)> = by_group
            .into_iter()
            .map(|(group, waited)| (group, Waits::new(&waited)))
            .collect();
        Self {
            boards: played.boards.len(),
            waits: Waits::new(&all),
            by_priority: by_priority
                .into_iter()
                .rev()
                .map(|(priority, waited)| (priority, Waits::new(&waited)))
                .collect(),
            fairness: jain(by_group.iter().map(|(_, waits)| waits.stretch)),
            by_group,
            utilisation: utilisation(played, None),
            busiest: busiest(played),
            wear: wear(played),
            progress_error: median(played.bar_errors.iter().copied()),
            calibration,
        }
    }
}

impl Waited {
    fn of(record: &Record) -> Option<Self> {
        let (started, finished) = (record.started_at?, record.finished_at?);
        Some(Self {
            wait_s: started.seconds_since(record.submitted_at),
            run_s: finished.seconds_since(started),
        })
    }

    fn stretch(self) -> f64 {
        let run_s = self.run_s.max(SHORTEST_S);
        (self.wait_s + run_s) / run_s
    }
}

impl Waits {
    fn new(jobs: &[Waited]) -> Self {
        let mut waits: Vec<f64> = jobs.iter().map(|job| job.wait_s).collect();
        waits.sort_by(f64::total_cmp);
        let n = waits.len();
        let at = |share: f64| {
            let place = (share * n as f64).ceil() as usize;
            waits.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        let mean = |sum: f64| if n == 0 { 0.0 } else { sum / n as f64 };
        Self {
            jobs: n,
            mean_s: mean(waits.iter().sum()),
            median_s: at(0.5),
            p95_s: at(0.95),
            longest_s: at(1.0),
            stretch: mean(jobs.iter().map(|job| job.stretch()).sum()),
        }
    }
}

/// Of no values 1.
fn jain(values: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        n += 1.0;
        sum += value;
        squares += value * value;
    }
    if squares == 0.0 {
        1.0
    } else {
        sum * sum / (n * squares)
    }
}

fn busy(played: &Played) -> BTreeMap<&BoardName, f64> {
    let mut busy: BTreeMap<&BoardName, f64> = played
        .boards
        .iter()
        .map(|board| (&board.name, 0.0))
        .collect();
    for record in &played.records {
        let run_s = Waited::of(record).map_or(0.0, |waited| waited.run_s);
        for board in record.boards() {
            *busy.entry(board).or_default() += run_s;
        }
    }
    busy
}

/// Of all boards, or those of one type.
fn utilisation(played: &Played, device_type: Option<&str>) -> f64 {
    let records = || played.records.iter();
    let first: Option<Time> = records().map(|record| record.submitted_at).min();
    let last = records().filter_map(|record| record.finished_at).max();
    let span = first
        .zip(last)
        .map_or(0.0, |(first, last)| last.seconds_since(first));
    let busy = busy(played);
    let counts = |kind: &str| device_type.is_none_or(|wanted| wanted == kind);
    let boards = played.boards.iter();
    let boards: Vec<_> = boards.filter(|board| counts(&board.device_type)).collect();
    let work: f64 = boards.iter().map(|board| busy[&board.name]).sum();
    let there = span * boards.len() as f64;
    if there > 0.0 { work / there } else { 0.0 }
}

fn busiest(played: &Played) -> Option<(String, f64)> {
    let types = played.boards.iter().map(|board| board.device_type.as_str());
    let types: BTreeSet<&str> = types.collect();
    let shares = types
        .into_iter()
        .map(|one| (one.to_owned(), utilisation(played, Some(one))));
    shares.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn wear(played: &Played) -> Option<f64> {
    let busy = busy(played);
    let mut by_type: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for board in &played.boards {
        by_type
            .entry(&board.device_type)
            .or_default()
            .push(busy[&board.name]);
    }
    let factor = |works: Vec<f64>| {
        let most = works.iter().copied().fold(0.0, f64::max);
        let least = works.iter().copied().fold(f64::INFINITY, f64::min);
        (least > 0.0).then_some(most / least)
    };
    let factors: Option<Vec<f64>> = by_type.into_values().map(factor).collect();
    factors?.into_iter().reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_summed_up() {
        let job = |wait_s: u8, run_s: u8| Waited {
            wait_s: f64::from(wait_s),
            run_s: f64::from(run_s),
        };
        let waits = Waits::new(&[job(0, 1), job(60, 120), job(30, 90)]);
        assert_eq!(
            (waits.mean_s, waits.median_s, waits.longest_s),
            (30.0, 30.0, 60.0)
        );
        assert_eq!(waits.p95_s, 60.0);
        assert!((waits.stretch - (1.0 + 1.5 + 4.0 / 3.0) / 3.0).abs() < 1e-9);
        assert_eq!(Waits::new(&[]), Waits::default());
    }

    #[test]
    fn one_group_that_bears_all_is_not_fair() {
        assert_eq!(jain([2.0, 2.0].into_iter()), 1.0);
        assert_eq!(jain([2.0, 0.0].into_iter()), 0.5);
        assert_eq!(jain(std::iter::empty()), 1.0);
    }
}
