//! Claiming: one push for all claims of the moment, each accepted or refused on its own.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::core::{Ending, Held};
use super::env::Point;
use super::publish::REFUSED_WAIT;
use super::{Runner, RunnerError, boards};
use crate::git::{GitError, Lease, Push, Pushed, RefStatus, Update};
use crate::lab::{Lab, Reader, SeenClaim, Submission, claim_commit, health_check_id};
use crate::model::claim::ClaimMember;
use crate::model::{BoardName, Claim, ObjectId, Time, group, record};

/// How many jobs are closed under one push. A push of a thousand new refs holds the server's locks
/// for long; this many are one or two round trips' worth.
pub(super) const CLOSED_AT_ONCE: usize = 250;

/// A claim commit that is about to be pushed.
pub(super) struct Bid {
    pub submission: Submission,
    pub claim: Claim,
    pub id: ObjectId,
    pub lease: Lease,
}

impl Bid {
    /// One push for all of them, each accepted or refused on its own.
    pub fn push(lab: &Lab, bids: &[Self]) -> Push {
        let updates = bids.iter().map(|bid| Update {
            name: lab.refs().claim(bid.claim.job),
            target: Some(bid.id),
            lease: bid.lease,
        });
        Push {
            atomic: false,
            updates: updates.collect(),
        }
    }
}

impl Runner {
    /// Claims what the plan gives to this runner's boards, and jobs that need closing. Says whether
    /// anything was tried.
    pub(super) fn claim(&mut self) -> Result<bool, RunnerError> {
        let reader = self.lab.reader()?;
        let bids = self.bids(&reader, &BTreeSet::new())?;
        if bids.is_empty() {
            return Ok(false);
        }
        let pushed = self.env.remote.push(&Bid::push(&self.lab, &bids));
        if !self.note_bids(&reader, bids, pushed)? {
            return Ok(false);
        }
        drop(reader);
        self.look()
    }

    /// The claims that could be made now; `freed` are boards whose endings are about to be published.
    pub(super) fn bids(
        &mut self,
        reader: &Reader,
        freed: &BTreeSet<BoardName>,
    ) -> Result<Vec<Bid>, RunnerError> {
        let now = self.env.clock.since_boot();
        let poll = self.world.files.config.poll.duration();
        self.claims_refused
            .retain(|_, at| now.saturating_sub(*at) < poll);
        if self
            .claim_refused_at
            .is_some_and(|at| now.saturating_sub(at) >= REFUSED_WAIT)
        {
            self.claim_refused_at = None;
            if self.refused_at.is_none() {
                self.refused = None;
            }
        }
        if self.ending != Ending::No || self.world.rewritten.is_some() || self.refused.is_some() {
            return Ok(Vec::new());
        }
        let Some(main) = self.world.main else {
            return Ok(Vec::new());
        };
        let author = self.author();
        let mut wishes: Vec<(Submission, Claim)> = self
            .world
            .closings
            .iter()
            .filter(|(id, _)| self.world.is_unclaimed(id) && !self.held.contains_key(id))
            .take(CLOSED_AT_ONCE)
            .map(|(_, closing)| {
                let nobody = (Vec::new(), Vec::new());
                self.wish(&closing.submission, nobody, main, author.time)
            })
            .collect();
        if self.paused.is_none() {
            wishes.extend(self.check_wishes(reader, main, author.time)?);
            for (id, boards) in self.planned(freed) {
                if let Some(waiting) = self.world.waiting.get(&id) {
                    let members = (boards, waiting.members.clone());
                    wishes.push(self.wish(&waiting.submission, members, main, author.time));
                }
            }
        }
        if wishes.is_empty() {
            return Ok(Vec::new());
        }
        self.pass(Point::BeforeClaim)?;

        let mut bids = Vec::new();
        for (submission, claim) in wishes {
            bids.push(Bid {
                id: claim_commit(reader.repo(), &claim, &author)?,
                lease: Lease::Absent,
                submission,
                claim,
            });
        }
        Ok(bids)
    }

