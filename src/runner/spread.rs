//! Keeps the runners of a far server from claiming the same jobs. What each of them sees of the queue is
//! a round trip old; if all took its head, most of their claims would be refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{JobId, Priority, RunnerName};
use crate::schedule::{Candidate, PlanBoard, fits};

/// How many jobs of the queue's head are divided, for each board: those that are about to be claimed, and
/// as many again, since some are claimed already and this runner does not know it yet.
const REACH: usize = 2;

/// Since when jobs were left to others.
#[derive(Debug, Default)]
pub(super) struct Spread(BTreeMap<JobId, Duration>);

impl Spread {
    /// Takes out of `jobs`, and gives, those at the head that are another runner's share: each job is one of the
    /// runners' that have a board for it among `boards`, busy or not. `order` says who goes first. Nothing is taken out where a job
    /// would have to make way for one of lower priority, and none for longer than `patience`: a job that
    /// its runner does not take is everybody's then.
    pub fn thin(
        &mut self,
        jobs: &mut Vec<Candidate>,
        order: &[(Priority, JobId)],
        boards: &[PlanBoard],
        me: &RunnerName,
        now: Duration,
        patience: Duration,
    ) -> Vec<Candidate> {
        let reach = REACH * boards.len();
        if jobs.len() <= reach {
            self.0.clear();
            return Vec::new();
        }
        if order.len() <= reach || order[0].0 != order[reach].0 {
            self.0.clear();
            return Vec::new();
        }
        let head: BTreeSet<JobId> = order[..reach].iter().map(|(_, id)| *id).collect();
        let mut left = BTreeMap::new();
        let mut others = Vec::new();
        for job in std::mem::take(jobs) {
            if !head.contains(&job.id) || owner(&job, boards).is_none_or(|owner| owner == me) {
                jobs.push(job);
                continue;
            }
            let since = *self.0.get(&job.id).unwrap_or(&now);
            left.insert(job.id, since);
            if now.saturating_sub(since) >= patience {
                jobs.push(job);
            } else {
                others.push(job);
            }
        }
        self.0 = left;
        others
    }
}

/// Whose share a job is: the same on every host that sees the same runners, and evenly spread, for ids
/// are hashes. Groups are nobody's.
fn owner<'a>(job: &Candidate, boards: &'a [PlanBoard]) -> Option<&'a RunnerName> {
    let [seat] = &job.seats[..] else {
        return None;
    };
    let able: BTreeSet<&RunnerName> = boards
        .iter()
        .filter(|board| fits(job, seat, board))
        .map(|board| &board.runner)
        .collect();
    let bytes = job.id.as_bytes();
    let n = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    able.iter().nth(n.checked_rem(able.len())?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Time, check};
    use crate::schedule::{self, Rules};

    fn candidate(n: u16, priority: &str) -> Candidate {
        let text = format!(
            r#"{{"device_type": "x", "priority": "{priority}", "actions": [{{"command": "run"}}]}}"#
        );
        let job = check::job("queue/a.json", text.as_bytes(), None);
        let mut id = [7; 16];
        id[14..].copy_from_slice(&n.to_be_bytes());
        let (id, job) = (JobId::from_bytes(id), job.value.unwrap());
        Candidate::new(id, i64::from(n), &job, "g", Time::from_unix(0)).unwrap()
    }

    /// Three runners, the last with two boards, one of another type.
    fn boards() -> Vec<PlanBoard> {
        [("a", "x"), ("b", "x"), ("c", "x"), ("c", "y")]
            .into_iter()
            .enumerate()
            .map(|(n, (runner, device_type))| PlanBoard {
                name: format!("b{n}").parse().unwrap(),
                runner: runner.parse().unwrap(),
                device_type: device_type.to_owned(),
                tags: vec![device_type.to_owned()],
                dispatchers: vec!["exec".to_owned()],
                busy_ms: 0,
            })
            .collect()
    }

    fn thinned(spread: &mut Spread, all: &[Candidate], me: &str, now: u64) -> Vec<i64> {
        let mut jobs = all.to_vec();
        let (now, patience) = (Duration::from_secs(now), Duration::from_secs(20));
        let order = schedule::order(jobs.clone(), boards(), Rules::default(), Time::from_unix(0));
        let me = me.parse().unwrap();
        spread.thin(&mut jobs, &order, &boards(), &me, now, patience);
        jobs.iter().map(|job| job.order).collect()
    }

    #[test]
    fn runners_divide_the_head_and_leave_nothing_out() {
        let all: Vec<Candidate> = (0..12).map(|n| candidate(n, "medium")).collect();
        let mut heads = Vec::new();
        for me in ["a", "b", "c"] {
            let jobs = thinned(&mut Spread::default(), &all, me, 0);
            assert_eq!(jobs[jobs.len() - 4..], [8, 9, 10, 11], "out of reach");
            heads.extend_from_slice(&jobs[..jobs.len() - 4]);
        }
        heads.sort_unstable();
        assert_eq!(heads, (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn only_runners_with_a_board_for_a_job_share_it() {
        let mut all: Vec<Candidate> = (0..12).map(|n| candidate(n, "medium")).collect();
        for job in &mut all {
            job.seats[0].tags.push("y".to_owned());
            job.seats[0].wanted = schedule::Wanted::Type("y".to_owned());
        }
        assert_eq!(thinned(&mut Spread::default(), &all, "c", 0).len(), 12);
    }

    #[test]
    fn a_job_that_nobody_takes_is_everybodys_after_a_while() {
        let all: Vec<Candidate> = (0..12).map(|n| candidate(n, "medium")).collect();
        let mut spread = Spread::default();
        let few = thinned(&mut spread, &all, "a", 5).len();
        assert!(few < 12);
        assert_eq!(thinned(&mut spread, &all, "a", 24).len(), few);
        assert_eq!(thinned(&mut spread, &all, "a", 25).len(), 12);
    }

    #[test]
    fn no_job_makes_way_for_a_lower_one_and_a_short_queue_is_not_divided() {
        let mut jobs: Vec<Candidate> = (0..12)
            .map(|n| candidate(n, if n == 5 { "high" } else { "medium" }))
            .collect();
        assert_eq!(thinned(&mut Spread::default(), &jobs, "a", 0).len(), 12);
        jobs.retain(|job| job.order != 5 && job.order < 9);
        assert_eq!(thinned(&mut Spread::default(), &jobs, "a", 0).len(), 8);
    }
}
