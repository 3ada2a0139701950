//! The estimates that a runner gives: to a job when it is first seen and when it is claimed, and in the
//! heartbeat to those that run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::core::{Attempt, Ending};
use super::{Runner, boards};
use crate::model::record::{Estimate, Estimates};
use crate::model::status::Factors;
use crate::model::{BoardName, Claim, JobId, Time};
use crate::schedule::{PlanBoard, Sample, estimate};

impl Runner {
    /// Gives the jobs that have none an estimate, by playing the plan forward over the whole queue. What
    /// starts in this turn has started before, and jobs that came together cost one play.
    pub(super) fn estimate(&mut self) {
        let begun = self.env.clock.since_boot();
        self.note_estimates();
        if !self.wants_estimates() || !self.given.playing.is_over(begun) {
            return;
        }
        let now = self.env.clock.now();
        let living = self.living(begun);
        let mut boards = boards::able(&self.world, &self.options, &living, now);
        // They take jobs once their health check has passed.
        let checked = boards::fit(&self.world, &self.options, boards::Use::Check, now);
        let as_ever = |board: &PlanBoard| PlanBoard {
            busy_ms: 0,
            ..board.clone()
        };
        let all: Vec<PlanBoard> = boards.iter().chain(&checked).map(as_ever).collect();
        // What a job expected that has started before is no estimate of its submission.
        let is_new = |id: &JobId| {
            let has_started = self.world.attempts.contains_key(id);
            self.given.get(id).is_none() && self.is_free(id) && !has_started
        };
        let mut new: BTreeSet<JobId> = self.world.waiting.keys().copied().collect();
        new.retain(is_new);
        if all == self.given.boards {
            // What had no board then has none now.
            new.retain(|id| !self.given.stuck.contains(id));
        }
        if new.is_empty() {
            self.given
                .stuck
                .retain(|id| self.world.waiting.contains_key(id));
        } else {
            let due: Vec<BoardName> = checked.iter().map(|board| board.name.clone()).collect();
            boards.extend(checked);
            let played = self.world.play(boards, &due, |id| self.is_free(id), now);
            let factors = self.factors(now);
            for id in &new {
                let Some(waiting) = self.world.waiting.get(id) else {
                    continue;
                };
                if let Some((start, run)) = played.get(id) {
                    let priority = waiting.candidate.priority;
                    let said = estimate::of_waiting(now, *start, run, priority, &factors);
                    self.given.insert(*id, said);
                }
            }
            self.given.stuck.extend(new);
            self.given.stuck.retain(|id| !played.contains_key(id));
            self.given.factors = Some(factors);
        }
        self.given.boards = all;
        self.given.main = self.world.main;
        let ended = self.env.clock.since_boot();
        self.given.playing.note(begun, ended, Duration::ZERO);
    }

    /// Whether a job may be without an estimate, and there is a plan to take one from.
    fn wants_estimates(&self) -> bool {
        let plans = self.paused.is_none() && self.ending == Ending::No;
        plans && (self.given.main != self.world.main || !self.given.stuck.is_empty())
    }

    /// How long until new jobs may get their estimates, if there are any.
    pub(super) fn estimates_due(&self, now: Duration) -> Option<Duration> {
        let new = self.wants_estimates() && self.given.main != self.world.main;
        new.then(|| self.given.playing.left(now))
    }

    /// Whether nobody has a claim on a job.
    fn is_free(&self, id: &JobId) -> bool {
        self.world.is_unclaimed(id) && !self.held.contains_key(id)
    }

    /// What a claim says of a job that is about to start, or of one that is only closed: what was
    /// said when it was submitted, and what is to be expected now. One that starts the moment it is
    /// seen needs no play.
    pub(super) fn estimates_at_claim(
        &self,
        id: JobId,
        board: Option<&BoardName>,
        now: Time,
    ) -> Option<Estimates> {
        let mut said = Estimates {
            at_submission: self.given.get(&id).copied(),
            at_claim: None,
        };
        let board = board.and_then(|board| self.world.files.boards.get(board));
        if let (Some(board), Some(waiting)) = (board, self.world.waiting.get(&id)) {
            let run = self.world.run_time(waiting, &board.device_type);
            said.at_claim = Some(estimate::of_starting(now, &run));
            if said.at_submission.is_none() && !self.world.attempts.contains_key(&id) {
                let factors = self.given.factors.unwrap_or_else(|| self.factors(now));
                let priority = waiting.candidate.priority;
                let at_once = estimate::of_waiting(now, now, &run, priority, &factors);
                said.at_submission = Some(at_once);
            }
        }
        (said != Estimates::default()).then_some(said)
    }

    /// Keeps what the claims say of their jobs, should this runner be the one that starts them again.
    fn note_estimates(&mut self) {
        for (id, seen) in &self.world.claims {
            let said = seen.claim.estimate.as_ref();
            if let Some(said) = said.and_then(|said| said.at_submission) {
                self.given.insert(*id, said);
            }
        }
    }

    /// Keeps what a claim of this runner's name says of its job: the same in every later claim.
    pub(super) fn note_estimate(&mut self, claim: &Claim) {
        let said = claim.estimate.as_ref().and_then(|said| said.at_submission);
        if let Some(said) = said {
            self.given.insert(claim.job, said);
        }
    }

    /// The factors as of now, with what has become of the jobs that have not ended.
    pub(super) fn factors(&self, now: Time) -> Factors {
        let open = |(id, said): (&JobId, &Estimate)| {
            let waiting = self.world.waiting.get(id)?;
            let claim = self.world.claims.get(id).map(|seen| seen.claim.at);
            let attempts = self.world.attempts.get(id).into_iter().flatten();
            let attempts = attempts.filter_map(|past| past.record.started_at);
            let sample = Sample::open(said, attempts.chain(claim).min(), now)?;
            Some((waiting.candidate.priority, sample))
        };
        let open = self.given.iter().filter_map(open);
        self.world.past.calibration.factors(open)
    }

    /// When an attempt is expected to end, and by when nine times in ten.
    pub(super) fn expected_end(&self, attempt: &Attempt) -> (Time, Time) {
        let (rest_s, p90_s) = attempt.remaining_s(&self.world, self.env.clock.since_boot());
        // One that is being stopped has the grace.
        let grace_s = self.world.files.config.timeouts.grace.seconds();
        let most_s = attempt.stop.map_or(f64::MAX, |_| grace_s);
        let now = self.env.clock.now();
        let after = |seconds: f64| now.plus_seconds(seconds.min(most_s));
        (after(rest_s), after(p90_s))
    }

    /// Writes the estimates down, if there is something new and the last time is long enough ago.
    pub(super) fn keep_estimates(&mut self, at_end: bool) {
        let begun = self.env.clock.since_boot();
        let live = self.world.waiting.len() + self.world.closings.len() + self.held.len();
        let wanted = at_end || self.given.writing.is_over(begun);
        if !self.begun || !wanted || !self.given.is_worth_writing(live) {
            return;
        }
        let (waiting, closings, held) = (&self.world.waiting, &self.world.closings, &self.held);
        let is_live = |id: &JobId| {
            waiting.contains_key(id) || held.contains_key(id) || closings.contains_key(id)
        };
        self.given.write(&self.state.estimates(), is_live);
        let ended = self.env.clock.since_boot();
        self.given
            .writing
            .note(begun, ended, super::given::WRITE_REST);
    }
}
