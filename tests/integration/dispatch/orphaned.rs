//! A runner that is killed takes its dispatchers with it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use pumice::dispatch::Progress;
use serde_json::json;

use super::ending::wait_for_log;
use super::harness::{Witness, exec, script};

/// Says which attempt the runner below is to start.
const ATTEMPT: &str = "PUMICE_TEST_ATTEMPT";

/// Started as a process of its own by the tests below: a runner that starts an attempt, says its
/// processes' numbers and waits to be killed.
#[test]
#[ignore = "a helper process of the tests beside it"]
fn runner() {
    let attempt = match std::env::var(ATTEMPT).as_deref() {
        Ok("silent") => script("echo; echo pids $$; exec sleep 600"),
        Ok("exec") => exec(json!([{"command": "run", "parameters": {
            "commands": ["echo pids $PPID $$; sleep 600; true"]
        }}])),
        _ => return,
    };
    let mut running = attempt.start();
    running.until(|progress| matches!(progress, Progress::Started { .. }));
    wait_for_log(&mut running, "\npids ");
    let log = running.handle.log_tail(4096).unwrap();
    println!("{}", String::from_utf8_lossy(&log));
    let _never = running.wait();
}

fn start_runner(attempt: &str) -> (Child, Vec<Witness>) {
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "dispatch::orphaned::runner"])
        .args(["--ignored", "--nocapture"])
        .env(ATTEMPT, attempt)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(runner.stdout.take().unwrap()).lines();
    let pids = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("pids ").map(str::to_owned))
        .expect("the runner says the numbers");
    let witnesses = pids
        .split(' ')
        .map(|pid| Witness::of(pid.parse().unwrap()))
        .collect();
    (runner, witnesses)
}

#[test]
fn a_silent_dispatcher_dies_with_its_runner() {
    let (mut runner, witnesses) = start_runner("silent");
    assert_eq!(witnesses.len(), 1);
    runner.kill().unwrap();
    runner.wait().unwrap();
    witnesses.iter().for_each(Witness::assert_gone);
}

#[test]
fn the_commands_of_exec_die_with_their_runner() {
    let (mut runner, witnesses) = start_runner("exec");
    assert_eq!(witnesses.len(), 2, "the dispatcher and its shell");
    runner.kill().unwrap();
    runner.wait().unwrap();
    witnesses.iter().for_each(Witness::assert_gone);
}
