use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::Reason;
use crate::model::record::{Attempt, Estimates};

/// When the jobs below were submitted and estimated.
fn at(seconds: f64) -> Time {
    let submitted: Time = "2026-11-24T10:00:00Z".parse().unwrap();
    submitted.plus_seconds(seconds)
}

/// A job that was expected to wait for ten minutes, perhaps twenty, and to run for ten, perhaps
/// fifteen. It waited for so many seconds and ran for so many.
fn record(waited: f64, ran: f64) -> Record {
    let mut record: Record = serde_json::from_value(json!({
        "version": 1, "id": "256a926b-190b-51d2-a05a-69894a329abb", "job_name": "j", "path": "queue/j.json",
        "commit": "0".repeat(40), "submitter": {"name": "A", "email": "a@b", "user": "a", "verified": false},
        "submitted_at": at(-1.0), "stream": "/", "priority": "low", "tags": [], "definition": {},
        "state": "finished", "health": "complete", "verdict": "fail",
        "claim": {"runner": "r", "board": "b", "device_type": "t", "at": at(waited)},
        "started_at": at(waited), "finished_at": at(waited + ran),
    }))
    .unwrap();
    let estimate = |from: f64, start: Option<f64>, end: f64, p90: f64| {
        Some(Estimate {
            at: Some(at(from)),
            start: start.map(at),
            start_p90: start.map(|start| at(start * 2.0)),
            end: Some(at(end)),
            p90: Some(at(p90)),
            basis: None,
        })
    };
    record.estimate = Some(Estimates {
        at_submission: estimate(0.0, Some(600.0), 1200.0, 2400.0),
        at_claim: estimate(waited - 5.0, None, waited + 595.0, waited + 900.0),
    });
    record
}

fn sums(records: &[Record]) -> CalibrationSums {
    let mut sums = CalibrationSums::default();
    records.iter().for_each(|record| sums.add(record));
    sums
}

fn whole(records: &[Record]) -> Accuracy {
    sums(records).whole(Period::All)
}

fn shown(figure: Figure) -> (f64, u64) {
    let value = figure.value.unwrap();
    ((value * 100.0).round() / 100.0, figure.of)
}

#[test]
fn claims_are_held_against_what_came_of_them() {
    let all = whole(&[
        record(600.0, 600.0),
        record(500.0, 500.0),
        record(1000.0, 750.0),
        record(2000.0, 1200.0),
    ]);
    assert_eq!(all.jobs, 4);
    assert_eq!(shown(all.p90_coverage()), (0.75, 4));
    assert_eq!(shown(all.early()), (0.5, 4));
    assert_eq!(shown(all.late()), (0.5, 4));
    assert_eq!(shown(all.start_early()), (0.5, 4));
    assert_eq!(shown(all.start_p90_coverage()), (0.75, 4));
    // Of runs 0, 100/500, 150/750 and 600/1200; of starts 0, 100/500, 400/1000 and 1400/2000; of ends
    // 0, 200/1000, 550/1750 and 2000/3200.
    assert_eq!(shown(all.run_time_error()), (0.2, 4));
    assert_eq!(shown(all.start_error()), (0.3, 4));
    assert_eq!(shown(all.end_error()), (0.26, 4));
    assert_eq!(shown(all.tightness()), (2.0, 4));
    assert!(all.early().of_few());
}

#[test]
fn figures_are_percent_or_factors_and_those_of_few_jobs_are_known() {
    let figure = |value, of| Figure { value, of };
    assert_eq!(figure(Some(0.894), 1).to_string(), "89 %");
    assert_eq!(figure(Some(163.52), 1).to_string(), "164×");
    assert_eq!(format!("{:>4}", figure(None, 0)), "   -");
    assert!(figure(None, 19).of_few() && !figure(None, 20).of_few());
}

#[test]
fn only_jobs_that_waited_tell_of_starts() {
    let all = whole(&[record(59.0, 600.0), record(60.0, 600.0)]);
    assert_eq!(all.start_early().of, 1);
    assert_eq!(all.start_error().of, 1);
    assert_eq!(all.end_error().of, 2);
}

#[test]
fn a_retried_job_started_with_its_first_attempt_and_ran_in_its_last() {
    let mut retried = record(900.0, 300.0);
    let attempt = |n, started: f64, finished: f64, reason| Attempt {
        n,
        board: None,
        boards: Vec::new(),
        runner: "r".parse().unwrap(),
        started_at: Some(at(started)),
        finished_at: at(finished),
        reason,
    };
    retried.attempts = vec![
        attempt(1, 400.0, 800.0, Some(Reason::Lost)),
        attempt(2, 900.0, 1200.0, None),
    ];
    let all = whole(&[retried]);
    assert_eq!(shown(all.start_error()), (0.5, 1));
    assert_eq!(shown(all.run_time_error()), (1.0, 1));
    assert_eq!(shown(all.end_error()), (0.0, 1));
}

