//! Boards that are equal do equal work.

use super::farm::Farm;
use super::figure;
use super::make::{board, job, now, rules};
use crate::model::Priority;

/// Numbers that look random and are the same in every run, in [0, 1).
fn random(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

/// At half load, with runs whose lengths are spread exponentially, the busiest of eight equal boards
/// has worked hardly longer than the least busy one.
#[test]
fn equal_boards_wear_alike() {
    const BOARDS: usize = 8;
    const MEAN_S: f64 = 600.0;
    let mut farm = Farm::new((0..BOARDS).map(board).collect(), rules(), now());
    let mut state = 42;
    let exponential = |state: &mut u64, mean: f64| -mean * (1.0 - random(state)).ln();
    let gap = MEAN_S / (0.5 * BOARDS as f64);
    for n in 0..4000 {
        farm.case.jobs.push(job(n, Priority::Medium, "g"));
        let length = exponential(&mut state, MEAN_S);
        let arrives = farm.case.now.plus_seconds(exponential(&mut state, gap));
        farm.start(|_| length);
        while let Some(end) = farm.next_end().filter(|end| *end < arrives) {
            farm.pass(end);
            farm.start(|_| length);
        }
        farm.pass(arrives);
    }
    let busy: Vec<u64> = farm.case.boards.iter().map(|board| board.busy_ms).collect();
    let (least, most) = (busy.iter().min().unwrap(), busy.iter().max().unwrap());
    let ratio = *most as f64 / *least as f64;
    figure(
        "busiest by least busy of equal boards at load 0.5",
        ratio,
        "ratio",
    );
    assert!(ratio <= 1.05, "{busy:?}");
}
