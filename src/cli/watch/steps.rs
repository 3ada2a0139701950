//! The steps of a job as a person watches them: those done, the one that runs, those to come.

use crate::cli::moment;
use crate::cli::view::Job;
use crate::model::State;
use crate::model::record::{CaseResult, Record, Step, StepState};
use crate::schedule::{RunTimes, median};

/// A step, and what it usually takes in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub name: String,
    pub state: StepState,
    result: Option<&'static str>,
    /// Seconds from the attempt's start.
    started_s: Option<f64>,
    took_s: Option<f64>,
    usual_s: Option<f64>,
}

/// The steps of a job, those that have not begun too.
pub fn rows(job: &Job, runs: Option<&RunTimes>) -> Vec<Row> {
    let record = &job.record;
    let mut rows: Vec<Row> = record.steps.iter().map(Row::of).collect();
    if record.members.is_empty() && record.state != State::Finished {
        let actions = record.definition.get("actions");
        let actions = actions.and_then(|actions| actions.as_array());
        for (n, action) in actions.into_iter().flatten().enumerate() {
            let known = |step: &Step| step.n as usize == n;
            if !record.steps.iter().any(known) {
                let command = action.get("command").and_then(|name| name.as_str());
                let at = n.min(rows.len());
                rows.insert(at, Row::to_come(command.unwrap_or_default()));
            }
        }
    }
    if let (Some(runs), true) = (runs, record.members.is_empty()) {
        let past = past(record, runs, rows.len());
        for (row, past) in rows.iter_mut().zip(past) {
            row.usual_s = median(past.into_iter());
        }
    }
    rows
}

fn past(record: &Record, runs: &RunTimes, steps: usize) -> Vec<Vec<f64>> {
    let claim = record.claim.as_ref();
    let device_type = claim.and_then(|claim| claim.device_type.as_deref());
    let asked = || record.definition.get("device_type")?.as_str();
    let device_type = device_type.or_else(asked).unwrap_or_default();
    runs.steps(&record.job_name, device_type, steps)
}

impl Row {
    fn of(step: &Step) -> Self {
        let member = step.member.as_ref().map(|member| format!("{member}: "));
        Self {
            name: format!("{}{}", member.unwrap_or_default(), step.name),
            state: step.state,
            result: step.result.map(CaseResult::as_str),
            started_s: step.started_s,
            took_s: step.duration_s,
            usual_s: None,
        }
    }

    fn to_come(command: &str) -> Self {
        Self {
            name: command.to_owned(),
            state: StepState::Waiting,
            result: None,
            started_s: None,
            took_s: None,
            usual_s: None,
        }
    }

    /// Percent of it that is done when its attempt has lasted so long: by what it usually takes, and never
    /// all of it while it runs.
    pub fn percent(&self, elapsed_s: f64) -> u8 {
        match (self.state, self.usual_s) {
            (StepState::Waiting, _) => 0,
            (StepState::Done, _) => 100,
            (StepState::Running, Some(usual)) if usual > 0.0 => {
                (100.0 * self.so_far(elapsed_s) / usual).min(99.0) as u8
            }
            (StepState::Running, _) => 0,
        }
    }

    fn so_far(&self, elapsed_s: f64) -> f64 {
        (elapsed_s - self.started_s.unwrap_or(elapsed_s)).max(0.0)
    }

    /// `pass, 12s, usually 11s`, `20s of about 40s`, `about 2m00s`.
    pub fn words(&self, elapsed_s: f64) -> String {
        let usual = self.usual_s.map(moment::length);
        match self.state {
            StepState::Waiting => usual.map_or_else(String::new, |usual| format!("about {usual}")),
            StepState::Running => {
                let so_far = moment::length(self.so_far(elapsed_s));
                usual.map_or(so_far.clone(), |usual| format!("{so_far} of about {usual}"))
            }
            StepState::Done => {
                let took = self.took_s.map(moment::length);
                let usually = usual.map(|usual| format!("usually {usual}"));
                let words = self.result.map(str::to_owned).into_iter();
                let words: Vec<String> = words.chain(took).chain(usually).collect();
                words.join(", ")
            }
        }
    }

    /// What changes only when it begins or ends: `deploy begins`, `deploy: pass, 12s, usually 11s`.
    pub fn event(&self) -> Option<String> {
        match self.state {
            StepState::Waiting => None,
            StepState::Running => Some(format!("{} begins", self.name)),
            StepState::Done => Some(format!("{}: {}", self.name, self.words(0.0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::view::tests::waiting;
    use crate::schedule::Past;

    fn step(n: u32, name: &str, state: StepState, started_s: f64, took: Option<f64>) -> Step {
        Step {
            n,
            member: None,
            name: name.to_owned(),
            state,
            result: took.map(|_| CaseResult::Pass),
            reason: None,
            started_s: Some(started_s),
            duration_s: took,
        }
    }

    #[test]
    fn those_done_the_one_that_runs_and_those_to_come() {
        let mut past = Past::default();
        let mut job = waiting(1);
        job.record.definition = json!({"device_type": "qemu", "actions": [
            {"command": "deploy"}, {"command": "boot"}, {"command": "run"},
        ]});
        let mut ended = job.record.clone();
        ended.state = State::Finished;
        ended.health = Some(crate::model::Health::Complete);
        ended.started_at = Some(ended.submitted_at);
        ended.finished_at = Some(ended.submitted_at.plus_seconds(60.0));
        ended.claim = serde_json::from_value(json!({
            "runner": "r1", "board": "b1", "device_type": "qemu", "at": "2026-11-24T01:00:00Z",
        }))
        .unwrap();
        ended.steps = vec![
            step(0, "deploy", StepState::Done, 0.0, Some(10.0)),
            step(1, "boot", StepState::Done, 10.0, Some(40.0)),
            step(2, "run", StepState::Done, 50.0, Some(10.0)),
        ];
        past.add(&ended, ended.submitted_at.plus_seconds(60.0));
        let texts = |job: &Job, elapsed| -> Vec<String> {
            let rows = rows(job, Some(&past.runs)).into_iter();
            let text = |row: Row| {
                format!(
                    "{} {} {}",
                    row.name,
                    row.percent(elapsed),
                    row.words(elapsed)
                )
            };
            rows.map(text).collect()
        };
        assert_eq!(
            texts(&job, 0.0),
            ["deploy 0 about 10s", "boot 0 about 40s", "run 0 about 10s"]
        );
        job.record.state = State::Running;
        job.record.steps = vec![
            step(0, "deploy", StepState::Done, 0.0, Some(12.0)),
            step(1, "boot", StepState::Running, 12.0, None),
        ];
        assert_eq!(
            texts(&job, 22.0),
            [
                "deploy 100 pass, 12s, usually 10s",
                "boot 25 10s of about 40s",
                "run 0 about 10s"
            ]
        );
        assert_eq!(texts(&job, 99.0)[1], "boot 99 1m27s of about 40s");
        assert_eq!(rows(&ended.into(), None).len(), 3);
    }
}
