//! The waiting jobs and the boards, held so that the plan of a moment costs little: it is asked at every
//! event of a forecast.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::bits::Bits;
use super::candidate::{Candidate, PlanBoard, Seat, fits};
use super::rules::{Rules, Served, level, rises_at};
use crate::model::{BoardName, Priority, Time};

/// Waiting jobs, the boards that take jobs, and the moment.
#[derive(Debug, Clone)]
pub struct Queue {
    pub(super) now: Time,
    rules: Rules,
    /// By name.
    pub(super) boards: Vec<PlanBoard>,
    pub(super) idle: Bits,
    pub(super) jobs: Vec<Candidate>,
    kinds: Vec<Kind>,
    kind_of: Vec<usize>,
    groups: Vec<Group>,
    group_of: Vec<usize>,
    level_of: Vec<Priority>,
    /// By level the jobs of each group and kind, the older first.
    levels: [BTreeMap<(usize, usize), BTreeSet<Place>>; 4],
    rises: BinaryHeap<Reverse<(Time, usize)>>,
    /// For each board the asked tags it carries, a number each.
    tags: Vec<Vec<usize>>,
    tag_count: usize,
}

/// A job's place among those of its group, and the job.
type Place = (i64, crate::model::JobId, usize);

/// What jobs have in common that fit the same boards.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    /// For each seat the boards that fit it, busy ones too.
    pub seats: Vec<Bits>,
    /// Boards to be taken only where no other is idle.
    pub last_on: Option<Bits>,
}

#[derive(Debug, Clone)]
struct Group {
    name: String,
    served: Served,
    urgent_running: u32,
}

/// What comes of a job that is asked in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visit {
    Starts,
    /// It waits, and so does every later one of its kind.
    Waits,
    /// Nobody needs to be asked any more.
    Enough,
}

/// The jobs of one group at one level that still can be asked.
struct Turn<'q> {
    group: usize,
    /// How many more may start at this level.
    left: u32,
    heads: Vec<Heads<'q>>,
}

/// The jobs of one kind.
struct Heads<'q> {
    kind: usize,
    rest: std::iter::Peekable<std::collections::btree_set::Iter<'q, Place>>,
}

impl Queue {
    pub fn new(
        jobs: Vec<Candidate>,
        mut boards: Vec<PlanBoard>,
        idle: impl Fn(&PlanBoard) -> bool,
        rules: Rules,
        now: Time,
    ) -> Self {
        boards.sort_by(|a, b| a.name.cmp(&b.name));
        let idle = Bits::of(boards.len(), |board| idle(&boards[board]));
        let mut queue = Self {
            now,
            rules,
            boards,
            idle,
            jobs,
            kinds: Vec::new(),
            kind_of: Vec::new(),
            groups: Vec::new(),
            group_of: Vec::new(),
            level_of: Vec::new(),
            levels: Default::default(),
            rises: BinaryHeap::new(),
            tags: Vec::new(),
            tag_count: 0,
        };
        queue.sort_in();
        queue.number_tags();
        queue
    }

