//! What starts is the best that can: by the rules, within what each job asks, and as much as possible.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::cases;
use super::make::{Bounds, Case, Started, case};
use super::oracle::{self, Placed, feasible};
use crate::model::JobId;
use crate::schedule::{HOLD_AFTER_S, fits};

/// The seats of what starts, a group's bound to its runner.
fn seats<'c>(case: &'c Case, started: &'c [Started]) -> Vec<Placed<'c>> {
    let each = started.iter().flat_map(|(_, id, boards)| {
        let job = case.job(*id);
        let runner = &case.board(&boards[0]).runner;
        let runner = Some(runner).filter(|_| job.is_group());
        job.seats
            .iter()
            .map(move |seat| Placed { job, seat, runner })
    });
    each.collect()
}

proptest! {
    #![proptest_config(cases(400))]

    /// Invariant 3: the best set in the order in which jobs are asked.
    #[test]
    fn what_starts_is_what_the_rules_say(case in case(Bounds::ALL)) {
        let planned: Vec<_> = case.plan().into_iter().map(|(level, id, _)| (level, id)).collect();
        prop_assert_eq!(planned, oracle::started(&case));
    }

    /// Invariants 1, 2, 14 and 15 of one plan: a board has one job, which it fits; a group job has all
    /// its boards, of one runner; nothing expired starts. That the runner keeps to it when claims race
    /// is what `tests/integration/{protocol,group,health}.rs` show.
    #[test]
    fn jobs_start_where_they_may(case in case(Bounds::ALL)) {
        let mut used = BTreeSet::new();
        let mut seen: BTreeSet<JobId> = BTreeSet::new();
        for (_, id, boards) in case.plan() {
            let job = case.job(id);
            prop_assert!(seen.insert(id));
            prop_assert!(!case.is_expired(job));
            prop_assert_eq!(boards.len(), job.seats.len());
            let mut runners = BTreeSet::new();
            for (seat, name) in job.seats.iter().zip(&boards) {
                let board = case.board(name);
                prop_assert!(fits(job, seat, board));
                prop_assert!(case.idle.contains(name));
                prop_assert!(used.insert(name.clone()));
                runners.insert(board.runner.clone());
            }
            prop_assert_eq!(runners.len(), 1);
        }
    }

    /// Invariants 4 and 5: no job for one board waits that could have one, even if all others moved,
    /// unless a group job may be holding boards.
    #[test]
    fn nothing_waits_that_could_start(case in case(Bounds::ALL)) {
        let started = case.plan();
        let runs: BTreeSet<JobId> = started.iter().map(|(_, id, _)| *id).collect();
        let waits = case.jobs.iter().filter(|job| !runs.contains(&job.id));
        let waits: Vec<_> = waits.filter(|job| !case.is_expired(job)).collect();
        let holds = waits.iter().any(|job| job.is_group() && case.waited_s(job) >= HOLD_AFTER_S);
        prop_assume!(!holds);
        let idle: Vec<_> = case.idle_boards().collect();
        let taken = seats(&case, &started);
        prop_assert!(feasible(&taken, &idle));
        for job in waits.into_iter().filter(|job| !job.is_group()) {
            let mut more = taken.clone();
            more.push(Placed { job, seat: &job.seats[0], runner: None });
            prop_assert!(!feasible(&more, &idle), "{} could start", job.id);
        }
    }
}
