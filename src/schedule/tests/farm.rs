//! A farm that plays the plan as a runner does: asks it anew at every moment, and does what it says.

use std::collections::{BTreeMap, BTreeSet};

use super::make::{Case, Started, lane_of};
use crate::model::{BoardName, Priority, Time};
use crate::schedule::{Candidate, Lane, PlanBoard, Rules, Served};

pub struct Farm {
    /// The waiting jobs, all boards, the rules' settings and the moment; who is idle is found anew.
    pub case: Case,
    /// Boards that take nothing, such as those that are due for a health check.
    pub out: BTreeSet<BoardName>,
    pub running: Vec<Run>,
    pub served: BTreeMap<Lane, Served>,
}

pub struct Run {
    pub job: Candidate,
    pub boards: Vec<BoardName>,
    pub level: Priority,
    pub began: Time,
    pub until: Time,
}

impl Farm {
    pub fn new(boards: Vec<PlanBoard>, rules: Rules, now: Time) -> Self {
        Self {
            served: rules.served.clone(),
            case: Case {
                jobs: Vec::new(),
                boards,
                idle: BTreeSet::new(),
                rules,
                now,
            },
            out: BTreeSet::new(),
            running: Vec::new(),
        }
    }

    /// The facts of this moment, as the plan wants them.
    pub fn facts(&self) -> Case {
        let mut case = self.case.clone();
        case.rules.served = self.served.clone();
        case.rules.urgent_running.clear();
        for run in self
            .running
            .iter()
            .filter(|run| run.job.priority == Priority::Urgent)
        {
            let running = &mut case.rules.urgent_running;
            *running.entry(run.job.group.clone()).or_default() += 1;
        }
        case.boards.retain(|board| !self.out.contains(&board.name));
        let busy: BTreeSet<&BoardName> = self.running.iter().flat_map(|run| &run.boards).collect();
        let names = case.boards.iter().map(|board| &board.name);
        case.idle = names.filter(|name| !busy.contains(name)).cloned().collect();
        case
    }

    /// Starts what the plan says, for so many seconds each, and says what that was.
    pub fn start(&mut self, mut length_s: impl FnMut(&Candidate) -> f64) -> Vec<Started> {
        let started = self.facts().plan();
        let now = self.case.now;
        for (level, id, boards) in &started {
            let waiting = &mut self.case.jobs;
            let at = waiting
                .iter()
                .position(|job| job.id == *id)
                .expect("it waits");
            let job = waiting.remove(at);
            let lane = lane_of(&job, &self.case.boards);
            self.served.entry(lane).or_default().note(job.priority, now);
            let until = now.plus_seconds(length_s(&job));
            self.running.push(Run {
                job,
                boards: boards.clone(),
                level: *level,
                began: now,
                until,
            });
        }
        started
    }

    /// The next end of a run.
    pub fn next_end(&self) -> Option<Time> {
        self.running.iter().map(|run| run.until).min()
    }

    /// Goes on to a moment; ends what has ended by then.
    pub fn pass(&mut self, until: Time) {
        self.case.now = self.case.now.max(until);
        let now = self.case.now;
        let ended = self.running.extract_if(.., |run| run.until <= now);
        for run in ended {
            let ms = (run.until.seconds_since(run.began).max(0.0) * 1000.0) as u64;
            for board in &mut self.case.boards {
                if run.boards.contains(&board.name) {
                    board.busy_ms += ms;
                }
            }
        }
    }
}
