//! The plan: waiting jobs and idle boards to pairs of both.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::model::{BoardName, Job, JobId, Priority, RunnerName, group};

/// What a waiting job asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub id: JobId,
    pub priority: Priority,
    /// The place in main's history: the smaller came first.
    pub order: i64,
    /// One, or as many as a group has members, in their order.
    pub seats: Vec<Seat>,
    /// Boards that failed under this job.
    pub not_on: BTreeSet<BoardName>,
    /// Boards on which an attempt failed for want of something else: taken only where no other is idle.
    pub last_on: BTreeSet<BoardName>,
    pub dispatcher: Option<String>,
    /// The runner on whose boards a group that cannot start yet keeps what comes free, so that
    /// smaller jobs after it do not keep it waiting for ever.
    pub holds_on: Option<RunnerName>,
}

/// What a job asks of one board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    pub wanted: Wanted,
    /// All of these must be on the board.
    pub tags: Vec<String>,
}

/// The board or the kind of board that a job names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    Board(String),
    Type(String),
}

impl Candidate {
    /// What jobs are taken in the order of: the highest priority first, then the oldest.
    pub fn place(&self) -> (Reverse<Priority>, i64, JobId) {
        (Reverse(self.priority), self.order, self.id)
    }

    /// What a job asks for; `None` for one that names no board at all.
    pub fn new(id: JobId, order: i64, job: &Job) -> Option<Self> {
        let seat = |wanted, tags: &[String]| Seat {
            wanted,
            tags: [tags, &job.tags].concat(),
        };
        // As in LAVA v1, a named board goes before a type.
        let seats = match (&job.target, &job.device_type) {
            (Some(target), _) => vec![seat(Wanted::Board(target.clone()), &[])],
            (None, Some(device_type)) => vec![seat(Wanted::Type(device_type.clone()), &[])],
            (None, None) => group::members(job)
                .iter()
                .map(|member| seat(Wanted::Type(member.device_type.clone()), &member.tags))
                .collect(),
        };
        if seats.is_empty() {
            return None;
        }
        Some(Self {
            id,
            priority: job.priority,
            order,
            seats,
            not_on: BTreeSet::new(),
            last_on: BTreeSet::new(),
            dispatcher: job.dispatcher.clone(),
            holds_on: None,
        })
    }

    pub fn is_group(&self) -> bool {
        self.seats.len() > 1
    }
}

/// A board that could take a job now.
#[derive(Debug, Clone, PartialEq)]
pub struct IdleBoard {
    pub name: BoardName,
    /// Who drives it: all boards of a group are of one runner.
    pub runner: RunnerName,
    pub device_type: String,
    /// With the device type's name.
    pub tags: Vec<String>,
    /// The names of its dispatchers.
    pub dispatchers: Vec<String>,
    /// How long it worked lately.
    pub busy_seconds: f64,
}

/// Whether a seat of a job may be on a board.
pub fn fits(job: &Candidate, seat: &Seat, board: &IdleBoard) -> bool {
    let named = match &seat.wanted {
        Wanted::Board(name) => board.name.as_str() == name,
        Wanted::Type(device_type) => &board.device_type == device_type,
    };
    named
        && seat.tags.iter().all(|tag| board.tags.contains(tag))
        && !job.not_on.contains(&board.name)
        && job
            .dispatcher
            .as_ref()
            .is_none_or(|name| board.dispatchers.contains(name))
}

/// The runner that could start a job if all these boards were idle and it were alone.
pub fn able_runner<'b>(job: &Candidate, boards: &'b [IdleBoard]) -> Option<&'b RunnerName> {
    if let [seat] = job.seats.as_slice() {
        let board = boards.iter().find(|board| fits(job, seat, board))?;
        return Some(&board.runner);
    }
    let (_, placed) = plan(std::slice::from_ref(job), boards).pop()?;
    let first = boards
        .iter()
        .find(|board| Some(&board.name) == placed.first())?;
    Some(&first.runner)
}

/// Says which job starts on which boards: one, or one for each seat of a group.
///
/// Jobs go by priority, then first come first served. Each joins if the ones before it can be
/// placed so that it finds a board too. A board with few tags is taken before one with many (do not
/// spend the only tagged board on a job that does not need it), then the least busy, then by name.
///
/// A group joins with all its members on boards of one runner, or not at all. It takes the first
/// runner that can seat it, in the order of the runners' most preferred boards, and stays there.
pub fn plan(jobs: &[Candidate], boards: &[IdleBoard]) -> Vec<(JobId, Vec<BoardName>)> {
    let mut ordered: Vec<&Candidate> = jobs.iter().collect();
    ordered.sort_by_key(|job| job.place());
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
    // The jobs that start, each with its first seat in the matching.
    let mut started: Vec<(&Candidate, usize)> = Vec::new();
    for job in ordered {
        if matching.full() {
            break;
        }
        let first = matching.choices.len();
        let joined = match job.seats.as_slice() {
            [seat] => matching.join(job, seat, &preferred, None),
            _ => matching.join_together(job, &preferred),
        };
        if joined {
            started.push((job, first));
        }
    }
    let mut placed = vec![None; matching.choices.len()];
    for (board, seat) in matching.taken_by.iter().enumerate() {
        if let Some(seat) = seat {
            placed[*seat] = Some(&preferred[board].name);
        }
    }
    started
        .into_iter()
        .map(|(job, first)| {
            let seats = &placed[first..first + job.seats.len()];
            (
                job.id,
                seats.iter().filter_map(|&board| board.cloned()).collect(),
            )
        })
        .collect()
}

