//! A farm made up from a seed: boards of a few types, suites of known length, days and nights.

use std::f64::consts::TAU;

use super::dice::Dice;
use super::workload::{self, Arrival, End, Workload};
use crate::model::{Priority, Time};

/// Each suite belongs to one device type.
const SUITES: usize = 30;

/// How far runs of a suite are from its length, as a share of it.
const SPREAD: f64 = 0.12;

/// The share of runs that fail somewhere on their way.
const FAIL: f64 = 0.07;

/// The share of runs that hang until their time limit.
const TIME_OUT: f64 = 0.03;

/// Of low and of high priority; the others are medium.
const LOW: f64 = 0.2;
const HIGH: f64 = 0.1;

/// By how much more jobs come at noon than in the mean, and fewer at midnight.
const BY_DAY: f64 = 0.8;

/// A suite's median length in seconds, and how far the suites differ: nine in ten take between four
/// minutes and three quarters of an hour.
const LENGTH_S: f64 = 800.0;
const LENGTHS: f64 = 0.75;

const USERS: usize = 12;

/// When it begins, a Monday; the year says nothing.
const BEGIN: i64 = 1_767_571_200;

/// What a made-up farm is like.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthetic {
    pub boards: usize,
    pub types: usize,
    /// How busy the boards of the busiest type are; those of the least busy one are about half as busy.
    pub load: f64,
    pub jobs: usize,
    /// Groups that take turns; the users of one group do not.
    pub groups: usize,
    pub seed: u64,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self {
            boards: 9,
            types: 3,
            load: 0.85,
            jobs: 2400,
            groups: 1,
            seed: 1,
        }
    }
}

struct Suite {
    name: String,
    device_type: usize,
    /// The lengths of its steps.
    steps_s: Vec<f64>,
    limit_s: f64,
}

impl Suite {
    fn new(n: usize, types: usize, dice: &mut Dice) -> Self {
        let length = (LENGTH_S * (LENGTHS * dice.normal()).exp()).clamp(60.0, 4.0 * 3600.0);
        // Deploy, boot, two tests of any length: the shares people see.
        let cut = 0.1 + 0.8 * dice.share();
        let shares = [0.1, 0.1, 0.8 * cut, 0.8 * (1.0 - cut)];
        // Limits are round, and several times what is needed.
        let limit = (length * (2.0 + 2.0 * dice.share()) / 300.0).ceil() * 300.0;
        Self {
            name: format!("suite-{n:02}"),
            device_type: n % types,
            steps_s: shares.iter().map(|share| share * length).collect(),
            limit_s: limit,
        }
    }

    fn run(&self, dice: &mut Dice) -> (Vec<f64>, End) {
        let factor = (1.0 + SPREAD * dice.normal()).max(0.3);
        let mut steps: Vec<f64> = self.steps_s.iter().map(|step| step * factor).collect();
        let luck = dice.share();
        let (end, until) = if luck < FAIL {
            (End::Fails, steps.iter().sum::<f64>() * dice.share())
        } else if luck < FAIL + TIME_OUT {
            // Whatever hangs, hangs in its last step.
            if let Some(last) = steps.last_mut() {
                *last += self.limit_s;
            }
            (End::TimesOut, self.limit_s)
        } else {
            (End::Complete, self.limit_s)
        };
        let mut left = until;
        for step in &mut steps {
            *step = step.min(left);
            left -= *step;
        }
        steps.retain(|step| *step > 0.0);
        (steps, end)
    }
}

impl Synthetic {
    pub fn workload(&self) -> Workload {
        let mut dice = Dice::new(self.seed);
        let types = self.types.clamp(1, self.boards.max(1));
        let name = |n: usize| format!("type-{n}");
        let names: Vec<String> = (0..types).map(name).collect();
        let boards = workload::boards(names.iter().map(String::as_str).cycle().take(self.boards));
        let count = SUITES.max(types);
        let suites: Vec<Suite> = (0..count)
            .map(|n| Suite::new(n, types, &mut dice))
            .collect();
        // Which jobs come depends on nothing but the seed and the types, when they come on another
        // row of numbers: so the same jobs meet more boards, or come faster.
        let mut clock = Dice::new(!self.seed);
        let of_type = |one: usize| suites.iter().filter(move |suite| suite.device_type == one);
        let means: Vec<f64> = (0..types)
            .map(|one| of_type(one).map(Suite::mean_s).sum::<f64>() / of_type(one).count() as f64)
            .collect();
        // How many jobs of each type come, beside the others, and how many a second in all.
        let rates: Vec<f64> = means
            .iter()
            .enumerate()
            .map(|(one, mean)| (1.0 - 0.5 * one as f64 / (types.max(2) - 1) as f64) / mean)
            .collect();
        let total: f64 = rates.iter().sum();
        let busiest = (0..types).map(|one| {
            let theirs = boards.iter().filter(|board| board.device_type == name(one));
            rates[one] * means[one] / theirs.count().max(1) as f64
        });
        let per_second = total * self.load / busiest.fold(0.0, f64::max);
        let mut jobs = Vec::with_capacity(self.jobs);
        let mut at = 0.0;
        while jobs.len() < self.jobs {
            // Thinning: as many as by day come all the time, and by night most are dropped.
            at += clock.gap() / (per_second * (1.0 + BY_DAY));
            let busy = 1.0 - BY_DAY * (TAU * at / 86_400.0).cos();
            if clock.share() * (1.0 + BY_DAY) > busy {
                continue;
            }
            let mut pick = dice.share() * total;
            let mut device_type = types - 1;
            for (one, rate) in rates.iter().enumerate() {
                if pick < *rate {
                    device_type = one;
                    break;
                }
                pick -= rate;
            }
            let per_type = (count - device_type).div_ceil(types);
            let suite = &suites[device_type + types * dice.below(per_type)];
            let level = dice.share();
            let priority = if level < LOW {
                Priority::Low
            } else if level < LOW + HIGH {
                Priority::High
            } else {
                Priority::Medium
            };
            let (steps_s, end) = suite.run(&mut dice);
            jobs.push(Arrival {
                at: Time::from_unix(BEGIN).plus_seconds(at),
                name: suite.name.clone(),
                user: format!("user-{:02}", dice.below(USERS)),
                device_type: name(device_type),
                priority,
                limit_s: suite.limit_s,
                actions: suite.steps_s.len(),
                steps_s,
                end,
            });
        }
        let groups = self.groups.max(1);
        let group = |user: usize| {
            (
                format!("user-{user:02}"),
                format!("group-{}", user % groups),
            )
        };
        Workload {
            boards,
            jobs,
            groups: (0..USERS).map(group).collect(),
        }
    }
}

impl Suite {
    /// How long its runs take in the mean, those that end otherwise than they should too.
    fn mean_s(&self) -> f64 {
        let length: f64 = self.steps_s.iter().sum();
        (1.0 - FAIL - TIME_OUT) * length + FAIL * length / 2.0 + TIME_OUT * self.limit_s
    }
}
