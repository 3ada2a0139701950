//! Time goes by on the farm.

use super::bar;
use super::farm::{Farm, Running};
use super::workload::{Arrival, Workload, address};
use crate::model::record::{
    self, Attempt, CaseResult, ClaimFacts, Estimates, State, Step, StepState, Submitter, Verdict,
};
use crate::model::{Health, LabConfig, ObjectId, Record};
use crate::schedule::PlanBoard;

/// What came of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// The records of all jobs, in the order in which they ended.
    pub records: Vec<Record>,
    /// The boards, by name.
    pub boards: Vec<PlanBoard>,
    /// How many points the bars of running jobs were off, at evenly spread moments of each.
    pub bar_errors: Vec<f64>,
}

/// Plays a workload under a lab's rules, until every job has ended. A job that no board fits never
/// starts and has no record.
pub fn play(workload: &Workload, lab: &LabConfig) -> Played {
    let mut farm = Farm::new(workload, lab);
    let mut records = Vec::with_capacity(workload.jobs.len());
    let mut bar_errors = Vec::new();
    let mut coming = workload.jobs.iter().enumerate().peekable();
    loop {
        let ends = farm.running.values().map(|running| running.ends).min();
        let comes = coming.peek().map(|(_, arrival)| arrival.at);
        let Some(next) = ends.into_iter().chain(comes).min() else {
            break;
        };
        farm.now = farm.now.max(next);
        while let Some((job, running)) = farm.take_ended() {
            let record = record(job, running, &farm);
            farm.past.add(&record, farm.now);
            records.push(record);
        }
        while let Some((job, _)) = coming.next_if(|(_, arrival)| arrival.at <= farm.now) {
            farm.waiting.insert(job, None);
            let estimate = farm.at_submission(job);
            farm.waiting.insert(job, Some(estimate));
        }
        for (job, board) in farm.plan() {
            bar_errors.extend(bar::errors(&workload.jobs[job], &farm.past.runs));
            farm.start(job, board);
        }
    }
    Played {
        records,
        boards: farm.boards,
        bar_errors,
    }
}

impl Farm<'_> {
    fn start(&mut self, job: usize, board: usize) {
        let Some(at_submission) = self.waiting.remove(&job) else {
            return;
        };
        self.idle.remove(&board);
        let running = Running {
            board,
            started: self.now,
            ends: self.now.plus_seconds(self.workload.jobs[job].run_s()),
            at_submission,
            at_claim: self.at_claim(job),
        };
        self.running.insert(job, running);
    }

    /// A job that has ended by now.
    fn take_ended(&mut self) -> Option<(usize, Running)> {
        let mut running = self.running.iter();
        let (&job, _) = running.find(|(_, running)| running.ends <= self.now)?;
        let ended = self.running.remove(&job)?;
        self.idle.insert(ended.board);
        Some((job, ended))
    }
}

/// As it would lie in the journal.
fn record(job: usize, running: Running, farm: &Farm<'_>) -> Record {
    let arrival = &farm.workload.jobs[job];
    let board = &farm.boards[running.board];
    let (health, reason) = arrival.end.health();
    Record {
        version: record::VERSION,
        id: Farm::id(job),
        job_name: arrival.name.clone(),
        path: format!("queue/{}/{job}.json", arrival.user),
        commit: ObjectId::ZERO,
        submitter: Submitter {
            name: arrival.user.clone(),
            email: address(&arrival.user),
            user: arrival.user.clone(),
            verified: false,
        },
        submitted_at: arrival.at,
        stream: format!("/public/{}/", arrival.user),
        priority: arrival.priority,
        tags: Vec::new(),
        definition: definition(arrival),
        state: State::Finished,
        health: Some(health),
        reason,
        verdict: Some(Verdict::None),
        message: None,
        claim: Some(ClaimFacts {
            runner: board.runner.clone(),
            board: Some(board.name.clone()),
            device_type: Some(board.device_type.clone()),
            at: running.started,
        }),
        members: Vec::new(),
        started_at: Some(running.started),
        finished_at: Some(running.ends),
        attempts: vec![Attempt {
            n: 1,
            board: Some(board.name.clone()),
            boards: Vec::new(),
            runner: board.runner.clone(),
            started_at: Some(running.started),
            finished_at: running.ends,
            reason,
        }],
        steps: steps(arrival, health),
        suites: Vec::new(),
        estimate: Some(Estimates {
            at_submission: running.at_submission,
            at_claim: Some(running.at_claim),
        }),
        log: None,
        attachments: Vec::new(),
        canceled: None,
        diagnostics: Vec::new(),
        health_check: None,
    }
}

fn definition(arrival: &Arrival) -> serde_json::Value {
    let run = serde_json::json!({"command": "run", "parameters": {"commands": ["true"]}});
    serde_json::json!({
        "job_name": arrival.name,
        "device_type": arrival.device_type,
        "priority": arrival.priority,
        "timeout": arrival.limit_s,
        "actions": vec![run; arrival.actions],
    })
}

fn steps(arrival: &Arrival, health: Health) -> Vec<Step> {
    let mut at = 0.0;
    let last = arrival.steps_s.len() - 1;
    let step = |(n, &seconds): (usize, &f64)| {
        let started = at;
        at += seconds;
        let ended_well = n < last || health == Health::Complete;
        Step {
            n: n as u32,
            member: None,
            name: "run".to_owned(),
            state: StepState::Done,
            result: Some(if ended_well {
                CaseResult::Pass
            } else {
                CaseResult::Fail
            }),
            reason: None,
            started_s: Some(started),
            duration_s: Some(seconds),
        }
    };
    arrival.steps_s.iter().enumerate().map(step).collect()
}
