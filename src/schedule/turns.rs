//! The order in which waiting jobs are asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, btree_set};

use super::lines::Since;
use super::queue::Queue;
use crate::model::Priority;

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
    /// Of each of its kinds the oldest job; in no order before it is asked.
    fresh: Vec<usize>,
    heads: BinaryHeap<Reverse<usize>>,
}

/// The levels, the one that goes first first.
pub(super) const LEVELS: [Priority; 4] = [
    Priority::Urgent,
    Priority::High,
    Priority::Medium,
    Priority::Low,
];

/// Whose turn it is first: how many have started in this plan, since when the lane waits, the lane, and
/// where the turn stands. Ties go by the lanes' names, as their numbers do.
type Place = (u32, Since, usize, usize);

/// The turns at one level. A lane gets its turn when it comes to that: most never do.
struct Round<'q> {
    queue: &'q Queue,
    level: Priority,
    /// The kinds of which jobs were still asked when the round began.
    asked: Vec<bool>,
    turns: Vec<Turn>,
    line: BinaryHeap<Reverse<Place>>,
    /// For each kind its lanes, and of each kind the next one.
    lanes: Vec<btree_set::Iter<'q, (Since, usize)>>,
    next: BinaryHeap<Reverse<(Since, usize, usize)>>,
    has_turn: Vec<bool>,
}

impl Queue {
    /// Asks the jobs of some kinds in their order. By level; within a level groups take turns: it is the
    /// turn of the group of which the fewest have started at this level in this plan, then of the one
    /// that has waited longest for a turn, which is since it last started a job, or since its oldest
    /// job here came if that is later. All that by device type: see [`super::Lane`]. Within a group the
    /// older goes first. A job that cannot start uses up no turn, and no more are asked of a kind of
    /// which one has to wait.
    ///
    /// Urgent jobs beyond their group's quota are asked with the high ones.
    pub(super) fn walk(&self, kinds: &[usize], mut visit: impl FnMut(Priority, usize) -> Visit) {
        let mut asked = vec![false; self.kinds().len()];
        kinds.iter().for_each(|kind| asked[*kind] = true);
        let mut left = kinds.len();
        let mut beyond: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for level in LEVELS {
            let mut round = Round::new(self, level, kinds, asked.clone(), &beyond);
            beyond.clear();
            let mut started: BTreeMap<usize, u32> = BTreeMap::new();
            while let Some((starts, since, lane, at)) = round.next() {
                let turn = &mut round.turns[at];
                let group = self.group_of(lane);
                let started = started.entry(group).or_default();
                if *started >= self.quota(level, group) {
                    beyond.entry(lane).or_default().extend(turn.rest());
                    continue;
                }
                let Some(job) = self.next(turn, &asked) else {
                    continue;
                };
                match visit(level, job) {
                    Visit::Starts => {
                        *started += 1;
                        round.line.push(Reverse((starts + 1, since, lane, at)));
                    }
                    Visit::Waits => {
                        asked[self.kind_at(job)] = false;
                        left -= 1;
                        if left == 0 {
                            return;
                        }
                        round.line.push(Reverse((starts, since, lane, at)));
                    }
                    Visit::Enough => return,
                }
            }
        }
    }

    /// The oldest job of a turn that can be asked.
    fn next(&self, turn: &mut Turn, asked: &[bool]) -> Option<usize> {
        if !turn.fresh.is_empty() {
            let fresh = std::mem::take(&mut turn.fresh).into_iter();
            let fresh = fresh.filter(|job| asked[self.kind_at(*job)]);
            turn.heads.extend(fresh.map(Reverse));
        }
        while let Some(Reverse(job)) = turn.heads.pop() {
            if asked[self.kind_at(job)] {
                turn.heads.extend(self.after(job).map(Reverse));
                return Some(job);
            }
        }
        None
    }
}

impl<'q> Round<'q> {
    /// With the jobs of some lanes from the level above.
    fn new(
        queue: &'q Queue,
        level: Priority,
        kinds: &[usize],
        asked: Vec<bool>,
        beyond: &BTreeMap<usize, Vec<usize>>,
    ) -> Self {
        let asked_kinds = kinds.iter().filter(|kind| asked[**kind]);
        let lanes = asked_kinds.map(|kind| queue.lines(level).of_kind(*kind));
        let mut round = Self {
            queue,
            level,
            turns: Vec::new(),
            line: BinaryHeap::new(),
            lanes: lanes.collect(),
            next: BinaryHeap::new(),
            has_turn: vec![false; queue.lanes()],
            asked,
        };
        (0..round.lanes.len()).for_each(|at| round.advance(at));
        for (lane, jobs) in beyond {
            round.join(*lane, jobs);
        }
        round
    }

    /// Whose turn it is.
    fn next(&mut self) -> Option<Place> {
        while let Some(Reverse((since, lane, at))) = self.next.peek().copied() {
            let first = self.line.peek();
            if first.is_some_and(|Reverse(first)| *first < (0, since, lane, 0)) {
                break;
            }
            self.next.pop();
            self.advance(at);
            self.join(lane, &[]);
        }
        self.line.pop().map(|Reverse(place)| place)
    }

    /// Goes on to the next lane of a kind.
    fn advance(&mut self, at: usize) {
        let next = self.lanes[at].next();
        let next = next.map(|(since, lane)| Reverse((*since, *lane, at)));
        self.next.extend(next);
    }

    /// Puts a lane in line, where its oldest job says, if it is not there yet.
    fn join(&mut self, lane: usize, more: &[usize]) {
        if std::mem::replace(&mut self.has_turn[lane], true) {
            return;
        }
        let heads = self.queue.lines(self.level).heads(lane);
        let more = more.iter().map(|job| (self.queue.kind_at(*job), *job));
        let fresh = heads.chain(more).filter(|(kind, _)| self.asked[*kind]);
        let fresh: Vec<usize> = fresh.map(|(_, job)| job).collect();
        let Some(oldest) = fresh.iter().min() else {
            return;
        };
        let since = self.queue.since(self.level, lane, *oldest);
        let place = (0, since, lane, self.turns.len());
        self.line.push(Reverse(place));
        self.turns.push(Turn {
            fresh,
            heads: BinaryHeap::new(),
        });
    }
}

impl Turn {
    /// The heads of which none has been asked.
    fn rest(&self) -> impl Iterator<Item = usize> {
        let heads = self.heads.iter().map(|Reverse(job)| *job);
        heads.chain(self.fresh.iter().copied())
    }
}
