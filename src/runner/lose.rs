//! Attempts that nobody saw the end of: taking such a claim up, and recording its attempt as lost.

use super::core::{Held, Phase};
use super::outbox::{Ending, Item};
use super::takeover::first_claim;
use super::world::{Closing, Why};
use super::{Runner, RunnerError, left};
use crate::lab::{self, Reader, SeenClaim, Submission, submitted};
use crate::model::record::{self, AttemptRecord, ClaimFacts};
use crate::model::{BoardName, Claim, Health, JobId, ObjectId, Reason, State};

impl Runner {
    /// Whether a claim under this runner's name stands for an attempt that is lost: one taken over, or
    /// made by another state folder, whose dispatchers this runner knows nothing of.
    pub(super) fn stands_for_lost(&self, claim: &Claim) -> bool {
        claim.takes_over.is_some() || claim.instance != self.state.instance()
    }

    /// Whether a retried attempt has its record, by the claim that it ran under.
    pub(super) fn is_recorded(&self, id: JobId, claim: ObjectId) -> bool {
        let past = self.world.attempts.get(&id);
        past.is_some_and(|past| past.iter().any(|past| past.claim == claim))
    }

    /// Holds a claim of this runner that it has found and not just won. A later look decides about it. One
    /// whose job nobody knows any more is given back, unless a spooled ending still needs it. Says
    /// whether it is held.
    pub(super) fn adopt(
        &mut self,
        reader: &Reader,
        id: JobId,
        seen: SeenClaim,
    ) -> Result<bool, RunnerError> {
        let Some(submission) = self.find(reader, id, &seen)? else {
            if !self.outbox.iter().any(|item| item.claim == seen.id) {
                self.give_back.insert(id, seen.id);
            }
            return Ok(false);
        };
        self.hold(id, seen, submission);
        Ok(true)
    }

    /// Holds a claim of this runner's name, to be decided about by a later look.
    pub(super) fn hold(&mut self, id: JobId, seen: SeenClaim, submission: Submission) {
        if let Some(main) = self.world.main
            // A health check never was on main.
            && !seen.claim.health_check
            && !self.world.closings.contains_key(&id)
            && !self.world.is_alive(id, &submission.path)
        {
            // It left main where no journal says that it did; nobody else may know of it.
            let closing = Closing {
                submission: submission.clone(),
                why: Why::Left(main),
            };
            self.world.closings.insert(id, closing);
        }
        self.note_estimate(&seen.claim);
        self.held.insert(
            id,
            Held {
                id: seen.id,
                claim: seen.claim,
                submission,
                phase: Phase::Unverified,
                looks: self.looks,
            },
        );
    }

    /// The submission a claim was made for: on main, gone from it, or on the main it saw.
    pub(super) fn find(
        &self,
        reader: &Reader,
        id: JobId,
        seen: &SeenClaim,
    ) -> Result<Option<Submission>, RunnerError> {
        let known = self
            .world
            .known
            .get(&seen.claim.path)
            .filter(|submission| submission.id == id);
        let closing = self
            .world
            .closings
            .get(&id)
            .map(|closing| &closing.submission);
        if let Some(submission) = known.or(closing) {
            return Ok(Some(submission.clone()));
        }
        // A claim may name anything: what is no commit that can be walked holds no job.
        let Ok(older) = lab::alive(reader.repo(), seen.claim.main) else {
            return Ok(None);
        };
        Ok(older.into_iter().find(|submission| submission.id == id))
    }

    /// Records an attempt whose end nobody saw: the job waits again, or ends after its last retry.
    pub(super) fn lose(&mut self, reader: &Reader, id: JobId) -> Result<(), RunnerError> {
        let Some(held) = self.held.get(&id) else {
            return Ok(());
        };
        let judged = submitted(reader.repo(), &held.submission, &self.world.files)?;
        let boards: Vec<BoardName> = held.claim.boards().cloned().collect();
        let now = self.env.clock.now();
        let n = self.world.attempts.get(&id).map_or(0, Vec::len) as u32 + 1;
        let runner = held.claim.lost_by.as_ref().unwrap_or(&held.claim.runner);
        // What another host or another state folder has begun is not here.
        let ours = held.claim.takes_over.is_none() && held.claim.instance == self.state.instance();
        let files = if ours {
            left::files(held, &self.state.attempt(id, n))
        } else {
            Vec::new()
        };
        let message = Some(match held.claim.takes_over {
            Some(_) => format!(
                "its runner {runner} did not move for the lease; taken over by {}",
                self.options.name
            ),
            None if left::is_out_of_order(&files) => {
                "the runner went away while it ran; the second half of its log is not in order"
                    .to_owned()
            }
            None => "the runner went away while it ran".to_owned(),
        });
        let members = held.claim.record_members(&self.world.files);
        let attempt = record::Attempt {
            n,
            board: held.claim.board.clone(),
            boards: members.iter().map(|member| member.board.clone()).collect(),
            runner: runner.clone(),
            started_at: Some(held.claim.at),
            finished_at: now,
            reason: Some(Reason::Lost),
        };
        let retries = judged
            .job
            .as_ref()
            .map_or(0, |job| u32::from(job.retries()));
        let ending = if n <= retries {
            let version = record::VERSION;
            Ending::Requeue(Box::new(AttemptRecord {
                version,
                id,
                claim: first_claim(held),
                attempt,
                message,
                log: None,
                members,
            }))
        } else {
            let mut record = judged.record;
            let board = held
                .claim
                .board
                .as_ref()
                .and_then(|board| self.world.files.boards.get(board));
            record.claim = Some(ClaimFacts {
                runner: runner.clone(),
                board: held.claim.board.clone(),
                device_type: board.map(|board| board.device_type.clone()),
                at: held.claim.at,
            });
            record.state = State::Finished;
            record.health = Some(Health::Incomplete);
            record.reason = Some(Reason::Lost);
            record.verdict = Some(record::verdict(&record.suites));
            record.message = message;
            record.members = members;
            record.estimate = held.claim.estimate.clone();
            record.started_at = attempt.started_at;
            record.finished_at = Some(now);
            record.attempts = self.past_attempts(id);
            record.attempts.push(attempt);
            Ending::Finish(Box::new(record))
        };
        let item = Item {
            claim: held.id,
            attempt: n,
            ending,
            files,
            boards: Vec::new(),
        };
        if let Some(held) = self.held.get_mut(&id) {
            held.phase = Phase::Ending;
        }
        self.outbox.push(item);
        // Nobody saw their power go off.
        boards.iter().for_each(|board| self.switch_off(board));
        Ok(())
    }
}
