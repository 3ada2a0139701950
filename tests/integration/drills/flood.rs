//! A flood of output: head and tail are kept, and the clock is still read. `PUMICE_LONG=1` lets a
//! gigabyte through.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::figure;
use crate::dispatch::harness::{Ended, exec};

const CAP: u64 = 4 << 20;

fn flood(command: &str, limit: Option<Duration>) -> Ended {
    let actions: Value = json!([{"command": "run", "parameters": {"commands": [command]}}]);
    let mut attempt = exec(actions);
    attempt.spec.log_cap = CAP;
    attempt.spec.deadline = Duration::from_secs(600);
    attempt.spec.actions[0].1 = limit;
    attempt.run()
}

#[test]
fn head_and_tail_of_a_flood_are_kept() {
    let mebibytes = if std::env::var_os("PUMICE_LONG").is_some() {
        1024
    } else {
        64
    };
    let begun = Instant::now();
    let ended = flood(
        &format!("echo the first line; yes flood | head -c {mebibytes}M; echo; echo the last line"),
        None,
    );
    let rate = f64::from(mebibytes) / begun.elapsed().as_secs_f64();
    figure("flood", f64::from(mebibytes), "MiB");
    figure("flood_rate", rate, "MiB/s");
    assert_eq!(ended.results(), ["smoke/command-1 pass"]);
    let log = ended.log();
    assert!(log.contains("the first line\n") && log.contains("the last line\n"));
    assert!(log.contains("bytes dropped here]"));
    assert!(ended.end.log_bytes <= CAP + 200, "{}", ended.end.log_bytes);
    let whole = ended.end.log_bytes + ended.end.log_dropped;
    assert!(whole >= u64::from(mebibytes as u32) << 20, "{whole}");
}

#[test]
fn a_flood_does_not_put_off_a_time_limit() {
    let limit = Duration::from_secs(2);
    let ended = flood("yes flood", Some(limit));
    assert_eq!(
        ended.end.timeout.as_deref(),
        Some("action 1 of 1 `run` exceeded its 2s")
    );
    // The step began by our own stamp; when the limit was seen stands in the diary.
    let began = ended.end.steps[0].started_s.unwrap();
    let diary = fs::read_to_string(ended.attempt.spec.folder.join("runner.txt")).unwrap();
    let seen: f64 = diary
        .lines()
        .find(|line| line.contains("limit reached"))
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap();
    let late = seen - began - limit.as_secs_f64();
    figure("flood_time_limit_late", late * 1000.0, "ms");
    // Both stamps are rounded to the millisecond.
    assert!((-0.005..0.1).contains(&late), "{late}");
}
