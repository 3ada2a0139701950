//! A board is off whenever no attempt runs on it, whatever ended the last one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use pumice::model::record::BoardHealth;
use pumice::model::{Health, Reason, Record};
use pumice::runner::Signal;
use serde_json::json;

use super::{beside, figure, finish, host};
use crate::harness::{Lab, until};

/// A lab with a board whose power is a file: jobs write `on`, the board's `power.off` writes `off`.
fn powered(off: &str) -> Lab {
    let lab = Lab::new();
    let root = lab.root().display().to_string();
    let pdu = lab.root().join("pdu");
    fs::write(&pdu, format!("#!/bin/sh\ncd '{root}'\n{off}\n")).unwrap();
    fs::set_permissions(&pdu, fs::Permissions::from_mode(0o755)).unwrap();
    lab.write(
        "boards/b1.yaml",
        &format!(
            "device_type: shell\nrunner: r1\npower: {{off: ['{}', b1]}}\ndispatchers:\n- exec\n\
             - {{name: crash, command: [/bin/sh, -c, 'echo on > {root}/power; kill -9 $$']}}\n",
            pdu.display()
        ),
    );
    lab.submit("Add a board with a power switch");
    lab
}

const SWITCH: &str = "echo \"$PUMICE_BOARD $1 goes off\"; echo off > power; echo off >> calls";

fn on(lab: &Lab) -> String {
    format!("echo on > {}/power", lab.root().display())
}

fn power(lab: &Lab) -> String {
    fs::read_to_string(lab.root().join("power")).unwrap_or_default()
}

