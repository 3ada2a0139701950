//! The order in which waiting jobs are asked.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::queue::Queue;
use crate::model::{Priority, Time};

/// What comes of a job that is asked in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    Starts,
    /// It waits, and so does every later one of its kind.
    Waits,
    /// Nobody needs to be asked any more.
    Enough,
}

/// The jobs of one lane at one level that still can be asked.
struct Turn {
    lane: usize,
    /// The oldest job.
    oldest: usize,
    /// Of each of its kinds the oldest job; in no order before it is asked.
    fresh: Vec<usize>,
    heads: BinaryHeap<Reverse<usize>>,
}

/// The levels, the one that goes first first.
const LEVELS: [Priority; 4] = [
    Priority::Urgent,
    Priority::High,
    Priority::Medium,
    Priority::Low,
];

/// Whose turn it is first: how many have started in this plan, since when the lane waits, the lane, and
/// where the turn stands.
type Place = (u32, (Time, bool), usize, usize);

impl Queue {
    /// Asks the jobs of some kinds in their order. By level; within a level groups take turns: it is the
    /// turn of the group of which the fewest have started at this level in this plan, then of the one
    /// that has waited longest for a turn, which is since it last started a job, or since its oldest
    /// job here came if that is later. All that by device type: see [`super::Lane`]. Within a group the older goes first. A job that cannot start uses
    /// up no turn, and no more are asked of a kind of which one has to wait.
    ///
    /// Urgent jobs beyond their group's quota are asked with the high ones.
    pub(super) fn walk(&self, kinds: &[usize], mut visit: impl FnMut(Priority, usize) -> Visit) {
        let mut waits = vec![false; self.kinds().len()];
        let mut beyond: Vec<(usize, usize)> = Vec::new();
        for level in LEVELS {
            let kinds = kinds.iter().filter(|kind| !waits[**kind]);
            let heads = kinds.flat_map(|kind| self.oldest(level, *kind));
            let beyond_quota = std::mem::take(&mut beyond).into_iter();
            let beyond_quota = beyond_quota.filter(|(_, job)| !waits[self.kind_at(*job)]);
            let mut turns = self.turns(beyond_quota.chain(heads));
            let mut left = self.quotas(level);
            // Ties go by the lanes' names, as their numbers do.
            let place = |(at, turn): (usize, &Turn)| {
                let since = self.since(level, turn.lane, turn.oldest);
                Reverse((0, since, turn.lane, at))
            };
            let mut line: BinaryHeap<Reverse<Place>> =
                turns.iter().enumerate().map(place).collect();
            while let Some(Reverse((starts, since, lane, at))) = line.pop() {
                let turn = &mut turns[at];
                let left = &mut left[self.group_of(lane)];
                if *left == 0 {
                    beyond.extend(turn.rest().map(|job| (lane, job)));
                    continue;
                }
                let Some(job) = self.next(turn, &waits) else {
                    continue;
                };
                match visit(level, job) {
                    Visit::Starts => {
                        *left -= 1;
                        line.push(Reverse((starts + 1, since, lane, at)));
                    }
                    Visit::Waits => {
                        waits[self.kind_at(job)] = true;
                        line.push(Reverse((starts, since, lane, at)));
                    }
                    Visit::Enough => return,
                }
            }
        }
    }

    /// A turn for each lane of these heads.
    fn turns(&self, heads: impl Iterator<Item = (usize, usize)>) -> Vec<Turn> {
        let mut turns: Vec<Turn> = Vec::new();
        let mut place_of: Vec<Option<usize>> = vec![None; self.lanes()];
        for (lane, job) in heads {
            let at = *place_of[lane].get_or_insert_with(|| {
                turns.push(Turn {
                    lane,
                    oldest: job,
                    fresh: Vec::new(),
                    heads: BinaryHeap::new(),
                });
                turns.len() - 1
            });
            turns[at].oldest = turns[at].oldest.min(job);
            turns[at].fresh.push(job);
        }
        turns
    }

    /// The oldest job of a turn that can be asked.
    fn next(&self, turn: &mut Turn, waits: &[bool]) -> Option<usize> {
        if !turn.fresh.is_empty() {
            let fresh = std::mem::take(&mut turn.fresh).into_iter();
            let fresh = fresh.filter(|job| !waits[self.kind_at(*job)]);
            turn.heads.extend(fresh.map(Reverse));
        }
        while let Some(Reverse(job)) = turn.heads.pop() {
            if !waits[self.kind_at(job)] {
                turn.heads.extend(self.after(job).map(Reverse));
                return Some(job);
            }
        }
        None
    }
}

impl Turn {
    /// The heads of which none has been asked.
    fn rest(&self) -> impl Iterator<Item = usize> {
        let heads = self.heads.iter().map(|Reverse(job)| *job);
        heads.chain(self.fresh.iter().copied())
    }
}
