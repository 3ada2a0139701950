//! The wall clock jumps by a day, either way: no job ends earlier or later for it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pumice::lab;
use pumice::model::{Health, Reason, Time};
use pumice::runner::{Clock, Daemon, Options, Signal, StateFolder, SystemClock};
use serde_json::json;

use super::figure;
use crate::harness::{Lab, environment, until};

const DAY: i64 = 86_400;

/// The system's clocks, the wall clock off by so many seconds.
#[derive(Clone, Default)]
struct Jumping(Arc<AtomicI64>);

impl Clock for Jumping {
    fn now(&self) -> Time {
        SystemClock
            .now()
            .plus_seconds(self.0.load(Ordering::Relaxed) as f64)
    }

    fn since_boot(&self) -> Duration {
        SystemClock.since_boot()
    }
}

/// A runner by this clock beside a story.
fn beside(lab: &Lab, clock: &Jumping, story: impl FnOnce()) {
    let state = StateFolder::open(&lab.state("r1")).unwrap();
    let opened = lab::Lab::open(&lab.url().to_string_lossy(), &state.mirror()).unwrap();
    let mut env = environment(opened.clone(), |_| {});
    env.clock = Box::new(clock.clone());
    let options = Options {
        until_idle: false,
        ..lab.options("r1")
    };
    let daemon = Daemon::new(opened, options, env, state).unwrap();
    let signals = daemon.sender();
    let thread = thread::spawn(move || daemon.run());
    story();
    signals.send(Signal::Stop).unwrap();
    thread.join().unwrap().unwrap();
}

/// Waits until the runner has gone on for two heartbeats.
fn go_on(lab: &Lab) {
    let counter = || {
        lab.snapshot()
            .runners
            .first()
            .map_or(0, |runner| runner.counter)
    };
    let before = counter();
    until("the runner goes on", || counter() >= before + 2);
}

#[test]
fn a_jump_neither_ends_a_job_nor_keeps_it() {
    for sign in [1, -1] {
        let lab = Lab::new();
        let clock = Jumping::default();
        let gate = lab.root().join("gate");
        lab.board("b1", "r1").board("b2", "r1");
        let wait = format!("while [ ! -e {} ]; do sleep 0.05; done", gate.display());
        let target = |board: &str, timeout: &str| json!({"target": board, "timeout": timeout});
        lab.job_with("queue/waits.json", &wait, target("b1", "10m"));
        lab.job_with("queue/hangs.json", "sleep 600", target("b2", "3s"));
        lab.submit("Submit");
        beside(&lab, &clock, || {
            until("both run", || {
                lab.snapshot()
                    .live
                    .iter()
                    .filter(|job| job.attempt > 0)
                    .count()
                    == 2
            });
            let begun = Instant::now();
            clock.0.store(sign * DAY, Ordering::Relaxed);
            go_on(&lab);
            until("the one that hangs was ended", || {
                !lab.records_of("queue/hangs.json").is_empty()
            });
            let seconds = begun.elapsed().as_secs_f64();
            let name = if sign > 0 { "forward" } else { "back" };
            figure(&format!("clock_jump_{name}_to_time_limit"), seconds, "s");
            assert!(seconds < 30.0, "{seconds}");
            assert!(
                lab.records_of("queue/waits.json").is_empty(),
                "the other goes on"
            );
            clock.0.store(0, Ordering::Relaxed);
            go_on(&lab);
            fs::write(&gate, "").unwrap();
            until("it has ended", || {
                !lab.records_of("queue/waits.json").is_empty()
            });
        });
        let hangs = lab.record_of("queue/hangs.json");
        assert_eq!(hangs.reason, Some(Reason::Timeout));
        let waits = lab.record_of("queue/waits.json");
        assert_eq!(waits.health, Some(Health::Complete));
        assert_eq!((hangs.attempts.len(), waits.attempts.len()), (1, 1));
    }
}
