//! What runners say of jobs before they end: in records, claims and heartbeats.

use std::fs;
use std::path::Path;

use pumice::model::record::{Basis, Estimate, Record};
use pumice::model::{Reason, Time};
use pumice::runner::Signal;
use serde_json::{Value, json};

use crate::harness::{Lab, until};
use crate::life::{beside, running};
use crate::program::Program;

fn lab() -> Lab {
    let lab = Lab::new();
    lab.board("b1", "r1").submit("Add a board");
    lab
}

/// A command that ends when the file is there.
fn waits_for(file: &Path) -> String {
    format!("while [ ! -e {} ]; do sleep 0.05; done", file.display())
}

fn at_submission(record: &Record) -> Estimate {
    let said = record.estimate.as_ref().and_then(|said| said.at_submission);
    said.expect("an estimate at submission")
}

fn at_claim(record: &Record) -> Estimate {
    let said = record.estimate.as_ref().and_then(|said| said.at_claim);
    said.expect("an estimate at claim")
}

fn seconds(from: Option<Time>, until: Option<Time>) -> f64 {
    until.expect("a time").seconds_since(from.expect("a time"))
}

/// What the state folder keeps of a job.
fn kept(lab: &Lab, job: &str) -> Option<Estimate> {
    let text = fs::read(lab.state("r1").join("estimates.json")).ok()?;
    let file: Value = serde_json::from_slice(&text).expect("JSON");
    let said = file["at_submission"].get(job)?.clone();
    Some(serde_json::from_value(said).expect("an estimate"))
}

fn id_of(lab: &Lab, path: &str) -> String {
    let live = lab.snapshot().live;
    let job = live.iter().find(|job| job.record.path == path);
    job.expect("the job").record.id.to_string()
}

#[test]
fn a_record_says_what_was_expected_and_earlier_runs_tell_it() {
    let lab = lab();
    for n in 1..=3 {
        lab.job("queue/suite.json", &format!("sleep 0.4; echo {n}"))
            .submit("Submit");
        lab.run_until_idle("r1");
    }
    let records = lab.records_of("queue/suite.json");
    let first = &records[0];
    for said in [at_submission(first), at_claim(first)] {
        assert_eq!(said.basis, Some(Basis::Timeout));
        assert_eq!(seconds(said.at, said.end), 2160.0, "60 % of an hour");
    }
    assert_eq!(at_submission(first).start, at_submission(first).at);
    assert_eq!(at_claim(first).start, None);
    let third = &records[2];
    for said in [at_submission(third), at_claim(third)] {
        assert_eq!(said.basis, Some(Basis::Runs));
        assert!(said.p90 >= said.end && said.end > said.at, "{said:?}");
        let off_s = seconds(said.end, third.finished_at);
        assert!(off_s.abs() < 5.0, "{off_s} s");
        assert!(said.at <= third.started_at);
    }
    assert!(kept(&lab, &third.id.to_string()).is_none(), "it has ended");
}

#[test]
fn a_job_that_waits_is_expected_after_the_one_before_it_and_a_restart_keeps_that() {
    let lab = lab();
    let gate = lab.root().join("gate");
    let timeout = json!({"timeout": 100});
    lab.job_with("queue/1.json", &waits_for(&gate), timeout.clone());
    lab.job_with("queue/2.json", "true", timeout.clone());
    lab.submit("Submit");
    beside(&lab, "r1", |signals| {
        until("it runs", || running(&lab, "queue/1.json"));
        let live = lab.snapshot().live;
        let first = live.iter().find(|job| job.record.path == "queue/1.json");
        let said = at_claim(&first.expect("the job").record);
        assert_eq!(seconds(said.at, said.end), 60.0, "the claim tells it");
        until("its runner says when it ends", || {
            let runners = lab.snapshot().runners;
            let running = runners.iter().flat_map(|runner| &runner.running);
            running.clone().any(|job| job.expected_end.is_some())
        });
        let runner = &lab.snapshot().runners[0];
        let job = &runner.running[0];
        let factors = runner.factors.expect("factors");
        assert_eq!((factors.start, factors.end), ([3.0; 4], [3.0; 4]));
        let left_s = seconds(Some(job.started_at), job.expected_end);
        assert!((left_s - 60.0).abs() < 1.0, "{left_s} s");
        assert!(job.p90 >= job.expected_end);
        // The rest waits until the runner has been told to end.
        signals.send(Signal::Stop).unwrap();
        until("it drains", || lab.snapshot().runners[0].paused.is_some());
        fs::write(&gate, "").unwrap();
        until("the job ends", || {
            lab.refs("refs/pumice/claims/").is_empty()
        });
    });
    let first = lab.record_of("queue/1.json");
    let said = kept(&lab, &id_of(&lab, "queue/2.json")).expect("an estimate");
    let wait_s = seconds(at_claim(&first).end, said.start);
    assert!((0.0..5.0).contains(&wait_s), "{wait_s} s");
    assert!((seconds(said.at, said.start_p90) / seconds(said.at, said.start) - 3.0).abs() < 0.01);
    assert!((seconds(said.start, said.end) - 60.0).abs() < 0.01);

    lab.run_until_idle("r1");
    let second = lab.record_of("queue/2.json");
    assert_eq!(at_submission(&second), said);
    assert!(at_claim(&second).at > said.at);
}

