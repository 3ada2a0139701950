//! The plan of ten thousand waiting jobs and five hundred boards.

use std::collections::BTreeSet;
use std::time::Instant;

use pumice::model::{BoardName, Time};
use pumice::schedule::{Candidate, PlanBoard, Rules, plan};

use crate::Figures;
use crate::crowd::{self, NOW};

const JOBS: usize = 10_000;
const BOARDS: usize = 500;

/// Of so many plans the one in the middle counts.
const RUNS: usize = 5;

pub fn measure() -> Figures {
    let boards = crowd::boards(BOARDS);
    let mixed = crowd::mixed(JOBS, &boards);
    let all = idle(&boards, |_| true);
    let one = idle(&boards, |n| n == 7);
    // Everybody wants what is busy, and most boards stand idle.
    let few = crowd::mixed(JOBS, &boards[..60]);
    let others = idle(&boards, |n| n >= 60);
    // Two idle boards of each type, and jobs for three.
    let threes = crowd::groups(JOBS, &boards);
    let two = idle(&boards, |n| n % 12 < 2);
    let distinct = crowd::distinct(JOBS, &boards);
    let mut figures = vec![
        (
            "plan_10000x500_all_idle",
            seconds(&mixed, &boards, &all),
            "s",
        ),
        (
            "plan_10000x500_one_idle",
            seconds(&mixed, &boards, &one),
            "s",
        ),
        (
            "plan_10000x500_distinct",
            seconds(&distinct, &boards, &all),
            "s",
        ),
        (
            "plan_10000x500_blocked",
            seconds(&few, &boards, &others),
            "s",
        ),
        (
            "plan_10000x500_groups",
            seconds(&threes, &boards, &two),
            "s",
        ),
    ];
    let worst = figures
        .iter()
        .map(|(_, value, _)| *value)
        .fold(0.0, f64::max);
    figures.insert(0, ("plan_10000x500", worst, "s"));
    figures
}

fn idle(boards: &[PlanBoard], is_idle: impl Fn(usize) -> bool) -> BTreeSet<BoardName> {
    let idle = boards.iter().enumerate().filter(|(n, _)| is_idle(*n));
    idle.map(|(_, board)| board.name.clone()).collect()
}

fn seconds(jobs: &[Candidate], boards: &[PlanBoard], idle: &BTreeSet<BoardName>) -> f64 {
    let once = || {
        let (jobs, boards) = (jobs.to_vec(), boards.to_vec());
        let start = Instant::now();
        let placed = plan(jobs, boards, idle, Rules::default(), Time::from_unix(NOW));
        let took = start.elapsed().as_secs_f64();
        assert!(placed.starts.len() <= idle.len());
        took
    };
    let mut took: Vec<f64> = (0..RUNS).map(|_| once()).collect();
    took.sort_by(f64::total_cmp);
    took[RUNS / 2]
}
