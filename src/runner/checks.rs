//! Health checks: which boards need one, and whether the lab has a definition that can be run.

use std::collections::BTreeMap;

use super::world::World;
use crate::lab::{LabError, Reader, Submission, health_check_id, submitted_check};
use crate::model::board::HealthCheck;
use crate::model::span::Span;
use crate::model::{Board, Claim, Diagnostic, ObjectId, RunnerName, Time, record};

/// A device type's health check that can be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Definition {
    pub path: String,
    pub job_name: String,
    pub limit: Span,
    /// The dispatcher it names.
    dispatcher: Option<String>,
}

/// The health checks of the lab's device types as they stand on main.
#[derive(Default)]
pub(super) struct Checks {
    /// Main's head that they were read from.
    main: Option<ObjectId>,
    by_type: BTreeMap<String, Result<Definition, String>>,
}

impl Checks {
    /// One device type's check, as a test wants it.
    #[cfg(test)]
    pub fn only(device_type: &str, job_name: &str, limit: Span) -> Self {
        let definition = Definition {
            path: String::new(),
            job_name: job_name.to_owned(),
            limit,
            dispatcher: None,
        };
        Self {
            main: None,
            by_type: [(device_type.to_owned(), Ok(definition))].into(),
        }
    }

    /// The board's health check; `None` where its type has none. `Err` says why it cannot run.
    pub fn of(&self, board: &Board) -> Option<Result<&Definition, String>> {
        let check = board.health_check.as_ref()?;
        Some(match self.by_type.get(&board.device_type) {
            Some(Ok(definition)) => {
                if board.dispatcher(definition.dispatcher.as_deref()).is_some() {
                    Ok(definition)
                } else {
                    let name = definition.dispatcher.as_deref().unwrap_or_default();
                    Err(format!(
                        "its health check {} names the dispatcher `{name}`, which the board has not",
                        check.job
                    ))
                }
            }
            Some(Err(why)) => Err(why.clone()),
            None => Err(format!("its health check {} was not read yet", check.job)),
        })
    }
}

impl World {
    /// Reads the definitions of health checks anew if main has moved.
    pub(super) fn read_checks(&mut self, reader: &Reader, now: Time) -> Result<(), LabError> {
        if self.main.is_none() || self.checks.main == self.main {
            return Ok(());
        }
        let mut by_type = BTreeMap::new();
        if let Some(main) = self.main {
            for (name, device_type) in &self.files.types {
                if let Some(check) = &device_type.health_check {
                    let definition = self.definition(reader, main, name, check, now)?;
                    by_type.insert(name.clone(), definition);
                }
            }
        }
        self.checks = Checks {
            main: self.main,
            by_type,
        };
        Ok(())
    }

    fn definition(
        &self,
        reader: &Reader,
        main: ObjectId,
        device_type: &str,
        check: &HealthCheck,
        now: Time,
    ) -> Result<Result<Definition, String>, LabError> {
        let path = &check.job;
        let wrong = |why: String| Ok(Err(format!("its health check {path} cannot run: {why}")));
        // Judged as for any board of the type: nothing but the stream depends on which.
        let (Ok(board), Ok(runner)) = ("any".parse(), "any".parse::<RunnerName>()) else {
            return wrong("it cannot be judged".into());
        };
        let claim = Claim {
            version: record::VERSION,
            job: health_check_id(main, path, &board, ""),
            path: path.clone(),
            runner,
            instance: String::new(),
            board: Some(board.clone()),
            members: Vec::new(),
            attempt: 1,
            main,
            at: now,
            nonce: String::new(),
            takes_over: None,
            lost_by: None,
            health_check: true,
            estimate: None,
        };
        let Some(submission) = Submission::of_health_check(reader.repo(), &claim)? else {
            return wrong("the lab has no such file".into());
        };
        let judged = submitted_check(reader.repo(), &submission, &self.files, &board)?;
        let Some(job) = judged.job else {
            let first = judged
                .record
                .diagnostics
                .into_iter()
                .find(Diagnostic::is_error);
            return wrong(first.map_or_else(
                || "it is not a regular file".to_owned(),
                |first| format!("line {}: {}", first.line, first.message),
            ));
        };
        let asks = job.device_group.is_none() && job.target.is_none();
        if !asks || job.device_type.as_deref() != Some(device_type) {
            return wrong(format!(
                "it does not ask for the device type `{device_type}`"
            ));
        }
        Ok(Ok(Definition {
            path: path.clone(),
            job_name: judged.record.job_name,
            limit: self.files.config.timeouts.limit(&job),
            dispatcher: job.dispatcher,
        }))
    }

    /// Why a board that is good needs a check all the same.
    pub(super) fn check_is_due(&self, board: &Board, now: Time) -> Option<String> {
        let check = board.health_check.as_ref()?;
        let checked = self.noted.get(&board.name)?.checked.as_ref()?;
        // A check that is always due would leave no time for jobs.
        if let Some(every) = check.every.filter(|every| !every.duration().is_zero())
            && now.seconds_since(checked.at) >= every.duration().as_secs_f64()
        {
            return Some(format!("the last health check is {every} old"));
        }
        let since = self.jobs_since_check(&board.name);
        check
            .jobs
            .filter(|jobs| since >= *jobs)
            .map(|_| format!("{since} jobs since the last health check"))
    }
}
