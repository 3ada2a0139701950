//! The plan by hand-made cases.

mod groups;

use proptest::prelude::*;

use super::*;
use crate::schedule::{Seat, Wanted, fits};

fn job(n: u8, priority: Priority, device_type: &str, tags: &[&str]) -> Candidate {
    Candidate {
        id: id(n),
        priority,
        order: i64::from(n),
        group: "g".to_owned(),
        submitted_at: Time::from_unix(0),
        expires_at: None,
        seats: vec![Seat {
            wanted: Wanted::Type(device_type.to_owned()),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        }],
        not_on: BTreeSet::new(),
        last_on: BTreeSet::new(),
        dispatcher: None,
    }
}

fn id(n: u8) -> JobId {
    format!("00000000-0000-5000-8000-0000000000{n:02x}")
        .parse()
        .unwrap()
}

fn board(name: &str, tags: &[&str], busy_s: u64) -> PlanBoard {
    PlanBoard {
        name: name.parse().unwrap(),
        runner: "lab-a".parse().unwrap(),
        device_type: "t".to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        dispatchers: vec!["exec".to_owned()],
        busy_ms: busy_s * 1000,
    }
}

/// The plan with all boards idle, no history and no age.
fn planned(jobs: &[Candidate], boards: &[PlanBoard]) -> Vec<(JobId, Vec<BoardName>)> {
    let idle = boards.iter().map(|board| board.name.clone()).collect();
    let now = Time::from_unix(0);
    let mut rules = Rules::default();
    rules.plan.urgent_per_group = 99;
    plan(jobs.to_vec(), boards.to_vec(), &idle, rules, now).starts
}

fn names(placed: &[(JobId, Vec<BoardName>)]) -> Vec<(JobId, &str)> {
    placed
        .iter()
        .map(|(id, boards)| {
            assert_eq!(boards.len(), 1);
            (*id, boards[0].as_str())
        })
        .collect()
}

#[test]
fn priority_goes_first_then_the_older() {
    let jobs = [
        job(1, Priority::Low, "t", &[]),
        job(2, Priority::High, "t", &[]),
        job(3, Priority::High, "t", &[]),
    ];
    assert_eq!(
        names(&planned(&jobs, &[board("a", &[], 0)])),
        [(id(2), "a")]
    );
}

#[test]
fn the_least_busy_board_is_taken() {
    let boards = [board("a", &[], 50), board("b", &[], 10)];
    assert_eq!(
        names(&planned(&[job(1, Priority::Low, "t", &[])], &boards)),
        [(id(1), "b")]
    );
}

#[test]
fn a_tagged_board_is_kept_for_the_job_that_needs_it() {
    let boards = [board("a", &["usb"], 0), board("b", &[], 99)];
    let jobs = [
        job(1, Priority::Low, "t", &[]),
        job(2, Priority::Low, "t", &["usb"]),
    ];
    assert_eq!(
        names(&planned(&jobs, &boards)),
        [(id(1), "b"), (id(2), "a")]
    );
}

#[test]
fn an_earlier_job_moves_when_that_makes_room() {
    // Both would take `a`; only job 1 can move away.
    let mut second = job(2, Priority::Low, "t", &[]);
    second.seats[0].wanted = Wanted::Board("a".to_owned());
    let boards = [board("a", &[], 0), board("b", &[], 5)];
    let pairs = planned(&[job(1, Priority::Low, "t", &[]), second], &boards);
    assert_eq!(names(&pairs), [(id(1), "b"), (id(2), "a")]);
}

#[test]
fn a_board_that_failed_under_a_job_is_not_tried_again() {
    let mut again = job(1, Priority::Low, "t", &[]);
    again.not_on.insert("a".parse().unwrap());
    assert_eq!(planned(&[again], &[board("a", &[], 0)]), []);
}

#[test]
fn after_an_infrastructure_failure_another_board_goes_first_and_the_only_one_is_taken() {
    let mut again = job(1, Priority::Low, "t", &[]);
    again.last_on.insert("a".parse().unwrap());
    let (failed, other) = (board("a", &[], 0), board("b", &["net"], 99));
    let pairs = planned(&[again.clone()], &[failed.clone(), other]);
    assert_eq!(names(&pairs), [(id(1), "b")]);
    assert_eq!(names(&planned(&[again], &[failed])), [(id(1), "a")]);
}

/// The best set in priority order, by trying everything.
fn brute_force(jobs: &[Candidate], boards: &[PlanBoard]) -> Vec<JobId> {
    fn placeable(jobs: &[&Candidate], boards: &[PlanBoard], used: &mut Vec<bool>) -> bool {
        let Some((first, rest)) = jobs.split_first() else {
            return true;
        };
        (0..boards.len()).any(|b| {
            if used[b] || !fits(first, &first.seats[0], &boards[b]) {
                return false;
            }
            used[b] = true;
            let found = placeable(rest, boards, used);
            used[b] = false;
            found
        })
    }
    let mut ordered: Vec<&Candidate> = jobs.iter().collect();
    ordered.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.order, job.id));
    let mut started: Vec<&Candidate> = Vec::new();
    for job in ordered {
        started.push(job);
        if !placeable(&started, boards, &mut vec![false; boards.len()]) {
            started.pop();
        }
    }
    started.iter().map(|job| job.id).collect()
}

fn instance() -> impl Strategy<Value = (Vec<Candidate>, Vec<PlanBoard>)> {
    let tags = prop::sample::subsequence(vec!["x", "y", "z"], 0..=3);
    let jobs = prop::collection::vec((0..4u8, tags.clone()), 0..8);
    let boards = prop::collection::vec((tags, 0..100u32), 0..7);
    (jobs, boards).prop_map(|(jobs, boards)| {
        let jobs = jobs.into_iter().enumerate().map(|(n, (level, tags))| {
            let priority = [
                Priority::Low,
                Priority::Medium,
                Priority::High,
                Priority::Urgent,
            ][level as usize];
            job(n as u8, priority, "t", &tags)
        });
        let boards = boards
            .into_iter()
            .enumerate()
            .map(|(n, (tags, busy))| board(&format!("b{n}"), &tags, u64::from(busy)));
        (jobs.collect(), boards.collect())
    })
}

proptest! {
    #[test]
    fn the_started_set_is_the_best_one((jobs, boards) in instance()) {
        let pairs = planned(&jobs, &boards);
        let started: Vec<JobId> = pairs.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(started, brute_force(&jobs, &boards));
        for (id, name) in names(&pairs) {
            let job = jobs.iter().find(|job| job.id == id).unwrap();
            let board = boards.iter().find(|board| board.name.as_str() == name).unwrap();
            prop_assert!(fits(job, &job.seats[0], board));
        }
        let used: BTreeSet<_> = pairs.iter().map(|(_, board)| board).collect();
        prop_assert_eq!(used.len(), pairs.len());
    }

    #[test]
    fn the_order_of_the_input_does_not_matter((jobs, boards) in instance()) {
        let mut reversed = (jobs.clone(), boards.clone());
        reversed.0.reverse();
        reversed.1.reverse();
        prop_assert_eq!(planned(&jobs, &boards), planned(&reversed.0, &reversed.1));
    }
}
