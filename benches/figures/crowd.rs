//! Queues and farms in memory, for the figures of the plan.

use std::collections::BTreeSet;

use pumice::model::{JobId, Priority, Time};
use pumice::schedule::{Candidate, PlanBoard, Seat, Wanted};

pub const NOW: i64 = 1_790_000_000;

/// A device type for so many boards.
const BOARDS_PER_TYPE: usize = 12;

/// The tags that boards of a type carry, each of them half of these.
const TAGS: usize = 12;

/// Numbers that look random and are the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

pub fn boards(count: usize) -> Vec<PlanBoard> {
    let mut dice = Dice::new(1);
    let board = |n: usize| {
        let device_type = format!("type-{:02}", n / BOARDS_PER_TYPE);
        let mut tags: Vec<String> = (0..TAGS)
            .filter(|_| dice.below(2) == 0)
            .map(|tag| format!("tag-{tag}"))
            .collect();
        tags.push(device_type.clone());
        PlanBoard {
            name: format!("board-{n:03}").parse().expect("a name"),
            runner: format!("host-{}", n / 25).parse().expect("a name"),
            device_type,
            tags,
            dispatchers: vec!["console".to_owned()],
            busy_ms: dice.below(1_000_000) as u64,
        }
    };
    (0..count).map(board).collect()
}

/// Jobs of forty people or teams, submitted over half a day, as a mixed lab has them: plain ones, one
/// in three with a tag or two, one in twenty for several boards, one in fifty for a named board.
pub fn mixed(count: usize, boards: &[PlanBoard]) -> Vec<Candidate> {
    let mut dice = Dice::new(2);
    let job = |n: usize| {
        let device_type = boards[dice.below(boards.len())].device_type.clone();
        let tagged = if dice.below(3) == 0 { 2 } else { 0 };
        let tags = (0..tagged).map(|_| format!("tag-{}", dice.below(TAGS)));
        let mut wanted = Wanted::Type(device_type);
        let mut tags: Vec<String> = tags.collect();
        let members = if dice.below(20) == 0 {
            2 + dice.below(3)
        } else {
            1
        };
        if dice.below(50) == 0 {
            wanted = Wanted::Board(boards[dice.below(boards.len())].name.to_string());
            tags.clear();
        }
        let seat = Seat { wanted, tags };
        let mut job = candidate(n, vec![seat; members], &format!("team-{}", dice.below(40)));
        job.priority = [
            Priority::Low,
            Priority::Medium,
            Priority::Medium,
            Priority::High,
        ][dice.below(4)];
        if dice.below(200) == 0 {
            job.priority = Priority::Urgent;
        }
        job
    };
    (0..count).map(job).collect()
}

/// Jobs of which hardly two fit the same boards, each of a person of its own: boards have failed under
/// them, as after retries.
pub fn distinct(count: usize, boards: &[PlanBoard]) -> Vec<Candidate> {
    let mut dice = Dice::new(3);
    let job = |n: usize| {
        let first = dice.below(boards.len());
        let device_type = &boards[first].device_type;
        let seat = Seat {
            wanted: Wanted::Type(device_type.clone()),
            tags: vec![boards[first].tags[0].clone()],
        };
        let mut job = candidate(n, vec![seat], &format!("person-{n}"));
        let start = first - first % BOARDS_PER_TYPE;
        for _ in 0..3 {
            let other = (start + dice.below(BOARDS_PER_TYPE)).min(boards.len() - 1);
            if other != first {
                job.not_on.insert(boards[other].name.clone());
            }
        }
        job
    };
    (0..count).map(job).collect()
}

/// Boards of one type.
pub fn alike(count: usize) -> Vec<PlanBoard> {
    let mut boards = boards(count);
    for board in &mut boards {
        board.device_type = "type-00".to_owned();
        board.tags = vec![board.device_type.clone()];
    }
    boards
}

/// Jobs for any board of the first one's type, each of a group of its own.
pub fn strangers(count: usize, boards: &[PlanBoard]) -> Vec<Candidate> {
    let seat = Seat {
        wanted: Wanted::Type(boards[0].device_type.clone()),
        tags: Vec::new(),
    };
    let job = |n| candidate(n, vec![seat.clone()], &format!("person-{n}"));
    (0..count).map(job).collect()
}

/// Jobs of forty teams for three boards each, of hundreds of kinds.
pub fn groups(count: usize, boards: &[PlanBoard]) -> Vec<Candidate> {
    let mut dice = Dice::new(5);
    let job = |n: usize| {
        let device_type = boards[dice.below(boards.len())].device_type.clone();
        let seat = |tags| Seat {
            wanted: Wanted::Type(device_type.clone()),
            tags,
        };
        let tag = format!("tag-{}", dice.below(TAGS));
        let seats = vec![seat(vec![tag]), seat(Vec::new()), seat(Vec::new())];
        candidate(n, seats, &format!("team-{}", dice.below(40)))
    };
    (0..count).map(job).collect()
}

fn candidate(n: usize, seats: Vec<Seat>, group: &str) -> Candidate {
    let mut id = [5; 16];
    id[8..].copy_from_slice(&(n as u64).to_be_bytes());
    Candidate {
        id: JobId::from_bytes(id),
        priority: Priority::Medium,
        order: n as i64,
        group: group.to_owned(),
        submitted_at: Time::from_unix(NOW - 43_200 + 4 * n as i64),
        expires_at: None,
        seats,
        not_on: BTreeSet::new(),
        last_on: BTreeSet::new(),
        dispatcher: None,
    }
}
