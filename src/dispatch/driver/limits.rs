//! The time limits of an attempt. Pure: the clock is passed in.

use std::time::Duration;

use crate::model::Span;
use crate::process::Moment;

pub struct Limits {
    deadline: (Moment, Duration),
    idle: Option<Duration>,
    heard: Moment,
    /// The job's own limit of each action, and its command.
    actions: Vec<(String, Option<Duration>)>,
    armed: Vec<Armed>,
}

struct Armed {
    n: u32,
    name: String,
    until: Moment,
    limit: Duration,
}

impl Limits {
    pub fn new(
        start: Moment,
        deadline: Duration,
        idle: Option<Duration>,
        actions: Vec<(String, Option<Duration>)>,
    ) -> Self {
        Self {
            deadline: (start.plus(deadline), deadline),
            idle,
            heard: start,
            actions,
            armed: Vec::new(),
        }
    }

    /// The dispatcher gave a sign of life.
    pub fn heard(&mut self, now: Moment) {
        self.heard = now;
    }

    /// A step began. The job's limit holds; the dispatcher's own may only shorten it.
    pub fn step_started(&mut self, n: u32, name: &str, own: Option<Duration>, now: Moment) {
        self.step_ended(n);
        let of_job = self.actions.get(n as usize).and_then(|action| action.1);
        if let Some(limit) = [of_job, own].into_iter().flatten().min() {
            self.armed.push(Armed {
                n,
                name: name.to_owned(),
                until: now.plus(limit),
                limit,
            });
        }
    }

    pub fn step_ended(&mut self, n: u32) {
        self.armed.retain(|armed| armed.n != n);
    }

    /// When a limit is reached if nothing happens before.
    pub fn next(&self) -> Moment {
        let idle = self.idle.map(|idle| self.heard.plus(idle));
        self.armed
            .iter()
            .map(|armed| armed.until)
            .chain(idle)
            .fold(self.deadline.0, Moment::min)
    }

    /// The limit that was reached, in words. The narrowest is named when several were.
    pub fn reached(&self, now: Moment) -> Option<String> {
        if let Some(armed) = self.armed.iter().find(|armed| now >= armed.until) {
            return Some(format!(
                "action {} of {} `{}` exceeded its {}",
                u64::from(armed.n) + 1,
                self.actions.len().max(armed.n as usize + 1),
                armed.name,
                words(armed.limit)
            ));
        }
        if now >= self.deadline.0 {
            return Some(format!("the job exceeded its {}", words(self.deadline.1)));
        }
        self.idle
            .filter(|&idle| now >= self.heard.plus(idle))
            .map(|idle| format!("nothing was heard for {}", words(idle)))
    }
}

/// A duration as people write it; the text `…ms` is always a span unless it is longer than any.
fn words(span: Duration) -> String {
    match format!("{}ms", span.as_millis()).parse::<Span>() {
        Ok(span) => span.to_string(),
        Err(_) => format!("{}s", span.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn limits(idle: Option<Duration>, action: Option<Duration>) -> (Limits, Moment) {
        let start = Moment::now();
        let actions = vec![("deploy".into(), None), ("run".into(), action)];
        (Limits::new(start, s(3600), idle, actions), start)
    }

    #[test]
    fn the_job_has_a_limit() {
        let (limits, start) = limits(None, None);
        assert_eq!(limits.next(), start.plus(s(3600)));
        assert_eq!(limits.reached(start.plus(s(3599))), None);
        assert_eq!(
            limits.reached(start.plus(s(3600))).unwrap(),
            "the job exceeded its 1h"
        );
    }

    #[test]
    fn silence_has_a_limit_that_every_sign_of_life_moves() {
        let (mut limits, start) = limits(Some(s(300)), None);
        limits.heard(start.plus(s(200)));
        assert_eq!(limits.reached(start.plus(s(499))), None);
        assert_eq!(limits.next(), start.plus(s(500)));
        assert_eq!(
            limits.reached(start.plus(s(500))).unwrap(),
            "nothing was heard for 5m"
        );
    }

    #[test]
    fn a_dispatcher_may_shorten_an_action_but_not_lengthen_it() {
        let (mut limits, start) = limits(None, Some(s(2)));
        for (own, expected) in [(None, 2), (Some(s(1)), 1), (Some(s(9)), 2)] {
            limits.step_started(1, "run", own, start);
            assert_eq!(limits.next(), start.plus(s(expected)));
            assert_eq!(
                limits.reached(start.plus(s(expected))).unwrap(),
                format!("action 2 of 2 `run` exceeded its {expected}s")
            );
        }
        limits.step_ended(1);
        assert_eq!(limits.reached(start.plus(s(100))), None);
        limits.step_started(0, "deploy", None, start);
        assert_eq!(limits.next(), start.plus(s(3600)), "no limit was given");
        limits.step_started(5, "more", Some(s(7)), start);
        assert_eq!(
            limits.reached(start.plus(s(8))).unwrap(),
            "action 6 of 6 `more` exceeded its 7s"
        );
    }
}
