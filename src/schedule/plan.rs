//! The plan: waiting jobs and idle boards to pairs of both.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::model::{BoardName, Job, JobId, Priority};

/// What a waiting job asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub id: JobId,
    pub priority: Priority,
    /// The place in main's history: the smaller came first.
    pub order: i64,
    pub wanted: Wanted,
    /// All of these must be on the board.
    pub tags: Vec<String>,
    /// Boards that failed under this job.
    pub not_on: BTreeSet<BoardName>,
    pub dispatcher: Option<String>,
}

/// The board or the kind of board that a job names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Board(String),
    Type(String),
}

impl Candidate {
    /// What a job asks for; `None` for a group job, which asks for several boards.
    pub fn new(id: JobId, order: i64, job: &Job) -> Option<Self> {
        // As in LAVA v1, a named board goes before a type.
        let wanted = match (&job.target, &job.device_type) {
            (Some(target), _) => Wanted::Board(target.clone()),
            (None, Some(device_type)) => Wanted::Type(device_type.clone()),
            (None, None) => return None,
        };
        Some(Self {
            id,
            priority: job.priority,
            order,
            wanted,
            tags: job.tags.clone(),
            not_on: BTreeSet::new(),
            dispatcher: job.dispatcher.clone(),
        })
    }
}

/// A board that could take a job now.
#[derive(Debug, Clone, PartialEq)]
pub struct IdleBoard {
    pub name: BoardName,
    pub device_type: String,
    /// With the device type's name.
    pub tags: Vec<String>,
    /// The names of its dispatchers.
    pub dispatchers: Vec<String>,
    /// How long it worked lately.
    pub busy_seconds: f64,
}

/// Whether a job may run on a board.
pub fn fits(job: &Candidate, board: &IdleBoard) -> bool {
    let named = match &job.wanted {
        Wanted::Board(name) => board.name.as_str() == name,
        Wanted::Type(device_type) => &board.device_type == device_type,
    };
    named
        && job.tags.iter().all(|tag| board.tags.contains(tag))
        && !job.not_on.contains(&board.name)
        && job
            .dispatcher
            .as_ref()
            .is_none_or(|name| board.dispatchers.contains(name))
}

/// Says which job starts on which board.
///
/// Jobs go by priority, then first come first served. Each joins if the ones before it can be
/// placed so that it finds a board too. A board with few tags is taken before one with many (do not
/// spend the only tagged board on a job that does not need it), then the least busy, then by name.
pub fn plan(jobs: &[Candidate], boards: &[IdleBoard]) -> Vec<(JobId, BoardName)> {
    let mut ordered: Vec<&Candidate> = jobs.iter().collect();
    ordered.sort_by_key(|job| (Reverse(job.priority), job.order, job.id));
    let mut preferred: Vec<&IdleBoard> = boards.iter().collect();
    preferred.sort_by(|a, b| {
        let key = |board: &IdleBoard| board.tags.len();
        key(a)
            .cmp(&key(b))
            .then(a.busy_seconds.total_cmp(&b.busy_seconds))
            .then_with(|| a.name.cmp(&b.name))
    });

    let mut matching = Matching {
        taken_by: vec![None; preferred.len()],
        choices: Vec::new(),
    };
    for job in &ordered {
        if matching.full() {
            break;
        }
        let choices: Vec<usize> = (0..preferred.len())
            .filter(|&board| fits(job, preferred[board]))
            .collect();
        if choices.is_empty() {
            continue;
        }
        matching.choices.push((job.id, choices));
        if !matching.place(matching.choices.len() - 1) {
            matching.choices.pop();
        }
    }
    let mut pairs: Vec<(JobId, BoardName)> = Vec::new();
    for (index, (id, _)) in matching.choices.iter().enumerate() {
        if let Some(board) = matching
            .taken_by
            .iter()
            .position(|taken| *taken == Some(index))
        {
            pairs.push((*id, preferred[board].name.clone()));
        }
    }
    pairs
}

/// A matching of jobs and boards that grows by augmenting paths.
struct Matching {
    /// For each board the job that takes it, an index into `choices`.
    taken_by: Vec<Option<usize>>,
    /// The placed jobs with the boards that fit them, the preferred first.
    choices: Vec<(JobId, Vec<usize>)>,
}

impl Matching {
    fn full(&self) -> bool {
        self.taken_by.iter().all(Option::is_some)
    }

