//! What the finished jobs say that plans and estimates need: small, and kept up to date record by record.

use std::borrow::Cow;
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

/// How many days a group's last start on a device type counts for its turns: who has started nothing for
/// longer waits as if it had never started anything.
const SERVED_DAYS: i64 = 30;

/// How many seconds the clocks of two hosts may differ before a time counts as one to come.
const CLOCKS_DIFFER_S: f64 = 60.0;

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

impl Served {
    /// Whether one of both was after a day since 1970.
    fn is_since(&self, oldest: i64) -> bool {
        let last = self.urgent.max(self.other);
        last.is_some_and(|at| day(at) > oldest)
    }

    /// With nothing later than a moment.
    fn until(self, now: Time) -> Self {
        let until = |at: Option<Time>| at.map(|at| at.min(now));
        Self {
            urgent: until(self.urgent),
            other: until(self.other),
        }
    }
}

impl Past {
    /// The name of the file, beside a mirror, in which whoever reads the journals keeps it.
    pub const FILE: &str = "pumice-past";

    /// Adds a finished job. One that ended in time to come, by the clock of its runner, counts as one that
    /// ends now: otherwise a single wrong clock would decide for good which run is the newest, whose turn
    /// is last and what is old.
    pub fn add(&mut self, record: &Record, now: Time) {
        let record = as_of(record, now);
        let record = record.as_ref();
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
        let submitted = record.submitted_at.min(now);
        for tag in tags(record) {
            let last = self.asked.entry(tag.to_owned()).or_insert(submitted);
            *last = (*last).max(submitted);
        }
        if let Some(started) = record.started_at.map(|started| started.min(now)) {
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
        for types in self.served.values_mut() {
            types.retain(|_, last| last.is_since(today - SERVED_DAYS));
        }
        self.served.retain(|_, types| !types.is_empty());
        let oldest = latest.plus_seconds(-(NAME_DAYS * DAY_S) as f64);
        self.runs.forget_before(oldest.utc().timestamp_millis());
    }

    /// How long a board has worked in the last days, in milliseconds.
    pub fn busy_ms(&self, board: &BoardName, now: Time) -> u64 {
        let today = day(now);
        let days = self.busy.get(board).into_iter().flatten();
        days.filter(|(day, _)| **day > today - BUSY_DAYS && **day <= today)
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
        let oldest = day(now) - SERVED_DAYS;
        for (user, types) in &self.served {
            for (device_type, last) in types.iter().filter(|(_, last)| last.is_since(oldest)) {
                let lane = Lane {
                    group: config.group_of(user).to_owned(),
                    device_type: device_type.clone(),
                };
                served.entry(lane).or_default().merge(last.until(now));
            }
        }
        let mut urgent_running: BTreeMap<String, u32> = BTreeMap::new();
        for (lane, priority, started) in running {
            if priority == Priority::Urgent {
                *urgent_running.entry(lane.group.clone()).or_default() += 1;
            }
            served
                .entry(lane)
                .or_default()
                .note(priority, started.min(now));
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

/// A record as it would be if its runner's clock were right: moved back to now if it lies ahead. What was
/// expected of it by that clock, and how long it waited, says nothing then.
fn as_of(record: &Record, now: Time) -> Cow<'_, Record> {
    let ahead_s = record.finished_at.map_or(0.0, |at| at.seconds_since(now));
    if ahead_s <= CLOCKS_DIFFER_S {
        return Cow::Borrowed(record);
    }
    let back = |at: Time| at.plus_seconds(-ahead_s);
    Cow::Owned(Record {
        started_at: record.started_at.map(back),
        finished_at: record.finished_at.map(back),
        estimate: None,
        ..record.clone()
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DAY: f64 = DAY_S as f64;

    fn now() -> Time {
        Time::from_unix(1_800_000_000)
    }

    /// A job of user and name `name` that ran for 100 s on `b1` until `end`.
    fn ended(name: &str, end: Time) -> Record {
        let started = end.plus_seconds(-100.0);
        let record = json!({
            "version": 1, "id": "01010101010101010101010101010101", "job_name": name, "path": "queue/a.json",
            "commit": "0123456789abcdef0123456789abcdef01234567", "submitted_at": started,
            "submitter": {"name": "A", "email": "a@example.org", "user": name, "verified": false},
            "stream": "/", "priority": "medium", "tags": ["usb"], "definition": {}, "state": "finished",
            "health": "complete", "started_at": started, "finished_at": end,
            "claim": {"runner": "r1", "board": "b1", "device_type": "qemu", "at": started},
        });
        serde_json::from_value(record).unwrap()
    }

    fn far() -> Time {
        "2099-01-01T00:00:00.000Z".parse().unwrap()
    }

    #[test]
    fn a_clock_that_is_ahead_decides_nothing_for_good() {
        let mut past = Past::default();
        past.add(&ended("good", now().plus_seconds(-50.0)), now());
        past.add(&ended("ahead", far()), now());
        let rules = |past: &Past, now| past.rules(&LabConfig::default(), std::iter::empty(), now);
        let lane = |rules: &Rules, user: &str| {
            let lane = Lane {
                group: user.to_owned(),
                device_type: "qemu".to_owned(),
            };
            rules.served[&lane].of(Priority::Low)
        };
        let served = rules(&past, now());
        assert_eq!(lane(&served, "ahead"), Some(now().plus_seconds(-100.0)));
        assert_eq!(past.latest, Some(now()));
        assert_eq!(past.busy_ms(&"b1".parse().unwrap(), now()), 200_000);
        // A job that starts later is served later: the wrong clock holds nobody's turn back.
        let later = now().plus_seconds(DAY);
        past.add(&ended("good", later), later);
        let served = rules(&past, later);
        assert!(lane(&served, "ahead") < lane(&served, "good"));
        assert_eq!(past.runs.run_time("good", "qemu", 1e4).p50_s, 100.0);
        // It is forgotten like any other.
        let later = now().plus_seconds(40.0 * DAY);
        past.add(&ended("good", later), later);
        assert_eq!(past.served.keys().collect::<Vec<_>>(), ["good"]);
        assert!(
            rules(&past, later.plus_seconds(40.0 * DAY))
                .asked
                .is_empty()
        );
    }

    #[test]
    fn a_start_to_come_that_somebody_has_kept_counts_as_now() {
        let mut past = Past::default();
        let served = past.served.entry("a".to_owned()).or_default();
        served.entry("qemu".to_owned()).or_default().other = Some(far());
        let running = |user: &str| {
            let lane = Lane {
                group: user.to_owned(),
                device_type: "qemu".to_owned(),
            };
            (lane, Priority::Medium, far())
        };
        let running = [running("a"), running("b")].into_iter();
        let rules = past.rules(&LabConfig::default(), running, now());
        for (lane, served) in rules.served {
            assert_eq!(served.of(Priority::Low), Some(now()), "{lane:?}");
        }
    }
}
