//! Age raises a job and never lowers it.

use proptest::prelude::*;

use super::cases;
use super::make::{Bounds, PRIORITIES, STEP_S, case, rules};
use crate::model::{JobId, Priority};
use crate::schedule::level;

proptest! {
    #![proptest_config(cases(400))]

    /// Invariant 11, of one job: never lower for having waited longer or for a higher priority, and
    /// urgent only for one that was submitted so.
    #[test]
    fn a_job_never_falls(waited in -1e4..1e5_f64, more in 0.0..1e5_f64, at in 0..4_usize, step in 0..5000_u64) {
        let mut rules = rules();
        rules.plan.age_step = crate::model::Span::from_secs(step);
        let level = |priority, waited| level(&rules.plan, priority, waited);
        let priority = PRIORITIES[at];
        let now = level(priority, waited);
        prop_assert!(now >= priority);
        prop_assert!(level(priority, waited + more) >= now);
        prop_assert!(at == 0 || now >= level(PRIORITIES[at - 1], waited));
        prop_assert_eq!(now == Priority::Urgent, priority == Priority::Urgent);
    }

    /// Invariant 11, of the queue: going on in time comes to the levels that a fresh look finds, and
    /// they never fall.
    #[test]
    fn levels_rise_with_time(case in case(Bounds::ALL), passes in prop::collection::vec(0.0..2.0_f64, 1..4)) {
        let mut later = case.clone();
        let mut queue = case.queue();
        for part in passes {
            let before: Vec<(Priority, JobId)> =
                queue.order().iter().map(|(level, at)| (*level, queue.job(*at).id)).collect();
            later.now = later.now.plus_seconds(part * STEP_S);
            queue.advance(later.now);
            let after: Vec<(Priority, JobId)> =
                queue.order().iter().map(|(level, at)| (*level, queue.job(*at).id)).collect();
            let fresh = later.queue();
            let fresh: Vec<(Priority, JobId)> =
                fresh.order().iter().map(|(level, at)| (*level, fresh.job(*at).id)).collect();
            prop_assert_eq!(&after, &fresh);
            for (level, id) in &after {
                let old = before.iter().find(|(_, other)| other == id);
                let job = case.job(*id);
                // An urgent job may be within its group's quota now or not.
                prop_assert!(job.priority == Priority::Urgent || old.is_some_and(|(old, _)| old <= level));
            }
        }
    }
}