    /// Places a job, moving others where that makes room; nothing changes when it cannot be.
    fn place(&mut self, job: usize) -> bool {
        // A free board of its own choice first, in order of preference: nobody is moved without need.
        if let Some(&free) = self.choices[job]
            .1
            .iter()
            .find(|&&board| self.taken_by[board].is_none())
        {
            self.taken_by[free] = Some(job);
            return true;
        }
        // Breadth first over alternating paths; `reached_from[b]` is the job that would take board b.
        let mut reached_from: Vec<Option<usize>> = vec![None; self.taken_by.len()];
        let mut frontier = vec![job];
        let mut next = 0;
        while let Some(&mover) = frontier.get(next) {
            next += 1;
            for &board in &self.choices[mover].1 {
                if reached_from[board].is_some() {
                    continue;
                }
                reached_from[board] = Some(mover);
                match self.taken_by[board] {
                    Some(holder) => frontier.push(holder),
                    None => {
                        self.shift(job, board, &reached_from);
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Moves everybody along the path that ends at `free`.
    fn shift(&mut self, job: usize, free: usize, reached_from: &[Option<usize>]) {
        let mut board = free;
        while let Some(mover) = reached_from[board] {
            let left = self.taken_by.iter().position(|taken| *taken == Some(mover));
            self.taken_by[board] = Some(mover);
            match left {
                Some(previous) if mover != job => board = previous,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn job(n: u8, priority: Priority, device_type: &str, tags: &[&str]) -> Candidate {
        Candidate {
            id: id(n),
            priority,
            order: i64::from(n),
            wanted: Wanted::Type(device_type.to_owned()),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            not_on: BTreeSet::new(),
            dispatcher: None,
        }
    }

    fn id(n: u8) -> JobId {
        format!("00000000-0000-5000-8000-0000000000{n:02x}")
            .parse()
            .unwrap()
    }

    fn board(name: &str, tags: &[&str], busy_seconds: f64) -> IdleBoard {
        IdleBoard {
            name: name.parse().unwrap(),
            device_type: "t".to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            dispatchers: vec!["exec".to_owned()],
            busy_seconds,
        }
    }

    fn names(pairs: &[(JobId, BoardName)]) -> Vec<(JobId, &str)> {
        pairs
            .iter()
            .map(|(id, board)| (*id, board.as_str()))
            .collect()
    }

    #[test]
    fn priority_goes_first_then_the_older() {
        let jobs = [
            job(1, Priority::Low, "t", &[]),
            job(2, Priority::High, "t", &[]),
            job(3, Priority::High, "t", &[]),
        ];
        assert_eq!(names(&plan(&jobs, &[board("a", &[], 0.0)])), [(id(2), "a")]);
    }

    #[test]
    fn the_least_busy_board_is_taken() {
        let boards = [board("a", &[], 50.0), board("b", &[], 10.0)];
        assert_eq!(
            names(&plan(&[job(1, Priority::Low, "t", &[])], &boards)),
            [(id(1), "b")]
        );
    }

    #[test]
    fn a_tagged_board_is_kept_for_the_job_that_needs_it() {
        let boards = [board("a", &["usb"], 0.0), board("b", &[], 99.0)];
        let jobs = [
            job(1, Priority::Low, "t", &[]),
            job(2, Priority::Low, "t", &["usb"]),
        ];
        assert_eq!(names(&plan(&jobs, &boards)), [(id(1), "b"), (id(2), "a")]);
    }

    #[test]
    fn an_earlier_job_moves_when_that_makes_room() {
        // Both would take `a`; only job 1 can move away.
        let mut second = job(2, Priority::Low, "t", &[]);
        second.wanted = Wanted::Board("a".to_owned());
        let boards = [board("a", &[], 0.0), board("b", &[], 5.0)];
        let pairs = plan(&[job(1, Priority::Low, "t", &[]), second], &boards);
        assert_eq!(names(&pairs), [(id(1), "b"), (id(2), "a")]);
    }

    #[test]
    fn a_board_that_failed_under_a_job_is_not_tried_again() {
        let mut again = job(1, Priority::Low, "t", &[]);
        again.not_on.insert("a".parse().unwrap());
        assert_eq!(plan(&[again], &[board("a", &[], 0.0)]), []);
    }

    /// The best set in priority order, by trying everything.
    fn brute_force(jobs: &[Candidate], boards: &[IdleBoard]) -> Vec<JobId> {
        fn placeable(jobs: &[&Candidate], boards: &[IdleBoard], used: &mut Vec<bool>) -> bool {
            let Some((first, rest)) = jobs.split_first() else {
                return true;
            };
            (0..boards.len()).any(|b| {
                if used[b] || !fits(first, &boards[b]) {
                    return false;
                }
                used[b] = true;
                let found = placeable(rest, boards, used);
                used[b] = false;
                found
            })
        }
        let mut ordered: Vec<&Candidate> = jobs.iter().collect();
        ordered.sort_by_key(|job| (Reverse(job.priority), job.order, job.id));
        let mut started: Vec<&Candidate> = Vec::new();
        for job in ordered {
            started.push(job);
            if !placeable(&started, boards, &mut vec![false; boards.len()]) {
                started.pop();
            }
        }
        started.iter().map(|job| job.id).collect()
    }

    fn instance() -> impl Strategy<Value = (Vec<Candidate>, Vec<IdleBoard>)> {
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
                .map(|(n, (tags, busy))| board(&format!("b{n}"), &tags, f64::from(busy)));
            (jobs.collect(), boards.collect())
        })
    }

    proptest! {
        #[test]
        fn the_started_set_is_the_best_one((jobs, boards) in instance()) {
            let pairs = plan(&jobs, &boards);
            let started: Vec<JobId> = pairs.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(started, brute_force(&jobs, &boards));
            for (id, name) in &pairs {
                let job = jobs.iter().find(|job| job.id == *id).unwrap();
                let board = boards.iter().find(|board| board.name == *name).unwrap();
                prop_assert!(fits(job, board));
            }
            let used: BTreeSet<_> = pairs.iter().map(|(_, board)| board).collect();
            prop_assert_eq!(used.len(), pairs.len());
        }

        #[test]
        fn the_order_of_the_input_does_not_matter((jobs, boards) in instance()) {
            let mut reversed = (jobs.clone(), boards.clone());
            reversed.0.reverse();
            reversed.1.reverse();
            prop_assert_eq!(plan(&jobs, &boards), plan(&reversed.0, &reversed.1));
        }
    }
}
