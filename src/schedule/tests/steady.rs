//! How little a plan changes with what it is made of.

use proptest::prelude::*;

use super::cases;
use super::make::{Bounds, Case, case, now};
use crate::model::Priority;
use crate::schedule::order;

/// The jobs each of a group of its own, in fixed ranks: no age, no history, enough quota.
fn ranked(mut case: Case) -> Case {
    for (n, job) in case.jobs.iter_mut().enumerate() {
        job.group = format!("group-{n}");
        job.submitted_at = now().plus_seconds(-(n as f64));
    }
    case.rules.served.clear();
    case.rules.urgent_running.clear();
    case.rules.plan.urgent_per_group = 9;
    case
}

/// With one more of the boards idle.
fn with_one_more(case: &Case, n: usize) -> Case {
    let mut more = case.clone();
    let busy = case.boards.iter().map(|board| &board.name);
    let mut busy = busy.filter(|name| !case.idle.contains(*name));
    more.idle.extend(busy.nth(n).cloned());
    more
}

proptest! {
    #![proptest_config(cases(400))]

    /// Invariant 6, where ranks are fixed: one more idle board makes nobody wait who would start.
    #[test]
    fn a_board_more_takes_nothing_from_anybody(case in case(Bounds::SINGLE), n in 0..3_usize) {
        let case = ranked(case);
        let (before, after) = (case.set(), with_one_more(&case, n).set());
        prop_assert!(before.iter().all(|id| after.contains(id)), "{before:?} {after:?}");
    }

    /// Invariant 6 with turns, which a start changes: from `high` down, as many start as before at
    /// each level or above it.
    #[test]
    fn a_board_more_costs_no_level_a_start(case in case(Bounds::SINGLE), n in 0..3_usize) {
        let (before, after) = (case.plan(), with_one_more(&case, n).plan());
        for level in [Priority::High, Priority::Medium, Priority::Low] {
            let above = |plan: &[super::make::Started]| {
                plan.iter().filter(|(at, ..)| *at >= level).count()
            };
            prop_assert!(above(&before) <= above(&after));
        }
    }

    /// Invariant 7: what starts before a job starts without it, too, where older jobs have older dates:
    /// a group's turn goes by the date of its oldest job.
    #[test]
    fn a_later_job_changes_nothing_before_it(case in case(Bounds::ALL), n in any::<prop::sample::Index>()) {
        let mut case = case;
        let mut dates: Vec<_> = case.jobs.iter().map(|job| job.submitted_at).collect();
        dates.sort_unstable();
        case.jobs.iter_mut().zip(dates).for_each(|(job, at)| job.submitted_at = at);
        // What a job asks for counts as asked; here that is to make no difference.
        case.rules.asked = ["t", "u", "x", "y", "z"].map(str::to_owned).into();
        let with = case.set();
        prop_assume!(!with.is_empty());
        let at = n.index(with.len());
        case.jobs.retain(|job| job.id != with[at]);
        let without = case.set();
        prop_assert_eq!(&with[..at], &without[..at.min(without.len())]);
    }

    /// Invariant 10: the order in which facts come makes no difference, nor does the thread.
    #[test]
    fn the_same_facts_give_the_same_plan(case in case(Bounds::ALL), seed in any::<u64>()) {
        let mut other = case.clone();
        // Any order will do.
        other.jobs.sort_by_key(|job| job.order as u64 ^ (seed % 8));
        other.boards.sort_by_key(|board| (board.busy_ms ^ (seed % 4), board.name.clone()));
        let plan = case.plan();
        prop_assert_eq!(&plan, &other.plan());
        let ranks = |case: &Case| {
            order(case.jobs.clone(), case.boards.clone(), case.rules.clone(), case.now)
        };
        prop_assert_eq!(ranks(&case), ranks(&other));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(100).cases.min(10_000), ..cases(100) })]

    #[test]
    fn every_thread_makes_the_same_plan(case in case(Bounds::ALL)) {
        let plan = case.plan();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| case.plan())).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), plan);
            }
        });
    }
}
