//! How often the plan starts less than the best set, and how often the greedy rules of other systems do on
//! the same random farms. They are written anew here from their sources, as oracles.

use std::collections::BTreeSet;

use super::make::{Case, board, id, job, now, rules};
use super::{figure, is_long};
use crate::model::Priority;

/// A set of small numbers: tags, jobs, or boards.
type Set = u32;

/// Boards' tags, and jobs' tags, the job to be asked first first.
struct Instance {
    boards: Vec<Set>,
    jobs: Vec<(Priority, Set)>,
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

/// Up to six boards that carry each of three tags or not, and up to eight jobs that ask for one in
/// four of them.
fn instance(dice: &mut Dice) -> Instance {
    let tags = |dice: &mut Dice, of: u64| {
        (0..3)
            .filter(|_| dice.below(of) == 0)
            .map(|tag| 1 << tag)
            .sum()
    };
    let boards = (0..1 + dice.below(6)).map(|_| tags(dice, 2)).collect();
    let mut jobs: Vec<(Priority, Set)> = (0..1 + dice.below(8))
        .map(|_| {
            let priority =
                [Priority::Low, Priority::Medium, Priority::High][dice.below(3) as usize];
            (priority, tags(dice, 4))
        })
        .collect();
    jobs.sort_by_key(|(priority, _)| std::cmp::Reverse(*priority));
    Instance { boards, jobs }
}

impl Instance {
    fn fits(&self, job: usize, board: usize) -> bool {
        self.jobs[job].1 & !self.boards[board] == 0
    }

    /// The best set in order of rank, by trying every assignment: jobs as bits, the first one the
    /// highest.
    fn best(&self) -> Set {
        fn best(of: &Instance, job: usize, used: Set, known: &mut [[Option<Set>; 64]; 9]) -> Set {
            if job == of.jobs.len() {
                return 0;
            }
            if let Some(known) = known[job][used as usize] {
                return known;
            }
            let here = 1 << (of.jobs.len() - 1 - job);
            let mut found = best(of, job + 1, used, known);
            for board in (0..of.boards.len()).filter(|board| used & (1 << board) == 0) {
                if of.fits(job, board) {
                    found = found.max(here | best(of, job + 1, used | 1 << board, known));
                }
            }
            known[job][used as usize] = Some(found);
            found
        }
        best(self, 0, 0, &mut [[None; 64]; 9])
    }

    fn set(&self, started: impl IntoIterator<Item = usize>) -> Set {
        let bit = |job: usize| 1 << (self.jobs.len() - 1 - job);
        started.into_iter().map(bit).sum()
    }

    fn ours(&self) -> Set {
        let words = |tags: Set| {
            (0..3)
                .filter(move |tag| tags & (1 << tag) != 0)
                .map(|tag| format!("tag-{tag}"))
        };
        let jobs = self.jobs.iter().enumerate().map(|(n, (priority, tags))| {
            let mut job = job(n, *priority, "g");
            job.seats[0].tags = words(*tags).collect();
            job
        });
        let boards = self.boards.iter().enumerate().map(|(n, tags)| {
            let mut board = board(n);
            board.tags = words(*tags).collect();
            board
        });
        let boards: Vec<_> = boards.collect();
        let case = Case {
            jobs: jobs.collect(),
            idle: boards.iter().map(|board| board.name.clone()).collect(),
            boards,
            rules: rules(),
            now: now(),
        };
        let number = |of| (0..self.jobs.len()).find(|n| id(*n) == of).unwrap();
        self.set(case.set().into_iter().map(number))
    }

    /// LAVA: each free device, in random order, takes the first job that it can run.
    fn lava(&self, dice: &mut Dice) -> Set {
        let mut devices: Vec<usize> = (0..self.boards.len()).collect();
        dice.shuffle(&mut devices);
        let mut started = BTreeSet::new();
        for device in devices {
            let mut jobs = 0..self.jobs.len();
            started.extend(jobs.find(|job| !started.contains(job) && self.fits(*job, device)));
        }
        self.set(started)
    }

    /// openQA: each job in order takes the first free worker, in random order, that can run it.
    fn open_qa(&self, dice: &mut Dice) -> Set {
        let mut workers: Vec<usize> = (0..self.boards.len()).collect();
        dice.shuffle(&mut workers);
        let mut started = Vec::new();
        for job in 0..self.jobs.len() {
            if let Some(at) = workers.iter().position(|worker| self.fits(job, *worker)) {
                workers.remove(at);
                started.push(job);
            }
        }
        self.set(started)
    }

    /// labgrid: of the places that somebody wants, those that fewest want go each to its first;
    /// repeated with what is left.
    fn labgrid(&self) -> Set {
        let mut places: Vec<usize> = (0..self.boards.len()).collect();
        let mut waiting: Vec<usize> = (0..self.jobs.len()).collect();
        loop {
            let wanting = |place: &usize| -> Vec<usize> {
                let jobs = waiting.iter().filter(|job| self.fits(**job, *place));
                jobs.copied().collect()
            };
            let wanted = places.iter().map(|place| (*place, wanting(place)));
            let wanted: Vec<_> = wanted.filter(|(_, jobs)| !jobs.is_empty()).collect();
            let Some(fewest) = wanted.iter().map(|(_, jobs)| jobs.len()).min() else {
                break;
            };
            let now = wanted.iter().filter(|(_, jobs)| jobs.len() == fewest);
            // A job that two places are given to has the later one.
            let now: std::collections::BTreeMap<usize, usize> =
                now.map(|(place, jobs)| (jobs[0], *place)).collect();
            places.retain(|place| !now.values().any(|taken| taken == place));
            waiting.retain(|job| !now.contains_key(job));
        }
        self.set((0..self.jobs.len()).filter(|job| !waiting.contains(job)))
    }
}

#[test]
fn the_plan_is_never_worse_than_the_best_and_greedy_rules_are() {
    let instances = if is_long() { 1_000_000 } else { 20_000 };
    let mut dice = Dice(0x5eed_0fd1_ce00_0001);
    let [mut ours, mut lava, mut open_qa, mut labgrid] = [0; 4];
    for _ in 0..instances {
        let instance = instance(&mut dice);
        let best = instance.best();
        ours += u32::from(instance.ours() != best);
        lava += u32::from(instance.lava(&mut dice) != best);
        open_qa += u32::from(instance.open_qa(&mut dice) != best);
        labgrid += u32::from(instance.labgrid() != best);
    }
    let percent = |worse: u32| 100.0 * f64::from(worse) / f64::from(instances);
    figure("random farms", f64::from(instances), "farms");
    figure("worse than the best set: pumice", percent(ours), "%");
    figure("worse than the best set: rule of LAVA", percent(lava), "%");
    figure(
        "worse than the best set: rule of openQA",
        percent(open_qa),
        "%",
    );
    figure(
        "worse than the best set: rule of labgrid",
        percent(labgrid),
        "%",
    );
    assert_eq!(ours, 0);
    // The instances are hard enough to tell rules apart.
    assert!(lava > 0 && open_qa > 0 && labgrid > 0);
}
