//! No job waits for ever: the bound that the manual states, against somebody who never stops submitting.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::farm::Farm;
use super::make::{STEP_S, board, job, now, rules};
use super::{cases, figure, is_long};
use crate::model::{JobId, Priority};
use crate::schedule::Candidate;

/// The longest run, in seconds.
const LONGEST_S: f64 = 300.0;

/// Somebody who always has fresh `high` jobs waiting, from ever new groups or from few, and perhaps an
/// urgent one.
#[derive(Debug, Clone)]
struct Adversary {
    boards: usize,
    /// Other groups whose jobs wait already.
    before: usize,
    /// How many fresh jobs wait at any time.
    fresh: usize,
    /// Few groups, or a new one for each job.
    groups: Option<usize>,
    /// Urgent jobs of one group that always wait.
    urgent: usize,
    /// Jobs of the victim's own group that are older.
    own: usize,
    lengths: Vec<u16>,
}

fn adversary() -> impl Strategy<Value = Adversary> {
    let lengths = prop::collection::vec(50..=LONGEST_S as u16, 1..20);
    let groups = prop::option::of(1..6_usize);
    (
        (2..5_usize, 0..12_usize, 1..7_usize),
        groups,
        (0..2_usize, 0..4_usize),
        lengths,
    )
        .prop_map(
            |((boards, before, fresh), groups, (urgent, own), lengths)| Adversary {
                boards,
                before,
                fresh,
                groups,
                urgent,
                own,
                lengths,
            },
        )
}

/// How long a `low` job waits, and the bound: two age steps, then a longest run for each round of the
/// boards that the urgent jobs leave, of the jobs that may still go before it.
fn wait(adversary: &Adversary) -> (f64, f64) {
    let mut rules = rules();
    rules.plan.urgent_per_group = 1;
    let boards = (0..adversary.boards).map(board).collect();
    let mut farm = Farm::new(boards, rules, now());
    let mut n = 0;
    let mut submit = |farm: &mut Farm, priority, group: String| -> JobId {
        let mut job = job(n, priority, &group);
        n += 1;
        job.submitted_at = farm.case.now;
        let id = job.id;
        farm.case.jobs.push(job);
        id
    };
    for n in 0..adversary.before {
        submit(&mut farm, Priority::High, format!("before-{n}"));
    }
    for _ in 0..adversary.own {
        submit(&mut farm, Priority::Low, "victim".to_owned());
    }
    let victim = submit(&mut farm, Priority::Low, "victim".to_owned());
    let came = farm.case.now;
    let mut bound = None;
    let mut lengths = adversary.lengths.iter().cycle();
    for n in 0.. {
        let theirs = |job: &&Candidate| job.group.starts_with("other");
        let waits = farm.case.jobs.iter().filter(theirs).count();
        for at in waits..adversary.fresh {
            let group = adversary
                .groups
                .map_or(n * 100 + at, |groups| (n + at) % groups);
            submit(&mut farm, Priority::High, format!("other-{group}"));
        }
        if adversary.urgent > 0 {
            let waits = farm
                .case
                .jobs
                .iter()
                .any(|job| job.priority == Priority::Urgent);
            if !waits {
                submit(&mut farm, Priority::Urgent, "firemen".to_owned());
            }
        }
        let waited_s = farm.case.now.seconds_since(came);
        if waited_s >= 2.0 * STEP_S && bound.is_none() {
            bound = Some(2.0 * STEP_S + rounds(&farm, victim, adversary) * LONGEST_S);
        }
        farm.start(|_| f64::from(*lengths.next().unwrap()));
        if !farm.case.jobs.iter().any(|job| job.id == victim) {
            // One that starts before it has risen waits less than any bound.
            return (waited_s, bound.unwrap_or(2.0 * STEP_S));
        }
        if n > 3000 {
            return (f64::INFINITY, bound.unwrap_or_default());
        }
        let rises = came.plus_seconds(2.0 * STEP_S);
        let next = farm.next_end().unwrap();
        // The adversary also acts at the moment at which the victim stands at `high`.
        farm.pass(if farm.case.now < rises {
            next.min(rises)
        } else {
            next
        });
    }
    unreachable!()
}

/// In how many longest runs the job starts that stands at `high` now. Before it go its group's older
/// jobs, and before each of these and before it itself one job of each other group that came first:
/// before the job, or before the last start of its group.
fn rounds(farm: &Farm, victim: JobId, adversary: &Adversary) -> f64 {
    let victim = farm.case.job(victim);
    let (own, others): (Vec<&Candidate>, Vec<_>) = farm
        .case
        .jobs
        .iter()
        .filter(|job| job.priority != Priority::Urgent && job.id != victim.id)
        .partition(|job| job.group == victim.group);
    let older = others
        .iter()
        .filter(|job| job.submitted_at <= victim.submitted_at);
    let older: BTreeSet<&str> = older.map(|job| job.group.as_str()).collect();
    let later = adversary.before + adversary.fresh;
    let before = own.len() * (1 + later) + older.len();
    let boards = adversary.boards - adversary.urgent;
    (before / boards + 1) as f64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(60).cases.min(20_000), ..cases(60) })]

    /// Invariant 11, the bound.
    #[test]
    fn the_wait_is_bounded(adversary in adversary()) {
        let (waited, bound) = wait(&adversary);
        prop_assert!(waited <= bound, "{waited} s, bound {bound} s");
    }
}

/// The longest wait of a lone `low` job while there are always a dozen fresh `high` ones, each of a group
/// that nobody has seen before.
#[test]
fn a_low_job_starts_though_high_ones_never_end() {
    let mut longest = (0.0, 0.0);
    for seed in 0..if is_long() { 1000 } else { 50_u16 } {
        let adversary = Adversary {
            boards: 1 + usize::from(seed % 3),
            before: usize::from(seed % 7),
            fresh: 12,
            groups: None,
            urgent: 0,
            own: 0,
            lengths: (1..20_u16)
                .map(|n| 50 + (n * 131 + seed * 17) % (LONGEST_S as u16 - 49))
                .collect(),
        };
        let (waited, bound) = wait(&adversary);
        assert!(
            waited <= bound && waited >= 2.0 * STEP_S,
            "{waited} s, bound {bound} s"
        );
        if waited > longest.0 {
            longest = (waited, bound);
        }
    }
    figure(
        "longest wait of a low job among endless high ones",
        longest.0,
        "s",
    );
    figure("bound of that wait", longest.1, "s");
}
