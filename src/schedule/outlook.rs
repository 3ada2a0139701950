//! What is to be expected of every waiting and running job, and why each waits: from what a lab's
//! repository says at one moment. Command line and site ask here; a runner knows more of its own
//! boards and asks the same functions.

mod boards;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::candidate::{Candidate, PlanBoard, Seat};
use super::forecast::{Busy, Forecast, forecast};
use super::past::Past;
use super::queue::Queue;
use super::runs::RunTime;
use super::why::{Besides, Why, Wish};
use super::{HOLD_AFTER_S, Lane, able_runner, estimate};
use crate::model::lab::LabFiles;
use crate::model::record::{Basis, BoardHealth, Estimate};
use crate::model::status::{Factors, RunnerStatus};
use crate::model::{
    Board, BoardName, Job, JobId, Priority, Reason, Record, RunnerName, Span, State, Time,
};
pub use boards::{BoardFacts, Use, board_facts};

/// A lab at one moment.
pub struct Facts<'a> {
    pub files: &'a LabFiles,
    pub runners: &'a [RunnerStatus],
    pub boards: Vec<BoardNow<'a>>,
    /// Waiting and running jobs.
    pub jobs: Vec<JobNow<'a>>,
    pub past: &'a Past,
    pub now: Time,
}

/// A board, and what is said of it.
pub struct BoardNow<'a> {
    pub board: &'a Board,
    pub health: BoardHealth,
    pub reason: Option<&'a str>,
    /// The job that runs on it.
    pub job: Option<JobId>,
}

/// A job that has not ended.
pub struct JobNow<'a> {
    pub record: &'a Record,
    /// `None` for one whose definition has an error.
    pub job: Option<&'a Job>,
    /// The place in main's history.
    pub order: i64,
}

/// Estimates and reasons, by job.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    estimates: BTreeMap<JobId, Estimate>,
    whys: BTreeMap<JobId, Why>,
    /// The waiting jobs, the one that is asked first first.
    order: Vec<(Priority, JobId)>,
    levels: BTreeMap<JobId, Priority>,
    /// What each board is expected to take next, and when.
    next: BTreeMap<BoardName, (Time, JobId)>,
}

