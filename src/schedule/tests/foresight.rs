//! The forecast is the plan played forward, and ends whatever it is told.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::cases;
use super::farm::{Farm, Run};
use super::make::{Bounds, Case, board, case, job, now, rules};
use crate::model::{JobId, Priority, Time};
use crate::schedule::{Busy, Candidate, forecast};

fn length_s(job: &Candidate) -> f64 {
    (job.order * 131 % 400) as f64
}

/// Plays a case by asking the plan anew at every end of a run.
fn played(case: &Case, busy: &[Busy]) -> BTreeMap<JobId, (Time, Time)> {
    let mut farm = Farm::new(case.boards.clone(), case.rules.clone(), case.now);
    farm.case.jobs = case.jobs.clone();
    for (n, busy) in busy.iter().enumerate() {
        let priority = busy
            .urgent_of
            .as_ref()
            .map_or(Priority::Low, |_| Priority::Urgent);
        let group = busy.urgent_of.as_deref().unwrap_or("nobody");
        farm.running.push(Run {
            job: job(1000 + n, priority, group),
            boards: vec![busy.board.clone()],
            level: priority,
            began: case.now,
            until: busy.until,
        });
    }
    let mut starts = BTreeMap::new();
    loop {
        let now = farm.case.now;
        for (_, id, _) in farm.start(length_s) {
            let end = now.plus_seconds(length_s(case.job(id)));
            starts.insert(id, (now, end));
        }
        let Some(next) = farm.next_end() else {
            return starts;
        };
        farm.pass(next);
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// What the queue keeps up to date from event to event is what a fresh look would find.
    #[test]
    fn a_forecast_is_the_plan_asked_at_every_event(
        case in case(Bounds::ALL),
        until in prop::collection::vec((-50..500_i64, any::<bool>()), 7),
    ) {
        let mut case = case;
        case.rules.asked = ["t", "u", "x", "y", "z"].map(str::to_owned).into();
        let busy = case.boards.iter().zip(until);
        let busy = busy.filter(|(board, _)| !case.idle.contains(&board.name));
        let busy: Vec<Busy> = busy
            .map(|(board, (until, urgent))| Busy {
                board: board.name.clone(),
                until: now().plus_seconds(until as f64),
                urgent_of: urgent.then(|| "f".to_owned()),
            })
            .collect();
        // The runs that are urgent are those on the busy boards.
        let urgent = busy.iter().filter(|busy| busy.urgent_of.is_some()).count();
        case.rules.urgent_running = [("f".to_owned(), urgent as u32)].into();
        let forecasts = forecast(case.queue(), &busy, |job, _| length_s(job));
        let forecasts: BTreeMap<_, _> = forecasts
            .into_iter()
            .map(|(id, forecast)| (id, (forecast.start, forecast.end)))
            .collect();
        prop_assert_eq!(forecasts, played(&case, &busy));
    }

    /// Any dates and lengths: it ends, nothing starts before now or ends before it starts, and no
    /// board has two jobs at a time.
    #[test]
    fn a_forecast_ends_whatever_it_is_told(
        case in case(Bounds::ALL),
        dates in prop::collection::vec(prop::sample::select(vec![i64::MIN, -62_000_000_000, 0, 1_000_000, 250_000_000_000, i64::MAX]), 8),
        lengths in prop::collection::vec(prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 0.0004, 1e18, 1e300, 60.0]), 7),
        step in prop::sample::select(vec!["0", "1ms", "3ms", "1001ms", "36000d"]),
    ) {
        let mut case = case;
        for (job, at) in case.jobs.iter_mut().zip(&dates) {
            job.submitted_at = Time::from_unix(*at);
        }
        case.rules.plan.age_step = step.parse().unwrap();
        let until = Time::from_unix(dates[7]);
        let busy = |board: &crate::schedule::PlanBoard| Busy { board: board.name.clone(), until, urgent_of: None };
        let busy: Vec<Busy> = case.boards.iter().map(busy).collect();
        let forecasts = forecast(case.queue(), &busy, |job, _| lengths[job.order as usize]);
        for forecast in forecasts.values() {
            prop_assert!(case.now <= forecast.start && forecast.start <= forecast.end);
        }
        let each: Vec<_> = forecasts.values().collect();
        for (n, one) in each.iter().enumerate() {
            for other in &each[..n] {
                let apart = one.end <= other.start || other.end <= one.start;
                prop_assert!(apart || one.boards.iter().all(|board| !other.boards.contains(board)));
            }
        }
    }
}

/// A queue on boards `b0`, `b1`, …, all idle.
fn queue(jobs: Vec<Candidate>, boards: usize) -> Case {
    Case {
        jobs,
        boards: (0..boards).map(board).collect(),
        idle: (0..boards).map(|n| board(n).name).collect(),
        rules: rules(),
        now: now(),
    }
}

#[test]
fn jobs_that_take_no_time_start_one_after_the_other() {
    let jobs = (0..50).map(|n| job(n, Priority::Low, "g")).collect();
    let forecasts = forecast(queue(jobs, 1).queue(), &[], |_, _| 0.0);
    assert_eq!(forecasts.len(), 50);
    assert!(
        forecasts
            .values()
            .all(|one| (one.start, one.end) == (now(), now()))
    );
}

#[test]
fn what_can_never_start_is_left_out() {
    let mut never = job(0, Priority::Urgent, "g");
    never.seats[0].tags.push("nowhere".to_owned());
    let jobs = vec![never, job(1, Priority::Low, "g")];
    let starts: Vec<JobId> = forecast(queue(jobs.clone(), 1).queue(), &[], |_, _| 9.0)
        .into_keys()
        .collect();
    assert_eq!(starts, [jobs[1].id]);
    assert!(forecast(queue(jobs, 0).queue(), &[], |_, _| 9.0).is_empty());
    assert!(forecast(queue(Vec::new(), 3).queue(), &[], |_, _| 9.0).is_empty());
}

#[test]
fn a_step_that_is_no_whole_number_of_milliseconds_ends() {
    let mut case = queue((0..3).map(|n| job(n, Priority::Low, "g")).collect(), 1);
    // Kept as seconds, such a step comes to a moment at which it has not quite passed.
    case.rules.plan.age_step = "1001ms".parse().unwrap();
    let forecasts = forecast(case.queue(), &[], |_, _| 1.001);
    assert_eq!(forecasts.len(), 3);
}

#[test]
fn a_job_that_expires_before_its_turn_never_starts() {
    let mut late = job(1, Priority::Low, "g");
    late.expires_at = Some(now().plus_seconds(60.0));
    let jobs = vec![job(0, Priority::Low, "g"), late];
    let starts = |length: f64| -> BTreeSet<JobId> {
        forecast(queue(jobs.clone(), 1).queue(), &[], |_, _| length)
            .into_keys()
            .collect()
    };
    assert_eq!(starts(59.0).len(), 2);
    assert_eq!(starts(60.0).len(), 1);
}
