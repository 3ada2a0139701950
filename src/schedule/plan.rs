//! The plan: which waiting job starts on which idle board.

use std::collections::BTreeSet;
use std::ops::Range;

use super::bits::Bits;
use super::candidate::{Candidate, PlanBoard};
use super::fitting::{Fitting, Kind, by_runner, home};
use super::matching::Matching;
use super::queue::Queue;
use super::rules::Rules;
use super::turns::Visit;
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

/// What starts, and what is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order in which they were asked.
    pub starts: Vec<(JobId, Vec<BoardName>)>,
    /// Idle boards that a group job holds: nobody else may have them.
    pub held: BTreeSet<BoardName>,
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
/// first one that cannot start while one like it has waited for [`HOLD_AFTER_S`] keeps what is idle of
/// a runner whose boards could seat it.
pub fn plan(
    jobs: Vec<Candidate>,
    boards: Vec<PlanBoard>,
    idle: &BTreeSet<BoardName>,
    rules: Rules,
    now: Time,
) -> Plan {
    let queue = Queue::new(jobs, boards, |board| idle.contains(&board.name), rules, now);
    let name = |board: usize| queue.board(board).name.clone();
    let placed = |start: Start| {
        let boards = start.boards.into_iter().map(name).collect();
        (queue.job(start.job).id, boards)
    };
    let (starts, held) = queue.plan_with_held();
    Plan {
        starts: starts.into_iter().map(placed).collect(),
        held: held.into_iter().map(name).collect(),
    }
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

/// The first runner by its boards' names that could start a job if all these boards were idle and it were
/// alone.
pub fn able_runner<'b>(job: &Candidate, boards: &'b [PlanBoard]) -> Option<&'b RunnerName> {
    let mut by_name: Vec<usize> = (0..boards.len()).collect();
    by_name.sort_by_key(|&board| &boards[board].name);
    let runners = by_runner(boards, by_name.into_iter());
    let theirs = home(&Fitting::new(boards).kind(job), &runners)?;
    theirs.iter().next().map(|board| &boards[board].runner)
}

impl Queue {
    /// What starts now.
    pub fn plan(&self) -> Vec<Start> {
        self.plan_with_held().0
    }

    /// What starts now, and the idle boards that a group job holds.
    fn plan_with_held(&self) -> (Vec<Start>, Vec<usize>) {
        let askable = self.askable();
        let mut placing = Placing {
            queue: self,
            matching: Matching::new(self.idle.clone()),
            started: Vec::new(),
            held: None,
            preferred: None,
        };
        if askable.is_empty() {
            return Default::default();
        }
        self.walk(&askable, |level, job| placing.ask(level, job));
        placing.end()
    }
}

/// The plan while it is being made.
struct Placing<'q> {
    queue: &'q Queue,
    matching: Matching,
    /// With the first seat of each in the matching.
    started: Vec<(Priority, usize, usize)>,
    /// The seats of the group job that holds boards.
    held: Option<Range<usize>>,
    preferred: Option<Preferred>,
}

/// The idle boards, the most preferred first.
struct Preferred {
    boards: Vec<usize>,
    /// Those of each runner.
    runners: Vec<Bits>,
}

impl Placing<'_> {
    fn ask(&mut self, level: Priority, job: usize) -> Visit {
        let first = self.matching.seats();
        let kind = self.queue.kind_of(job);
        let joined = match kind.seats.as_slice() {
            [may] => self.matching.add_for_good(may),
            _ => self.join_together(kind) || self.hold(job, kind),
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

    /// Adds all seats of a group job on the boards of one runner, or none.
    fn join_together(&mut self, kind: &Kind) -> bool {
        if !self.matching.has(kind.seats.len(), &kind.boards) {
            return false;
        }
        let queue = self.queue;
        let preferred = self.preferred.get_or_insert_with(|| Preferred::new(queue));
        let mut runners = preferred.runners.iter();
        runners.any(|theirs| self.matching.add_all(&kind.seats, theirs))
    }

    /// Keeps from the jobs after it what a group job could have that cannot start, if it or one like it
    /// has waited for long enough and none holds yet. Always false: it waits.
    fn hold(&mut self, job: usize, kind: &Kind) -> bool {
        if self.held.is_none()
            && self.waited_s(job) >= HOLD_AFTER_S
            && let Some(theirs) = self.queue.home_of(job)
        {
            let first = self.matching.seats();
            for may in &kind.seats {
                self.matching.add(&may.and(theirs));
            }
            self.held = Some(first..self.matching.seats());
        }
        false
    }

    /// How long the oldest job has waited that asks for the same as this one and does not start: of a kind
    /// only the first is asked that has to wait, and that need not be the oldest.
    fn waited_s(&self, job: usize) -> f64 {
        let starts = |job: usize| self.started.iter().any(|(_, started, _)| *started == job);
        let mut waits = self.queue.alike(job).filter(|(_, alike)| !starts(*alike));
        let since = waits.next().map(|(since, _)| since);
        since.map_or(0.0, |since| self.queue.now.seconds_since(since))
    }

    /// Chooses the boards; says which are held, too.
    fn end(mut self) -> (Vec<Start>, Vec<usize>) {
        for (_, job, first) in &self.started {
            let kind = self.queue.kind_of(*job);
            if let Some(last) = &kind.last_on {
                let seats = *first..*first + kind.seats.len();
                seats.for_each(|seat| self.matching.avoid(seat, last));
            }
        }
        if !self.matching.is_full() && !self.started.is_empty() {
            let preferred = self.preferred.take();
            let preferred = preferred.unwrap_or_else(|| Preferred::new(self.queue));
            self.matching.prefer(preferred.boards.into_iter());
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
        let starts = self.started.iter().copied().map(placed).collect();
        let held = self.held.clone().into_iter().flatten();
        let held = held.filter_map(|seat| self.matching.board_of(seat));
        (starts, held.collect())
    }
}

impl Preferred {
    fn new(queue: &Queue) -> Self {
        let boards = queue.preferred();
        let runners = by_runner(&queue.boards, boards.iter().copied());
        Self { boards, runners }
    }
}

#[cfg(test)]
mod tests;
