//! Deciding about won claims, from a fetch that began after they stood on the server.

use super::boards;
use super::core::{Held, Phase};
use super::env::Point;
use super::outbox::{Ending, Item};
use super::takeover::first_claim;
use super::world::Why;
use super::{Runner, RunnerError};
use crate::lab::{Reader, policy, submitted};
use crate::model::record::{Canceled, ClaimFacts};
use crate::model::{BoardName, Health, JobId, ObjectId, Reason, Record, State, record};

/// What a won claim turns out to be good for.
enum Decision {
    /// On all boards that the claim names.
    Start,
    Close(Why),
    /// It stands for an attempt whose runner is gone.
    Lose,
    GiveBack,
}

impl Runner {
    /// Decides about every claim that is not verified yet. Says whether there was one.
    pub(super) fn verify(&mut self, reader: &Reader) -> Result<bool, RunnerError> {
        let ids: Vec<JobId> = self
            .held
            .iter()
            .filter(|(_, held)| matches!(held.phase, Phase::Unverified) && held.looks < self.looks)
            .map(|(id, _)| *id)
            .collect();
        if self.world.rewritten.is_some() {
            // Nothing counts as gone and nothing starts while main is not what it was. What stands for
            // a lost attempt waits: given back, that attempt would not count.
            let (_, ids): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| {
                let held = self.held.get(id);
                held.is_some_and(|held| self.stands_for_lost(&held.claim))
            });
            for id in &ids {
                self.release(*id);
            }
            return Ok(!ids.is_empty());
        }
        let mut starts = Vec::new();
        for id in &ids {
            match self.decide(*id) {
                Decision::Start => starts.push(*id),
                Decision::Close(why) => self.close(reader, *id, why)?,
                Decision::Lose => self.lose(reader, *id)?,
                Decision::GiveBack => {
                    // Two runners that share a board may meet again and again.
                    if !self.world.finished.contains(id) {
                        self.backoff.lost(self.env.clock.since_boot());
                    }
                    self.release(*id);
                }
            }
        }
        self.pass(Point::Verified)?;
        for id in starts {
            self.start(reader, id)?;
        }
        Ok(!ids.is_empty())
    }

    fn decide(&self, id: JobId) -> Decision {
        let Some(held) = self.held.get(&id) else {
            return Decision::GiveBack;
        };
        if self.world.finished.contains(&id) || self.is_recorded(id, first_claim(held)) {
            return Decision::GiveBack;
        }
        if held.claim.health_check {
            return self.decide_check(held);
        }
        if let Some(closing) = self.world.closings.get(&id) {
            return Decision::Close(closing.why);
        }
        if self.stands_for_lost(&held.claim) {
            return match held.claim.board {
                Some(_) => Decision::Lose,
                None => Decision::GiveBack,
            };
        }
        let waits =
            self.world.waiting.contains_key(&id) && self.world.is_alive(id, &held.submission.path);
        // A runner that was asked to end begins nothing, though it has won the claim before.
        let waits = waits && self.ending == super::core::Ending::No;
        if held.claim.board.is_none() || !waits {
            return Decision::GiveBack;
        }
        self.start_if_fit(held, boards::Use::Jobs)
    }

    /// A health check is in no queue: its board decides.
    fn decide_check(&self, held: &Held) -> Decision {
        if self.ending == super::core::Ending::No {
            self.start_if_fit(held, boards::Use::Check)
        } else {
            Decision::GiveBack
        }
    }

    /// Starts on boards that are mine, free and fit for this.
    fn start_if_fit(&self, held: &Held, wanted: boards::Use) -> Decision {
        let id = held.claim.job;
        let others = self
            .world
            .claims
            .iter()
            .filter(|(other, _)| **other != id)
            .map(|(_, seen)| &seen.claim);
        let claimed = boards::claimed(others);
        let running = self.running();
        let now = self.env.clock.now();
        let free = |board: &BoardName| {
            !claimed.contains(board) && running.iter().all(|(_, other)| other != board)
        };
        let fit = |board: &BoardName| {
            self.world.files.boards.get(board).is_some_and(|known| {
                boards::is_mine(known, &self.options)
                    && boards::standing(known, &self.world, &self.options, now).fit == wanted
            })
        };
        if held.claim.boards().all(|board| free(board) && fit(board)) {
            Decision::Start
        } else {
            Decision::GiveBack
        }
    }

    /// Lets a held claim go.
    pub(super) fn release(&mut self, id: JobId) {
        if let Some(held) = self.held.remove(&id) {
            self.give_back.insert(id, held.id);
        }
    }

    /// Ends a job that needs no board: its record goes to the outbox.
    pub(super) fn close(
        &mut self,
        reader: &Reader,
        id: JobId,
        why: Why,
    ) -> Result<(), RunnerError> {
        let Some(held) = self.held.get(&id) else {
            return Ok(());
        };
        if self.stands_for_lost(&held.claim) {
            let boards: Vec<BoardName> = held.claim.boards().cloned().collect();
            boards.iter().for_each(|board| self.switch_off(board));
        }
        let Some(held) = self.held.get(&id) else {
            return Ok(());
        };
        let mut record = submitted(reader.repo(), &held.submission, &self.world.files)?.record;
        let (claim, n) = (
            held.id,
            self.world.attempts.get(&id).map_or(0, Vec::len) as u32,
        );
        record.claim = Some(ClaimFacts {
            runner: self.options.name.clone(),
            board: None,
            device_type: None,
            at: held.claim.at,
        });
        record.estimate = held.claim.estimate.clone();
        self.finish_closed(reader, &mut record, why)?;
        if let Some(held) = self.held.get_mut(&id) {
            held.phase = Phase::Ending;
        }
        let ending = Ending::Finish(Box::new(record));
        self.outbox.push(Item {
            claim,
            attempt: n,
            ending,
            files: Vec::new(),
            boards: Vec::new(),
        });
        Ok(())
    }

    /// Fills in how a job ended that no dispatcher ended.
    fn finish_closed(
        &self,
        reader: &Reader,
        record: &mut Record,
        why: Why,
    ) -> Result<(), RunnerError> {
        let now = self.env.clock.now();
        record.state = State::Finished;
        record.verdict = Some(record::verdict(&record.suites));
        record.finished_at = Some(now);
        record.attempts = self.past_attempts(record.id);
        match why {
            Why::Rejected => {
                record.health = Some(Health::Rejected);
                record.message = record
                    .diagnostics
                    .iter()
                    .find(|d| d.is_error())
                    .map(|d| d.message.clone());
            }
            Why::Scattered => {
                record.health = Some(Health::Rejected);
                record.message = Some(super::group::SCATTERED.to_owned());
            }
            Why::Left(by) => {
                record.health = Some(Health::Canceled);
                record.canceled = Some(self.canceled(reader, record, by)?);
            }
            Why::Expired => {
                record.health = Some(Health::Canceled);
                record.reason = Some(Reason::Expired);
                record.message =
                    Some("not started within the time that `expires` gives it".to_owned());
                record.canceled = Some(Canceled {
                    by: None,
                    at: now,
                    commit: None,
                    allowed: true,
                });
            }
        }
        Ok(())
    }

    /// Who canceled a job, and whether the lab's policy would have let them.
    pub(super) fn canceled(
        &self,
        reader: &Reader,
        record: &Record,
        by: ObjectId,
    ) -> Result<Canceled, RunnerError> {
        let commit = reader.repo().commit(by)?;
        let files = &self.world.files;
        let user = files.config.user_name(&commit.author.email);
        let boards: Vec<BoardName> = record.boards().cloned().collect();
        let allowed = policy::may_cancel(files, &user, &record.submitter.user, &boards);
        Ok(Canceled {
            by: Some(user),
            at: commit.committer.time,
            commit: Some(by),
            allowed,
        })
    }

    /// The attempts that were retried, by number.
    pub(super) fn past_attempts(&self, id: JobId) -> Vec<record::Attempt> {
        let past = self
            .world
            .attempts
            .get(&id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut attempts: Vec<_> = past.iter().map(|past| past.record.clone()).collect();
        attempts.sort_by_key(|attempt| attempt.n);
        attempts
    }
}