    /// Finds every job's kind, group and level.
    fn sort_in(&mut self) {
        type Asked<'j> = (
            &'j [Seat],
            &'j BTreeSet<BoardName>,
            &'j BTreeSet<BoardName>,
            Option<&'j str>,
        );
        let mut kinds: BTreeMap<Asked<'_>, usize> = BTreeMap::new();
        let mut groups: HashMap<&str, usize> = HashMap::new();
        for (at, job) in self.jobs.iter().enumerate() {
            let asked: Asked<'_> = (
                &job.seats,
                &job.not_on,
                &job.last_on,
                job.dispatcher.as_deref(),
            );
            let kind = *kinds.entry(asked).or_insert_with(|| {
                self.kinds.push(Kind::new(job, &self.boards));
                self.kinds.len() - 1
            });
            let group = *groups.entry(&job.group).or_insert_with(|| {
                self.groups.push(Group {
                    name: job.group.clone(),
                    served: self
                        .rules
                        .served
                        .get(&job.group)
                        .copied()
                        .unwrap_or_default(),
                    urgent_running: self
                        .rules
                        .urgent_running
                        .get(&job.group)
                        .copied()
                        .unwrap_or(0),
                });
                self.groups.len() - 1
            });
            let waited_s = self.now.seconds_since(job.submitted_at);
            let level = level(&self.rules.plan, job.priority, waited_s);
            self.kind_of.push(kind);
            self.group_of.push(group);
            self.level_of.push(level);
            let place = (job.order, job.id, at);
            let bucket = self.levels[level as usize].entry((group, kind));
            bucket.or_default().insert(place);
            if let Some(next) = rises_at(&self.rules.plan, job.priority, level, job.submitted_at) {
                self.rises.push(Reverse((next, at)));
            }
        }
    }

    /// A tag counts on the boards of one device type: that is what jobs ask for.
    fn number_tags(&mut self) {
        let waiting = self.jobs.iter().flat_map(|job| &job.seats);
        let waiting = waiting.flat_map(|seat| &seat.tags).map(String::as_str);
        let asked: BTreeSet<&str> = waiting
            .chain(self.rules.asked.iter().map(String::as_str))
            .collect();
        let mut numbers: HashMap<(&str, &str), usize> = HashMap::new();
        for board in &self.boards {
            let carried: BTreeSet<&str> = board.tags.iter().map(String::as_str).collect();
            let mut tags = Vec::new();
            for tag in carried.into_iter().filter(|tag| asked.contains(tag)) {
                let next = numbers.len();
                let key = (board.device_type.as_str(), tag);
                tags.push(*numbers.entry(key).or_insert(next));
            }
            self.tags.push(tags);
        }
        self.tag_count = numbers.len();
    }

    /// Goes on to a later moment.
    pub fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
        while let Some(Reverse((at, job))) = self.rises.peek().copied() {
            if at > self.now {
                return;
            }
            self.rises.pop();
            if self.take_out(job) {
                let candidate = &self.jobs[job];
                let waited_s = self.now.seconds_since(candidate.submitted_at);
                let level = level(&self.rules.plan, candidate.priority, waited_s);
                let place = (candidate.order, candidate.id, job);
                let key = (self.group_of[job], self.kind_of[job]);
                self.level_of[job] = level;
                let bucket = self.levels[level as usize].entry(key);
                bucket.or_default().insert(place);
                let since = candidate.submitted_at;
                if let Some(next) = rises_at(&self.rules.plan, candidate.priority, level, since) {
                    self.rises.push(Reverse((next, job)));
                }
            }
        }
    }

    /// Takes a job out of the queue; says whether it was there.
    fn take_out(&mut self, job: usize) -> bool {
        let candidate = &self.jobs[job];
        let key = (self.group_of[job], self.kind_of[job]);
        let level = &mut self.levels[self.level_of[job] as usize];
        let Some(bucket) = level.get_mut(&key) else {
            return false;
        };
        let there = bucket.remove(&(candidate.order, candidate.id, job));
        if bucket.is_empty() {
            level.remove(&key);
        }
        there
    }

    /// A job starts now on these boards.
    pub fn start(&mut self, job: usize, boards: &[usize]) {
        self.take_out(job);
        boards.iter().for_each(|&board| self.idle.remove(board));
        let priority = self.jobs[job].priority;
        let group = &mut self.groups[self.group_of[job]];
        group.served.note(priority, self.now);
        group.urgent_running += u32::from(priority == Priority::Urgent);
    }

    /// A board is idle again that was busy for so long.
    pub fn release(&mut self, board: usize, busy_ms: u64) {
        self.idle.insert(board);
        let sum = &mut self.boards[board].busy_ms;
        *sum = sum.saturating_add(busy_ms);
    }

    /// An urgent job of a group has ended.
    pub fn end_urgent(&mut self, group: &str) {
        if let Some(known) = self.groups.iter_mut().find(|known| known.name == group) {
            known.urgent_running = known.urgent_running.saturating_sub(1);
        }
    }

    pub fn job(&self, job: usize) -> &Candidate {
        &self.jobs[job]
    }

    pub fn board(&self, board: usize) -> &PlanBoard {
        &self.boards[board]
    }

    pub fn boards(&self) -> &[PlanBoard] {
        &self.boards
    }

    pub fn is_idle(&self, board: usize) -> bool {
        self.idle.contains(board)
    }

    pub(super) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    pub(super) fn kind_of(&self, job: usize) -> &Kind {
        &self.kinds[self.kind_of[job]]
    }

    /// For each job, in their order, how many before it would take one of the boards that it could have.
    pub fn ahead(&self) -> Vec<(usize, usize)> {
        let any = |kind: &Kind| {
            let mut any = Bits::new(self.boards.len());
            kind.seats.iter().for_each(|may| any.extend(may));
            any
        };
        let boards: Vec<Bits> = self.kinds.iter().map(any).collect();
        let mut asked = vec![0; boards.len()];
        let mut ahead = Vec::with_capacity(self.jobs.len());
        for (_, job) in self.order() {
            let kind = self.kind_of[job];
            let rivals = boards.iter().zip(&asked);
            let rivals = rivals.filter(|(theirs, n)| **n > 0 && theirs.meets(&boards[kind]));
            ahead.push((job, rivals.map(|(_, n)| n).sum()));
            asked[kind] += 1;
        }
        ahead
    }

    /// The jobs in the order in which they are asked if each of them starts, with their levels.
    pub fn order(&self) -> Vec<(Priority, usize)> {
        let mut order = Vec::with_capacity(self.jobs.len());
        self.walk(vec![false; self.kinds.len()], |level, job| {
            order.push((level, job));
            Visit::Starts
        });
        order
    }

    /// Asks jobs in their order. By level; within a level groups take turns: it is the turn of the
    /// group of which the fewest have started in this plan, then of the one that has waited longest
    /// for a turn, which is since it last started a job, or since its oldest job here came if that is
    /// later. Within a group the older goes first. A job that cannot start uses up no turn.
    ///
    /// Jobs of a kind in `skip` are not asked, and no more of a kind of which one has to wait.
    pub(super) fn walk(
        &self,
        mut skip: Vec<bool>,
        mut visit: impl FnMut(Priority, usize) -> Visit,
    ) {
        // Urgent jobs beyond their group's quota: they are asked with the high ones.
        let mut beyond: Vec<Turn<'_>> = Vec::new();
        for level in [
            Priority::Urgent,
            Priority::High,
            Priority::Medium,
            Priority::Low,
        ] {
            let mut turns = self.turns(level, std::mem::take(&mut beyond));
            let mut line: BTreeSet<(u32, Time, usize)> = turns
                .iter()
                .enumerate()
                .map(|(at, turn)| (0, self.since(level, turn), at))
                .collect();
            while let Some((starts, since, at)) = line.pop_first() {
                let turn = &mut turns[at];
                if turn.left == 0 {
                    continue;
                }
                let Some((kind, job)) = turn.next(self, &skip) else {
                    continue;
                };
                match visit(level, job) {
                    Visit::Starts => {
                        turn.left -= 1;
                        line.insert((starts + 1, since, at));
                    }
                    Visit::Waits => {
                        skip[kind] = true;
                        line.insert((starts, since, at));
                    }
                    Visit::Enough => return,
                }
            }
            if level == Priority::Urgent {
                turns.retain(|turn| turn.left == 0);
                beyond = turns;
            }
        }
    }

    fn turns<'q>(&'q self, level: Priority, beyond: Vec<Turn<'q>>) -> Vec<Turn<'q>> {
        let mut turns: Vec<Turn<'q>> = Vec::new();
        let mut place_of: HashMap<usize, usize> = HashMap::new();
        for mut turn in beyond {
            turn.left = u32::MAX;
            place_of.insert(turn.group, turns.len());
            turns.push(turn);
        }
        for (&(group, kind), bucket) in &self.levels[level as usize] {
            let at = *place_of.entry(group).or_insert_with(|| {
                let left = if level == Priority::Urgent {
                    let quota = self.rules.plan.urgent_per_group;
                    quota.saturating_sub(self.groups[group].urgent_running)
                } else {
                    u32::MAX
                };
                turns.push(Turn {
                    group,
                    left,
                    heads: Vec::new(),
                });
                turns.len() - 1
            });
            let rest = bucket.iter().peekable();
            turns[at].heads.push(Heads { kind, rest });
        }
        // The same order whatever the numbers of groups are.
        turns.sort_by(|a, b| self.groups[a.group].name.cmp(&self.groups[b.group].name));
        turns
    }

    /// Since when a group waits for its turn at a level.
    fn since(&self, level: Priority, turn: &Turn<'_>) -> Time {
        let heads = turn.heads.iter();
        let oldest = heads
            .filter_map(|heads| heads.rest.clone().next())
            .min()
            .map(|(.., job)| self.jobs[*job].submitted_at.min(self.now));
        let served = self.groups[turn.group].served.of(level);
        oldest.max(served).unwrap_or(self.now)
    }

    /// A number for each board that says how much is lost by using it: larger ones are rarer. The
    /// rarest of its tags decides, then the next rare, among the idle boards of its device type.
    pub(super) fn scarcity(&self) -> Vec<Vec<u32>> {
        let mut count = vec![0_u32; self.tag_count];
        for board in self.idle.iter() {
            self.tags[board].iter().for_each(|&tag| count[tag] += 1);
        }
        let rare = |tags: &Vec<usize>| {
            let mut rare: Vec<u32> = tags.iter().map(|&tag| u32::MAX - count[tag]).collect();
            rare.sort_unstable_by_key(|rarity| Reverse(*rarity));
            rare
        };
        self.tags.iter().map(rare).collect()
    }
}

impl Turn<'_> {
    /// The oldest job that can be asked.
    fn next(&mut self, queue: &Queue, skip: &[bool]) -> Option<(usize, usize)> {
        self.heads.retain(|heads| !skip[heads.kind]);
        loop {
            let heads = self.heads.iter_mut();
            let first = heads.filter_map(|heads| Some((**heads.rest.peek()?, heads)));
            let ((.., job), heads) = first.min_by_key(|(place, _)| *place)?;
            let kind = heads.kind;
            heads.rest.next();
            let expired = |at: Time| at <= queue.now;
            if !queue.jobs[job].expires_at.is_some_and(expired) {
                return Some((kind, job));
            }
        }
    }
}

impl Kind {
    fn new(job: &Candidate, boards: &[PlanBoard]) -> Self {
        let on = |seat: &Seat| Bits::of(boards.len(), |board| fits(job, seat, &boards[board]));
        let last = Bits::of(boards.len(), |at| job.last_on.contains(&boards[at].name));
        Self {
            seats: job.seats.iter().map(on).collect(),
            last_on: Some(last).filter(|last| !last.is_empty()),
        }
    }
}