#[test]
fn what_no_estimate_speaks_of_does_not_count() {
    let change = |change: fn(&mut Record)| {
        let mut record = record(700.0, 700.0);
        change(&mut record);
        whole(&[record])
    };
    let nothing = Accuracy::default();
    assert_ne!(change(|_| {}), nothing);
    assert_eq!(change(|record| record.estimate = None), nothing);
    let undated = |record: &mut Record| {
        let said = record.estimate.as_mut().unwrap();
        said.at_claim = None;
        said.at_submission.as_mut().unwrap().at = None;
    };
    assert_eq!(change(undated), nothing);
    let check = |record: &mut Record| record.health_check = Some("b".parse().unwrap());
    assert_eq!(change(check), nothing);
    assert_eq!(
        change(|record| record.health = Some(Health::Canceled)),
        nothing
    );
    assert_eq!(
        change(|record| record.health = Some(Health::Rejected)),
        nothing
    );
    assert_eq!(change(|record| record.started_at = None), nothing);
    let lost = change(|record| {
        record.health = Some(Health::Incomplete);
        record.reason = Some(Reason::Lost);
    });
    assert_eq!((lost.jobs, lost.start_early().of), (1, 1));
    assert_eq!((lost.p90_coverage().of, lost.run_time_error().of), (0, 0));
    let hung = change(|record| {
        record.health = Some(Health::Incomplete);
        record.reason = Some(Reason::Timeout);
    });
    assert_eq!((hung.p90_coverage().of, hung.run_time_error().of), (1, 1));
}

#[test]
fn an_instant_run_has_no_error_and_an_estimate_without_an_end_no_claim() {
    let mut instant = record(700.0, 0.0);
    let said = instant.estimate.as_mut().unwrap();
    said.at_submission = said.at_submission.map(|said| Estimate {
        end: None,
        p90: None,
        ..said
    });
    let all = whole(&[instant]);
    assert_eq!(all.jobs, 1);
    for none in [
        all.run_time_error(),
        all.end_error(),
        all.early(),
        all.late(),
        all.p90_coverage(),
        all.tightness(),
    ] {
        assert_eq!(none, Figure::default());
    }
    assert_eq!(all.start_early().of, 1);
}

/// Jobs of all priorities and of several types and months, well and badly estimated.
fn any_record() -> impl Strategy<Value = Record> {
    let times = (0.0..9000.0_f64, 0.0..9000.0_f64);
    (times, 0..4_u64, 0..3_u8, 0..60_i32, 0..8_u8).prop_map(
        |((waited, ran), priority, kind, days, end)| {
            let mut one = record(waited.round(), ran.round());
            one.priority = Priority::from_number(priority * 33).unwrap();
            if priority == 3 {
                one.priority = Priority::Urgent;
            }
            one.claim.as_mut().unwrap().device_type = (kind > 0).then(|| format!("type-{kind}"));
            let finished = one.finished_at.unwrap();
            one.finished_at = Some(finished.plus_seconds(-86_400.0 * f64::from(days)));
            if days > 0 {
                one.started_at = one.finished_at.map(|at| at.plus_seconds(-ran.round()));
            }
            (one.health, one.reason) = match end {
                0 => (Some(Health::Canceled), None),
                1 => (Some(Health::Incomplete), Some(Reason::Board)),
                _ => (Some(Health::Complete), None),
            };
            one
        },
    )
}

proptest! {
    #[test]
    fn sums_do_not_depend_on_the_order(
        (records, shuffled) in prop::collection::vec(any_record(), 0..30)
            .prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle())),
        cut in 0..30_usize,
    ) {
        let all = sums(&records);
        prop_assert_eq!(&sums(&shuffled), &all);
        let (left, right) = shuffled.split_at(cut.min(shuffled.len()));
        let mut merged = sums(left);
        merged.merge(&sums(right));
        prop_assert_eq!(&merged, &all);
        let mut merged = sums(right);
        merged.merge(&sums(left));
        prop_assert_eq!(&merged, &all);
    }

    #[test]
    fn taking_a_record_away_undoes_adding_it(
        kept in prop::collection::vec(any_record(), 0..20),
        more in prop::collection::vec(any_record(), 0..20),
    ) {
        let before = sums(&kept);
        let mut all = sums(&[more.clone(), kept].concat());
        more.iter().for_each(|record| all.remove(record));
        prop_assert_eq!(all, before);
    }

    #[test]
    fn the_parts_add_up_to_the_whole(records in prop::collection::vec(any_record(), 0..30)) {
        let sums = sums(&records);
        for period in sums.periods.keys() {
            let whole = sums.whole(*period);
            let mut parts = Accuracy::default();
            sums.by_priority(*period).iter().for_each(|(_, part)| parts.plus(part));
            prop_assert_eq!(&parts, &whole);
            let typed: u64 = sums.by_type(*period).iter().map(|(_, part)| part.jobs).sum();
            prop_assert!(typed <= whole.jobs);
            let histograms = whole.histograms().map(Clone::clone);
            prop_assert_eq!(Accuracy::from_parts(whole.counts(), histograms), whole);
        }
    }
}
