//! A host that dies or stops while it runs a job, and one that the others only cannot see.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use pumice::model::{Health, Reason};
use rustix::process::Signal;

use super::figure;
use crate::harness::{Lab, until};
use crate::program::Program;

const LEASE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(500);

/// Two hosts with a board each, and a job that begins on the first: there it waits for the file `go`, on
/// the second it ends at once.
fn lab() -> (Lab, Program) {
    let lab = Lab::new();
    lab.write(
        "lab.yaml",
        "heartbeat: 500ms\npoll: 500ms\nlease: 2s\ntimeouts: {grace: 1s}\n",
    );
    lab.board("b1", "r1").board("b2", "r2");
    let go = lab.root().join("go");
    let command = format!(
        "echo on $PUMICE_BOARD; [ $PUMICE_BOARD = b2 ] || while [ ! -e {} ]; do sleep 0.05; done",
        go.display()
    );
    lab.job("queue/job.json", &command).submit("Submit");
    let first = Program::start(&lab, "r1", &[]);
    until("it runs on the first host", || runs_on(&lab, "b1"));
    (lab, first)
}

fn runs_on(lab: &Lab, board: &str) -> bool {
    lab.snapshot().live.iter().any(|job| {
        let claim = job.record.claim.as_ref();
        let named = claim.and_then(|claim| claim.board.as_ref());
        job.attempt > 0
            && !job.record.steps.is_empty()
            && named.is_some_and(|b| b.as_str() == board)
    })
}

/// The second host, once it says that it lives.
fn second(lab: &Lab) -> Program {
    let program = Program::start(lab, "r2", &[]);
    until("the second host lives", || {
        !lab.refs("refs/pumice/runners/r2").is_empty()
    });
    program
}

/// The attempts of the one job with its health.
fn attempts(lab: &Lab) -> (Option<Health>, Vec<(String, Option<Reason>)>) {
    let record = lab.record_of("queue/job.json");
    let attempts = record.attempts.iter();
    let attempts = attempts.map(|attempt| (attempt.runner.to_string(), attempt.reason));
    (record.health, attempts.collect())
}

fn evidence(lab: &Lab, runner: &str) -> Vec<PathBuf> {
    let folder = fs::read_dir(lab.state(runner).join("evidence")).unwrap();
    folder.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_dead_hosts_job_is_back_after_the_lease() {
    let (lab, first) = lab();
    let other = second(&lab);
    drop(first);
    let died = Instant::now();
    until("the attempt is recorded", || {
        !lab.refs("refs/pumice/journal/r2").is_empty()
    });
    let back = died.elapsed();
    figure("takeover_back_in_queue", back.as_secs_f64(), "s");
    figure("takeover_lease", LEASE.as_secs_f64(), "s");
    assert!(back <= LEASE + 2 * POLL, "{back:?}\n{}", other.said());
    until("it has run", || !lab.records().is_empty());
    let lost = ("r1".to_owned(), Some(Reason::Lost));
    assert_eq!(
        attempts(&lab),
        (Some(Health::Complete), vec![lost, ("r2".to_owned(), None)])
    );
    lab.has_no_claims();
    // It comes back, finds nothing of its own, and is no trouble.
    let mut first = Program::start(&lab, "r1", &["--until-idle"]);
    assert!(first.end().success(), "{}", first.said());
    assert_eq!(lab.records().len(), 1);
}

#[test]
fn a_host_that_stood_still_keeps_its_late_result_as_evidence() {
    let (lab, first) = lab();
    let other = second(&lab);
    first.signal(Signal::STOP);
    until("the other host has run it", || !lab.records().is_empty());
    // Its dispatcher went on all the time, and ends now; then the runner wakes up.
    fs::write(lab.root().join("go"), "").unwrap();
    let woken = Instant::now();
    first.signal(Signal::CONT);
    until("the late result is kept", || {
        evidence(&lab, "r1").len() == 2
    });
    let took = woken.elapsed().as_secs_f64();
    figure("stopped_host_fenced", took, "s");
    let log = evidence(&lab, "r1")
        .into_iter()
        .map(|path| path.join("log.txt"))
        .find_map(|path| fs::read_to_string(path).ok());
    assert!(
        log.is_some_and(|log| log.contains("on b1")),
        "{}",
        first.said()
    );
    let lost = ("r1".to_owned(), Some(Reason::Lost));
    assert_eq!(
        attempts(&lab),
        (Some(Health::Complete), vec![lost, ("r2".to_owned(), None)]),
        "{}",
        other.said()
    );
    lab.has_no_claims();
}

#[test]
fn a_host_that_stood_still_stops_what_was_taken_from_it() {
    let (lab, first) = lab();
    let _other = second(&lab);
    first.signal(Signal::STOP);
    until("the other host has run it", || !lab.records().is_empty());
    first.signal(Signal::CONT);
    // Nobody lets the attempt end: it is stopped.
    until("the late result is kept", || {
        evidence(&lab, "r1").len() == 2
    });
    assert!(
        first.said().contains("its attempt is stopped"),
        "{}",
        first.said()
    );
    assert_eq!(attempts(&lab).1.len(), 2);
}

#[test]
fn hosts_that_the_server_left_alone_take_nothing_from_each_other() {
    let (lab, first) = lab();
    let other = second(&lab);
    let away = lab.root().join("away.git");
    fs::rename(lab.url(), &away).unwrap();
    for host in [&first, &other] {
        until("it has noticed", || host.said().contains("cannot fetch"));
    }
    thread::sleep(LEASE + POLL);
    fs::rename(&away, lab.url()).unwrap();
    // Each sees the other again, and a lease later still has taken nothing.
    let beat = |name: &str| lab.refs(&format!("refs/pumice/runners/{name}"));
    let before = (beat("r1"), beat("r2"));
    until("both beat", || {
        beat("r1") != before.0 && beat("r2") != before.1
    });
    fs::write(lab.root().join("go"), "").unwrap();
    until("it has ended", || !lab.records().is_empty());
    assert_eq!(
        attempts(&lab),
        (Some(Health::Complete), vec![("r1".to_owned(), None)]),
        "{}{}",
        first.said(),
        other.said()
    );
    figure("takeovers_after_server_away", 0.0, "claims");
}

#[test]
fn a_claim_of_a_later_version_is_nobodys_to_take() {
    let (lab, first) = lab();
    let other = second(&lab);
    // The claim as a later version might write it: an unknown shape under a known name.
    let (name, _) = lab.refs("refs/pumice/claims/").pop_first().unwrap();
    let tree = lab.ok(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let later = lab.ok(&[
        "commit-tree",
        &tree,
        "-m",
        "Claim",
        "-m",
        "{\"version\": 99}",
    ]);
    lab.ok(&[
        "push",
        "-q",
        "--force",
        "origin",
        &format!("{later}:{name}"),
    ]);
    until("the first host gives it up", || {
        first.said().contains("its attempt is stopped")
    });
    drop(first);
    // The other host keeps looking for longer than the lease.
    let looked = Instant::now();
    until("a lease and two polls have passed", || {
        looked.elapsed() > LEASE + 2 * POLL
    });
    assert_eq!(lab.refs(&name).get(&name).unwrap().to_string(), later);
    assert!(lab.records().is_empty(), "{}", other.said());
}
