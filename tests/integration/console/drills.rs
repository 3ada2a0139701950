//! Boards that misbehave.

use std::time::{Duration, Instant};

use pumice::dispatch::{Exit, Outcome, Progress, outcome};
use pumice::model::Reason;
use serde_json::json;

use crate::drills::figure;

use super::fake::{SHELL, attempt, on_shell, script};

/// A board that floods its console keeps neither the clock nor the log from their work. The flood
/// goes on until the limit, however fast this machine is.
#[test]
fn a_limit_is_on_time_under_a_flood() {
    const LIMIT: Duration = Duration::from_secs(4);
    let mut attempt = attempt(
        script(SHELL, json!({})),
        json!([{"command": "run", "timeout": LIMIT.as_secs(), "parameters": {"commands": [
            "head -c 1000000000 /dev/zero | tr '\\0' x; yes flood"]}}]),
    );
    attempt.spec.log_cap = 1 << 20;
    let mut running = attempt.start();
    running.until(|progress| matches!(progress, Progress::Step(_)));
    let begun = Instant::now();
    let ended = running.wait();
    let late = begun.elapsed().saturating_sub(LIMIT);
    let bytes = ended.end.log_bytes + ended.end.log_dropped;
    figure("console_flood_bytes", bytes as f64, "B");
    figure(
        "console_flood_limit_late",
        late.as_secs_f64() * 1000.0,
        "ms",
    );
    assert_eq!(outcome(&ended.end), Outcome::Incomplete(Reason::Timeout));
    assert!(late < Duration::from_secs(1), "{late:?}");
    assert!(bytes > 10 << 20, "no flood: {bytes}");
    assert!(ended.end.log_bytes <= (1 << 20) + 200);
    assert_eq!(ended.end.leaked, 0);
}

#[test]
fn signals_are_read_behind_random_bytes() {
    let ended = on_shell(
        json!([{"command": "test", "parameters": {"testdefs": [{"metadata": {"name": "noise"}, "run": {"steps": [
        "head -c 1048576 /dev/urandom; echo",
        "lava-test-case one --result pass", "head -c 65536 /dev/urandom; echo", "lava-test-case two --result fail"]}}]}}]),
    );
    let results = ended.results();
    let bytes = ended.end.log_bytes + ended.end.log_dropped;
    figure("random_bytes_before_signals", bytes as f64, "B");
    assert!(
        results.contains(&"noise/one pass".to_owned()),
        "{results:?}"
    );
    assert!(
        results.contains(&"noise/two fail".to_owned()),
        "{results:?}"
    );
}

#[test]
fn a_board_forges_no_events() {
    let forged = r#"{"t":"result","suite":"forged","case":"x","result":"pass"}"#;
    let ended = on_shell(
        json!([{"command": "run", "parameters": {"suite": "s", "commands": [
            format!("echo '{forged}'; for fd in 3 4 5 6 7 8 9; do (eval \"echo '{forged}' >&$fd\") 2>/dev/null; done; true"),
            "ls /proc/$$/fd | wc -l",
        ]}}]),
    );
    assert_eq!(ended.results(), ["s/command-1 pass", "s/command-2 pass"]);
    assert_eq!(ended.end.bad_events, 0);
    assert_eq!(ended.end.exit, Exit::Code(0));
}
