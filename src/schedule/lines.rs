//! The waiting jobs of a level, in the order in which their lanes take turns: kept, because finding it anew
//! at each event of a forecast would cost as much as there are groups.

use std::collections::{BTreeMap, BTreeSet, btree_set};

use crate::model::Time;

/// Since when a lane waits for its turn, and whether that is since its last start: who came at the very
/// moment of another's start goes before that one.
pub(super) type Since = (Time, bool);

/// The jobs that stand at one level. Jobs, lanes and kinds are places in the queue's lists.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// By lane and kind.
    buckets: BTreeMap<(usize, usize), Bucket>,
    /// For each kind the lanes that have jobs of it, who waits longest first.
    by_kind: Vec<BTreeSet<(Since, usize)>>,
}

#[derive(Debug, Clone)]
struct Bucket {
    jobs: BTreeSet<usize>,
    /// As its kind's line has it.
    since: Since,
}

impl Lines {
    pub fn new(kinds: usize) -> Self {
        Self {
            buckets: BTreeMap::new(),
            by_kind: vec![BTreeSet::new(); kinds],
        }
    }

    /// Adds a job; `since` says since when its lane waits if a job is its oldest.
    pub fn insert(
        &mut self,
        (lane, kind): (usize, usize),
        job: usize,
        since: impl Fn(usize) -> Since,
    ) {
        let line = &mut self.by_kind[kind];
        let bucket = self.buckets.entry((lane, kind)).or_insert_with(|| {
            let since = since(job);
            line.insert((since, lane));
            Bucket {
                jobs: BTreeSet::new(),
                since,
            }
        });
        bucket.jobs.insert(job);
        if bucket.jobs.first() == Some(&job) {
            bucket.renew(lane, line, since);
        }
    }

    /// Takes a job out; says whether it was there.
    pub fn remove(
        &mut self,
        (lane, kind): (usize, usize),
        job: usize,
        since: impl Fn(usize) -> Since,
    ) -> bool {
        let line = &mut self.by_kind[kind];
        let Some(bucket) = self.buckets.get_mut(&(lane, kind)) else {
            return false;
        };
        let first = bucket.jobs.first() == Some(&job);
        let there = bucket.jobs.remove(&job);
        if bucket.jobs.is_empty() {
            line.remove(&(bucket.since, lane));
            self.buckets.remove(&(lane, kind));
        } else if first {
            bucket.renew(lane, line, since);
        }
        there
    }

    /// A lane has had a turn.
    pub fn renew(&mut self, lane: usize, since: impl Fn(usize) -> Since) {
        let buckets = self.buckets.range_mut((lane, 0)..=(lane, usize::MAX));
        for ((_, kind), bucket) in buckets {
            bucket.renew(lane, &mut self.by_kind[*kind], &since);
        }
    }

    /// The oldest job of each kind in a lane, with the kind.
    pub fn heads(&self, lane: usize) -> impl Iterator<Item = (usize, usize)> {
        let buckets = self.buckets.range((lane, 0)..=(lane, usize::MAX));
        buckets.filter_map(|((_, kind), bucket)| Some((*kind, *bucket.jobs.first()?)))
    }

    /// The next job of the same lane and kind.
    pub fn after(&self, place: (usize, usize), job: usize) -> Option<usize> {
        let jobs = &self.buckets.get(&place)?.jobs;
        jobs.range(job + 1..).next().copied()
    }

    /// The lanes that have jobs of a kind, who waits longest first. A lane may have come later than this
    /// says, never earlier: what was submitted at a date to come counts as of the moment at which it was
    /// put in, until something changes in its lane.
    pub fn of_kind(&self, kind: usize) -> btree_set::Iter<'_, (Since, usize)> {
        self.by_kind[kind].iter()
    }
}

impl Bucket {
    fn renew(
        &mut self,
        lane: usize,
        line: &mut BTreeSet<(Since, usize)>,
        since: impl Fn(usize) -> Since,
    ) {
        let Some(oldest) = self.jobs.first() else {
            return;
        };
        let since = since(*oldest);
        if since != self.since {
            line.remove(&(self.since, lane));
            line.insert((since, lane));
            self.since = since;
        }
    }
}
