//! A farm's life in random events, and what holds at every moment of it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::cases;
use super::farm::Farm;
use super::make::{Bounds, board, candidate, id, now, plan_board, rules};
use crate::model::{BoardName, JobId, Priority};
use crate::schedule::{Candidate, PlanBoard, fits};

#[derive(Debug, Clone)]
enum Event {
    Submit(Candidate),
    Cancel(prop::sample::Index),
    /// A board takes nothing from now on: doubted, in maintenance, or its runner is gone.
    Out(usize),
    In(usize),
    Pass(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        6 => candidate(Bounds::ALL).prop_map(Event::Submit),
        1 => any::<prop::sample::Index>().prop_map(Event::Cancel),
        1 => (0..5_usize).prop_map(Event::Out),
        1 => (0..5_usize).prop_map(Event::In),
        4 => (1..300_i64).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 1..30)
}

fn boards() -> impl Strategy<Value = Vec<PlanBoard>> {
    prop::collection::vec(plan_board(), 1..5).prop_map(|boards| {
        let named = boards.into_iter().enumerate().map(|(n, it)| PlanBoard {
            name: board(n).name,
            ..it
        });
        named.collect()
    })
}

proptest! {
    #![proptest_config(cases(200))]

    /// Invariants 1, 2, 13, 14, 15 and 16 at every moment. What a runner adds, such as races of claims
    /// and health checks, is tested where it is: `tests/integration/{protocol,health,group}.rs`.
    #[test]
    fn at_every_moment_the_rules_hold(boards in boards(), events in events(), quota in 0..3_u32) {
        let mut rules = rules();
        rules.plan.urgent_per_group = quota;
        let mut farm = Farm::new(boards, rules, now());
        let mut gone: BTreeSet<JobId> = BTreeSet::new();
        for (n, event) in events.into_iter().enumerate() {
            match event {
                Event::Submit(mut job) => {
                    (job.id, job.order) = (id(n), n as i64);
                    job.submitted_at = farm.case.now;
                    job.expires_at = job.expires_at.map(|at| farm.case.now.plus_seconds(at.seconds_since(now()).abs()));
                    farm.case.jobs.push(job);
                }
                Event::Cancel(at) if !farm.case.jobs.is_empty() => {
                    let at = at.index(farm.case.jobs.len());
                    gone.insert(farm.case.jobs.remove(at).id);
                }
                Event::Cancel(_) => {}
                Event::Out(n) => { farm.out.insert(board(n).name); }
                Event::In(n) => { farm.out.remove(&board(n).name); }
                Event::Pass(seconds) => {
                    let until = farm.case.now.plus_seconds(seconds as f64);
                    farm.pass(until);
                }
            }
            let facts = farm.facts();
            let started = farm.start(|job| 30.0 + (job.order * 37 % 200) as f64);
            for (_, id, boards) in &started {
                let job = facts.job(*id);
                prop_assert!(gone.insert(*id), "started once, and not canceled");
                prop_assert!(!facts.is_expired(job));
                prop_assert_eq!(boards.len(), job.seats.len());
                for (seat, name) in job.seats.iter().zip(boards) {
                    let board = farm.case.board(name);
                    prop_assert!(!farm.out.contains(name), "takes nothing");
                    prop_assert!(fits(job, seat, board));
                    prop_assert_eq!(&board.runner, &farm.case.board(&boards[0]).runner);
                }
            }
            let mut used: BTreeSet<&BoardName> = BTreeSet::new();
            let mut urgent: BTreeMap<&str, u32> = BTreeMap::new();
            for run in &farm.running {
                prop_assert!(run.boards.iter().all(|board| used.insert(board)), "one run a board");
                if run.level == Priority::Urgent {
                    *urgent.entry(&run.job.group).or_default() += 1;
                }
            }
            prop_assert!(urgent.values().all(|count| *count <= quota), "{urgent:?}");
        }
    }
}
