//! What this host has seen of the other runners' lives, by its own clock alone.
//!
//! Clocks of two hosts are never compared: a runner counts as gone when nothing of it has moved for the
//! lease between this observer's own fetches. A gap between two of them, whether the server was away or
//! this host was suspended, starts every timer anew: meanwhile the others could not be seen to move.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use super::world::World;
use crate::lab::SeenClaim;
use crate::model::lab::LabConfig;
use crate::model::{ObjectId, RunnerName};

/// The longest time between two fetches over which timers go on, in polls: one may come late.
const GAP_POLLS: u32 = 2;

/// When each runner and each claim was seen to move.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// When the last fetch that worked began, and when it had come back.
    asked: Duration,
    answered: Option<Duration>,
    runners: BTreeMap<RunnerName, Movement>,
    /// When each claim was first seen.
    claims: HashMap<ObjectId, Duration>,
    /// Claims of jobs that nobody can find: never due.
    passed_over: HashSet<ObjectId>,
}

#[derive(Debug, Default)]
struct Movement {
    heartbeat: Option<ObjectId>,
    journal: Option<ObjectId>,
    at: Duration,
}

impl Sight {
    /// Takes in what a fetch has brought that began at `asked` and came back at `now`.
    pub fn note(&mut self, world: &World, asked: Duration, now: Duration) {
        let gap = world.files.config.poll.duration().saturating_mul(GAP_POLLS);
        if self
            .answered
            .is_some_and(|last| now.saturating_sub(last) > gap)
        {
            self.runners.clear();
            self.claims.clear();
        }
        (self.asked, self.answered) = (asked, Some(now));
        let names: HashSet<&RunnerName> = world
            .heartbeats
            .keys()
            .chain(world.claims.values().map(|seen| &seen.claim.runner))
            .collect();
        self.runners.retain(|name, _| names.contains(name));
        for name in names {
            let seen = Movement {
                heartbeat: world.heartbeats.get(name).map(|heartbeat| heartbeat.id),
                journal: world.journals.get(name).copied(),
                at: now,
            };
            match self.runners.get(name) {
                Some(known)
                    if known.heartbeat == seen.heartbeat && known.journal == seen.journal => {}
                _ => drop(self.runners.insert(name.clone(), seen)),
            }
        }
        let standing: HashSet<ObjectId> = world.claims.values().map(|seen| seen.id).collect();
        self.claims.retain(|id, _| standing.contains(id));
        self.passed_over.retain(|id| standing.contains(id));
        for seen in world.claims.values() {
            // A claim that vanishes tells nothing: another runner may have taken it over.
            let Entry::Vacant(new) = self.claims.entry(seen.id) else {
                continue;
            };
            new.insert(now);
            if let Some(runner) = self.runners.get_mut(&seen.claim.runner) {
                runner.at = now;
            }
        }
    }

    /// Whether a runner was seen to move within the lease.
    pub fn lives(&self, name: &RunnerName, now: Duration, lease: Duration) -> bool {
        self.runners
            .get(name)
            .is_some_and(|seen| now.saturating_sub(seen.at) < lease)
    }

    /// The moment from which a claim may be taken over, should nothing move until then.
    pub fn due(&self, seen: &SeenClaim, config: &LabConfig) -> Option<Duration> {
        if self.passed_over.contains(&seen.id) {
            return None;
        }
        let lease = config.lease.duration();
        let moved = self.runners.get(&seen.claim.runner)?.at;
        let first = self.claims.get(&seen.id)?;
        // No attempt lasts longer than the greatest time limit and its grace. One lease more lets its
        // runner publish the ending.
        let limit = config.timeouts.max.duration() + config.timeouts.grace.duration();
        Some((moved + lease).min(*first + limit + lease))
    }

    /// Whether the last fetch has shown that nothing moved until a claim was due.
    pub fn is_abandoned(&self, seen: &SeenClaim, config: &LabConfig) -> bool {
        self.due(seen, config).is_some_and(|due| due <= self.asked)
    }

    /// Leaves a claim alone for good.
    pub fn pass_over(&mut self, claim: ObjectId) {
        self.passed_over.insert(claim);
    }

    /// Whether a moment lies after the last fetch that worked began.
    pub fn is_ahead(&self, due: Duration) -> bool {
        due > self.asked
    }
}
