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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Claim, JobId, Time};

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn id(n: u8) -> ObjectId {
        format!("{n:040x}").parse().unwrap()
    }

    fn claim(n: u8) -> SeenClaim {
        let claim = Claim {
            version: 1,
            job: JobId::from_bytes([n; 16]),
            path: "queue/job.json".to_owned(),
            runner: "gone".parse().unwrap(),
            instance: String::new(),
            board: None,
            members: Vec::new(),
            attempt: 1,
            main: id(99),
            at: Time::from_unix(0),
            takes_over: None,
            lost_by: None,
            nonce: String::new(),
            health_check: false,
            estimate: None,
        };
        SeenClaim { id: id(n), claim }
    }

    /// A world with these claims of one runner, whose journal has this head; polls are 10 s apart and
    /// the lease is five minutes, as in an empty lab file.
    fn world(claims: &[u8], journal: u8) -> World {
        let mut world = World::default();
        for n in claims {
            world.claims.insert(JobId::from_bytes([*n; 16]), claim(*n));
        }
        world.journals.insert("gone".parse().unwrap(), id(journal));
        world
    }

    /// Looks every ten seconds, at no cost of time.
    fn look(sight: &mut Sight, world: &World, seconds: impl IntoIterator<Item = u64>) {
        for second in seconds {
            sight.note(world, at(second), at(second));
        }
    }

    fn is_abandoned(sight: &Sight, world: &World, n: u8) -> bool {
        sight.is_abandoned(&claim(n), &world.files.config)
    }

    #[test]
    fn a_claim_is_abandoned_once_nothing_has_moved_for_the_lease() {
        let (mut sight, world) = (Sight::default(), world(&[1], 1));
        look(&mut sight, &world, (0..=290).step_by(10));
        assert!(!is_abandoned(&sight, &world, 1));
        let due = sight.due(&claim(1), &world.files.config).unwrap();
        assert_eq!((due, sight.is_ahead(due)), (at(300), true));
        // A look that began too early shows nothing, however late it comes back.
        sight.note(&world, at(299), at(301));
        assert!(!is_abandoned(&sight, &world, 1));
        look(&mut sight, &world, [310]);
        assert!(is_abandoned(&sight, &world, 1));
    }

    #[test]
    fn a_new_claim_and_a_record_are_signs_of_life_and_a_lost_claim_is_none() {
        let mut sight = Sight::default();
        look(&mut sight, &world(&[1, 2], 1), (0..=200).step_by(10));
        look(&mut sight, &world(&[1], 1), (210..=300).step_by(10));
        assert!(is_abandoned(&sight, &world(&[1], 1), 1));
        for signs in [world(&[1, 3], 1), world(&[1], 2)] {
            let mut sight = Sight::default();
            look(&mut sight, &world(&[1], 1), (0..=200).step_by(10));
            look(&mut sight, &signs, (210..=500).step_by(10));
            assert!(!is_abandoned(&sight, &signs, 1));
            look(&mut sight, &signs, [510]);
            assert!(is_abandoned(&sight, &signs, 1));
        }
    }

    #[test]
    fn after_a_gap_all_timers_start_anew() {
        let (mut sight, world) = (Sight::default(), world(&[1], 1));
        look(&mut sight, &world, (0..=280).step_by(10));
        // Two polls and no more: one look may come late.
        look(&mut sight, &world, [300]);
        assert!(is_abandoned(&sight, &world, 1));
        look(&mut sight, &world, [321]);
        assert!(!is_abandoned(&sight, &world, 1));
        look(&mut sight, &world, (331..=621).step_by(10));
        assert!(is_abandoned(&sight, &world, 1));
    }

    #[test]
    fn a_claim_older_than_any_attempt_is_abandoned_though_its_runner_lives() {
        let mut sight = Sight::default();
        let mut lab = world(&[1], 1);
        lab.files.config.timeouts.max = crate::model::span::Span::from_secs(600);
        // Ten minutes, half a minute of grace and the lease.
        for n in 0..93 {
            lab.journals
                .insert("gone".parse().unwrap(), id(n as u8 % 2));
            sight.note(&lab, at(n * 10), at(n * 10));
            assert!(!is_abandoned(&sight, &lab, 1), "{n}");
        }
        look(&mut sight, &lab, [930]);
        assert!(is_abandoned(&sight, &lab, 1));
        sight.pass_over(id(1));
        assert!(!is_abandoned(&sight, &lab, 1));
    }
}
