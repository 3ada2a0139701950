//! A job as lists and `--json` show it.

use serde::Serialize;
use serde_json::Value;

use crate::lab::LiveJob;
use crate::model::lab::LabFiles;
use crate::model::record::{Estimate, Submitter};
use crate::model::status::Underway;
use crate::model::{
    BoardName, Health, JobId, Priority, Reason, Record, RunnerName, State, Time, Verdict,
};
use crate::schedule::outlook::Outlook;

/// A job: its record, and what is known of it only while it lives.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub record: Record,
    /// How many attempts there were, with the running one.
    pub attempts: u32,
    /// Percent: 0 while it waits, 100 when it has finished.
    pub progress: u8,
    /// What its runner's heartbeat says of it while it runs.
    pub underway: Option<Underway>,
}

impl From<LiveJob> for Job {
    fn from(live: LiveJob) -> Self {
        Self {
            record: live.record,
            attempts: live.attempt,
            progress: live.progress,
            underway: live.underway,
        }
    }
}

impl From<Record> for Job {
    /// A finished job.
    fn from(record: Record) -> Self {
        Self {
            attempts: record.attempts.len().try_into().unwrap_or(u32::MAX),
            progress: 100,
            underway: None,
            record,
        }
    }
}

/// The keys of `list --json`, in this order. Absent facts are `null`.
#[derive(Debug, Clone, Serialize)]
pub struct Listed<'a> {
    pub id: JobId,
    pub job_name: &'a str,
    pub path: &'a str,
    pub state: State,
    pub health: Option<Health>,
    pub reason: Option<Reason>,
    pub verdict: Option<Verdict>,
    pub priority: Priority,
    pub tags: &'a [String],
    pub device_type: Option<&'a str>,
    pub board: Option<&'a BoardName>,
    pub runner: Option<&'a RunnerName>,
    pub submitter: &'a Submitter,
    pub stream: &'a str,
    pub submitted_at: Time,
    pub started_at: Option<Time>,
    pub finished_at: Option<Time>,
    pub attempts: u32,
    pub progress: u8,
    pub expected_start: Option<Time>,
    pub expected_end: Option<Time>,
}

impl Job {
    /// The board that the job's claim names, the first one's of a group.
    pub fn board(&self) -> Option<&BoardName> {
        self.record.claim.as_ref()?.board.as_ref()
    }

    /// All its boards, for people: `b1`, and of a group `b1, b2`.
    pub fn on(&self) -> Option<String> {
        let boards: Vec<&str> = self.record.boards().map(BoardName::as_str).collect();
        (!boards.is_empty()).then(|| boards.join(", "))
    }

    pub fn runner(&self) -> Option<&RunnerName> {
        Some(&self.record.claim.as_ref()?.runner)
    }

    /// The type of the claim's board, else the one asked for, by itself or as that of the `target`.
    pub fn device_type<'a>(&'a self, files: &'a LabFiles) -> Option<&'a str> {
        let claimed = self
            .record
            .claim
            .as_ref()
            .and_then(|claim| claim.device_type.as_deref());
        let definition = &self.record.definition;
        let asked = || {
            let first = definition.pointer("/device_group/0/device_type");
            definition.get("device_type").or(first)?.as_str()
        };
        let of_target = || {
            let target = self.record.definition.get("target")?.as_str()?;
            Some(
                files
                    .boards
                    .get(&target.parse().ok()?)?
                    .device_type
                    .as_str(),
            )
        };
        claimed.or_else(asked).or_else(of_target)
    }

    pub fn listed<'a>(&'a self, files: &'a LabFiles, outlook: &Outlook) -> Listed<'a> {
        let record = &self.record;
        let expected = self.expected(outlook);
        Listed {
            id: record.id,
            job_name: &record.job_name,
            path: &record.path,
            state: record.state,
            health: record.health,
            reason: record.reason,
            verdict: record.verdict,
            priority: record.priority,
            tags: &record.tags,
            device_type: self.device_type(files),
            board: self.board(),
            runner: self.runner(),
            submitter: &record.submitter,
            stream: &record.stream,
            submitted_at: record.submitted_at,
            started_at: record.started_at,
            finished_at: record.finished_at,
            attempts: self.attempts,
            progress: self.progress,
            expected_start: expected.and_then(|estimate| estimate.start),
            expected_end: expected.and_then(|estimate| estimate.end),
        }
    }

