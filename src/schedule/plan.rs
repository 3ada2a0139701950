//! The plan: which waiting job starts on which idle board.

use std::collections::BTreeSet;

use super::bits::Bits;
use super::candidate::{Candidate, PlanBoard};
use super::matching::Matching;
use super::queue::{Kind, Queue, Visit};
use super::rules::Rules;
use crate::model::{BoardName, JobId, Priority, RunnerName, Time};

/// How long a group job waits before it keeps boards that come free for itself. Until then smaller jobs
/// after it go first where that does not cost it its boards at once; later no board may stay idle
/// for it much longer than the jobs that run beside it take.
pub const HOLD_AFTER_S: f64 = 600.0;

/// A job that starts, and where: places in the queue's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    pub job: usize,
    /// One, or one for each seat of a group job.
    pub boards: Vec<usize>,
    /// The level at which it was asked.
    pub level: Priority,
}

/// Says which job starts on which boards.
///
/// Jobs are asked in the order of [`Queue::walk`]. Each joins if the ones before it can be placed so
/// that it finds a board too, so the set that starts is the best in that order and as large as
/// possible. Of the idle boards those are used that are least scarce, then least busy, then first by
/// name.
///
/// A group job joins with all its members on boards of one runner, or not at all. It takes the first
/// runner that can seat it, in the order of the runners' most preferred boards, and stays there. The
/// first one that has waited for [`HOLD_AFTER_S`] and cannot start keeps what is idle of a runner
/// whose boards could seat it.
pub fn plan(
    jobs: Vec<Candidate>,
    boards: Vec<PlanBoard>,
    idle: &BTreeSet<BoardName>,
    rules: Rules,
    now: Time,
) -> Vec<(JobId, Vec<BoardName>)> {
    let queue = Queue::new(jobs, boards, |board| idle.contains(&board.name), rules, now);
    let name = |board: usize| queue.board(board).name.clone();
    let placed = |start: Start| {
        let boards = start.boards.into_iter().map(name).collect();
        (queue.job(start.job).id, boards)
    };
    queue.plan().into_iter().map(placed).collect()
}

/// The jobs in the order in which they are asked, with their levels.
pub fn order(
    jobs: Vec<Candidate>,
    boards: Vec<PlanBoard>,
    rules: Rules,
    now: Time,
) -> Vec<(Priority, JobId)> {
    let queue = Queue::new(jobs, boards, |_| true, rules, now);
    let named = |(level, job)| (level, queue.job(job).id);
    queue.order().into_iter().map(named).collect()
}

/// The runner that could start a job if all these boards were idle and it were alone.
pub fn able_runner<'b>(job: &Candidate, boards: &'b [PlanBoard]) -> Option<&'b RunnerName> {
    let alone = |_: &PlanBoard| true;
    let job = Candidate {
        expires_at: None,
        ..job.clone()
    };
    let now = job.submitted_at;
    let queue = Queue::new(vec![job], boards.to_vec(), alone, Rules::default(), now);
    let start = queue.plan().pop()?;
    let name = &queue.board(*start.boards.first()?).name;
    let first = boards.iter().find(|board| board.name == *name)?;
    Some(&first.runner)
}

impl Queue {
    /// What starts now.
    pub fn plan(&self) -> Vec<Start> {
        let mut placing = Placing {
            queue: self,
            matching: Matching::new(self.idle.clone(), self.boards.len()),
            started: Vec::new(),
            holds: false,
            preferred: None,
        };
        if placing.matching.is_full() {
            return Vec::new();
        }
        let cannot = |kind: &Kind| !kind.seats.iter().any(|may| may.meets(&self.idle));
        let skip = self.kinds().iter().map(cannot).collect();
        self.walk(skip, |level, job| placing.ask(level, job));
        placing.end()
    }