#[test]
fn a_job_that_no_board_can_take_is_expected_once_one_can() {
    let lab = lab();
    lab.write(
        "boards/b2.yaml",
        "device_type: shell\nrunner: r2\ntags: [rare]\n",
    );
    let gate = lab.root().join("gate");
    lab.job("queue/1.json", &waits_for(&gate));
    lab.job("queue/2.json", "true");
    let first = json!({"tags": ["rare"], "priority": "urgent"});
    lab.job_with("queue/3.json", &waits_for(&gate), first);
    lab.job_with("queue/4.json", "true", json!({"tags": ["rare"]}));
    lab.submit("Submit");
    beside(&lab, "r1", |_| {
        until("it runs", || running(&lab, "queue/1.json"));
        let (behind, stuck) = (id_of(&lab, "queue/2.json"), id_of(&lab, "queue/4.json"));
        until("what waits is expected", || kept(&lab, &behind).is_some());
        assert_eq!(kept(&lab, &stuck), None);
        let before = Time::new(chrono::Utc::now());
        // Its board's runner comes, and takes the other one first.
        beside(&lab, "r2", |_| {
            until("it is expected", || kept(&lab, &stuck).is_some());
            let said = kept(&lab, &stuck).expect("an estimate");
            assert!(said.at >= Some(before));
            assert!(seconds(said.at, said.start) > 2000.0, "after the other");
            fs::write(&gate, "").unwrap();
            until("all end", || lab.records().len() == 4);
        });
    });
}

#[test]
fn a_killed_runner_has_said_it_in_its_claim() {
    let lab = lab();
    let command = "echo life $PUMICE_ATTEMPT; test $PUMICE_ATTEMPT = 2 || sleep 600";
    lab.job("queue/again.json", command);
    lab.job_with("queue/once.json", command, json!({"retries": 0}));
    lab.board("b2", "r1").submit("Submit");
    let program = Program::start(&lab, "r1", &[]);
    until("both jobs run", || {
        running(&lab, "queue/again.json") && running(&lab, "queue/once.json")
    });
    let killed = Time::new(chrono::Utc::now());
    drop(program);
    let _ = fs::remove_file(lab.state("r1").join("estimates.json"));
    lab.run_until_idle("r1");
    let again = lab.record_of("queue/again.json");
    assert_eq!(again.attempts.len(), 2);
    assert!(at_submission(&again).at < Some(killed));
    assert!(at_claim(&again).at > Some(killed), "the last claim's");
    let once = lab.record_of("queue/once.json");
    assert_eq!(once.reason, Some(Reason::Lost));
    assert!(at_submission(&once).at < Some(killed) && at_claim(&once).at < Some(killed));
}

#[test]
fn a_job_canceled_in_the_queue_keeps_what_was_said_of_it() {
    let lab = lab();
    let gate = lab.root().join("gate");
    lab.job("queue/1.json", &waits_for(&gate));
    lab.job("queue/2.json", "true").submit("Submit");
    beside(&lab, "r1", |_| {
        until("it runs", || running(&lab, "queue/1.json"));
        fs::remove_file(lab.work().join("queue/2.json")).unwrap();
        lab.submit("Cancel");
        until("it is canceled", || !lab.records().is_empty());
        fs::write(&gate, "").unwrap();
        until("the other ends", || lab.records().len() == 2);
    });
    let canceled = lab.record_of("queue/2.json");
    let said = at_submission(&canceled);
    let wait_s = seconds(said.at, said.start);
    assert!((2150.0..=2160.0).contains(&wait_s), "{wait_s} s");
    assert_eq!(canceled.estimate.and_then(|said| said.at_claim), None);
}
