//! What is to be expected of every waiting and running job, and why each waits: from what a lab's
//! repository says at one moment. Command line and site ask here; a runner knows more of its own
//! boards and asks the same functions.

use std::collections::{BTreeMap, BTreeSet};

use super::candidate::{Candidate, PlanBoard};
use super::forecast::{Busy, forecast};
use super::past::Past;
use super::queue::Queue;
use super::runs::RunTime;
use super::why::{Why, Wish};
use super::{able_runner, estimate};
use crate::model::lab::LabFiles;
use crate::model::record::{BoardHealth, Estimate};
use crate::model::status::{BoardUse, Factors, RunnerStatus};
use crate::model::{
    Board, BoardName, Job, JobId, Priority, Reason, Record, RunnerName, State, Time,
};

/// The factors of a lab in which nobody knows better.
const UNKNOWN: Factors = Factors {
    start: [3.0; 4],
    end: [3.0; 4],
};

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

/// A board as the plan sees it, and whether it takes jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardFacts<'a> {
    pub plan: PlanBoard,
    pub usage: Use,
    pub board: &'a Board,
}

/// What a board does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    Idle,
    Busy,
    /// It takes no jobs: words that follow its name, such as `is in maintenance (no cable)`.
    Out(String),
}

/// Estimates and reasons, by job.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    estimates: BTreeMap<JobId, Estimate>,
    whys: BTreeMap<JobId, Why>,
    /// The waiting jobs, the one that is asked first first.
    order: Vec<(Priority, JobId)>,
}

impl Outlook {
    pub fn new(facts: &Facts<'_>) -> Self {
        let now = facts.now;
        let config = &facts.files.config;
        let boards = board_facts(facts);
        let is = |record: &Record, state| record.state == state && record.health_check.is_none();
        let waiting: Vec<&JobNow<'_>> = facts
            .jobs
            .iter()
            .filter(|job| is(job.record, State::Submitted))
            .collect();
        let candidates: Vec<Candidate> = waiting
            .iter()
            .filter_map(|job| candidate(facts, job))
            .collect();
        let jobs: BTreeMap<JobId, &JobNow<'_>> =
            waiting.iter().map(|job| (job.record.id, *job)).collect();
        let running = facts
            .jobs
            .iter()
            .filter(|job| is(job.record, State::Running) || is(job.record, State::Canceling));
        let running = running.map(|job| {
            let group = config.group_of(&job.record.submitter.user);
            (
                group,
                job.record.priority,
                job.record.started_at.unwrap_or(now),
            )
        });
        let rules = facts.past.rules(config, running, now);
        let taking = boards
            .iter()
            .filter(|board| !matches!(board.usage, Use::Out(_)));
        let idle: BTreeSet<&BoardName> = boards
            .iter()
            .filter(|board| board.usage == Use::Idle)
            .map(|board| &board.plan.name)
            .collect();
        let queue = Queue::new(
            candidates,
            taking.map(|board| board.plan.clone()).collect(),
            |board| idle.contains(&board.name),
            rules,
            now,
        );

        let mut outlook = Self::default();
        let ends = running_ends(facts);
        for (id, end) in &ends {
            outlook.estimates.insert(*id, *end);
        }
        outlook.order = queue
            .order()
            .into_iter()
            .map(|(level, job)| (level, queue.job(job).id))
            .collect();
        for (job, ahead) in queue.ahead() {
            let candidate = queue.job(job);
            let why = Why {
                wishes: Wish::all(candidate, &boards),
                ahead,
                together: candidate.is_group(),
            };
            outlook.whys.insert(candidate.id, why);
        }
        let factors = factors(facts);
        let run_of = |id: &JobId, device_type: &str| -> Option<RunTime> {
            let job = jobs.get(id)?;
            let limit = config.timeouts.limit(job.job?).seconds();
            let name = &job.record.job_name;
            Some(facts.past.runs.run_time(name, device_type, limit))
        };
        let types: Vec<String> = queue
            .boards()
            .iter()
            .map(|board| board.device_type.clone())
            .collect();
        let ids: Vec<(JobId, Priority)> = outlook
            .order
            .iter()
            .filter_map(|(_, id)| Some((*id, jobs.get(id)?.record.priority)))
            .collect();
        let played = forecast(queue, &busy(facts, &ends), |candidate, board| {
            run_of(&candidate.id, &board.device_type).map_or(0.0, |run| run.p50_s)
        });
        for (id, priority) in ids {
            let expected = played.get(&id).and_then(|played| {
                let device_type = &types[*played.boards.first()?];
                let run = run_of(&id, device_type)?;
                let start = played.start;
                Some(estimate::of_waiting(now, start, &run, priority, &factors))
            });
            outlook
                .estimates
                .insert(id, expected.unwrap_or_else(|| estimate::of_stuck(now)));
        }
        outlook
    }