fn runner_text(lab: &Lab, record: &Record) -> String {
    let blob = record.log.as_ref().unwrap().runner.expect("a runner.txt");
    let text = lab.open().reader().unwrap().blob(blob).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn it_is_off_after_every_end() {
    let lab = powered(SWITCH);
    let on = on(&lab);
    lab.job("queue/complete.json", &on);
    lab.job("queue/fail.json", &format!("{on}; exit 3"));
    let slow = format!("{on}; sleep 600");
    lab.job_with("queue/timeout.json", &slow, json!({"timeout": "1s"}));
    let crash = json!({"dispatcher": "crash", "retries": 0});
    lab.job_with("queue/crash.json", "true", crash);
    for (path, health, reason) in [
        ("complete", Health::Complete, None),
        ("fail", Health::Complete, None),
        ("timeout", Health::Incomplete, Some(Reason::Timeout)),
        ("crash", Health::Incomplete, Some(Reason::Infrastructure)),
    ] {
        let path = format!("queue/{path}.json");
        lab.ok(&["add", &path]);
        lab.ok(&["commit", "-q", "-m", "Submit", "--", &path]);
        lab.push();
        lab.run_until_idle("r1");
        let record = lab.record_of(&path);
        assert_eq!((record.health, record.reason), (Some(health), reason));
        assert_eq!(power(&lab), "off\n", "after {path}");
        let calls = fs::read_to_string(lab.root().join("calls")).unwrap();
        assert_eq!(calls, "off\noff\n", "before and after {path}");
        fs::remove_file(lab.root().join("calls")).unwrap();
        let told = runner_text(&lab, &record);
        assert!(told.contains("| b1 b1 goes off"), "{told}");
        assert!(told.contains("judged: "), "{told}");
    }
}

#[test]
fn it_is_off_after_a_cancel() {
    let lab = powered(SWITCH);
    let job = format!("{}; sleep 600", on(&lab));
    lab.job("queue/long.json", &job).submit("Submit");
    beside(&lab, "r1", |_| {
        until("the board is on", || power(&lab) == "on\n");
        lab.ok(&["revert", "--no-edit", "HEAD"]);
        lab.push();
        until("it has its record", || !lab.records().is_empty());
        assert_eq!(power(&lab), "off\n");
    });
    let told = runner_text(&lab, &lab.record_of("queue/long.json"));
    assert!(
        told.contains("TERM to the process group: the runner asked for the end"),
        "{told}"
    );
}

#[test]
fn a_second_stop_does_not_cut_it_short() {
    // Slow enough to be met while it works.
    let lab = powered(&format!("echo busy > switching; sleep 1; {SWITCH}"));
    let job = format!("rm -f {}/switching; {}", lab.root().display(), on(&lab));
    lab.job("queue/short.json", &job).submit("Submit");
    beside(&lab, "r1", |signals| {
        until("the board is being switched off again", || {
            power(&lab) == "on\n" && lab.root().join("switching").exists()
        });
        signals.send(Signal::Stop).unwrap();
        signals.send(Signal::Stop).unwrap();
    });
    assert_eq!(power(&lab), "off\n");
}

#[test]
fn it_is_off_after_the_runner_was_killed() {
    let lab = powered(SWITCH);
    let job = format!("{}; sleep 600", on(&lab));
    lab.job_with("queue/long.json", &job, json!({"retries": 0}));
    lab.submit("Submit");
    let runner = host(&lab, &[]);
    until("the board is on", || power(&lab) == "on\n");
    drop(runner);
    assert_eq!(power(&lab), "on\n", "nobody could switch it off");
    let restarted = Instant::now();
    let runner = host(&lab, &["--until-idle"]);
    until("the board is off", || power(&lab) == "off\n");
    let seconds = restarted.elapsed().as_secs_f64();
    finish(runner);
    figure("start_after_kill_to_power_off", seconds, "s");
    let record = lab.record_of("queue/long.json");
    assert_eq!(record.reason, Some(Reason::Lost));
    lab.has_no_claims();
}

#[test]
fn three_failures_make_the_board_bad() {
    let lab = powered("echo trying; echo no route to the switch >&2; echo x >> calls; exit 4");
    lab.job("queue/job.json", &on(&lab));
    lab.submit("Submit");
    let begun = Instant::now();
    lab.run_until_idle("r1");
    figure("power_off_given_up", begun.elapsed().as_secs_f64(), "s");
    let calls = fs::read_to_string(lab.root().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 3);
    assert_eq!(power(&lab), "", "the dispatcher was never started");
    assert!(lab.records().is_empty(), "the job waits for another board");
    let board = &lab.snapshot().boards[0];
    assert_eq!(board.health, BoardHealth::Bad);
    let reason = board.reason.clone().unwrap();
    assert_eq!(
        reason,
        "power off failed before the attempt: no route to the switch (exit code 4)"
    );
    lab.has_no_claims();
}

#[test]
fn a_failure_after_the_attempt_keeps_its_result() {
    // It works once: before the attempt.
    let lab = powered("[ -e power ] && exit 4; echo off > power");
    lab.job("queue/job.json", &on(&lab)).submit("Submit");
    let begun = Instant::now();
    lab.run_until_idle("r1");
    assert!(begun.elapsed() >= Duration::from_secs(4), "two pauses");
    assert_eq!(
        lab.record_of("queue/job.json").health,
        Some(Health::Complete)
    );
    let board = &lab.snapshot().boards[0];
    assert_eq!(board.health, BoardHealth::Bad);
    let reason = board.reason.clone().unwrap();
    assert_eq!(reason, "power off failed after the attempt: exit code 4");
}

#[test]
fn a_switch_that_the_host_does_not_allow_is_not_used() {
    let lab = powered(SWITCH);
    lab.job("queue/job.json", &on(&lab)).submit("Submit");
    let (daemon, _) = lab.daemon(pumice::runner::Options {
        allow: vec!["exec".into(), "/bin/sh".into()],
        ..lab.options("r1")
    });
    daemon.run().unwrap();
    assert!(!lab.root().join("calls").exists());
    let board = &lab.snapshot().boards[0];
    assert_eq!(board.health, BoardHealth::Maintenance);
    let reason = board.reason.clone().unwrap();
    assert!(reason.contains("/pdu` to `allow:`"), "{reason}");
}

#[test]
fn every_attempt_tells_what_the_runner_did() {
    let lab = powered(SWITCH);
    let crash = json!({"dispatcher": "crash", "retries": 1});
    lab.job_with("queue/crash.json", "true", crash)
        .submit("Submit");
    lab.run_until_idle("r1");
    let told = lab.cli(&["log", "queue/crash.json", "--runner"]);
    for part in [
        "attempt 1\n",
        "attempt 2\n",
        "crash attempt 2 of job",
        "containment: process group and sweep by cookie (a test)",
        "starts /bin/sh -c",
        "the dispatcher ended: signal 9",
        "judged: tried again, reason infrastructure",
        "judged: incomplete, reason infrastructure",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert_eq!(told.matches("power off: done").count(), 4, "{told}");
}

#[test]
fn a_runner_that_may_not_go_on_leaves_its_boards_off() {
    let lab = powered(SWITCH);
    let job = format!("{}; sleep 600", on(&lab));
    lab.job("queue/long.json", &job).submit("Submit");
    let mut runner = host(&lab, &[]);
    until("the board is on", || power(&lab) == "on\n");
    // Another process's heartbeat under its name.
    until("it has a heartbeat", || {
        !lab.refs("refs/pumice/runners/r1").is_empty()
    });
    lab.ok(&["fetch", "-q", "origin", "refs/pumice/runners/r1"]);
    lab.ok(&["checkout", "-q", "--detach", "FETCH_HEAD"]);
    let status = lab.work().join("status.json");
    let text = fs::read_to_string(&status).unwrap();
    let own = fs::read_to_string(lab.state("r1").join("instance")).unwrap();
    fs::write(&status, text.replace(own.trim(), "another")).unwrap();
    lab.commit("Forge a heartbeat");
    lab.ok(&["push", "-q", "-f", "origin", "HEAD:refs/pumice/runners/r1"]);
    let status = runner.end();
    assert!(!status.success(), "{}", runner.said());
    assert!(
        runner.said().contains("another process"),
        "{}",
        runner.said()
    );
    assert_eq!(power(&lab), "off\n");
}
