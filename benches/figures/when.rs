//! The estimates of ten thousand waiting jobs: the plan played forward until all have ended.

use std::time::Instant;

use pumice::model::Time;
use pumice::schedule::{Busy, Candidate, PlanBoard, Queue, Rules, forecast};

use crate::Figures;
use crate::crowd::{self, NOW};

const JOBS: usize = 10_000;

pub fn measure() -> Figures {
    let many = crowd::boards(500);
    let few = crowd::boards(50);
    let alike = crowd::alike(20);
    let mut figures = vec![
        (
            "when_10000_500_boards",
            seconds(crowd::mixed(JOBS, &many), many.clone()),
            "s",
        ),
        (
            "when_10000_50_boards",
            seconds(crowd::mixed(JOBS, &few), few),
            "s",
        ),
        (
            "when_10000_distinct",
            seconds(crowd::distinct(JOBS, &many), many.clone()),
            "s",
        ),
        (
            "when_10000_all_groups",
            seconds(crowd::groups(JOBS, &many), many),
            "s",
        ),
        (
            "when_10000_by_10000_groups",
            seconds(crowd::strangers(JOBS, &alike), alike),
            "s",
        ),
    ];
    // The mixed ones are what labs have.
    let worst = figures[0].1.max(figures[1].1);
    figures.insert(0, ("when_10000", worst, "s"));
    figures
}

/// With all boards busy for up to an hour, and runs of a minute to an hour.
fn seconds(jobs: Vec<Candidate>, boards: Vec<PlanBoard>) -> f64 {
    let now = Time::from_unix(NOW);
    let mut dice = crowd::Dice::new(4);
    let mut busy = |board: &PlanBoard| Busy {
        board: board.name.clone(),
        until: now.plus_seconds(dice.below(3600) as f64),
        urgent_of: None,
    };
    let busy: Vec<Busy> = boards.iter().map(&mut busy).collect();
    let count = jobs.len();
    let length_s = |job: &Candidate, _: &PlanBoard| 60.0 + (job.order * 7919 % 3540) as f64;
    let start = Instant::now();
    let queue = Queue::new(jobs, boards, |_| false, Rules::default(), now);
    let forecasts = forecast(queue, &busy, length_s);
    let took = start.elapsed().as_secs_f64();
    assert!(
        forecasts.len() * 2 > count,
        "only {} start",
        forecasts.len()
    );
    took
}
