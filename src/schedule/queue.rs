//! The waiting jobs and the boards, held so that the plan of a moment costs little: it is asked at every
//! event of a forecast.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet};

use super::bits::Bits;
use super::candidate::{Candidate, PlanBoard, Seat};
use super::fitting::{Fitting, Kind, by_runner, home};
use super::lines::{Lines, Since};
use super::rules::{Lane, Rules, Served, above, level, rises_at};
use super::turns::{LEVELS, Visit};
use crate::model::{BoardName, Priority, Time};

/// Waiting jobs, the boards that take jobs, and the moment.
#[derive(Debug, Clone)]
pub struct Queue {
    pub(super) now: Time,
    rules: Rules,
    /// By name.
    pub(super) boards: Vec<PlanBoard>,
    pub(super) idle: Bits,
    /// The older first.
    jobs: Vec<Candidate>,
    kinds: Vec<Kind>,
    kind_of: Vec<usize>,
    /// For each kind of group job the boards of the first runner that has enough of them, idle or not.
    homes: Vec<Option<Bits>>,
    /// By name.
    groups: Vec<Group>,
    /// In the order of their groups' names, then of their types'.
    lanes: Vec<LaneNow>,
    lane_of: Vec<usize>,
    level_of: Vec<Priority>,
    /// By level.
    lines: [Lines; 4],
    /// Of each kind the jobs that wait, with when their age began.
    of_kind: Vec<BTreeSet<(Time, usize)>>,
    /// For each board the kinds that fit it of which jobs wait.
    kinds_on: Vec<Vec<usize>>,
    /// When a job rises to a level or expires.
    changes: BinaryHeap<Reverse<(Time, usize)>>,
    /// For each board the asked tags it carries, a number each.
    tags: Vec<Vec<usize>>,
    tag_count: usize,
}

#[derive(Debug, Clone)]
struct Group {
    name: String,
    urgent_running: u32,
}

/// Whose turn it can be.
#[derive(Debug, Clone)]
struct LaneNow {
    /// The place of its group.
    group: usize,
    served: Served,
}

impl Queue {
    /// Neither list needs an order. Jobs that have expired are left out.
    pub fn new(
        mut jobs: Vec<Candidate>,
        mut boards: Vec<PlanBoard>,
        idle: impl Fn(&PlanBoard) -> bool,
        rules: Rules,
        now: Time,
    ) -> Self {
        jobs.sort_by_key(|job| (job.order, job.id));
        boards.sort_by(|a, b| a.name.cmp(&b.name));
        let idle = Bits::of(boards.len(), |board| idle(&boards[board]));
        let mut queue = Self {
            now,
            rules,
            idle,
            kinds: Vec::new(),
            kind_of: Vec::with_capacity(jobs.len()),
            homes: Vec::new(),
            groups: Vec::new(),
            lanes: Vec::new(),
            lane_of: Vec::with_capacity(jobs.len()),
            level_of: Vec::with_capacity(jobs.len()),
            lines: Default::default(),
            of_kind: Vec::new(),
            kinds_on: vec![Vec::new(); boards.len()],
            changes: BinaryHeap::new(),
            tags: Vec::new(),
            tag_count: 0,
            jobs,
            boards,
        };
        queue.find_kinds();
        queue.find_lanes();
        (0..queue.jobs.len()).for_each(|job| queue.put_in(job));
        queue.number_tags();
        queue
    }

