//! Beginning an attempt.

use std::ffi::OsString;

use serde_json::{Value, json};

use super::core::{Attempt, Held, Phase};
use super::env::{Point, Report};
use super::world::{Closing, Why};
use super::{Runner, RunnerError};
use crate::dispatch::AttemptSpec;
use crate::dispatch::power::PowerOff;
use crate::lab::{Reader, submitted, submitted_check};
use crate::model::board::DispatcherChoice;
use crate::model::record::ClaimFacts;
use crate::model::status::Pace;
use crate::model::{Board, BoardName, Job, JobId, Record, State};
use crate::schedule::Course;

/// The most that is kept of a log: half of it the beginning, half of it the end.
pub(super) const LOG_CAP: u64 = 64 << 20;

impl Runner {
    /// Starts the dispatcher of a verified claim.
    pub(super) fn start(&mut self, reader: &Reader, id: JobId) -> Result<(), RunnerError> {
        let Some(held) = self.held.get(&id) else {
            return Ok(());
        };
        let files = &self.world.files;
        let checked = held
            .claim
            .board
            .as_ref()
            .filter(|_| held.claim.health_check);
        let judged = match checked {
            Some(board) => submitted_check(reader.repo(), &held.submission, files, board)?,
            None => submitted(reader.repo(), &held.submission, files)?,
        };
        let Some(job) = judged.job else {
            if held.claim.health_check {
                // The next look says what is wrong with it.
                self.release(id);
                return Ok(());
            }
            // The lab's files have changed since it was judged, such as `timeouts.max`.
            self.world.waiting.remove(&id);
            let (submission, why) = (held.submission.clone(), Why::Rejected);
            let closing = Closing { submission, why };
            self.world.closings.insert(id, closing);
            return self.close(reader, id, why);
        };
        let seat = |board: &BoardName| {
            let known = self.world.files.boards.get(board)?;
            Some((known, known.dispatcher(job.dispatcher.as_deref())?))
        };
        let seats: Option<Vec<_>> = held.claim.boards().map(seat).collect();
        let seats = seats.unwrap_or_default();
        let Some((first, _)) = seats.first() else {
            // The lab's files changed under the claim; the next plan decides anew.
            self.release(id);
            return Ok(());
        };
        let n = self.world.attempts.get(&id).map_or(0, Vec::len) as u32 + 1;
        let mut record = judged.record;
        record.claim = Some(ClaimFacts {
            runner: self.options.name.clone(),
            board: held.claim.board.clone(),
            device_type: Some(first.device_type.clone()),
            at: held.claim.at,
        });
        record.members = held.claim.record_members(&self.world.files);
        record.estimate = held.claim.estimate.clone();
        record.state = State::Running;
        let board = first.name.clone();
        let mut specs: Vec<AttemptSpec> = seats
            .into_iter()
            .map(|(known, choice)| self.spec(held, &record, &job, n, known, choice))
            .collect();
        let members = &held.claim.members;
        let group = (!members.is_empty()).then(|| {
            let specs = std::mem::take(&mut specs);
            self.group_spec(&job, members, specs)
        });
        let specified = group.iter().flat_map(|group| &group.members);
        let members = specified.map(|member| (Some(member.name.clone()), &member.spec));
        let parts = members.chain(specs.iter().map(|spec| (None, spec)));
        let course = Course::new(parts.map(|(member, spec)| (member, spec.actions.len())));
        self.state.mark_started(id, held.id)?;
        let started_at = self.env.clock.now();
        let (sender, wake) = (self.reports.0.clone(), (self.wake)());
        let report: Report = Box::new(move |message| {
            // The loop may have ended; then nobody needs the report.
            let _ = sender.send((id, n, message));
            wake();
        });
        let started = match (group, specs.pop()) {
            (Some(group), _) => self.env.driver.start_group(group, report),
            (None, Some(spec)) => self.env.driver.start(spec, report),
            (None, None) => Err(std::io::ErrorKind::InvalidInput.into()),
        };
        match started {
            Ok(handle) => {
                let others = match record.members.len() {
                    0 | 1 => String::new(),
                    members => format!(" and {} more", members - 1),
                };
                self.say(&format!(
                    "{} {} starts on {board}{others}, attempt {n}",
                    id.short(),
                    record.job_name
                ));
                let started = self.env.clock.since_boot();
                let attempt = Attempt {
                    board,
                    n,
                    job,
                    record,
                    started_at,
                    started,
                    steps: Vec::new(),
                    course,
                    progress: 0,
                    pace: Pace::Usual,
                    heard: started,
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

    /// What the dispatcher on one board is given.
    fn spec(
        &self,
        held: &Held,
        record: &Record,
        job: &Job,
        n: u32,
        board: &Board,
        choice: &DispatcherChoice,
    ) -> AttemptSpec {
        let timeouts = &self.world.files.config.timeouts;
        let id = record.id;
        AttemptSpec {
            id,
            attempt: n,
            board: board.name.clone(),
            folder: self.state.attempt(id, n),
            job_name: record.job_name.clone(),
            job: record.definition.clone(),
            board_file: self.board_json(board),
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
            deadline: timeouts.limit(job).duration(),
            idle: timeouts.idle.map(crate::model::span::Span::duration),
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
                    "board {} of the type {}, begun at {}",
                    board.name,
                    board.device_type,
                    self.env.clock.now()
                ),
            ],
            power: PowerOff::new(&board.name, &board.power.off),
            containment: self.env.driver.containment(),
            trace: Some(self.state.trace(id, n, None)),
            group: None,
        }
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
