//! What the real plan and estimates reach on made-up farms and, where it lies there, on a real trace.

use super::*;
use crate::model::{LabConfig, Priority, Span, Time};
use crate::report::{Figure, Period};

/// Where a copy of the trace may lie, unpacked; it is not ours to give away.
const TRACE: &str = "PUMICE_NASA_TRACE";

fn measures(workload: &Workload, lab: &LabConfig) -> Measures {
    Measures::new(&play(workload, lab), &workload.config(lab))
}

fn value(figure: Figure) -> f64 {
    figure.value.unwrap()
}

#[test]
fn the_same_seed_gives_the_same_records() {
    let farm = Synthetic {
        jobs: 200,
        groups: 3,
        ..Synthetic::default()
    };
    let played = |farm: &Synthetic| play(&farm.workload(), &LabConfig::default());
    let records = played(&farm);
    assert_eq!(records, played(&farm));
    let other = Synthetic { seed: 2, ..farm };
    assert_ne!(records, played(&other));
    assert_eq!(records.records.len(), 200);
    let groups = measures(&other.workload(), &LabConfig::default()).by_group;
    assert_eq!(groups.len(), 3);
}

#[test]
fn more_boards_and_another_load_meet_the_same_jobs() {
    let farm = Synthetic {
        jobs: 300,
        ..Synthetic::default()
    };
    let jobs = |farm: &Synthetic| farm.workload().jobs;
    let unmoved = |mut jobs: Vec<Arrival>| {
        jobs.iter_mut().for_each(|job| job.at = Time::from_unix(0));
        jobs
    };
    let usual = jobs(&farm);
    for (boards, load) in [(12, 0.85), (9, 0.4), (10, 0.6)] {
        let other = jobs(&Synthetic {
            boards,
            load,
            ..farm.clone()
        });
        assert_eq!(unmoved(other), unmoved(usual.clone()), "{boards} {load}");
    }
    // Three boards more, and as many jobs an hour as before.
    let more = jobs(&Synthetic {
        boards: 12,
        load: 0.6375,
        ..farm.clone()
    });
    for (before, now) in usual.iter().zip(&more) {
        assert!(now.at.seconds_since(before.at).abs() < 1.0);
    }
}

#[test]
fn no_board_runs_two_jobs_and_no_job_starts_before_it_came() {
    let played = play(&Synthetic::default().workload(), &LabConfig::default());
    let mut free = std::collections::BTreeMap::new();
    let mut records: Vec<_> = played.records.iter().collect();
    records.sort_by_key(|record| record.started_at);
    for record in records {
        let started = record.started_at.unwrap();
        assert!(started >= record.submitted_at);
        let board = record.boards().next().unwrap();
        let before = free.insert(board, record.finished_at.unwrap());
        assert!(before.is_none_or(|until| until <= started), "{board}");
    }
}

/// The goals, on seeds on which nothing was tuned.
#[test]
fn estimates_on_made_up_farms_are_as_good_as_the_manual_says() {
    for seed in 31..=34 {
        let farm = Synthetic {
            seed,
            ..Synthetic::default()
        };
        let measures = measures(&farm.workload(), &LabConfig::default());
        let all = measures.calibration.whole(Period::All);
        let by_priority = measures.calibration.by_priority(Period::All);
        let (start, end) = (value(all.start_error()), value(all.end_error()));
        let p90 = value(all.p90_coverage());
        println!("seed {seed}: start {start:.3} end {end:.3} p90 {p90:.3}");
        assert!(start <= 0.25, "seed {seed}: start error {start}");
        assert!(end <= 0.15, "seed {seed}: end error {end}");
        assert!((0.87..=0.93).contains(&p90), "seed {seed}: {p90}");
        for (priority, sums) in by_priority {
            let p90 = sums.p90_coverage();
            assert!(p90.of >= 100, "{priority}");
            assert!(value(p90) >= 0.85, "seed {seed}, {priority}: {p90:?}");
        }
    }
}

#[test]
fn equal_boards_wear_alike() {
    let farm = Synthetic {
        load: 0.5,
        ..Synthetic::default()
    };
    let wear = measures(&farm.workload(), &LabConfig::default())
        .wear
        .unwrap();
    assert!((1.0..=1.05).contains(&wear), "{wear}");
}

#[test]
fn a_rule_changes_who_waits() {
    let farm = Synthetic::default().workload();
    let lab = |age_step| {
        let mut lab = LabConfig::default();
        lab.plan.age_step = Span::from_secs(age_step);
        lab
    };
    let low = |lab: &LabConfig| {
        let by_priority = measures(&farm, lab).by_priority;
        let low = by_priority
            .into_iter()
            .find(|(priority, _)| *priority == Priority::Low);
        low.unwrap().1
    };
    assert!(low(&lab(0)).mean_s > 1.5 * low(&lab(3600)).mean_s);
}

#[test]
fn run_times_of_a_real_trace_are_learnt() {
    let Some(path) = std::env::var_os(TRACE) else {
        println!("not run: {TRACE} does not say where the trace lies");
        return;
    };
    let trace = Trace::parse(&std::fs::read(path).unwrap()).unwrap();
    let measures = measures(&trace.workload(2), &LabConfig::default());
    let error = value(measures.calibration.whole(Period::All).run_time_error());
    println!("{} jobs: run-time error {error:.3}", measures.waits.jobs);
    assert!(error <= 0.43, "{error}");
}