    /// What is expected of it now; none of what has ended or is being stopped.
    pub fn expected<'o>(&self, outlook: &'o Outlook) -> Option<&'o Estimate> {
        let lives = matches!(self.record.state, State::Submitted | State::Running);
        outlook.estimate(self.record.id).filter(|_| lives)
    }

    /// `show --json`: the keys of a list, then the record's others, then by when it ends nine times in ten
    /// and why it waits.
    pub fn shown(&self, files: &LabFiles, outlook: &Outlook) -> Result<Value, serde_json::Error> {
        let mut shown = serde_json::to_value(self.listed(files, outlook))?;
        if let (Value::Object(shown), Value::Object(record)) =
            (&mut shown, serde_json::to_value(&self.record)?)
        {
            for (key, value) in record {
                shown.entry(key).or_insert(value);
            }
            let p90 = self.expected(outlook).and_then(|estimate| estimate.p90);
            shown.insert("p90".to_owned(), serde_json::to_value(p90)?);
            let why = outlook.why(self.record.id).map(ToString::to_string);
            shown.insert("why".to_owned(), why.into());
        }
        Ok(shown)
    }

    /// How it stands, in a few words: `submitted`, `running 40 %`, `complete, pass`, `incomplete (timeout)`.
    pub fn standing(&self) -> String {
        let record = &self.record;
        match (record.state, record.health) {
            (State::Running, _) => format!("running {} %", self.progress),
            (State::Finished, Some(health)) => {
                let reason = record.reason.map(|reason| format!(" ({reason})"));
                let verdict = record
                    .verdict
                    .filter(|verdict| health == Health::Complete || *verdict != Verdict::None)
                    .map(|verdict| match verdict {
                        Verdict::None => ", no verdict".to_owned(),
                        verdict => format!(", {verdict}"),
                    });
                format!(
                    "{health}{}{}",
                    reason.unwrap_or_default(),
                    verdict.unwrap_or_default()
                )
            }
            (state, _) => state.to_string(),
        }
    }

    /// Whether it ran to its end and no test failed. A job without test results has passed, too.
    pub fn passed(&self) -> bool {
        self.record.health == Some(Health::Complete) && self.record.verdict != Some(Verdict::Fail)
    }
}

#[cfg(test)]
pub mod tests {
    use serde_json::json;

    use super::*;

    /// A waiting job, from the keys that every record has.
    pub fn waiting(n: u8) -> Job {
        let record = json!({
            "version": 1,
            "id": format!("{n:02x}000000-0000-5000-8000-000000000000"),
            "job_name": format!("job-{n}"),
            "path": format!("queue/job-{n}.json"),
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "submitter": {"name": "Alice", "email": "alice@example.org", "user": "alice", "verified": false},
            "submitted_at": format!("2026-11-24T01:00:{n:02}Z"),
            "stream": "/public/alice/",
            "priority": "medium",
            "tags": [],
            "definition": {"target": "b1"},
            "state": "submitted",
        });
        let record = serde_json::from_value(record).unwrap();
        Job {
            record,
            attempts: 0,
            progress: 0,
            underway: None,
        }
    }

    #[test]
    fn a_list_has_exactly_these_keys() {
        let files = LabFiles::default();
        let job = waiting(1);
        let listed =
            serde_json::to_string_pretty(&job.listed(&files, &Outlook::default())).unwrap();
        insta::assert_snapshot!(listed, @r#"
        {
          "id": "01000000-0000-5000-8000-000000000000",
          "job_name": "job-1",
          "path": "queue/job-1.json",
          "state": "submitted",
          "health": null,
          "reason": null,
          "verdict": null,
          "priority": "medium",
          "tags": [],
          "device_type": null,
          "board": null,
          "runner": null,
          "submitter": {
            "name": "Alice",
            "email": "alice@example.org",
            "user": "alice",
            "verified": false
          },
          "stream": "/public/alice/",
          "submitted_at": "2026-11-24T01:00:01.000Z",
          "started_at": null,
          "finished_at": null,
          "attempts": 0,
          "progress": 0,
          "expected_start": null,
          "expected_end": null
        }
        "#);
        let shown = job.shown(&files, &Outlook::default()).unwrap();
        let keys: Vec<_> = shown.as_object().unwrap().keys().cloned().collect();
        insta::assert_snapshot!(keys.join(" "), @"id job_name path state health reason verdict priority tags device_type board runner submitter stream submitted_at started_at finished_at attempts progress expected_start expected_end version commit definition message claim steps suites estimate log attachments canceled diagnostics health_check p90 why");
    }

    #[test]
    fn standing_and_passing() {
        let mut job = Job::from(waiting(1).record);
        job.record.state = State::Finished;
        let cases = [
            (
                Health::Complete,
                None,
                Verdict::Pass,
                "complete, pass",
                true,
            ),
            (
                Health::Complete,
                None,
                Verdict::None,
                "complete, no verdict",
                true,
            ),
            (
                Health::Complete,
                None,
                Verdict::Fail,
                "complete, fail",
                false,
            ),
            (
                Health::Incomplete,
                Some(Reason::Timeout),
                Verdict::None,
                "incomplete (timeout)",
                false,
            ),
            (
                Health::Incomplete,
                Some(Reason::Lost),
                Verdict::Pass,
                "incomplete (lost), pass",
                false,
            ),
            (Health::Canceled, None, Verdict::None, "canceled", false),
        ];
        for (health, reason, verdict, standing, passed) in cases {
            (job.record.health, job.record.reason, job.record.verdict) =
                (Some(health), reason, Some(verdict));
            assert_eq!((job.standing().as_str(), job.passed()), (standing, passed));
        }
    }
}