/// A matching of seats and boards that grows by augmenting paths.
struct Matching {
    /// For each board the seat that takes it, an index into `choices`.
    taken_by: Vec<Option<usize>>,
    /// For each placed seat the boards that fit it, the preferred first.
    choices: Vec<Vec<usize>>,
}

impl Matching {
    fn full(&self) -> bool {
        self.taken_by.iter().all(Option::is_some)
    }

    /// Adds a seat of a job if it can be placed, on any board or on those of one runner.
    fn join(
        &mut self,
        job: &Candidate,
        seat: &Seat,
        preferred: &[&IdleBoard],
        runner: Option<&RunnerName>,
    ) -> bool {
        let mut choices: Vec<usize> = (0..preferred.len())
            .filter(|&board| {
                let board = preferred[board];
                runner.is_none_or(|runner| *runner == board.runner) && fits(job, seat, board)
            })
            .collect();
        choices.sort_by_key(|&board| job.last_on.contains(&preferred[board].name));
        if choices.is_empty() {
            return false;
        }
        self.choices.push(choices);
        let placed = self.place(self.choices.len() - 1);
        if !placed {
            self.choices.pop();
        }
        placed
    }

    /// Adds all seats of a group on the boards of one runner. One that finds no runner leaves
    /// nothing behind, unless it holds: then what it could have is kept from the jobs after it.
    fn join_together(&mut self, job: &Candidate, preferred: &[&IdleBoard]) -> bool {
        let mut runners: Vec<&RunnerName> = Vec::new();
        for board in preferred {
            if !runners.contains(&&board.runner) {
                runners.push(&board.runner);
            }
        }
        let (taken_by, seats) = (self.taken_by.clone(), self.choices.len());
        for runner in runners {
            let mut wanted = job.seats.iter();
            if wanted.all(|seat| self.join(job, seat, preferred, Some(runner))) {
                return true;
            }
            self.taken_by.clone_from(&taken_by);
            self.choices.truncate(seats);
        }
        if let Some(runner) = &job.holds_on {
            for seat in &job.seats {
                self.join(job, seat, preferred, Some(runner));
            }
        }
        false
    }

    /// Places a seat, moving others where that makes room; nothing changes when it cannot be.
    fn place(&mut self, seat: usize) -> bool {
        // A free board of its own choice first, in order of preference: nobody is moved without need.
        if let Some(&free) = self.choices[seat]
            .iter()
            .find(|&&board| self.taken_by[board].is_none())
        {
            self.taken_by[free] = Some(seat);
            return true;
        }
        // Breadth first over alternating paths; `reached_from[b]` is the seat that would take board b.
        let mut reached_from: Vec<Option<usize>> = vec![None; self.taken_by.len()];
        let mut frontier = vec![seat];
        let mut next = 0;
        while let Some(&mover) = frontier.get(next) {
            next += 1;
            for &board in &self.choices[mover] {
                if reached_from[board].is_some() {
                    continue;
                }
                reached_from[board] = Some(mover);
                match self.taken_by[board] {
                    Some(holder) => frontier.push(holder),
                    None => {
                        self.shift(seat, board, &reached_from);
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Moves everybody along the path that ends at `free`.
    fn shift(&mut self, seat: usize, free: usize, reached_from: &[Option<usize>]) {
        let mut board = free;
        while let Some(mover) = reached_from[board] {
            let left = self.taken_by.iter().position(|taken| *taken == Some(mover));
            self.taken_by[board] = Some(mover);
            match left {
                Some(previous) if mover != seat => board = previous,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    mod groups;

    use proptest::prelude::*;

    use super::*;

    fn job(n: u8, priority: Priority, device_type: &str, tags: &[&str]) -> Candidate {
        Candidate {
            id: id(n),
            priority,
            order: i64::from(n),
            seats: vec![Seat {
                wanted: Wanted::Type(device_type.to_owned()),
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            }],
            not_on: BTreeSet::new(),
            last_on: BTreeSet::new(),
            dispatcher: None,
            holds_on: None,
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
            runner: "lab-a".parse().unwrap(),
            device_type: "t".to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            dispatchers: vec!["exec".to_owned()],
            busy_seconds,
        }
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
        second.seats[0].wanted = Wanted::Board("a".to_owned());
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

    #[test]
    fn after_an_infrastructure_failure_another_board_goes_first_and_the_only_one_is_taken() {
        let mut again = job(1, Priority::Low, "t", &[]);
        again.last_on.insert("a".parse().unwrap());
        let (failed, other) = (board("a", &[], 0.0), board("b", &["net"], 99.0));
        let pairs = plan(&[again.clone()], &[failed.clone(), other]);
        assert_eq!(names(&pairs), [(id(1), "b")]);
        assert_eq!(names(&plan(&[again], &[failed])), [(id(1), "a")]);
    }

    /// The best set in priority order, by trying everything.
    fn brute_force(jobs: &[Candidate], boards: &[IdleBoard]) -> Vec<JobId> {
        fn placeable(jobs: &[&Candidate], boards: &[IdleBoard], used: &mut Vec<bool>) -> bool {
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
            prop_assert_eq!(plan(&jobs, &boards), plan(&reversed.0, &reversed.1));
        }
    }
}
