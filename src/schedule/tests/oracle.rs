//! The plan's rules once more, as plainly as they can be said: turns by looking at every group, feasibility
//! by trying every assignment. Shares no code with the plan but `fits`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::make::{Case, STEP_S, lane_of};
use crate::model::{BoardName, JobId, Priority, RunnerName};
use crate::schedule::{Candidate, HOLD_AFTER_S, Lane, PlanBoard, Seat, fits};

/// A seat that has to have a board, of this runner if one is named.
#[derive(Clone, Copy)]
pub struct Placed<'c> {
    pub job: &'c Candidate,
    pub seat: &'c Seat,
    pub runner: Option<&'c RunnerName>,
}

impl Placed<'_> {
    pub fn may(&self, board: &PlanBoard) -> bool {
        let theirs = self.runner.is_none_or(|runner| *runner == board.runner);
        theirs && fits(self.job, self.seat, board)
    }
}

/// Whether all seats can have boards of their own.
pub fn feasible(seats: &[Placed<'_>], boards: &[&PlanBoard]) -> bool {
    fn place(seats: &[Placed<'_>], boards: &[&PlanBoard], used: u32) -> bool {
        let Some((first, rest)) = seats.split_first() else {
            return true;
        };
        (0..boards.len()).any(|at| {
            let free = used & (1 << at) == 0;
            free && first.may(boards[at]) && place(rest, boards, used | 1 << at)
        })
    }
    seats.len() <= boards.len() && place(seats, boards, 0)
}

/// How rare what a board carries is: for each asked tag how many idle boards of its type have it, the
/// rarest first.
fn rarity(case: &Case, board: &PlanBoard) -> Vec<usize> {
    let seats = case.jobs.iter().flat_map(|job| &job.seats);
    let waiting = seats.flat_map(|seat| &seat.tags);
    let asked: BTreeSet<&String> = waiting.chain(&case.rules.asked).collect();
    let tags: BTreeSet<&String> = board
        .tags
        .iter()
        .filter(|tag| asked.contains(tag))
        .collect();
    let carry = |tag: &&String| {
        let alike = case.idle_boards();
        let alike = alike.filter(|other| other.device_type == board.device_type);
        alike.filter(|other| other.tags.contains(tag)).count()
    };
    let mut counts: Vec<usize> = tags.iter().map(carry).collect();
    counts.sort_unstable();
    counts
}

/// The idle boards, the one to be used first first.
pub fn preferred(case: &Case) -> Vec<&PlanBoard> {
    let mut boards: Vec<&PlanBoard> = case.idle_boards().collect();
    boards.sort_by_key(|board| {
        let rarity: Vec<Reverse<usize>> = rarity(case, board).into_iter().map(Reverse).collect();
        (rarity, board.busy_ms, board.name.clone())
    });
    boards
}

fn level(case: &Case, job: &Candidate) -> Priority {
    let steps = (case.waited_s(job) / STEP_S).floor();
    match (job.priority, steps) {
        (Priority::Urgent, _) => Priority::Urgent,
        (Priority::High, _) => Priority::High,
        (Priority::Medium, steps) if steps >= 1.0 => Priority::High,
        (Priority::Low, steps) if steps >= 2.0 => Priority::High,
        (Priority::Low, steps) if steps >= 1.0 => Priority::Medium,
        (priority, _) => priority,
    }
}

/// Which boards a job could have, by seat, and which it would rather not.
fn sets(case: &Case, job: &Candidate) -> (Vec<Vec<BoardName>>, Vec<BoardName>) {
    let on = |seat: &Seat| {
        let boards = case.boards.iter().filter(|board| fits(job, seat, board));
        boards.map(|board| board.name.clone()).collect()
    };
    let known = |name: &&BoardName| case.boards.iter().any(|board| board.name == **name);
    let last = job.last_on.iter().filter(known).cloned().collect();
    (job.seats.iter().map(on).collect(), last)
}

/// What the plan has come to.
struct Planning<'c> {
    case: &'c Case,
    idle: Vec<&'c PlanBoard>,
    placed: Vec<Placed<'c>>,
    started: Vec<(Priority, JobId)>,
    holds: bool,
    asked: BTreeSet<JobId>,
    refused: BTreeSet<(Vec<Vec<BoardName>>, Vec<BoardName>)>,
}

/// The jobs that start, in the order in which they are asked, with their levels.
pub fn started(case: &Case) -> Vec<(Priority, JobId)> {
    let mut planning = Planning {
        case,
        idle: case.idle_boards().collect(),
        placed: Vec::new(),
        started: Vec::new(),
        holds: false,
        asked: BTreeSet::new(),
        refused: BTreeSet::new(),
    };
    let mut at: BTreeMap<Priority, Vec<&Candidate>> = BTreeMap::new();
    for job in case.jobs.iter().filter(|job| !case.is_expired(job)) {
        at.entry(level(case, job)).or_default().push(job);
    }
    let mut left: BTreeMap<&str, u32> = BTreeMap::new();
    for job in &case.jobs {
        let running = case
            .rules
            .urgent_running
            .get(&job.group)
            .copied()
            .unwrap_or(0);
        let quota = case.rules.plan.urgent_per_group.saturating_sub(running);
        left.insert(&job.group, quota);
    }
    let mut urgent = at.remove(&Priority::Urgent).unwrap_or_default();
    planning.level(Priority::Urgent, &urgent, &mut left);
    urgent.retain(|job| left[job.group.as_str()] == 0 && !planning.asked.contains(&job.id));
    left.values_mut().for_each(|left| *left = u32::MAX);
    for level in [Priority::High, Priority::Medium, Priority::Low] {
        urgent.extend(at.remove(&level).unwrap_or_default());
        planning.level(level, &std::mem::take(&mut urgent), &mut left);
    }
    planning.started
}

impl<'c> Planning<'c> {
    /// Whether it makes sense to ask a job: it could have an idle board, and none like it waits.
    fn askable(&self, job: &Candidate) -> bool {
        let mut seats = job.seats.iter();
        let idle = seats.any(|seat| self.idle.iter().any(|board| fits(job, seat, board)));
        idle && !self.asked.contains(&job.id) && !self.refused.contains(&sets(self.case, job))
    }

    fn oldest<'j>(&self, jobs: &[&'j Candidate], lane: &Lane) -> Option<&'j Candidate> {
        let theirs = jobs.iter().filter(|job| self.lane(job) == *lane);
        theirs
            .filter(|job| self.askable(job))
            .min_by_key(|job| (job.order, job.id))
            .copied()
    }

    fn lane(&self, job: &Candidate) -> Lane {
        lane_of(job, &self.case.boards)
    }

    /// Since when a lane waits for its turn.
    fn since(&self, level: Priority, oldest: &Candidate) -> (crate::model::Time, bool) {
        let served = self.case.rules.served.get(&self.lane(oldest));
        let served = served.copied().unwrap_or_default();
        let last = match level {
            Priority::Urgent => served.urgent,
            _ => served.urgent.max(served.other),
        };
        let came = oldest.submitted_at.min(self.case.now);
        let last = last.filter(|last| *last >= came);
        (last.unwrap_or(came), last.is_some())
    }

    fn level(&mut self, level: Priority, jobs: &[&'c Candidate], left: &mut BTreeMap<&str, u32>) {
        let lanes: BTreeSet<Lane> = jobs.iter().map(|job| self.lane(job)).collect();
        let mut starts: BTreeMap<&Lane, u32> = BTreeMap::new();
        let since: BTreeMap<&Lane, _> = lanes
            .iter()
            .filter_map(|lane| Some((lane, self.since(level, self.oldest(jobs, lane)?))))
            .collect();
        loop {
            let next = lanes.iter().filter(|lane| left[lane.group.as_str()] > 0);
            let next = next.filter(|lane| self.oldest(jobs, lane).is_some());
            let key = |lane: &Lane| (starts.get(lane).copied(), since.get(lane).copied());
            // The lanes come by name, and of equal ones the first is taken.
            let Some(lane) = next.min_by_key(|lane| key(lane)) else {
                return;
            };
            let Some(job) = self.oldest(jobs, lane) else {
                return;
            };
            self.asked.insert(job.id);
            if self.start(job) {
                self.started.push((level, job.id));
                *starts.entry(lane).or_default() += 1;
                if let Some(left) = left.get_mut(lane.group.as_str()) {
                    *left -= 1;
                }
            } else {
                self.refused.insert(sets(self.case, job));
            }
        }
    }

    fn start(&mut self, job: &'c Candidate) -> bool {
        if let [seat] = job.seats.as_slice() {
            return self.place(job, std::slice::from_ref(seat), None);
        }
        let mut tried = BTreeSet::new();
        for board in preferred(self.case) {
            let runner = &board.runner;
            if tried.insert(runner) && self.place(job, &job.seats, Some(runner)) {
                return true;
            }
        }
        if !self.holds && self.have_waited(job) {
            self.hold(job);
        }
        false
    }

    /// Whether this job or one like it has waited for long and does not start.
    fn have_waited(&self, job: &Candidate) -> bool {
        let started = |job: &Candidate| self.started.iter().any(|(_, id)| *id == job.id);
        let waits = |job: &&Candidate| !self.case.is_expired(job) && !started(job);
        let sets_of = |job: &Candidate| sets(self.case, job);
        let mut alike = self.case.jobs.iter().filter(waits);
        alike.any(|other| {
            self.case.waited_s(other) >= HOLD_AFTER_S && sets_of(other) == sets_of(job)
        })
    }

    /// Adds seats if all that were placed keep boards.
    fn place(
        &mut self,
        job: &'c Candidate,
        seats: &'c [Seat],
        runner: Option<&'c RunnerName>,
    ) -> bool {
        let before = self.placed.len();
        let more = seats.iter().map(|seat| Placed { job, seat, runner });
        self.placed.extend(more);
        let fits = feasible(&self.placed, &self.idle);
        if !fits {
            self.placed.truncate(before);
        }
        fits
    }

    fn hold(&mut self, job: &'c Candidate) {
        let mut boards: Vec<&'c PlanBoard> = self.case.boards.iter().collect();
        boards.sort_by(|a, b| a.name.cmp(&b.name));
        for runner in boards.iter().map(|board| &board.runner) {
            let seats = job.seats.iter().map(|seat| Placed {
                job,
                seat,
                runner: Some(runner),
            });
            let seats: Vec<_> = seats.collect();
            if feasible(&seats, &boards) {
                self.holds = true;
                for seat in &job.seats {
                    self.place(job, std::slice::from_ref(seat), Some(runner));
                }
                return;
            }
        }
    }
}