impl Outlook {
    pub fn new(facts: &Facts<'_>) -> Self {
        let (config, now) = (&facts.files.config, facts.now);
        let boards = board_facts(facts);
        let waiting = jobs(facts, &[State::Submitted]);
        let waiting: BTreeMap<JobId, &JobNow<'_>> =
            waiting.map(|job| (job.record.id, job)).collect();
        let candidates: BTreeMap<JobId, Candidate> = waiting
            .iter()
            .filter_map(|(id, job)| Some((*id, candidate(facts, job)?)))
            .collect();
        let queue = queue(facts, &boards, candidates.values().cloned().collect());

        let mut outlook = Self {
            estimates: running_ends(facts),
            whys: silent(facts),
            ..Self::default()
        };
        let id_of = |job| queue.job(job).id;
        let order = queue.order().into_iter();
        outlook.order = order.map(|(level, job)| (level, id_of(job))).collect();
        outlook.levels = outlook
            .order
            .iter()
            .map(|(level, id)| (*id, *level))
            .collect();
        let ahead = queue.ahead().into_iter();
        let ahead: BTreeMap<JobId, usize> = ahead.map(|(job, n)| (id_of(job), n)).collect();

        let plan_boards = queue.boards().to_vec();
        // Jobs of one name are expected to take the same time: in a long queue that is most of the work.
        let known: RefCell<HashMap<(&str, String, u64), RunTime>> = RefCell::default();
        let run_of = |id: &JobId, device_type: &str| -> Option<RunTime> {
            let job = waiting.get(id)?;
            let limit_s = config.timeouts.limit(job.job?).seconds();
            let name = job.record.job_name.as_str();
            let run_time = || facts.past.runs.run_time(name, device_type, limit_s);
            let key = (name, device_type.to_owned(), limit_s.to_bits());
            Some(*known.borrow_mut().entry(key).or_insert_with(run_time))
        };
        let played = forecast(
            queue,
            &busy(facts, &outlook.estimates),
            |candidate, board| {
                run_of(&candidate.id, &board.device_type).map_or(0.0, |run| run.p50_s)
            },
        );
        outlook.next = next(&played, &plan_boards);
        let factors = factors(facts);
        for (id, candidate) in &candidates {
            let expected = played.get(id).and_then(|played| {
                let device_type = &plan_boards[*played.boards.first()?].device_type;
                let run = run_of(id, device_type)?;
                let priority = candidate.priority;
                Some(estimate::of_waiting(
                    now,
                    played.start,
                    &run,
                    priority,
                    &factors,
                ))
            });
            let expected = expected.unwrap_or_else(|| estimate::of_stuck(now));
            outlook.estimates.insert(*id, expected);
        }

        let starts_now = |played: &&Forecast| played.start <= now;
        let taken = played.values().filter(starts_now);
        let taken = taken.flat_map(|played| &played.boards);
        let mut reasons = Reasons {
            boards: &boards,
            taken: taken.map(|at| plan_boards[*at].name.clone()).collect(),
            takes: plan_boards.clone(),
            known: BTreeMap::new(),
        };
        let holds = |(_, id): &&(Priority, JobId)| {
            candidates.get(id).is_some_and(|job| {
                let waited_s = now.seconds_since(job.submitted_at);
                let starts = played.get(id).is_some_and(|played| played.start <= now);
                job.is_group() && waited_s >= HOLD_AFTER_S && !starts
            })
        };
        let holder = outlook.order.iter().find(holds).map(|(_, id)| *id);
        for id in waiting.keys() {
            let Some(candidate) = candidates.get(id) else {
                outlook.whys.insert(*id, Why::default());
                continue;
            };
            let played = played.get(id);
            let next = played.is_some_and(|played| played.start <= now);
            let mut why = reasons.of(candidate, next);
            why.ahead = ahead.get(id).copied().unwrap_or_default();
            let idle = why.wishes.iter().any(|wish| wish.idle > 0);
            if next {
                why.besides.push(Besides::Next);
                why.ahead = 0;
            } else if let Some(holder) = holder.filter(|_| idle && !candidate.is_group()) {
                why.besides.push(Besides::Kept(holder));
            }
            let level = outlook.levels.get(id);
            if candidate.priority == Priority::Urgent && level == Some(&Priority::High) {
                let quota = config.plan.urgent_per_group;
                why.besides.push(Besides::Quota(quota));
            }
            if played.is_none() && candidate.expires_at.is_some() && why.is_possible() {
                why.besides.push(Besides::Expires);
            }
            outlook.whys.insert(*id, why);
        }
        outlook
    }

    /// When a waiting job is expected to start and end, or a running one to end. A waiting job that
    /// cannot start as things are has neither, nor has a running one whose runner is silent.
    pub fn estimate(&self, id: JobId) -> Option<&Estimate> {
        self.estimates.get(&id)
    }

    /// Why a job waits; of a running one why nothing can be said of its end.
    pub fn why(&self, id: JobId) -> Option<&Why> {
        self.whys.get(&id)
    }

    /// The level at which a waiting job stands: above its priority if it has waited for long.
    pub fn level(&self, id: JobId) -> Option<Priority> {
        self.levels.get(&id).copied()
    }

    /// The waiting job that a board is expected to take next.
    pub fn next_on(&self, board: &BoardName) -> Option<JobId> {
        self.next.get(board).map(|(_, id)| *id)
    }

    /// The waiting jobs in the order in which they are asked, each with the level at which it stands.
    pub fn order(&self) -> &[(Priority, JobId)] {
        &self.order
    }
}

/// What each board takes first of what was played, and when.
fn next(
    played: &BTreeMap<JobId, Forecast>,
    boards: &[PlanBoard],
) -> BTreeMap<BoardName, (Time, JobId)> {
    let mut first = BTreeMap::new();
    for (id, job) in played {
        for board in &job.boards {
            let next = (job.start, *id);
            let known = first.entry(boards[*board].name.clone()).or_insert(next);
            *known = (*known).min(next);
        }
    }
    first
}