    /// The idle boards, the one to use first first.
    fn preferred(&self) -> Vec<usize> {
        let scarcity = self.scarcity();
        let mut preferred: Vec<usize> = self.idle.iter().collect();
        preferred.sort_by_key(|&board| (&scarcity[board], self.boards[board].busy_ms, board));
        preferred
    }

    /// The boards of each runner, in the order in which these boards name them.
    fn by_runner(&self, boards: impl Iterator<Item = usize>) -> Vec<Bits> {
        let mut runners: Vec<(&RunnerName, Bits)> = Vec::new();
        for board in boards {
            let runner = &self.boards[board].runner;
            let at = runners.iter().position(|(known, _)| *known == runner);
            let at = at.unwrap_or_else(|| {
                runners.push((runner, Bits::new(self.boards.len())));
                runners.len() - 1
            });
            runners[at].1.insert(board);
        }
        runners.into_iter().map(|(_, boards)| boards).collect()
    }
}

/// The plan while it is being made.
struct Placing<'q> {
    queue: &'q Queue,
    matching: Matching,
    /// With the first seat of each in the matching.
    started: Vec<(Priority, usize, usize)>,
    /// Whether a group job holds boards.
    holds: bool,
    preferred: Option<Vec<usize>>,
}

impl Placing<'_> {
    fn ask(&mut self, level: Priority, job: usize) -> Visit {
        let kind = self.queue.kind_of(job);
        let first = self.matching.seats();
        let joined = match kind.seats.as_slice() {
            [may] => self.matching.add_for_good(may),
            _ => self.join_together(job, kind),
        };
        if joined {
            self.started.push((level, job, first));
        }
        match joined {
            _ if self.matching.is_full() => Visit::Enough,
            true => Visit::Starts,
            false => Visit::Waits,
        }
    }

    /// Adds all seats of a group job on the boards of one runner. One that finds no runner leaves
    /// nothing behind, unless it holds: then what it could have is kept from the jobs after it.
    fn join_together(&mut self, job: usize, kind: &Kind) -> bool {
        let preferred = self.preferred().to_vec();
        for theirs in self.queue.by_runner(preferred.into_iter()) {
            let mut tried = self.matching.clone();
            if kind.seats.iter().all(|may| tried.add(&may.and(&theirs))) {
                self.matching = tried;
                return true;
            }
        }
        let queue = self.queue;
        let waited_s = queue.now.seconds_since(queue.job(job).submitted_at);
        if self.holds || waited_s < HOLD_AFTER_S {
            return false;
        }
        let boards = queue.boards.len();
        for theirs in queue.by_runner(0..boards) {
            let mut alone = Matching::new(theirs.clone(), boards);
            if kind.seats.iter().all(|may| alone.add(may)) {
                self.holds = true;
                for may in &kind.seats {
                    self.matching.add(&may.and(&theirs));
                }
                return false;
            }
        }
        false
    }

    fn preferred(&mut self) -> &[usize] {
        let queue = self.queue;
        self.preferred.get_or_insert_with(|| queue.preferred())
    }

    /// Chooses the boards.
    fn end(mut self) -> Vec<Start> {
        for (_, job, first) in &self.started {
            let kind = self.queue.kind_of(*job);
            if let Some(last) = &kind.last_on {
                let seats = *first..*first + kind.seats.len();
                seats.for_each(|seat| self.matching.avoid(seat, last));
            }
        }
        if !self.matching.is_full() && !self.started.is_empty() {
            let preferred =
                std::mem::take(self.preferred.get_or_insert_with(|| self.queue.preferred()));
            self.matching.prefer(preferred.into_iter());
        }
        let placed = |(level, job, first): (Priority, usize, usize)| {
            let seats = first..first + self.queue.kind_of(job).seats.len();
            Start {
                job,
                boards: seats
                    .filter_map(|seat| self.matching.board_of(seat))
                    .collect(),
                level,
            }
        };
        self.started.iter().copied().map(placed).collect()
    }
}

#[cfg(test)]
mod tests;
