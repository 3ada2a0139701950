//! Random queues and farms, small enough for trying everything.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::subsequence;

use crate::model::{BoardName, JobId, Priority, Span, Time};
use crate::schedule::{
    Candidate, HOLD_AFTER_S, Lane, PlanBoard, Queue, Rules, Seat, Served, Wanted,
};

/// The age step of these labs, in seconds.
pub const STEP_S: f64 = 500.0;

pub const PRIORITIES: [Priority; 4] = [
    Priority::Low,
    Priority::Medium,
    Priority::High,
    Priority::Urgent,
];

/// A queue and a farm at a moment.
#[derive(Debug, Clone)]
pub struct Case {
    pub jobs: Vec<Candidate>,
    pub boards: Vec<PlanBoard>,
    pub idle: BTreeSet<BoardName>,
    pub rules: Rules,
    pub now: Time,
}

/// What starts, in the order in which it was asked.
pub type Started = (Priority, JobId, Vec<BoardName>);

/// How varied the cases are.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub jobs: usize,
    pub boards: usize,
    /// The most seats of a job.
    pub seats: usize,
}

impl Bounds {
    /// Everything there is.
    pub const ALL: Self = Self {
        jobs: 7,
        boards: 7,
        seats: 3,
    };
    /// No group jobs.
    pub const SINGLE: Self = Self {
        seats: 1,
        ..Self::ALL
    };
}

impl Case {
    pub fn queue(&self) -> Queue {
        let is_idle = |board: &PlanBoard| self.idle.contains(&board.name);
        let (jobs, boards) = (self.jobs.clone(), self.boards.clone());
        Queue::new(jobs, boards, is_idle, self.rules.clone(), self.now)
    }

    pub fn plan(&self) -> Vec<Started> {
        let queue = self.queue();
        let name = |board: &usize| queue.board(*board).name.clone();
        let named = |start: &crate::schedule::Start| {
            let boards = start.boards.iter().map(name).collect();
            (start.level, queue.job(start.job).id, boards)
        };
        queue.plan().iter().map(named).collect()
    }

    /// The jobs that start, in the order in which they were asked.
    pub fn set(&self) -> Vec<JobId> {
        self.plan().into_iter().map(|(_, id, _)| id).collect()
    }

    pub fn job(&self, id: JobId) -> &Candidate {
        self.jobs.iter().find(|job| job.id == id).unwrap()
    }

    pub fn board(&self, name: &BoardName) -> &PlanBoard {
        self.boards
            .iter()
            .find(|board| board.name == *name)
            .unwrap()
    }

    pub fn idle_boards(&self) -> impl Iterator<Item = &PlanBoard> {
        let is_idle = |board: &&PlanBoard| self.idle.contains(&board.name);
        self.boards.iter().filter(is_idle)
    }

    pub fn waited_s(&self, job: &Candidate) -> f64 {
        self.now.seconds_since(job.submitted_at)
    }

    pub fn is_expired(&self, job: &Candidate) -> bool {
        job.expires_at.is_some_and(|at| at <= self.now)
    }
}

pub fn id(n: usize) -> JobId {
    let mut bytes = [7; 16];
    bytes[8..].copy_from_slice(&(n as u64).to_be_bytes());
    JobId::from_bytes(bytes)
}

pub fn now() -> Time {
    Time::from_unix(1_000_000)
}

pub fn rules() -> Rules {
    let mut rules = Rules::default();
    rules.plan.age_step = Span::from_secs(STEP_S as u64);
    rules
}

/// A job for one board of type `t`.
pub fn job(n: usize, priority: Priority, group: &str) -> Candidate {
    Candidate {
        id: id(n),
        priority,
        order: n as i64,
        group: group.to_owned(),
        submitted_at: now(),
        expires_at: None,
        seats: vec![Seat {
            wanted: Wanted::Type("t".to_owned()),
            tags: Vec::new(),
        }],
        not_on: BTreeSet::new(),
        last_on: BTreeSet::new(),
        dispatcher: None,
    }
}

pub fn board(n: usize) -> PlanBoard {
    PlanBoard {
        name: format!("b{n}").parse().unwrap(),
        runner: "lab-0".parse().unwrap(),
        device_type: "t".to_owned(),
        tags: Vec::new(),
        dispatchers: vec!["d".to_owned()],
        busy_ms: 0,
    }
}

fn words(all: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    let some = subsequence(all, 0..=most.min(all.len()));
    some.prop_map(|words| words.into_iter().map(str::to_owned).collect())
}

/// Mostly the first of two device types.
fn device_type() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just("t"), 1 => Just("u")].prop_map(str::to_owned)
}

fn names(bounds: Bounds) -> impl Strategy<Value = BTreeSet<BoardName>> {
    let few = prop::collection::btree_set(0..bounds.boards.max(1), 0..3);
    prop_oneof![3 => Just(BTreeSet::new()), 1 => few]
        .prop_map(|few| few.into_iter().map(|n| board(n).name).collect())
}