/// Why a definition that is not submitted yet would wait, as far as boards go.
pub fn would_wait(facts: &Facts<'_>, job: &Job) -> Option<Why> {
    let candidate = Candidate::new(JobId::from_bytes([0; 16]), 0, job, "", facts.now)?;
    let boards = board_facts(facts);
    let mut reasons = Reasons {
        boards: &boards,
        taken: BTreeSet::new(),
        takes: boards
            .iter()
            .filter_map(|board| board.plan.clone())
            .collect(),
        known: BTreeMap::new(),
    };
    Some(reasons.of(&candidate, true))
}

/// What jobs have in common that ask for the same.
type Kind = (Vec<Seat>, BTreeSet<BoardName>, Option<String>, bool);

/// Why jobs wait as far as boards go; those that ask for the same are answered the same.
struct Reasons<'a> {
    boards: &'a [BoardFacts<'a>],
    /// Idle boards that jobs take now.
    taken: BTreeSet<BoardName>,
    /// The boards that take jobs.
    takes: Vec<PlanBoard>,
    known: BTreeMap<Kind, Why>,
}

impl Reasons<'_> {
    /// `next` says whether the job is one of those that start now.
    fn of(&mut self, job: &Candidate, next: bool) -> Why {
        let kind = (
            job.seats.clone(),
            job.not_on.clone(),
            job.dispatcher.clone(),
            next,
        );
        let none = BTreeSet::new();
        let taken = if next { &none } else { &self.taken };
        let why = || {
            let wishes = Wish::all(job, self.boards, taken);
            let scattered = job.is_group()
                && wishes.iter().all(Wish::is_possible)
                && able_runner(job, &self.takes).is_none();
            Why {
                wishes,
                ahead: 0,
                besides: scattered
                    .then_some(Besides::Scattered)
                    .into_iter()
                    .collect(),
            }
        };
        self.known.entry(kind).or_insert_with(why).clone()
    }
}

/// The jobs in one of these states that are in the queue: a health check is in none.
fn jobs<'f, 'a>(facts: &'f Facts<'a>, states: &'f [State]) -> impl Iterator<Item = &'f JobNow<'a>> {
    facts
        .jobs
        .iter()
        .filter(move |job| states.contains(&job.record.state) && job.record.health_check.is_none())
}

/// The waiting jobs and the boards that take jobs.
fn queue(facts: &Facts<'_>, boards: &[BoardFacts<'_>], candidates: Vec<Candidate>) -> Queue {
    let config = &facts.files.config;
    let running = jobs(facts, &[State::Running, State::Canceling]).map(|job| {
        let claim = job.record.claim.as_ref();
        let device_type = claim.and_then(|claim| claim.device_type.clone());
        let lane = Lane {
            group: config.group_of(&job.record.submitter.user).to_owned(),
            device_type: device_type.unwrap_or_default(),
        };
        let started = job.record.started_at.unwrap_or(facts.now);
        (lane, job.record.priority, started)
    });
    let rules = facts.past.rules(config, running, facts.now);
    let idle = boards
        .iter()
        .filter(|board| matches!(board.usage, Use::Idle | Use::CheckedFirst(_)));
    let idle: BTreeSet<&BoardName> = idle.map(|board| &board.board.name).collect();
    let takes = boards
        .iter()
        .filter_map(|board| board.plan.clone())
        .collect();
    Queue::new(
        candidates,
        takes,
        |board| idle.contains(&board.name),
        rules,
        facts.now,
    )
}

/// A waiting job as the plan sees it, with the boards on which it has failed.
fn candidate(facts: &Facts<'_>, now: &JobNow<'_>) -> Option<Candidate> {
    let record = now.record;
    let group = facts.files.config.group_of(&record.submitter.user);
    let mut candidate = Candidate::new(record.id, now.order, now.job?, group, record.submitted_at)?;
    for attempt in &record.attempts {
        let boards = match attempt.reason {
            Some(Reason::Board) => &mut candidate.not_on,
            _ => &mut candidate.last_on,
        };
        boards.extend(attempt.board.clone());
    }
    Some(candidate)
}

