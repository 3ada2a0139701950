//! What the plan gives to this runner's boards, and what it leaves to its peers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::publish::SLOW_PUSH;
use super::{Runner, boards};
use crate::model::{BoardName, JobId, RunnerName};
use crate::schedule::{self, Plan};

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
        let rules = self.world.rules(freed, wall);
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
        let Plan { starts, held } = plan(jobs.clone(), &idle);
        let (mut own, peers): (Vec<_>, Vec<_>) = starts
            .into_iter()
            .partition(|(_, boards)| boards.iter().all(|board| mine.contains(board)));
        idle.retain(|board| mine.contains(board));
        leave(&mut idle, &own, &held);
        let given: BTreeSet<JobId> = peers.iter().map(|(id, _)| *id).collect();
        self.left_to_peer.retain(|id, _| given.contains(id));
        // A peer that does not take what the plan gave it, for whatever reason, must not hold a job up.
        let late: BTreeSet<JobId> = given
            .into_iter()
            .filter(|id| {
                now.saturating_sub(*self.left_to_peer.entry(*id).or_insert(now)) >= patience
            })
            .collect();
        if !late.is_empty() {
            let jobs: Vec<_> = jobs
                .into_iter()
                .filter(|job| late.contains(&job.id))
                .collect();
            let Plan { starts, held } = plan(jobs, &idle);
            leave(&mut idle, &starts, &held);
            own.extend(starts);
        }
        // No board stays idle out of politeness.
        own.extend(plan(others, &idle).starts);
        own
    }
}

/// Takes away what starts have, and what a group job holds.
fn leave(
    idle: &mut BTreeSet<BoardName>,
    starts: &[(JobId, Vec<BoardName>)],
    held: &BTreeSet<BoardName>,
) {
    let taken = starts.iter().flat_map(|(_, boards)| boards);
    for board in taken.chain(held) {
        idle.remove(board);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_boards_are_left_to_their_holder() {
        let names = |names: &[&str]| -> BTreeSet<BoardName> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let mut idle = names(&["a", "b", "c"]);
        let started = (JobId::from_bytes([1; 16]), vec!["a".parse().unwrap()]);
        leave(&mut idle, &[started], &names(&["b", "elsewhere"]));
        assert_eq!(idle, names(&["c"]));
    }
}
