//! Taking over the claims of a runner that does not move any more.
//!
//! In two steps, because a server that is killed between two refs of one push may leave a result *and* a
//! claim: first the claim is replaced by one of this runner that names the first claim of the lost
//! attempt, then, from a fetch that began after that one stood, the attempt is recorded as lost
//! (`lose`) and the claim deleted. Such a claim never starts anything. Its owner after a restart, or a
//! third runner, only completes this.

use std::time::Duration;

use uuid::Uuid;

use super::claim::{Bid, CLOSED_AT_ONCE};
use super::core::{Ending, Held};
use super::env::Point;
use super::{Runner, RunnerError};
use crate::git::Lease;
use crate::lab::{SeenClaim, claim_commit};
use crate::model::{Claim, JobId, ObjectId};

/// The claim under which the attempt began that a claim stands for: the claim itself, or the first of
/// those that took it over from one another.
pub(super) fn first_claim(held: &Held) -> ObjectId {
    held.claim.takes_over.unwrap_or(held.id)
}

impl Runner {
    /// Replaces claims of runners that have not moved for the lease. Says whether one was won.
    pub(super) fn take_over(&mut self) -> Result<bool, RunnerError> {
        if self.ending != Ending::No || self.world.rewritten.is_some() || self.refused.is_some() {
            return Ok(false);
        }
        let abandoned = self.abandoned();
        if abandoned.is_empty() {
            return Ok(false);
        }
        self.pass(Point::BeforeTakeover)?;
        let reader = self.lab.reader()?;
        let author = self.author();
        let mut bids = Vec::new();
        for (id, seen) in abandoned {
            if self.world.finished.contains(&id) || seen.claim.health_check {
                // Its runner died between the two, or the server did; anybody may clear it away. A
                // health check has no job that waits for its end: the board's next one is due anyway.
                self.give_back.insert(id, seen.id);
                continue;
            }
            let Some(submission) = self.find(&reader, id, &seen)? else {
                // Nobody could say what it claims; a push may have put anything there.
                self.sight.pass_over(seen.id);
                continue;
            };
            let claim = Claim {
                runner: self.options.name.clone(),
                instance: self.state.instance().to_owned(),
                takes_over: Some(seen.claim.takes_over.unwrap_or(seen.id)),
                lost_by: Some(seen.claim.lost_by.unwrap_or(seen.claim.runner)),
                nonce: Uuid::new_v4().simple().to_string(),
                ..seen.claim
            };
            bids.push(Bid {
                id: claim_commit(reader.repo(), &claim, &author)?,
                lease: Lease::Is(seen.id),
                submission,
                claim,
            });
        }
        if bids.is_empty() {
            return Ok(!self.give_back.is_empty());
        }
        for bid in &bids {
            let (job, board) = (bid.claim.job.short(), bid.claim.board.as_ref());
            self.say(&format!(
                "{job}: takes over the claim{} of {}, which has not moved for the lease",
                board
                    .map(|board| format!(" on {board}"))
                    .unwrap_or_default(),
                bid.claim.lost_by.as_ref().unwrap_or(&bid.claim.runner)
            ));
        }
        let pushed = self.env.remote.push(&Bid::push(&self.lab, &bids));
        self.pass(Point::TakenOver)?;
        if !self.note_bids(&reader, bids, pushed)? {
            return Ok(false);
        }
        drop(reader);
        self.look()
    }

    /// The claims that may be taken over.
    fn abandoned(&self) -> Vec<(JobId, SeenClaim)> {
        let config = &self.world.files.config;
        self.others_claims()
            .filter(|(id, seen)| {
                self.sight.is_abandoned(seen, config)
                    && !self.held.contains_key(id)
                    && !self.give_back.contains_key(id)
                    && !self.claims_refused.contains_key(id)
            })
            .take(CLOSED_AT_ONCE)
            .map(|(id, seen)| (*id, seen.clone()))
            .collect()
    }

    /// The next moment, after the last look, from which a claim may be taken over.
    pub(super) fn next_takeover(&self) -> Option<Duration> {
        let config = &self.world.files.config;
        self.others_claims()
            .filter_map(|(_, seen)| self.sight.due(seen, config))
            .filter(|due| self.sight.is_ahead(*due))
            .min()
    }

    fn others_claims(&self) -> impl Iterator<Item = (&JobId, &SeenClaim)> {
        let claims = self.world.claims.iter();
        claims.filter(|(_, seen)| seen.claim.runner != self.options.name)
    }
}
