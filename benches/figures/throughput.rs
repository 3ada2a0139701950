//! Trivial jobs through the whole path, with the processor time and memory that they take.

use std::fs;
use std::time::Instant;

use crate::Figures;
use crate::farm::{Farm, wait};

/// Jobs through one board, and through sixteen.
const JOBS_1: usize = 150;
const JOBS_16: usize = 1500;

pub fn measure() -> Figures {
    let (one, _, _) = drain(1, JOBS_1);
    let (sixteen, cpu, memory) = drain(16, JOBS_16);
    vec![
        ("jobs_per_second_1", one, "jobs/s"),
        ("jobs_per_second_16", sixteen, "jobs/s"),
        ("cpu_per_job", cpu, "ms"),
        ("runner_memory", memory, "MiB"),
    ]
}

/// Jobs a second, milliseconds of processor time a job (git, dispatchers and both sides of the pushes
/// included), and the runner's proportional memory while it works.
fn drain(boards: usize, jobs: usize) -> (f64, f64, f64) {
    let farm = Farm::new(boards, "exec");
    let runner = farm.start_runner(false);
    for n in 0..jobs {
        farm.job(&format!("queue/{:02}/j{n:05}.json", n % 64), "true");
    }
    farm.commit("Submit");
    let ticks_before = processor_ticks(runner.id());
    let start = Instant::now();
    farm.git(&["push", "-q", "origin", "main"]);
    let mut memory: f64 = 0.0;
    let mut looked = Instant::now();
    let claims = farm.url().join("refs/pumice/claims");
    let mut done = 0;
    wait_long(|| {
        if looked.elapsed().as_millis() < 200 {
            return false;
        }
        looked = Instant::now();
        memory = memory.max(proportional_memory(runner.id()));
        let idle = fs::read_dir(&claims).map_or(true, |mut entries| entries.next().is_none());
        // Counting costs a git process, so only where an end is near.
        done = if idle || start.elapsed().as_secs() > 2 {
            farm.records()
        } else {
            done
        };
        done == jobs
    });
    let seconds = start.elapsed().as_secs_f64();
    // Children are counted once they have been waited for, and every one of them has.
    let ticks = processor_ticks(runner.id()) - ticks_before;
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    runner.stop();
    (
        jobs as f64 / seconds,
        ticks as f64 / per_second * 1000.0 / jobs as f64,
        memory,
    )
}

fn wait_long(mut holds: impl FnMut() -> bool) {
    for _ in 0..3 {
        let mut held = false;
        let start = Instant::now();
        wait("a part of the work", || {
            held = holds();
            held || start.elapsed().as_secs() > 50
        });
        if held {
            return;
        }
    }
    panic!("the jobs were not done in time");
}

/// User and system time of a process and of all children it has waited for, in clock ticks.
fn processor_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the runner lives");
    let (_, rest) = stat.rsplit_once(") ").expect("a stat line");
    let fields: Vec<&str> = rest.split(' ').collect();
    fields[11..15]
        .iter()
        .map(|field| field.parse::<u64>().expect("ticks"))
        .sum()
}

fn proportional_memory(pid: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .unwrap_or_default();
    line.trim()
        .trim_end_matches(" kB")
        .trim()
        .parse::<f64>()
        .unwrap_or_default()
        / 1024.0
}
