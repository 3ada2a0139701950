//! Groups that always have jobs waiting get as many starts as each other.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::cases;
use super::farm::Farm;
use super::make::{board, job, now, rules};
use crate::model::{Priority, Span};
use crate::schedule::{Candidate, Wanted};

/// Who submits what: a group's name, its jobs' priority, and how many it keeps waiting.
#[derive(Debug, Clone)]
struct Crowd {
    group: &'static str,
    priority: Priority,
    waiting: usize,
    /// Older jobs that no board can take.
    stuck: usize,
}

fn crowd(group: &'static str) -> impl Strategy<Value = Crowd> {
    (1..4_usize, 0..3_usize).prop_map(move |(waiting, stuck)| Crowd {
        group,
        priority: Priority::Medium,
        waiting,
        stuck,
    })
}

/// The most starts by which one group was ever ahead of another on one board.
fn lead(crowds: &[Crowd], quota: u32, lengths: &[u8]) -> u32 {
    let mut rules = rules();
    rules.plan.urgent_per_group = quota;
    // Groups take turns within a level: here no job leaves its own.
    rules.plan.age_step = Span::from_secs(0);
    let mut farm = Farm::new(vec![board(0)], rules, now());
    let mut starts: BTreeMap<&str, u32> = crowds.iter().map(|one| (one.group, 0)).collect();
    let mut n = 0;
    let mut submit = |farm: &mut Farm, crowd: &Crowd, is_stuck: bool| {
        let mut job = job(n, crowd.priority, crowd.group);
        n += 1;
        job.submitted_at = farm.case.now;
        if is_stuck {
            job.submitted_at = now().plus_seconds(-9e5);
            job.seats[0].wanted = Wanted::Board("nowhere".to_owned());
        }
        farm.case.jobs.push(job);
    };
    for crowd in crowds {
        (0..crowd.stuck).for_each(|_| submit(&mut farm, crowd, true));
    }
    let mut lead = 0;
    for length in lengths {
        for crowd in crowds {
            let waits = farm
                .case
                .jobs
                .iter()
                .filter(|job| job.group == crowd.group)
                .count();
            (waits..crowd.stuck + crowd.waiting).for_each(|_| submit(&mut farm, crowd, false));
        }
        let before: Vec<_> = farm
            .case
            .jobs
            .iter()
            .map(|job| (job.id, job.group.clone()))
            .collect();
        for (_, id, _) in farm.start(|_| f64::from(*length)) {
            let (_, group) = before.iter().find(|(known, _)| *known == id).unwrap();
            *starts.get_mut(group.as_str()).unwrap() += 1;
        }
        let (least, most) = (starts.values().min(), starts.values().max());
        lead = lead.max(most.unwrap() - least.unwrap());
        let end = farm.next_end().unwrap();
        farm.pass(end);
    }
    lead
}

proptest! {
    #![proptest_config(cases(200))]

    /// Invariant 12. Jobs that no board can take use up no turn, however old they are.
    #[test]
    fn two_groups_take_turns(a in crowd("a"), b in crowd("b"), lengths in prop::collection::vec(1..90_u8, 1..40)) {
        prop_assert!(lead(&[a, b], 2, &lengths) <= 1);
    }

    #[test]
    fn three_groups_take_turns(a in crowd("a"), b in crowd("b"), c in crowd("c"), lengths in prop::collection::vec(1..90_u8, 1..40)) {
        prop_assert!(lead(&[a, b, c], 2, &lengths) <= 1);
    }

    /// Urgent jobs beyond the quota take their turns among the high ones.
    #[test]
    fn urgent_jobs_beyond_the_quota_take_turns(a in crowd("a"), b in crowd("b"), lengths in prop::collection::vec(1..90_u8, 1..40)) {
        let a = Crowd { priority: Priority::Urgent, ..a };
        let b = Crowd { priority: Priority::High, ..b };
        prop_assert!(lead(&[a, b], 0, &lengths) <= 1);
    }

    /// What a group runs on boards of one type uses up no turn on those of another.
    #[test]
    fn turns_are_taken_by_device_type(lengths in prop::collection::vec((1..90_u8, 1..90_u8), 20..40)) {
        let mut other = board(1);
        other.device_type = "u".to_owned();
        let mut farm = Farm::new(vec![board(0), other], rules(), now());
        let (mut starts, mut n) = (BTreeMap::from([("a", 0_u32), ("b", 0)]), 0);
        for (here, there) in lengths {
            // One of each always waits; those of `a` for the other type, too.
            for (group, device_type) in [("a", "u"), ("a", "t"), ("b", "t")] {
                let wanted = Wanted::Type(device_type.to_owned());
                let waits = |job: &Candidate| job.group == group && job.seats[0].wanted == wanted;
                if !farm.case.jobs.iter().any(waits) {
                    let mut job = job(n, Priority::Medium, group);
                    (n, job.submitted_at) = (n + 1, farm.case.now);
                    job.seats[0].wanted = wanted;
                    farm.case.jobs.push(job);
                }
            }
            let is_here = |job: &Candidate| job.seats[0].wanted == Wanted::Type("t".to_owned());
            farm.start(|job| f64::from(if is_here(job) { here } else { there }));
            for run in &farm.running {
                if run.began == farm.case.now && is_here(&run.job) {
                    *starts.get_mut(run.job.group.as_str()).unwrap() += 1;
                }
            }
            let end = farm.next_end().unwrap();
            farm.pass(end);
        }
        prop_assert!(starts["a"].abs_diff(starts["b"]) <= 1, "{:?}", starts);
    }
}