/// When the running jobs are expected to end: as their runner says, else as earlier runs say.
fn running_ends(facts: &Facts<'_>) -> BTreeMap<JobId, Estimate> {
    let now = facts.now;
    let said = facts.runners.iter().flat_map(|runner| &runner.running);
    let said: BTreeMap<JobId, _> = said.map(|job| (job.id, job)).collect();
    let mut ends = BTreeMap::new();
    for job in &facts.jobs {
        let record = job.record;
        let Some(claim) = record
            .claim
            .as_ref()
            .filter(|_| record.state != State::Submitted)
        else {
            continue;
        };
        let config = &facts.files.config;
        let limit = job
            .job
            .map_or(config.timeouts.max, |job| config.timeouts.limit(job));
        let limit_s = limit.seconds();
        let device_type = claim.device_type.as_deref().unwrap_or_default();
        let started = record.started_at.unwrap_or(claim.at);
        let elapsed_s = now.seconds_since(started).max(0.0);
        let runs = &facts.past.runs;
        let run = runs.run_time(&record.job_name, device_type, limit_s);
        if silent_s(facts, &claim.runner).is_some() {
            ends.insert(record.id, estimate::of_stuck(now));
            continue;
        }
        let said = said.get(&record.id);
        let end = said.and_then(|said| said.expected_end).unwrap_or_else(|| {
            let rest_s = runs.remaining_s(&record.job_name, device_type, limit_s, elapsed_s);
            now.plus_seconds(rest_s)
        });
        let p90 = said.and_then(|said| said.p90);
        let p90 = p90.unwrap_or_else(|| started.plus_seconds(run.p90_s));
        let end = end.max(now);
        let estimate = Estimate {
            at: Some(now),
            start: None,
            start_p90: None,
            end: Some(end),
            p90: Some(p90.max(end)),
            basis: Some(match elapsed_s >= run.p90_s {
                // Its time limit ends it, if nothing does before.
                true if !runs.has_longer(&record.job_name, device_type, elapsed_s) => {
                    Basis::Timeout
                }
                _ => run.basis,
            }),
        };
        ends.insert(record.id, estimate);
    }
    ends
}

/// The running jobs of which nothing is heard, and why.
fn silent(facts: &Facts<'_>) -> BTreeMap<JobId, Why> {
    let running = facts.jobs.iter();
    let running = running.filter(|job| job.record.state != State::Submitted);
    let why = |job: &JobNow<'_>| {
        let runner = &job.record.claim.as_ref()?.runner;
        let seconds = silent_s(facts, runner)? as u64;
        let besides = Besides::Silent(runner.clone(), Span::from_secs(seconds));
        let why = Why {
            besides: vec![besides],
            ..Why::default()
        };
        Some((job.record.id, why))
    };
    running.filter_map(why).collect()
}

/// For how many seconds nothing has been heard of a runner, if that is too long.
fn silent_s(facts: &Facts<'_>, name: &RunnerName) -> Option<f64> {
    let runner = facts.runners.iter().find(|runner| runner.runner == *name);
    let silent = runner.filter(|runner| boards::is_silent(facts, runner));
    silent.map(|runner| facts.now.seconds_since(runner.at))
}

/// The boards that work, until when.
fn busy(facts: &Facts<'_>, ends: &BTreeMap<JobId, Estimate>) -> Vec<Busy> {
    let mut busy = Vec::new();
    for job in &facts.jobs {
        let Some(end) = ends.get(&job.record.id) else {
            continue;
        };
        // The job of a runner that is silent is taken from its board as soon as somebody else has that.
        let until = end.end.unwrap_or(facts.now);
        let urgent = job.record.priority == Priority::Urgent && job.record.health_check.is_none();
        let group = facts.files.config.group_of(&job.record.submitter.user);
        busy.extend(job.record.boards().enumerate().map(|(n, board)| Busy {
            board: board.clone(),
            until,
            // A group's job counts once.
            urgent_of: (urgent && n == 0).then(|| group.to_owned()),
        }));
    }
    busy
}

/// What the runner that spoke last knows, else what the history says.
fn factors(facts: &Facts<'_>) -> Factors {
    let last = facts
        .runners
        .iter()
        .filter(|runner| runner.factors.is_some());
    let last = last.max_by_key(|runner| runner.at);
    last.and_then(|runner| runner.factors)
        .unwrap_or_else(|| facts.past.calibration.factors(std::iter::empty()))
}

#[cfg(test)]
mod tests;
