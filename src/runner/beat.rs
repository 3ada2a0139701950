//! The heartbeat: one parentless commit, replaced in place under a lease on one's own last.

use super::boards;
use super::core::{Ending, Phase};
use super::{Runner, RunnerError};
use crate::git::{Lease, Push, RefStatus, Update};
use crate::lab::{Tail, heartbeat_commit};
use crate::model::record;
use crate::model::status::{BoardUse, RunnerStatus, RunningJob, STOPPED};

/// How much of each running log a heartbeat carries.
const TAIL: u64 = 8 << 10;

impl Runner {
    /// Says that this runner lives, when it is time or when others should plan anew.
    pub(super) fn beat(&mut self) -> Result<(), RunnerError> {
        let now = self.env.clock.since_boot();
        let interval = self.world.files.config.heartbeat.duration();
        let due = self
            .heartbeat
            .last
            .is_none_or(|last| now.saturating_sub(last) >= interval);
        let paused = match self.ending {
            Ending::No => self.paused.clone(),
            _ => Some("ending".to_owned()),
        };
        if !due {
            // Only boards that come or go, and a pause, are worth a push before it is time.
            let mut unavailable =
                boards::statuses(&self.world, &self.options, self.env.clock.now());
            unavailable.retain(|status| status.usage == BoardUse::Unavailable);
            if self.heartbeat.said.as_ref() == Some(&(unavailable, paused.clone())) {
                return Ok(());
            }
        }
        self.say_it(paused)
    }

    /// The last heartbeat, so that peers stop counting on this runner at once.
    pub(super) fn last_beat(&mut self) -> Result<(), RunnerError> {
        self.say_it(Some(STOPPED.to_owned()))
    }

    fn say_it(&mut self, paused: Option<String>) -> Result<(), RunnerError> {
        let now = self.env.clock.since_boot();
        self.heartbeat.counter += 1;
        let statuses = boards::statuses(&self.world, &self.options, self.env.clock.now());
        let mut unavailable = statuses.clone();
        unavailable.retain(|status| status.usage == BoardUse::Unavailable);
        let mut running = Vec::new();
        let mut tails: Vec<Tail> = Vec::new();
        self.measure(now);
        for (id, held) in &self.held {
            if let Phase::Running(attempt) = &held.phase {
                let (expected_end, p90) = self.expected_end(attempt);
                running.push(RunningJob {
                    id: *id,
                    board: attempt.board.clone(),
                    attempt: attempt.n,
                    started_at: attempt.started_at,
                    progress: attempt.progress,
                    canceling: attempt.stop.is_some(),
                    steps: attempt.steps.clone(),
                    expected_end: Some(expected_end),
                    p90: Some(p90),
                    pace: attempt.pace,
                });
                let tail = |(member, bytes)| Tail {
                    id: *id,
                    member,
                    bytes,
                };
                tails.extend(attempt.handle.log_tails(TAIL).into_iter().map(tail));
            }
        }
        let factors = self.factors(self.env.clock.now());
        self.given.factors = Some(factors);
        let status = RunnerStatus {
            version: record::VERSION,
            runner: self.options.name.clone(),
            instance: self.state.instance().to_owned(),
            counter: self.heartbeat.counter,
            at: self.env.clock.now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            main: self.world.main,
            boards: statuses,
            running,
            free_disk_bytes: self.state.free_bytes(),
            paused: paused.clone(),
            containment: Some(self.env.driver.containment().to_string()),
            factors: Some(factors),
        };
        let reader = self.lab.reader()?;
        let commit = heartbeat_commit(reader.repo(), &status, &tails, &self.author())?;
        let name = self.lab.refs().runner(&self.options.name);
        let lease = self.heartbeat.on_server.map_or(Lease::Absent, Lease::Is);
        let update = Update {
            name: name.clone(),
            target: Some(commit),
            lease,
        };
        // Whatever comes of it, the next one is due an interval from now: a lost heartbeat is no disaster.
        self.heartbeat.last = Some(now);
        self.heartbeat.said = Some((unavailable, paused));
        let Ok(pushed) = self.env.remote.push(&Push {
            atomic: false,
            updates: vec![update],
        }) else {
            return Ok(());
        };
        match pushed.status(&name) {
            RefStatus::Done | RefStatus::UpToDate => {
                reader.repo().set_reference(&name, Some(commit))?;
                self.heartbeat.on_server = Some(commit);
                Ok(())
            }
            RefStatus::Unanswered => Ok(()),
            RefStatus::Refused { .. } => {
                drop(reader);
                self.meet_twin()
            }
        }
    }

    /// A refused heartbeat: an own late push, or another process of this name.
    fn meet_twin(&mut self) -> Result<(), RunnerError> {
        self.look()?;
        match self.world.heartbeats.get(&self.options.name) {
            Some(heartbeat) if heartbeat.status.instance != self.state.instance() => {
                Err(RunnerError::Twin(self.options.name.clone()))
            }
            _ => {
                // The ref itself and not what could be read of it: an unreadable one is replaced too.
                let name = self.lab.refs().runner(&self.options.name);
                let stands = self.lab.reader()?.repo().reference(&name)?;
                if stands != self.heartbeat.on_server {
                    self.heartbeat.on_server = stands;
                    self.heartbeat.last = None;
                }
                Ok(())
            }
        }
    }
}
