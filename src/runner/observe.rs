//! Looking at the server, and taking in what it says.

use super::core::{Held, LEAST_FREE_BYTES, Phase, Stop};
use super::{Runner, RunnerError};
use crate::lab::Reader;
use crate::model::{JobId, ObjectId};

impl Runner {
    /// Fetches, takes the news in, and decides about every claim that stood before the fetch began.
    /// A server that does not answer is no error: the runner tries again later.
    pub(super) fn look(&mut self) -> Result<bool, RunnerError> {
        self.stale = false;
        self.looks += 1;
        let asked = self.env.clock.since_boot();
        let fetched = self.env.remote.fetch();
        let now = self.env.clock.since_boot();
        match fetched {
            // A server that can be read but not written is no reason to hammer it.
            Ok(_) if std::mem::take(&mut self.fetch_failed) => self.backoff.worked(),
            Ok(_) => {}
            Err(error) => {
                self.say(&format!("cannot fetch, will try again: {error}"));
                self.stale = true;
                self.fetch_failed = true;
                self.backoff.failed(now);
                self.mend(&error);
                return Ok(false);
            }
        }
        self.last_fetch = Some(now);
        let reader = self.lab.reader()?;
        if !self.begun {
            let begun = self.begin(&reader);
            self.sight.note(&self.world, asked, now);
            return begun;
        }
        self.absorb(&reader)?;
        let lease = self.world.files.config.lease.duration();
        self.backoff.keep_within(lease);
        self.sight.note(&self.world, asked, now);
        self.verify(&reader)
    }

    /// Takes in what the mirror holds, without asking the server.
    pub(super) fn absorb(&mut self, reader: &Reader) -> Result<(), RunnerError> {
        let was_rewritten = self.world.rewritten;
        let now = self.env.clock.now();
        let left = self
            .world
            .observe(reader, self.options.accept_rewrite, now)?;
        self.world.read_checks(reader, now)?;
        for (id, by) in left {
            self.cancel(id, by);
        }
        if self.world.rewritten != was_rewritten
            && let Some(main) = self.world.rewritten
        {
            self.say(&format!(
                "main was rewritten: {main} does not contain {}; nothing is claimed or canceled until it does, \
                 or until the runner is started with --accept-rewrite {main}",
                self.world.main.unwrap_or(ObjectId::ZERO)
            ));
        }
        self.reconcile(reader)?;
        self.pause();
        Ok(())
    }

    /// A job's version left main: its attempt is stopped.
    fn cancel(&mut self, id: JobId, by: ObjectId) {
        if let Some(Held {
            phase: Phase::Running(attempt),
            ..
        }) = self.held.get_mut(&id)
            && attempt.stop.is_none()
        {
            attempt.stop = Some(Stop::Canceled { by });
            attempt.handle.terminate();
        }
    }

    /// Compares the claims that bear this runner's name with those it holds.
    fn reconcile(&mut self, reader: &Reader) -> Result<(), RunnerError> {
        let mut lost = Vec::new();
        for (id, seen) in &self.world.claims {
            let foreign = seen.claim.runner != self.options.name;
            let held = self.held.get(id).is_some_and(|held| held.id == seen.id);
            // The spooled ending of a job that is not found any more still needs its claim.
            let spooled = self.outbox.iter().any(|item| item.claim == seen.id);
            if foreign || held || spooled {
                continue;
            }
            if self.stands_for_lost(&seen.claim) && !self.world.finished.contains(id) {
                // It counts as an attempt, which a later look decides. Where an attempt of this runner
                // still has to stop, it waits for that.
                if !self.held.contains_key(id) {
                    lost.push((*id, seen.clone()));
                }
                continue;
            }
            // A push that landed after its time-out, or a claim left beside its result.
            self.give_back.insert(*id, seen.id);
        }
        for (id, seen) in lost {
            // The look that found it may have read the journals before the claim stood.
            self.stale = true;
            self.adopt(reader, id, seen)?;
        }
        let claims = &self.world.claims;
        let gone: Vec<JobId> = self
            .held
            .iter()
            .filter(|(id, held)| claims.get(id).is_none_or(|seen| seen.id != held.id))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            match self.held.get_mut(&id).map(|held| &mut held.phase) {
                Some(Phase::Running(attempt)) if attempt.stop != Some(Stop::Fenced) => {
                    attempt.stop = Some(Stop::Fenced);
                    attempt.handle.terminate();
                    self.say(&format!(
                        "{id}: the claim is gone or another's, its attempt is stopped"
                    ));
                }
                // Its publication finds the fence shut.
                Some(Phase::Ending | Phase::Running(_)) | None => {}
                Some(Phase::Unverified) => {
                    self.held.remove(&id);
                }
            }
        }
        Ok(())
    }

    /// Says why nothing is claimed, if so.
    fn pause(&mut self) {
        let free = self.state.free_bytes();
        let reason = if let Some(refused) = &self.refused {
            Some(format!("the server refuses results: {refused}"))
        } else if let Some(main) = self.world.rewritten {
            Some(format!("main was rewritten to {}", main.short()))
        } else if free.is_some_and(|free| free < LEAST_FREE_BYTES) {
            Some("less than 1 GiB free on the state folder's disk".to_owned())
        } else {
            None
        };
        if reason != self.paused {
            if let Some(reason) = &reason {
                self.say(&format!("claims nothing: {reason}"));
            }
            self.paused = reason;
        }
    }
}
