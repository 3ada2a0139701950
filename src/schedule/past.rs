//! What the finished jobs say that plans and estimates need: small, and kept up to date record by record.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::calibration::{Calibration, Sample};
use super::rules::{Lane, Rules, Served};
use super::runs::{Run, RunTimes};
use crate::model::{BoardName, LabConfig, Priority, Record, Time};

const DAY_S: i64 = 86_400;

/// How many days of work count for "least busy".
const BUSY_DAYS: i64 = 14;

/// How many days a tag that somebody asked for keeps its boards from other jobs.
const ASKED_DAYS: i64 = 30;

/// How many days without a run a job name is remembered.
const NAME_DAYS: i64 = 180;

/// The past, as far as it counts. The order in which records are added makes no difference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Past {
    pub runs: RunTimes,
    pub calibration: Calibration,
    /// By user and device type.
    served: BTreeMap<String, BTreeMap<String, Served>>,
    /// When each tag was last asked for.
    asked: BTreeMap<String, Time>,
    /// Milliseconds of work of each board, by day since 1970.
    busy: BTreeMap<BoardName, BTreeMap<i64, u64>>,
    /// The last end of a job: the past is judged from there, not from a clock.
    latest: Option<Time>,
}

impl Past {
    /// The name of the file, beside a mirror, in which whoever reads the journals keeps it.
    pub const FILE: &str = "pumice-past";

    /// Adds a finished job.
    pub fn add(&mut self, record: &Record) {
        if let (Some(started), Some(finished)) = (record.started_at, record.finished_at) {
            let ms = (finished.seconds_since(started).max(0.0) * 1000.0) as u64;
            for board in record.boards() {
                let days = self.busy.entry(board.clone()).or_default();
                *days.entry(day(finished)).or_default() += ms;
            }
        }
        let known = self.latest;
        self.latest = known.max(record.finished_at);
        if self.latest.map(day) > known.map(day) {
            self.forget();
        }
        if record.health_check.is_some() {
            self.add_run(record);
            return;
        }
        for tag in tags(record) {
            let last = self
                .asked
                .entry(tag.to_owned())
                .or_insert(record.submitted_at);
            *last = (*last).max(record.submitted_at);
        }
        if let Some(started) = record.started_at {
            let served = self.served.entry(record.submitter.user.clone());
            let served = served.or_default().entry(device_type(record).to_owned());
            served.or_default().note(record.priority, started);
        }
        if let Some((priority, sample)) = Sample::of(record) {
            self.calibration.add(priority, sample);
        }
        self.add_run(record);
    }

    fn add_run(&mut self, record: &Record) {
        if let Some(run) = Run::of(record) {
            self.runs.add(&record.job_name, device_type(record), run);
        }
    }

    /// Forgets what no longer counts: once for each day on which a job ends.
    fn forget(&mut self) {
        let Some(latest) = self.latest else { return };
        let today = day(latest);
        for days in self.busy.values_mut() {
            days.retain(|day, _| *day > today - BUSY_DAYS);
        }
        self.busy.retain(|_, days| !days.is_empty());
        self.asked.retain(|_, at| day(*at) > today - ASKED_DAYS);
        let oldest = latest.plus_seconds(-(NAME_DAYS * DAY_S) as f64);
        self.runs.forget_before(oldest.utc().timestamp_millis());
    }

    /// How long a board has worked in the last days, in milliseconds.
    pub fn busy_ms(&self, board: &BoardName, now: Time) -> u64 {
        let today = day(now);
        let days = self.busy.get(board).into_iter().flatten();
        days.filter(|(day, _)| **day > today - BUSY_DAYS)
            .map(|(_, ms)| ms)
            .sum()
    }

    /// The rules of a lab with what ran lately. `running` are the jobs that run now: each one's turn,
    /// priority and start. Health checks take no turns.
    pub fn rules(
        &self,
        config: &LabConfig,
        running: impl Iterator<Item = (Lane, Priority, Time)>,
        now: Time,
    ) -> Rules {
        let mut served: BTreeMap<Lane, Served> = BTreeMap::new();
        for (user, types) in &self.served {
            for (device_type, last) in types {
                let lane = Lane {
                    group: config.group_of(user).to_owned(),
                    device_type: device_type.clone(),
                };
                served.entry(lane).or_default().merge(*last);
            }
        }
        let mut urgent_running: BTreeMap<String, u32> = BTreeMap::new();
        for (lane, priority, started) in running {
            if priority == Priority::Urgent {
                *urgent_running.entry(lane.group.clone()).or_default() += 1;
            }
            served.entry(lane).or_default().note(priority, started);
        }
        let today = day(now);
        let lately = |(_, at): &(&String, &Time)| day(**at) > today - ASKED_DAYS;
        let asked = self.asked.iter().filter(lately);
        Rules {
            plan: config.plan.clone(),
            served,
            urgent_running,
            asked: asked.map(|(tag, _)| tag.clone()).collect(),
        }
    }
}

/// The type of the board it ran on: a group job's first.
fn device_type(record: &Record) -> &str {
    let claim = record.claim.as_ref();
    let device_type = claim.and_then(|claim| claim.device_type.as_deref());
    device_type.unwrap_or_default()
}

fn day(at: Time) -> i64 {
    at.unix().div_euclid(DAY_S)
}

/// The tags that a job asked for, those of a group's members too.
fn tags(record: &Record) -> BTreeSet<&str> {
    let entries = record.definition.get("device_group");
    let entries = entries.and_then(serde_json::Value::as_array);
    let members = entries.into_iter().flatten();
    let members = members.filter_map(|entry| entry.get("tags")?.as_array());
    let members = members.flatten().filter_map(serde_json::Value::as_str);
    members
        .chain(record.tags.iter().map(String::as_str))
        .collect()
}
