//! Which boards are used.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::cases;
use super::make::{Bounds, Case, Started, case};
use super::oracle::{Placed, feasible, preferred};
use crate::model::BoardName;
use crate::schedule::PlanBoard;

fn used(started: &[Started]) -> BTreeSet<BoardName> {
    started
        .iter()
        .flat_map(|(.., boards)| boards)
        .cloned()
        .collect()
}

/// Whether all that starts could do with these boards.
fn enough(case: &Case, started: &[Started], boards: &[&PlanBoard]) -> bool {
    let jobs = started.iter().map(|(_, id, _)| case.job(*id));
    let seats: Vec<Placed<'_>> = jobs
        .map(|job| Placed {
            job,
            seat: &job.seats[0],
            runner: None,
        })
        .collect();
    feasible(&seats, boards)
}

/// A case in which no job would rather not have some board.
fn plain() -> impl Strategy<Value = Case> {
    case(Bounds::SINGLE).prop_map(|mut case| {
        case.jobs.iter_mut().for_each(|job| job.last_on.clear());
        case
    })
}

proptest! {
    #![proptest_config(cases(400))]

    /// Invariants 8 and 9, and more: no used board could be exchanged for an idle one that is to be
    /// used before it (less scarce, else less busy, else first by name).
    #[test]
    fn no_better_board_stays_idle(case in plain()) {
        let started = case.plan();
        let used = used(&started);
        let order = preferred(&case);
        for (at, better) in order.iter().enumerate().filter(|(_, one)| !used.contains(&one.name)) {
            for worse in order[at..].iter().filter(|one| used.contains(&one.name)) {
                let others = order.iter().filter(|one| used.contains(&one.name));
                let mut others: Vec<&PlanBoard> = others.copied().collect();
                others.retain(|one| one.name != worse.name);
                others.push(better);
                prop_assert!(
                    !enough(&case, &started, &others),
                    "{} instead of {} would do", better.name, worse.name
                );
            }
        }
    }

    /// Invariant 8 as it stands: the only idle board of a type with an asked tag is left to whoever needs
    /// it if another board, without asked tags, would do.
    #[test]
    fn the_last_board_with_a_tag_is_kept(case in plain()) {
        let started = case.plan();
        let used = used(&started);
        let seats = case.jobs.iter().flat_map(|job| &job.seats);
        let asked = seats.flat_map(|seat| &seat.tags).chain(&case.rules.asked);
        let asked: BTreeSet<&String> = asked.collect();
        let idle: Vec<&PlanBoard> = case.idle_boards().collect();
        let alike = |board: &PlanBoard, tag: &String| {
            let alike = idle.iter().filter(|one| one.device_type == board.device_type);
            alike.filter(|one| one.tags.contains(tag)).count()
        };
        let plain = |board: &&&PlanBoard| !board.tags.iter().any(|tag| asked.contains(tag));
        let spare: Vec<&&PlanBoard> = idle
            .iter()
            .filter(plain)
            .filter(|board| !used.contains(&board.name))
            .collect();
        for board in idle.iter().filter(|board| used.contains(&board.name)) {
            let mut tags = board.tags.iter().filter(|tag| asked.contains(tag));
            if !tags.any(|tag| alike(board, tag) == 1) {
                continue;
            }
            for other in &spare {
                let mut boards: Vec<&PlanBoard> = idle.clone();
                boards.retain(|one| used.contains(&one.name) && one.name != board.name);
                boards.push(other);
                prop_assert!(!enough(&case, &started, &boards));
            }
        }
    }

    /// A board on which a job failed comes after the others, and costs nobody a start.
    #[test]
    fn a_board_that_failed_is_avoided_and_nobody_waits_for_it(case in case(Bounds::SINGLE)) {
        let mut careless = case.clone();
        careless.jobs.iter_mut().for_each(|job| job.last_on.clear());
        prop_assert_eq!(case.set(), careless.set());
        if let [(_, id, boards)] = case.plan().as_slice() {
            let job = case.job(*id);
            let fit = |board: &&PlanBoard| crate::schedule::fits(job, &job.seats[0], board);
            let mut fit = case.idle_boards().filter(fit);
            let others = fit.any(|board| !job.last_on.contains(&board.name));
            prop_assert!(!others || !job.last_on.contains(&boards[0]));
        }
    }
}