    /// When a waiting job is expected to start and end, or a running one to end. A waiting job that
    /// cannot start as things are has neither.
    pub fn estimate(&self, id: JobId) -> Option<&Estimate> {
        self.estimates.get(&id)
    }

    /// Why a job waits.
    pub fn why(&self, id: JobId) -> Option<&Why> {
        self.whys.get(&id)
    }

    /// The waiting jobs in the order in which they are asked, each with the level at which it stands.
    pub fn order(&self) -> &[(Priority, JobId)] {
        &self.order
    }
}

/// Why a definition that is not submitted yet would wait, as far as boards go.
pub fn would_wait(facts: &Facts<'_>, job: &Job) -> Option<Why> {
    let candidate = Candidate::new(JobId::from_bytes([0; 16]), 0, job, "", facts.now)?;
    let boards = board_facts(facts);
    let taking = boards
        .iter()
        .filter(|board| !matches!(board.usage, Use::Out(_)));
    let taking: Vec<PlanBoard> = taking.map(|board| board.plan.clone()).collect();
    // Enough boards, but on different runners, are not enough.
    let together = candidate.is_group() && able_runner(&candidate, &taking).is_none();
    Some(Why {
        wishes: Wish::all(&candidate, &boards),
        ahead: 0,
        together,
    })
}

/// How every board of the lab stands, by name.
pub fn board_facts<'a>(facts: &Facts<'a>) -> Vec<BoardFacts<'a>> {
    let lease_s = facts.files.config.lease.seconds();
    let nobody: RunnerName = nobody();
    let board_facts = |now: &BoardNow<'a>| {
        let board = now.board;
        let said = facts.runners.iter().find_map(|runner| {
            let status = runner.boards.iter().find(|said| said.name == board.name)?;
            Some((runner, status))
        });
        let reason =
            |reason: Option<&str>| reason.map(|why| format!(" ({why})")).unwrap_or_default();
        let out = match now.health {
            BoardHealth::Maintenance => Some(format!("is in maintenance{}", reason(now.reason))),
            BoardHealth::Retired => Some(format!("is retired{}", reason(now.reason))),
            BoardHealth::Bad => Some(format!("is bad{}", reason(now.reason))),
            BoardHealth::Good | BoardHealth::Unknown => match said {
                None => Some("is driven by no runner".to_owned()),
                Some((runner, _)) if facts.now.seconds_since(runner.at) > lease_s => Some(format!(
                    "waits for its runner `{}`, which is silent",
                    runner.runner
                )),
                Some((runner, _)) if runner.paused.is_some() => Some(format!(
                    "waits for its runner `{}`, which takes no jobs{}",
                    runner.runner,
                    reason(runner.paused.as_deref())
                )),
                // It runs its health check or is about to; that is no reason to give a job up.
                Some((_, status)) if status.usage == BoardUse::Unavailable => {
                    match &status.reason {
                        Some(why) if now.job.is_none() && board.health_check.is_none() => {
                            Some(format!("takes no jobs ({why})"))
                        }
                        _ => None,
                    }
                }
                Some(_) => None,
            },
        };
        let usage = match out {
            Some(why) => Use::Out(why),
            None if now.job.is_some() => Use::Busy,
            None => Use::Idle,
        };
        BoardFacts {
            plan: PlanBoard {
                name: board.name.clone(),
                runner: said.map_or_else(|| nobody.clone(), |(runner, _)| runner.runner.clone()),
                device_type: board.device_type.clone(),
                tags: board.tags.clone(),
                dispatchers: board
                    .dispatchers
                    .iter()
                    .map(|choice| choice.name().to_owned())
                    .collect(),
                busy_ms: facts.past.busy_ms(&board.name, facts.now),
            },
            usage,
            board,
        }
    };
    let mut boards: Vec<BoardFacts<'a>> = facts.boards.iter().map(board_facts).collect();
    boards.sort_by(|a, b| a.plan.name.cmp(&b.plan.name));
    boards
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
            basis: Some(run.basis),
        };
        ends.insert(record.id, estimate);
    }
    ends
}

/// The boards that work, until when.
fn busy(facts: &Facts<'_>, ends: &BTreeMap<JobId, Estimate>) -> Vec<Busy> {
    let mut busy = Vec::new();
    for job in &facts.jobs {
        let Some(until) = ends.get(&job.record.id).and_then(|end| end.end) else {
            continue;
        };
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
    let said = facts
        .runners
        .iter()
        .filter(|runner| runner.factors.is_some());
    said.max_by_key(|runner| runner.at)
        .and_then(|runner| runner.factors)
        .unwrap_or_else(|| {
            if *facts.past == Past::default() {
                return UNKNOWN;
            }
            facts.past.calibration.factors(std::iter::empty())
        })
}

/// Stands where a board has no runner; such a board takes no jobs.
fn nobody() -> RunnerName {
    #[expect(clippy::expect_used, reason = "the text is a name")]
    "nobody".parse().expect("a name")
}