    /// Jobs that ask alike are of a kind, and so are those whose wishes come to the same boards.
    fn find_kinds(&mut self) {
        type Asked<'j> = (
            &'j [Seat],
            &'j BTreeSet<BoardName>,
            &'j BTreeSet<BoardName>,
            Option<&'j str>,
        );
        let fitting = Fitting::new(&self.boards);
        let mut asked: HashMap<Asked<'_>, usize> = HashMap::new();
        let mut kinds: HashMap<Kind, usize> = HashMap::new();
        for job in &self.jobs {
            let asks = (
                job.seats.as_slice(),
                &job.not_on,
                &job.last_on,
                job.dispatcher.as_deref(),
            );
            let kind = *asked.entry(asks).or_insert_with(|| {
                let next = kinds.len();
                *kinds.entry(fitting.kind(job)).or_insert(next)
            });
            self.kind_of.push(kind);
        }
        let mut kinds: Vec<(Kind, usize)> = kinds.into_iter().collect();
        kinds.sort_unstable_by_key(|(_, number)| *number);
        self.kinds = kinds.into_iter().map(|(kind, _)| kind).collect();
        self.of_kind = vec![BTreeSet::new(); self.kinds.len()];
        self.lines = std::array::from_fn(|_| Lines::new(self.kinds.len()));
        for (number, kind) in self.kinds.iter().enumerate() {
            let on = kind.boards.iter();
            on.for_each(|at| self.kinds_on[at].push(number));
        }
        let runners = by_runner(&self.boards, 0..self.boards.len());
        let is_group = |kind: &&Kind| kind.seats.len() > 1;
        let homes = self.kinds.iter().map(|kind| {
            let group = Some(kind).filter(is_group)?;
            home(group, &runners).cloned()
        });
        self.homes = homes.collect();
    }

    fn find_lanes(&mut self) {
        let lanes: Vec<Lane> = self.jobs.iter().map(|job| job.lane(&self.boards)).collect();
        let known: BTreeSet<&Lane> = lanes.iter().collect();
        let numbers = known.iter().enumerate();
        let numbers: HashMap<&Lane, usize> = numbers.map(|(at, lane)| (*lane, at)).collect();
        self.lane_of = lanes.iter().map(|lane| numbers[lane]).collect();
        for lane in known {
            if self
                .groups
                .last()
                .is_none_or(|last| last.name != lane.group)
            {
                let running = self.rules.urgent_running.get(&lane.group);
                self.groups.push(Group {
                    name: lane.group.clone(),
                    urgent_running: running.copied().unwrap_or(0),
                });
            }
            self.lanes.push(LaneNow {
                group: self.groups.len() - 1,
                served: self.rules.served.get(lane).copied().unwrap_or_default(),
            });
        }
    }

    /// Puts a job that is not known yet where it belongs.
    fn put_in(&mut self, job: usize) {
        let candidate = &self.jobs[job];
        let waited_s = self.now.seconds_since(candidate.submitted_at);
        let level = level(&self.rules.plan, candidate.priority, waited_s);
        self.level_of.push(level);
        if !self.is_expired(job) {
            self.of_kind[self.kind_of[job]].insert((candidate.submitted_at, job));
            self.stand(job, level);
        }
    }

    /// Puts a job at a level, until that changes.
    fn stand(&mut self, job: usize, level: Priority) {
        let candidate = &self.jobs[job];
        let rises = rises_at(
            &self.rules.plan,
            candidate.priority,
            level,
            candidate.submitted_at,
        );
        let changes = rises.into_iter().chain(candidate.expires_at).min();
        self.changes.extend(changes.map(|at| Reverse((at, job))));
        self.level_of[job] = level;
        let place = self.place_of(job);
        let (lines, since) = self.line_at(level, place.0);
        lines.insert(place, job, since);
    }

    fn is_expired(&self, job: usize) -> bool {
        let expires = self.jobs[job].expires_at;
        expires.is_some_and(|at| at <= self.now)
    }

    /// A tag counts on the boards of one device type: that is what jobs ask for.
    fn number_tags(&mut self) {
        let waiting = self.jobs.iter().flat_map(|job| &job.seats);
        let waiting = waiting.flat_map(|seat| &seat.tags).map(String::as_str);
        let asked: HashSet<&str> = waiting
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
        while let Some(Reverse((at, job))) = self.changes.peek().copied() {
            if at > self.now {
                return;
            }
            self.changes.pop();
            if !self.take_out(job) {
                continue;
            }
            if self.is_expired(job) {
                self.forget(job);
                continue;
            }
            let candidate = &self.jobs[job];
            let waited_s = self.now.seconds_since(candidate.submitted_at);
            let by_age = level(&self.rules.plan, candidate.priority, waited_s);
            // Moments are whole milliseconds and steps need not be.
            let risen = by_age.max(above(self.level_of[job]));
            self.stand(job, risen);
        }
    }

    /// Takes a job out of its level; says whether it was there.
    fn take_out(&mut self, job: usize) -> bool {
        let place = self.place_of(job);
        let (lines, since) = self.line_at(self.level_of[job], place.0);
        lines.remove(place, job, since)
    }

    /// Its lane and its kind.
    fn place_of(&self, job: usize) -> (usize, usize) {
        (self.lane_of[job], self.kind_of[job])
    }

    /// The jobs of a level, and since when a lane waits there if a job is its oldest.
    fn line_at(
        &mut self,
        level: Priority,
        lane: usize,
    ) -> (&mut Lines, impl Fn(usize) -> Since + use<'_>) {
        let served = self.lanes[lane].served.of(level);
        let (jobs, now) = (&self.jobs, self.now);
        let since = move |oldest: usize| since(served, jobs[oldest].submitted_at.min(now));
        (&mut self.lines[level as usize], since)
    }

    /// A job that has been taken out does not come back.
    fn forget(&mut self, job: usize) {
        let kind = self.kind_of[job];
        self.of_kind[kind].remove(&(self.jobs[job].submitted_at, job));
        if self.of_kind[kind].is_empty() {
            for board in self.kinds[kind].boards.iter() {
                self.kinds_on[board].retain(|known| *known != kind);
            }
        }
    }

    /// A job starts now on these boards.
    pub fn start(&mut self, job: usize, boards: &[usize]) {
        if self.take_out(job) {
            self.forget(job);
        }
        boards.iter().for_each(|&board| self.idle.remove(board));
        let priority = self.jobs[job].priority;
        let lane = &mut self.lanes[self.lane_of[job]];
        lane.served.note(priority, self.now);
        let group = &mut self.groups[lane.group];
        group.urgent_running += u32::from(priority == Priority::Urgent);
        for level in LEVELS {
            let lane = self.lane_of[job];
            let (lines, since) = self.line_at(level, lane);
            lines.renew(lane, since);
        }
    }

    /// A board is idle again that was busy for so long.
    pub fn release(&mut self, board: usize, busy_ms: u64) {
        self.idle.insert(board);
        let sum = &mut self.boards[board].busy_ms;
        *sum = sum.saturating_add(busy_ms);
    }

    /// An urgent job of a group has ended.
    pub fn end_urgent(&mut self, group: &str) {
        let place = self
            .groups
            .binary_search_by(|known| known.name.as_str().cmp(group));
        if let Ok(at) = place {
            let running = &mut self.groups[at].urgent_running;
            *running = running.saturating_sub(1);
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

    /// How many can take turns.
    pub(super) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// The group whose turns a lane's are.
    pub(super) fn group_of(&self, lane: usize) -> usize {
        self.lanes[lane].group
    }

    pub(super) fn kind_at(&self, job: usize) -> usize {
        self.kind_of[job]
    }

    pub(super) fn kind_of(&self, job: usize) -> &Kind {
        &self.kinds[self.kind_of[job]]
    }

    /// For each job, in their order, how many before it would take one of the boards that it could have.
    /// Group jobs for which no runner has the boards take none.
    pub fn ahead(&self) -> Vec<(usize, usize)> {
        // Kinds that fit the same boards are rivals of the same.
        let mut sets: HashMap<&Bits, usize> = HashMap::new();
        let set_of = self.kinds.iter().map(|kind| {
            let next = sets.len();
            *sets.entry(&kind.boards).or_insert(next)
        });
        let set_of: Vec<usize> = set_of.collect();
        let mut on = vec![Bits::new(sets.len()); self.boards.len()];
        for (boards, set) in &sets {
            boards.iter().for_each(|board| on[board].insert(*set));
        }
        let mut rivals = vec![Bits::new(sets.len()); sets.len()];
        for (boards, set) in &sets {
            let theirs = &mut rivals[*set];
            boards.iter().for_each(|board| theirs.join(&on[board]));
        }
        let mut asked = vec![0; sets.len()];
        let mut ahead = Vec::with_capacity(self.jobs.len());
        for (_, job) in self.order() {
            let kind = self.kind_of[job];
            let rivals = rivals[set_of[kind]].iter();
            ahead.push((job, rivals.map(|set| asked[set]).sum()));
            if self.kinds[kind].seats.len() == 1 || self.homes[kind].is_some() {
                asked[set_of[kind]] += 1;
            }
        }
        ahead
    }

    /// The waiting jobs of the same kind, with when their age began, the one that has waited longest first.
    pub(super) fn alike(&self, job: usize) -> impl Iterator<Item = (Time, usize)> {
        self.of_kind[self.kind_of[job]].iter().copied()
    }

    /// Where a group job holds boards: see [`super::HOLD_AFTER_S`].
    pub(super) fn home_of(&self, job: usize) -> Option<&Bits> {
        self.homes[self.kind_of[job]].as_ref()
    }

    /// The kinds of which jobs wait that fit an idle board.
    pub(super) fn askable(&self) -> Vec<usize> {
        let mut seen = vec![false; self.kinds.len()];
        let on_idle = self.idle.iter().flat_map(|board| &self.kinds_on[board]);
        let new = |kind: &usize| !std::mem::replace(&mut seen[*kind], true);
        on_idle.copied().filter(new).collect()
    }

    /// The jobs in the order in which they are asked if each of them starts, with their levels.
    pub fn order(&self) -> Vec<(Priority, usize)> {
        let mut order = Vec::with_capacity(self.jobs.len());
        let all: Vec<usize> = (0..self.kinds.len()).collect();
        self.walk(&all, |level, job| {
            order.push((level, job));
            Visit::Starts
        });
        order
    }

    /// The jobs that stand at a level.
    pub(super) fn lines(&self, level: Priority) -> &Lines {
        &self.lines[level as usize]
    }

    /// The next job of the same lane, kind and level.
    pub(super) fn after(&self, job: usize) -> Option<usize> {
        self.lines(self.level_of[job])
            .after(self.place_of(job), job)
    }

    /// How many more jobs of a group may start at a level.
    pub(super) fn quota(&self, level: Priority, group: usize) -> u32 {
        let quota = self.rules.plan.urgent_per_group;
        match level {
            Priority::Urgent => quota.saturating_sub(self.groups[group].urgent_running),
            _ => u32::MAX,
        }
    }

    /// Since when a lane waits for its turn at a level at which this is its oldest job.
    pub(super) fn since(&self, level: Priority, lane: usize, oldest: usize) -> Since {
        let came = self.jobs[oldest].submitted_at.min(self.now);
        since(self.lanes[lane].served.of(level), came)
    }

    /// The idle boards, the one to use first first: the least scarce, then the least busy, then by
    /// name. The rarest of the asked tags that a board carries says how scarce it is, then the next
    /// rare; a tag is as rare as few idle boards of the device type carry it.
    pub(super) fn preferred(&self) -> Vec<usize> {
        let mut count = vec![0_u32; self.tag_count];
        for board in self.idle.iter() {
            self.tags[board].iter().for_each(|&tag| count[tag] += 1);
        }
        let rare = |board: usize| {
            let tags = self.tags[board].iter();
            let mut rare: Vec<u32> = tags.map(|&tag| u32::MAX - count[tag]).collect();
            rare.sort_unstable_by_key(|rarity| Reverse(*rarity));
            rare
        };
        let mut preferred: Vec<usize> = self.idle.iter().collect();
        preferred.sort_by_cached_key(|&board| (rare(board), self.boards[board].busy_ms, board));
        preferred
    }
}

/// Since when a lane waits that was last served then and whose oldest job came then.
fn since(served: Option<Time>, came: Time) -> Since {
    match served {
        Some(served) if served >= came => (served, true),
        _ => (came, false),
    }
}
