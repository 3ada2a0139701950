//! Beginning an attempt.

use std::ffi::OsString;

use serde_json::{Value, json};

use super::core::{Attempt, Phase};
use super::env::{Point, Report};
use super::world::{Closing, Why};
use super::{Runner, RunnerError};
use crate::dispatch::AttemptSpec;
use crate::dispatch::power::PowerOff;
use crate::lab::{Reader, submitted};
use crate::model::board::DispatcherChoice;
use crate::model::record::ClaimFacts;
use crate::model::{Board, JobId, State};

/// The most that is kept of a log: half of it the beginning, half of it the end.
const LOG_CAP: u64 = 64 << 20;

impl Runner {
    /// Starts the dispatcher of a verified claim.
    pub(super) fn start(&mut self, reader: &Reader, id: JobId) -> Result<(), RunnerError> {
        let Some(held) = self.held.get(&id) else {
            return Ok(());
        };
        let judged = submitted(reader.repo(), &held.submission, &self.world.files)?;
        let Some(job) = judged.job else {
            // The lab's files have changed since it was judged, such as `timeouts.max`.
            self.world.waiting.remove(&id);
            let (submission, why) = (held.submission.clone(), Why::Rejected);
            let closing = Closing { submission, why };
            self.world.closings.insert(id, closing);
            return self.close(reader, id, why);
        };
        let board = held.claim.board.clone();
        let Some((board, known)) = board.and_then(|board| {
            let known = self.world.files.boards.get(&board)?;
            Some((board, known))
        }) else {
            // The lab's files changed under the claim; the next plan decides anew.
            self.release(id);
            return Ok(());
        };
        let Some(choice) = known.dispatcher(job.dispatcher.as_deref()) else {
            self.release(id);
            return Ok(());
        };
        let timeouts = &self.world.files.config.timeouts;
        let n = self.world.attempts.get(&id).map_or(0, Vec::len) as u32 + 1;
        let mut record = judged.record;
        record.claim = Some(ClaimFacts {
            runner: self.options.name.clone(),
            board: Some(board.clone()),
            device_type: Some(known.device_type.clone()),
            at: held.claim.at,
        });
        record.state = State::Running;
        let spec = AttemptSpec {
            id,
            attempt: n,
            board: board.clone(),
            folder: self.state.attempt(id, n),
            job_name: record.job_name.clone(),
            job: record.definition.clone(),
            board_file: self.board_json(known),
            argv: self.argv(choice),
            actions: job
                .actions
                .iter()
                .map(|a| {
                    (
                        a.command.clone(),
                        a.timeout.map(crate::model::span::Span::duration),
                    )
                })
                .collect(),
            deadline: job
                .timeout
                .unwrap_or(timeouts.job)
                .min(timeouts.max)
                .duration(),
            idle: None,
            grace: timeouts.grace.duration(),
            log_cap: LOG_CAP,
            cookie: format!("{}:{id}-{n}", self.state.instance()),
            preface: vec![
                format!(
                    "{} attempt {n} of job {id}: {}",
                    record.job_name, record.path
                ),
                format!(
                    "runner {} (pumice {}), claim {} of {}",
                    self.options.name,
                    env!("CARGO_PKG_VERSION"),
                    held.id,
                    held.claim.at
                ),
                format!(
                    "board {board} of the type {}, begun at {}",
                    known.device_type,
                    self.env.clock.now()
                ),
            ],
            power: PowerOff::new(&board, &known.power.off),
            containment: self.env.driver.containment(),
            trace: Some(self.state.trace(id, n)),
        };
        self.state.mark_started(id, held.id)?;
        let started_at = self.env.clock.now();
        let (sender, wake) = (self.reports.0.clone(), (self.wake)());
        let report: Report = Box::new(move |message| {
            // The loop may have ended; then nobody needs the report.
            let _ = sender.send((id, n, message));
            wake();
        });
        match self.env.driver.start(spec, report) {
            Ok(handle) => {
                self.say(&format!(
                    "{} {} starts on {board}, attempt {n}",
                    id.short(),
                    record.job_name
                ));
                let attempt = Attempt {
                    board: board.clone(),
                    n,
                    job,
                    record,
                    started_at,
                    started: self.env.clock.since_boot(),
                    steps: Vec::new(),
                    progress: 0,
                    handle,
                    stop: None,
                };
                if let Some(held) = self.held.get_mut(&id) {
                    held.phase = Phase::Running(Box::new(attempt));
                }
            }
            Err(cause) => {
                // Nothing ran: the host is short of something, and the claim is somebody else's chance.
                self.say(&format!(
                    "{}: cannot start a thread for it: {cause}",
                    id.short()
                ));
                self.release(id);
                self.backoff.failed(self.env.clock.since_boot());
            }
        }
        self.pass(Point::Started)
    }

    fn argv(&self, choice: &DispatcherChoice) -> Vec<OsString> {
        match choice {
            DispatcherChoice::BuiltIn(name) => {
                vec![
                    self.options.program.clone().into_os_string(),
                    "dispatch".into(),
                    name.into(),
                ]
            }
            DispatcherChoice::Program { command, .. } => {
                command.iter().map(OsString::from).collect()
            }
        }
    }

    /// What a dispatcher is told of its board: the file with its type's defaults filled in, and what
    /// this host gives to it.
    fn board_json(&self, board: &Board) -> Value {
        json!({
            "name": board.name,
            "device_type": board.device_type,
            "tags": board.tags,
            "power": board.power,
            "console": board.console,
            "ssh": board.ssh,
            "lava": board.lava,
            "labgrid": board.labgrid,
            "host": {"images": self.options.images, "cache": self.state.cache()},
        })
    }
}
