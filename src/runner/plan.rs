//! What the plan gives to this runner's boards, and what it leaves to its peers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::publish::SLOW_PUSH;
use super::{Runner, boards};
use crate::model::{BoardName, JobId, RunnerName};
use crate::schedule;

/// How long a job that the plan gave to a peer's board is left to that peer, in polls.
const PEER_POLLS: u32 = 2;

/// How long a job at the queue's head is left to the runner whose share it is, in pushes, if that is
/// longer: a runner takes all of its share in about six.
const SPREAD_PUSHES: u32 = 20;

/// A publication that takes longer says nothing about the way to the server: it carries large logs.
const LONGEST_PUSH: Duration = Duration::from_secs(1);

impl Runner {
    /// The other runners that were seen to move within the lease.
    pub(super) fn living(&self, now: Duration) -> BTreeSet<RunnerName> {
        let lease = self.world.files.config.lease.duration();
        let me = &self.options.name;
        let names = self.world.heartbeats.keys();
        names
            .filter(|name| *name != me && self.sight.lives(name, now, lease))
            .cloned()
            .collect()
    }

    /// What the plan gives to this runner's boards; `freed` count as idle though their claims stand.
    pub(super) fn planned(&mut self, freed: &BTreeSet<BoardName>) -> Vec<(JobId, Vec<BoardName>)> {
        let now = self.env.clock.since_boot();
        let living = self.living(now);
        let patience = self
            .world
            .files
            .config
            .poll
            .duration()
            .saturating_mul(PEER_POLLS);
        let wall = self.env.clock.now();
        let able = boards::able(&self.world, &self.options, &living, wall);
        let mut busy = boards::busy(&self.world, freed);
        // An attempt whose claim is gone still has its board until it has stopped.
        busy.extend(self.running().into_iter().map(|(_, board)| board));
        let mut idle: BTreeSet<BoardName> = able
            .iter()
            .map(|board| board.name.clone())
            .filter(|name| !busy.contains(name))
            .collect();
        let mine: BTreeSet<BoardName> = self
            .world
            .files
            .boards
            .values()
            .filter(|board| boards::is_mine(board, &self.options))
            .map(|board| board.name.clone())
            .collect();
        if idle.is_disjoint(&mine) {
            return Vec::new();
        }
        let rules = self.world.rules(wall);
        let plan = |jobs, idle: &BTreeSet<BoardName>| {
            schedule::plan(jobs, able.clone(), idle, rules.clone(), wall)
        };
        let free = |id: &JobId| {
            !self.held.contains_key(id)
                && self.world.is_unclaimed(id)
                && !self.claims_refused.contains_key(id)
        };
        let mut jobs: Vec<_> = self
            .world
            .waiting
            .values()
            .filter(|w| free(&w.candidate.id))
            .map(|w| w.candidate.clone())
            .collect();
        let others = if self.push_took >= SLOW_PUSH && !living.is_empty() {
            let me = &self.options.name;
            let push = self.push_took.min(LONGEST_PUSH);
            let patience = patience.max(push.saturating_mul(SPREAD_PUSHES));
            let order = schedule::order(jobs.clone(), able.clone(), rules.clone(), wall);
            self.spread
                .thin(&mut jobs, &order, &able, me, now, patience)
        } else {
            Vec::new()
        };
        let placed = plan(jobs.clone(), &idle);
        let (own, peers): (Vec<_>, Vec<_>) = placed
            .into_iter()
            .partition(|(_, boards)| boards.iter().all(|board| mine.contains(board)));
        let given: BTreeSet<JobId> = peers.iter().map(|(id, _)| *id).collect();
        self.left_to_peer.retain(|id, _| given.contains(id));
        let mut own = own;
        // A peer that does not take what the plan gave it, for whatever reason, must not hold a job up.
        let late: BTreeSet<JobId> = given
            .into_iter()
            .filter(|id| {
                now.saturating_sub(*self.left_to_peer.entry(*id).or_insert(now)) >= patience
            })
            .collect();
        if !late.is_empty() {
            let taken: BTreeSet<&BoardName> = own.iter().flat_map(|(_, boards)| boards).collect();
            let rest = idle.intersection(&mine);
            let rest = rest
                .filter(|board| !taken.contains(board))
                .cloned()
                .collect();
            let jobs: Vec<_> = jobs
                .into_iter()
                .filter(|job| late.contains(&job.id))
                .collect();
            own.extend(plan(jobs, &rest));
        }
        // No board stays idle out of politeness.
        let taken: BTreeSet<&BoardName> = own.iter().flat_map(|(_, boards)| boards).collect();
        idle.retain(|board| mine.contains(board) && !taken.contains(board));
        own.extend(plan(others, &idle));
        own
    }
}