    /// Takes in the answer to a push of claims: holds those that were won. Says whether a look can
    /// decide about one of them.
    pub(super) fn note_bids(
        &mut self,
        reader: &Reader,
        bids: Vec<Bid>,
        answer: Result<Pushed, GitError>,
    ) -> Result<bool, RunnerError> {
        self.pass(Point::Claimed)?;
        let pushed = match answer {
            Ok(pushed) => pushed,
            Err(error) => {
                self.say(&format!("cannot push claims, will try again: {error}"));
                self.backoff.failed(self.env.clock.since_boot());
                self.stale = true;
                return Ok(false);
            }
        };
        let now = self.env.clock.since_boot();
        self.last_push = Some(now);
        let mut refused = 0;
        for bid in bids {
            let (id, job) = (bid.id, bid.claim.job);
            let name = self.lab.refs().claim(job);
            match pushed.status(&name) {
                RefStatus::Done => {
                    reader.repo().set_reference(&name, Some(id))?;
                    let claim = bid.claim;
                    self.hold(job, SeenClaim { id, claim }, bid.submission);
                }
                RefStatus::Refused {
                    reason,
                    retry: false,
                } => {
                    self.refused = Some(format!("a claim was refused for good: {reason}"));
                    self.claim_refused_at = Some(now);
                }
                RefStatus::Refused { .. } => {
                    self.claims_refused.insert(job, now);
                    refused += 1;
                }
                // `=` is no win: somebody else pushed the very same object.
                _ => refused += 1,
            }
        }
        if !pushed.answered {
            self.say(&format!(
                "no answer to a push of claims: {}",
                pushed.message.trim()
            ));
        }
        if refused > 0 && !self.has_unverified() {
            // Everything was lost: the next try waits a little, or the same runners meet again.
            self.backoff.lost(self.env.clock.since_boot());
            self.stale = true;
            return Ok(false);
        }
        self.backoff.worked();
        Ok(true)
    }

    /// The claim that would be pushed for a job.
    fn wish(
        &self,
        submission: &Submission,
        (boards, members): (Vec<BoardName>, Vec<group::Member>),
        main: ObjectId,
        at: Time,
    ) -> (Submission, Claim) {
        let attempts = self.world.attempts.get(&submission.id).map_or(0, Vec::len) as u32;
        let claim = Claim {
            version: record::VERSION,
            job: submission.id,
            path: submission.path.clone(),
            runner: self.options.name.clone(),
            instance: self.state.instance().to_owned(),
            board: boards.first().cloned(),
            estimate: self.estimates_at_claim(submission.id, boards.first(), at),
            members: members
                .into_iter()
                .zip(boards)
                .map(|(member, board)| ClaimMember {
                    name: member.name,
                    role: member.role,
                    board,
                })
                .collect(),
            attempt: attempts + 1,
            main,
            at,
            nonce: Uuid::new_v4().simple().to_string(),
            takes_over: None,
            lost_by: None,
            health_check: false,
        };
        (submission.clone(), claim)
    }

    /// The health checks that are due on idle boards of this runner.
    fn check_wishes(
        &self,
        reader: &Reader,
        main: ObjectId,
        at: Time,
    ) -> Result<Vec<(Submission, Claim)>, RunnerError> {
        let occupied: Vec<BoardName> = self.running().into_iter().map(|(_, board)| board).collect();
        let mut wishes = Vec::new();
        for (board, path) in boards::due(&self.world, &self.options, at) {
            let held = |held: &Held| held.claim.board.as_ref() == Some(&board);
            if occupied.contains(&board) || self.held.values().any(held) {
                continue;
            }
            let nonce = Uuid::new_v4().simple().to_string();
            let claim = Claim {
                version: record::VERSION,
                job: health_check_id(main, &path, &board, &nonce),
                path,
                runner: self.options.name.clone(),
                instance: self.state.instance().to_owned(),
                board: Some(board),
                members: Vec::new(),
                attempt: 1,
                main,
                at,
                nonce,
                takes_over: None,
                lost_by: None,
                health_check: true,
                estimate: None,
            };
            if let Some(submission) = Submission::of_health_check(reader.repo(), &claim)? {
                wishes.push((submission, claim));
            }
        }
        Ok(wishes)
    }
}
