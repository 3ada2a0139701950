//! What is submitted when, and how long it takes.

use std::collections::BTreeMap;

use crate::model::lab::User;
use crate::model::{Health, LabConfig, Priority, Reason, Time};
use crate::schedule::PlanBoard;

/// A farm and its jobs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Workload {
    pub boards: Vec<PlanBoard>,
    /// In the order in which they come.
    pub jobs: Vec<Arrival>,
    /// The group of each user; who is missing is a group alone.
    pub groups: BTreeMap<String, String>,
}

/// A job that comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    pub at: Time,
    pub name: String,
    pub user: String,
    pub device_type: String,
    pub priority: Priority,
    /// Its time limit in seconds.
    pub limit_s: f64,
    /// How many steps its definition has.
    pub actions: usize,
    /// How long each of those takes that it reaches, in seconds.
    pub steps_s: Vec<f64>,
    pub end: End,
}

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Complete,
    /// By itself, too early.
    Fails,
    /// Its time limit ends it.
    TimesOut,
    /// Somebody ends it.
    Canceled,
}

impl End {
    pub fn health(self) -> (Health, Option<Reason>) {
        match self {
            Self::Complete => (Health::Complete, None),
            Self::Fails => (Health::Incomplete, Some(Reason::JobError)),
            Self::TimesOut => (Health::Incomplete, Some(Reason::Timeout)),
            Self::Canceled => (Health::Canceled, None),
        }
    }
}

impl Arrival {
    pub fn run_s(&self) -> f64 {
        self.steps_s.iter().sum()
    }
}

impl Workload {
    /// The lab's configuration with the workload's users in place of its own.
    pub fn config(&self, lab: &LabConfig) -> LabConfig {
        let user = |(name, group): (&String, &String)| {
            let user = User {
                emails: vec![address(name)],
                groups: vec![group.clone()],
            };
            (name.clone(), user)
        };
        LabConfig {
            users: self.groups.iter().map(user).collect(),
            ..lab.clone()
        }
    }

    /// Stretches or shortens the time between any two submissions.
    pub fn stretch(&mut self, by: f64) {
        let Some(first) = self.jobs.first().map(|job| job.at) else {
            return;
        };
        for job in &mut self.jobs {
            job.at = first.plus_seconds(job.at.seconds_since(first) * by);
        }
    }

    /// The work of all jobs by the time in which they come: how many boards they would keep busy.
    pub fn boards_busy(&self) -> f64 {
        let work: f64 = self.jobs.iter().map(Arrival::run_s).sum();
        let (first, last) = (self.jobs.first(), self.jobs.last());
        let span = first
            .zip(last)
            .map(|(first, last)| last.at.seconds_since(first.at));
        work / span.unwrap_or(0.0).max(1.0)
    }
}

/// The address of a user who is not there.
pub fn address(user: &str) -> String {
    format!("{user}@farm.invalid")
}

/// Boards that are alike but for their device types.
pub fn boards<'t>(types: impl Iterator<Item = &'t str>) -> Vec<PlanBoard> {
    let board = |(n, device_type): (usize, &str)| {
        Some(PlanBoard {
            name: format!("board-{:03}", n + 1).parse().ok()?,
            runner: "farm".parse().ok()?,
            device_type: device_type.to_owned(),
            tags: vec![device_type.to_owned()],
            dispatchers: vec!["exec".to_owned()],
            busy_ms: 0,
        })
    };
    types.enumerate().filter_map(board).collect()
}
