//! Two processes of one runner's name, each with a state folder of its own, as on two hosts.

use std::thread;
use std::time::Instant;

use pumice::model::{Health, Reason};
use pumice::runner::{Options, RunnerError, Signal};

use super::figure;
use crate::harness::{Lab, until};

fn lab() -> Lab {
    let lab = Lab::new();
    lab.board("b1", "r1").submit("Add a board");
    lab
}

/// A commit on the server as a runner writes them: no parent, facts below a subject or in a file.
fn commit(lab: &Lab, tree: &str, message: &str) -> String {
    lab.ok(&["commit-tree", tree, "-m", "Twin", "-m", message])
}

#[test]
fn the_one_whose_heartbeat_is_refused_stops() {
    let lab = lab();
    let (daemon, said) = lab.daemon(Options {
        until_idle: false,
        ..lab.options("r1")
    });
    let thread = thread::spawn(move || daemon.run());
    let name = "refs/pumice/runners/r1";
    until("it beats", || !lab.refs(name).is_empty());
    // The other one, which has waited until this one seemed to be gone, begins to beat.
    lab.ok(&["fetch", "-q", "origin", name]);
    let status = lab.ok(&["show", "FETCH_HEAD:status.json"]);
    let mut status: serde_json::Value = serde_json::from_str(&status).unwrap();
    status["instance"] = "11111111-1111-4111-8111-111111111111".into();
    lab.write("status.json", &status.to_string());
    let blob = lab.ok(&["hash-object", "-w", "status.json"]);
    std::fs::write(
        lab.work().join("tree"),
        format!("100644 blob {blob}\tstatus.json\n"),
    )
    .unwrap();
    let tree = lab.ok(&["-c", "alias.tree=!git mktree < tree", "tree"]);
    let beat = commit(&lab, &tree, "");
    let begun = Instant::now();
    lab.ok(&["push", "-q", "--force", "origin", &format!("{beat}:{name}")]);
    let ended = thread.join().unwrap();
    assert!(
        matches!(ended, Err(RunnerError::Twin(_))),
        "{ended:?} {:?}",
        said.lock().unwrap()
    );
    let took = begun.elapsed().as_secs_f64();
    figure("twin_stopped", took, "s");
}

#[test]
fn a_claim_of_this_name_by_another_state_folder_counts_as_a_lost_attempt() {
    let lab = lab();
    // A board that another runner drives: nobody here runs the job, but its claim bears this name.
    lab.job_with("queue/job.json", "true", serde_json::json!({"retries": 0}));
    lab.write(
        "boards/b1.yaml",
        "device_type: shell\nrunner: r1\nservice: {state: maintenance}\n",
    );
    let main = lab.submit("Submit");
    let job = lab.snapshot().live[0].record.id;
    let (daemon, said) = lab.daemon(Options {
        until_idle: false,
        ..lab.options("r1")
    });
    let signals = daemon.sender();
    let thread = thread::spawn(move || daemon.run());
    until("it beats", || {
        !lab.refs("refs/pumice/runners/r1").is_empty()
    });
    let claim = serde_json::json!({
        "version": 1, "job": job, "path": "queue/job.json", "runner": "r1",
        "instance": "11111111-1111-4111-8111-111111111111", "board": "b1", "attempt": 1,
        "main": main, "at": "2026-01-01T00:00:00Z", "nonce": "1",
    });
    let tree = lab.ok(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let claim = commit(&lab, &tree, &claim.to_string());
    lab.ok(&[
        "push",
        "-q",
        "origin",
        &format!("{claim}:refs/pumice/claims/{job}"),
    ]);
    until("it is recorded", || !lab.records().is_empty());
    signals.send(Signal::Stop).unwrap();
    thread.join().unwrap().unwrap();
    let record = lab.record_of("queue/job.json");
    assert_eq!(
        (record.health, record.reason, record.attempts.len()),
        (Some(Health::Incomplete), Some(Reason::Lost), 1),
        "{:?}",
        said.lock().unwrap()
    );
    lab.has_no_claims();
}
