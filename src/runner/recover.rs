//! The first look after a start: own records in the journal, then the spool, then open claims.

use super::core::Phase;
use super::{Runner, RunnerError};
use crate::dispatch;
use crate::lab::{Reader, SeenClaim};
use crate::model::JobId;

/// How many heartbeats a foreign instance of this runner's name must miss to count as gone.
const MISSED_BEATS: u32 = 3;

impl Runner {
    /// Takes up where an earlier process of this name stopped.
    pub(super) fn begin(&mut self, reader: &Reader) -> Result<bool, RunnerError> {
        let now = self.env.clock.now();
        self.world = super::world::World::default();
        if let Err((named_by, head)) =
            self.world
                .begin(reader, &self.options.name, self.options.accept_rewrite, now)?
        {
            return Err(RunnerError::ForeignHistory {
                named_by,
                head: head.to_string(),
            });
        }
        if self.twin_may_live()? {
            return Ok(false);
        }
        let beat = self.lab.refs().runner(&self.options.name);
        self.heartbeat.on_server = reader.repo().reference(&beat)?;
        self.heartbeat.counter = self
            .world
            .heartbeats
            .get(&self.options.name)
            .map_or(0, |heartbeat| heartbeat.status.counter);
        // Dispatchers of a killed predecessor die with it; what escaped its group carries its cookie.
        let swept = dispatch::sweep::sweep_beginning(&format!("{}:", self.state.instance()));
        if swept > 0 {
            self.say(&format!(
                "killed {swept} processes that an earlier run left"
            ));
        }
        self.end_left_dispatchers();
        self.recover(reader)?;
        let unpublished: Vec<(JobId, u32)> = self
            .outbox
            .iter()
            .map(|item| (item.job(), item.attempt))
            .collect();
        self.state.sweep(&unpublished);
        self.begun = true;
        Ok(true)
    }

    /// Whether another instance drives boards under this name: its heartbeat is watched for a while.
    fn twin_may_live(&mut self) -> Result<bool, RunnerError> {
        let Some(heartbeat) = self.world.heartbeats.get(&self.options.name) else {
            return Ok(false);
        };
        if heartbeat.status.instance == self.state.instance()
            || heartbeat.status.paused.as_deref() == Some(crate::model::status::STOPPED)
        {
            return Ok(false);
        }
        let now = self.env.clock.since_boot();
        let patience = self
            .world
            .files
            .config
            .heartbeat
            .duration()
            .saturating_mul(MISSED_BEATS);
        match self.heartbeat.on_server {
            Some(first) if first != heartbeat.id => {
                Err(RunnerError::Twin(self.options.name.clone()))
            }
            Some(_) => {
                let since = self.heartbeat.last.get_or_insert(now);
                Ok(now.saturating_sub(*since) < patience)
            }
            None => {
                self.heartbeat.on_server = Some(heartbeat.id);
                self.heartbeat.last = Some(now);
                self.say(&format!(
                    "another instance has run as `{}`; watching whether it lives",
                    self.options.name
                ));
                Ok(true)
            }
        }
    }

    fn recover(&mut self, reader: &Reader) -> Result<(), RunnerError> {
        // An earlier try may have failed half-way.
        self.held.clear();
        self.outbox.clear();
        self.spooled.clear();
        self.give_back.clear();
        let left_over = self.spool.left_over().map_err(|cause| RunnerError::State {
            doing: "read the spool",
            path: self.state.spool(),
            cause,
        })?;
        for (number, batch) in left_over {
            self.spooled
                .push((number, batch.iter().map(|item| item.claim).collect()));
            self.outbox.extend(batch);
        }
        self.settle()?;
        let own: Vec<(JobId, SeenClaim)> = self
            .world
            .claims
            .iter()
            .filter(|(_, seen)| seen.claim.runner == self.options.name)
            .map(|(id, seen)| (*id, seen.clone()))
            .collect();
        for (id, seen) in own {
            for board in seen.claim.boards() {
                self.switch_off(board);
            }
            if self.world.finished.contains(&id) {
                self.give_back.insert(id, seen.id);
                continue;
            }
            let spooled = self.outbox.iter().any(|item| item.claim == seen.id);
            if !self.adopt(reader, id, seen.clone())? {
                continue;
            }
            if spooled {
                if let Some(held) = self.held.get_mut(&id) {
                    held.phase = Phase::Ending;
                }
                continue;
            }
            if seen.claim.takes_over.is_some() {
                // The next look decides about it, as about every claim that takes over.
                self.stale = true;
                continue;
            }
            // Another state folder's claim may have run; this one's has, if it is marked.
            let foreign = seen.claim.instance != self.state.instance();
            let ran =
                seen.claim.board.is_some() && (foreign || self.state.was_started(id, seen.id));
            if !ran {
                self.release(id);
            } else if let Some(closing) = self.world.closings.get(&id) {
                let why = closing.why;
                self.close(reader, id, why)?;
            } else {
                self.lose(reader, id)?;
            }
        }
        Ok(())
    }
}