fn seat(bounds: Bounds) -> impl Strategy<Value = Seat> {
    let named = (0..bounds.boards.max(1)).prop_map(|n| Wanted::Board(board(n).name.to_string()));
    let wanted = prop_oneof![1 => named, 9 => device_type().prop_map(Wanted::Type)];
    (wanted, words(&["x", "y", "z"], 2)).prop_map(|(wanted, tags)| Seat { wanted, tags })
}

pub fn candidate(bounds: Bounds) -> impl Strategy<Value = Candidate> {
    let seats = prop_oneof![
        3 => prop::collection::vec(seat(bounds), 1),
        1 => prop::collection::vec(seat(bounds), 1..=bounds.seats),
    ];
    let group = prop::sample::select(vec!["f", "g", "h"]);
    let waited = prop_oneof![
        // Also a date to come, and the moments at which something changes.
        4 => -100..1500_i64,
        1 => prop::sample::select(vec![0, 500, 600, 1000]),
    ];
    let expires = prop::option::weighted(0.1, -50..50_i64);
    let dispatcher = prop::option::weighted(0.2, prop::sample::select(vec!["d", "e", "none"]));
    (
        (
            prop::sample::select(PRIORITIES.to_vec()),
            group,
            waited,
            expires,
        ),
        (seats, names(bounds), names(bounds), dispatcher),
    )
        .prop_map(
            |((priority, group, waited, expires), (seats, not_on, last_on, dispatcher))| {
                Candidate {
                    submitted_at: now().plus_seconds(-waited as f64),
                    expires_at: expires.map(|after| now().plus_seconds(after as f64)),
                    seats,
                    not_on,
                    last_on,
                    dispatcher: dispatcher.map(str::to_owned),
                    ..job(0, priority, group)
                }
            },
        )
}

pub fn plan_board() -> impl Strategy<Value = PlanBoard> {
    let dispatchers = prop::sample::select(vec![vec!["d"], vec!["d", "e"]]);
    let facts = (
        0..3_u8,
        device_type(),
        words(&["x", "y", "z"], 3),
        dispatchers,
        0..4_u64,
    );
    facts.prop_map(|(runner, device_type, mut tags, dispatchers, busy_ms)| {
        tags.push(device_type.clone());
        PlanBoard {
            runner: format!("lab-{runner}").parse().unwrap(),
            device_type,
            tags,
            dispatchers: dispatchers.into_iter().map(str::to_owned).collect(),
            busy_ms,
            ..board(0)
        }
    })
}

fn random_rules() -> impl Strategy<Value = Rules> {
    let ago = || prop::option::of((0..2000_i64).prop_map(|s| now().plus_seconds(-s as f64)));
    let served = (ago(), ago()).prop_map(|(urgent, other)| Served { urgent, other });
    let group = || prop::sample::select(vec!["f".to_owned(), "g".to_owned(), "h".to_owned()]);
    let lane = || {
        let types = prop::sample::select(vec!["t".to_owned(), "u".to_owned()]);
        (group(), types).prop_map(|(group, device_type)| Lane { group, device_type })
    };
    let served = prop::collection::btree_map(lane(), served, 0..4);
    let running: BoxedStrategy<BTreeMap<String, u32>> =
        prop::collection::btree_map(group(), 0..3_u32, 0..3).boxed();
    let asked = words(&["x", "y", "z"], 3);
    (served, running, asked, 0..4_u32).prop_map(|(served, urgent_running, asked, quota)| {
        let mut rules = Rules {
            served,
            urgent_running,
            asked: asked.into_iter().collect(),
            ..rules()
        };
        rules.plan.urgent_per_group = quota;
        rules
    })
}

/// Any queue and farm of so many jobs and boards.
pub fn case(bounds: Bounds) -> impl Strategy<Value = Case> {
    const { assert!(HOLD_AFTER_S < 1500.0, "some jobs hold") };
    let jobs = prop::collection::vec(candidate(bounds), 0..=bounds.jobs);
    let boards = prop::collection::vec(
        (plan_board(), prop::bool::weighted(0.75)),
        0..=bounds.boards,
    );
    (jobs, boards, random_rules()).prop_map(|(mut jobs, boards, rules)| {
        for (n, job) in jobs.iter_mut().enumerate() {
            (job.id, job.order) = (id(n), n as i64);
        }
        let mut idle = BTreeSet::new();
        let named = boards
            .into_iter()
            .enumerate()
            .map(|(n, (mut it, is_idle))| {
                it.name = board(n).name;
                idle.extend(Some(it.name.clone()).filter(|_| is_idle));
                it
            });
        Case {
            boards: named.collect(),
            jobs,
            idle,
            rules,
            now: now(),
        }
    })
}

/// Whose turn a job uses, found without the queue's order of boards.
pub fn lane_of(job: &Candidate, boards: &[PlanBoard]) -> Lane {
    let device_type = match &job.seats[0].wanted {
        Wanted::Type(device_type) => device_type.clone(),
        Wanted::Board(name) => {
            let mut named = boards.iter().filter(|board| board.name.as_str() == name);
            named
                .next()
                .map_or_else(String::new, |board| board.device_type.clone())
        }
    };
    Lane {
        group: job.group.clone(),
        device_type,
    }
}
