//! The life of a job, from the push to its record, with real runners and real dispatchers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::mpsc::Sender;
use std::thread;

use pumice::model::record::{CaseResult, StepState};
use pumice::model::{Health, Reason, State, Verdict};
use pumice::runner::{Daemon, Options, Signal, StateFolder};
use serde_json::json;

use crate::harness::{Lab, environment, git, until};

/// A runner in a thread of its own, stopped and joined at the end of `story`.
pub fn beside(lab: &Lab, name: &str, story: impl FnOnce(&Sender<Signal>)) {
    let (daemon, said) = lab.daemon(Options {
        until_idle: false,
        ..lab.options(name)
    });
    let signals = daemon.sender();
    let thread = thread::spawn(move || daemon.run());
    story(&signals);
    signals.send(Signal::Stop).ok();
    let result = thread.join().expect("the runner does not panic");
    assert!(
        result.is_ok(),
        "{result:?}\n{}",
        said.lock().unwrap().join("\n")
    );
}

pub fn running(lab: &Lab, path: &str) -> bool {
    let live = lab.snapshot().live;
    live.iter()
        .any(|job| job.record.path == path && job.record.state == State::Running)
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.board("b1", "r1").submit("Add a board");
    lab
}

#[test]
fn a_pushed_job_runs_and_its_record_tells_all() {
    let lab = lab();
    let commit = lab
        .job("queue/hello.json", "echo hello from $PUMICE_BOARD")
        .submit("Submit hello");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/hello.json");
    assert_eq!(
        (record.state, record.health, record.verdict),
        (State::Finished, Some(Health::Complete), Some(Verdict::Pass))
    );
    assert_eq!(record.commit.to_string(), commit);
    assert_eq!(record.job_name, "hello");
    assert_eq!(
        (record.submitter.user.as_str(), record.stream.as_str()),
        ("alice", "/public/alice/")
    );
    assert_eq!(record.steps.len(), 1);
    assert_eq!(
        (record.steps[0].state, record.steps[0].result),
        (StepState::Done, Some(CaseResult::Pass))
    );
    assert_eq!(record.suites[0].name, "hello");
    assert_eq!(record.suites[0].cases[0].name, "command-1");
    let claim = record.claim.clone().expect("a claim");
    assert_eq!(
        (
            claim.runner.as_str(),
            claim.board.as_ref().map(pumice::model::BoardName::as_str)
        ),
        ("r1", Some("b1"))
    );
    assert_eq!(record.attempts.len(), 1);
    assert!(
        lab.log_of(&record).contains("hello from b1"),
        "{}",
        lab.log_of(&record)
    );
    lab.has_no_claims();
}

#[test]
fn a_failing_command_fails_the_test_and_not_the_job() {
    let lab = lab();
    lab.job("queue/bad.json", "exit 3").submit("Submit");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/bad.json");
    assert_eq!(
        (record.health, record.verdict, record.reason),
        (Some(Health::Complete), Some(Verdict::Fail), None)
    );
}

#[test]
fn a_wrong_definition_is_rejected_with_its_problems() {
    let lab = lab();
    lab.write(
        "queue/wrong.json",
        "{\"devicetype\": \"shell\", \"actions\": []}",
    );
    lab.write("queue/link.json", "x");
    fs::remove_file(lab.work().join("queue/link.json")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", lab.work().join("queue/link.json")).unwrap();
    lab.job("queue/tool.json", "true");
    fs::set_permissions(
        lab.work().join("queue/tool.json"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    lab.submit("Submit");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/wrong.json");
    assert_eq!(
        (record.health, record.verdict),
        (Some(Health::Rejected), Some(Verdict::None))
    );
    assert!(record.diagnostics.iter().any(|d| {
        d.hint
            .as_deref()
            .is_some_and(|hint| hint.contains("device_type"))
    }));
    for path in ["queue/link.json", "queue/tool.json"] {
        let record = lab.record_of(path);
        assert_eq!(record.health, Some(Health::Rejected), "{path}");
        assert!(!record.diagnostics.is_empty(), "{path}");
    }
    assert!(!format!("{:?}", lab.record_of("queue/link.json").definition).contains("root"));
    lab.has_no_claims();
}

#[test]
fn what_comes_and_goes_between_two_looks_is_cancelled() {
    let lab = lab();
    lab.job("queue/first.json", "true").submit("Submit");
    lab.run_until_idle("r1");
    lab.job("queue/second.json", "true").submit("Submit second");
    lab.ok(&["revert", "--no-edit", "HEAD"]);
    lab.push();
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/second.json");
    assert_eq!(
        (record.health, record.reason),
        (Some(Health::Canceled), None)
    );
    let canceled = record.canceled.expect("who did it");
    assert_eq!(
        (canceled.by.as_deref(), canceled.allowed),
        (Some("alice"), true)
    );
    assert_eq!(record.claim.expect("closed under a claim").board, None);
}

#[test]
fn a_revert_stops_a_running_job() {
    let lab = lab();
    lab.job("queue/long.json", "sleep 600").submit("Submit");
    beside(&lab, "r1", |_| {
        until("the job runs", || running(&lab, "queue/long.json"));
        lab.ok(&["revert", "--no-edit", "HEAD"]);
        lab.push();
        until("it has its record", || !lab.records().is_empty());
    });
    let record = lab.record_of("queue/long.json");
    assert_eq!(record.health, Some(Health::Canceled));
    assert_eq!(record.canceled.expect("who").by.as_deref(), Some("alice"));
    assert_eq!(record.attempts.len(), 1);
    lab.has_no_claims();
}

#[test]
fn time_limits_say_which_one_was_reached() {
    let lab = lab();
    lab.job_with("queue/job.json", "sleep 600", json!({"timeout": "1s"}));
    lab.job_with(
        "queue/action.json",
        "true",
        json!({"actions": [{"command": "run", "timeout": 1, "parameters": {"commands": ["sleep 600"]}}]}),
    );
    lab.submit("Submit");
    lab.run_until_idle("r1");
    for (path, which) in [
        ("queue/job.json", "the job"),
        ("queue/action.json", "action 1 of 1"),
    ] {
        let record = lab.record_of(path);
        assert_eq!(
            (record.health, record.reason),
            (Some(Health::Incomplete), Some(Reason::Timeout)),
            "{path}"
        );
        let message = record.message.expect("which limit");
        assert!(message.contains(which), "{message}");
    }
}

#[test]
fn a_job_that_says_nothing_for_too_long_ends() {
    let lab = lab();
    lab.write(
        "lab.yaml",
        "heartbeat: 1s\npoll: 1s\ntimeouts: {grace: 1s, idle: 3s}\n",
    );
    lab.job("queue/silent.json", "echo begun; sleep 600");
    // It takes longer than the limit, but never is silent for as long.
    lab.job(
        "queue/talks.json",
        "for n in 1 2 3 4 5 6 7 8; do echo $n; sleep 0.5; done",
    );
    lab.submit("Submit");
    lab.run_until_idle("r1");
    let silent = lab.record_of("queue/silent.json");
    assert_eq!(
        (silent.health, silent.reason),
        (Some(Health::Incomplete), Some(Reason::Timeout))
    );
    assert_eq!(silent.message.as_deref(), Some("nothing was heard for 3s"));
    let talks = lab.record_of("queue/talks.json");
    assert_eq!(talks.health, Some(Health::Complete), "{:?}", talks.message);
}

#[test]
fn infrastructure_failures_are_retried_and_failed_tests_are_not() {
    let lab = lab();
    let script = lab.root().join("flaky");
    let count = lab.root().join("count");
    fs::write(
        &script,
        format!(
            "#!/bin/sh\necho x >> {0}\n[ $(wc -l < {0}) -gt 2 ] || exit 75\n",
            count.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let board = format!(
        "device_type: shell\nrunner: r1\ndispatchers: [{{name: flaky, command: ['{}']}}]\n",
        script.display()
    );
    lab.write("boards/b1.yaml", &board);
    lab.job("queue/flaky.json", "unused").submit("Submit");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/flaky.json");
    assert_eq!(
        record.health,
        Some(Health::Complete),
        "{:?}",
        record.message
    );
    let attempts: Vec<_> = record
        .attempts
        .iter()
        .map(|attempt| (attempt.n, attempt.reason))
        .collect();
    assert_eq!(
        attempts,
        [
            (1, Some(Reason::Infrastructure)),
            (2, Some(Reason::Infrastructure)),
            (3, None)
        ]
    );
}

#[test]
fn a_bad_board_takes_no_more_until_its_file_is_touched() {
    let lab = lab();
    let script = lab.root().join("broken");
    fs::write(
        &script,
        "#!/bin/sh\necho the relay does not answer\nexit 69\n",
    )
    .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let board = format!(
        "device_type: shell\nrunner: r1\ndispatchers: [{{name: broken, command: ['{}']}}]\n",
        script.display()
    );
    lab.write("boards/a1.yaml", &board);
    // Both boards would do; `a1` comes first by name, fails, and `b1` gets the second attempt.
    lab.job("queue/one.json", "true").submit("Submit");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/one.json");
    let boards: Vec<_> = record
        .attempts
        .iter()
        .filter_map(|a| a.board.as_ref())
        .map(|b| b.as_str().to_owned())
        .collect();
    assert_eq!(
        (record.health, boards),
        (
            Some(Health::Complete),
            vec!["a1".to_owned(), "b1".to_owned()]
        )
    );
    let health = |name: &str| {
        let boards = lab.snapshot().boards;
        boards
            .iter()
            .find(|view| view.board.name.as_str() == name)
            .map(|view| view.health.as_str())
            .unwrap()
    };
    assert_eq!((health("a1"), health("b1")), ("bad", "good"));
    lab.board("a1", "r1").submit("Mend the relay");
    assert_eq!(health("a1"), "unknown");
}

#[test]
fn jobs_go_by_priority_and_then_by_age() {
    let lab = lab();
    for (name, priority) in [
        ("a", "low"),
        ("b", "medium"),
        ("c", "high"),
        ("d", "medium"),
        ("e", "urgent"),
    ] {
        lab.job_with(
            &format!("queue/{name}.json"),
            "true",
            json!({"priority": priority}),
        )
        .submit("Submit");
    }
    lab.run_until_idle("r1");
    let mut records: Vec<_> = lab.records().into_values().collect();
    records.sort_by_key(|record| record.started_at);
    let order: Vec<_> = records
        .iter()
        .map(|record| record.job_name.as_str())
        .collect();
    assert_eq!(order, ["e", "c", "b", "d", "a"]);
}

#[test]
fn a_job_that_waits_longer_than_it_wants_expires() {
    let lab = lab();
    lab.job_with(
        "queue/late.json",
        "true",
        json!({"device_type": "nothing-like-it", "expires": "1s"}),
    );
    lab.submit("Submit");
    beside(&lab, "r1", |_| {
        until("it expired", || !lab.records().is_empty());
    });
    let record = lab.record_of("queue/late.json");
    assert_eq!(
        (record.health, record.reason),
        (Some(Health::Canceled), Some(Reason::Expired))
    );
}

#[test]
fn merges_reverts_and_edits_make_and_end_jobs() {
    let lab = lab();
    let run = || lab.run_until_idle("r1");
    // A merged branch, then the merge reverted, then that revert reverted.
    lab.ok(&["checkout", "-q", "-b", "topic"]);
    lab.job("queue/m1.json", "true").commit("Add m1");
    lab.job("queue/m2.json", "true").commit("Add m2");
    lab.ok(&["checkout", "-q", "main"]);
    lab.job("queue/other.json", "true")
        .commit("Somebody else's");
    lab.ok(&["merge", "-q", "--no-ff", "-m", "Merge topic", "topic"]);
    lab.push();
    run();
    assert_eq!(
        (
            lab.records_of("queue/m1.json").len(),
            lab.records_of("queue/m2.json").len()
        ),
        (1, 1)
    );
    let introduced = lab.ok(&[
        "log",
        "-1",
        "--no-renames",
        "--format=%H",
        "--",
        "queue/m1.json",
    ]);
    assert_eq!(
        lab.record_of("queue/m1.json").commit.to_string(),
        introduced
    );
    lab.ok(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    lab.push();
    run();
    assert_eq!(
        lab.records_of("queue/m1.json").len(),
        1,
        "a finished job is not cancelled"
    );
    lab.ok(&["revert", "--no-edit", "HEAD"]);
    lab.push();
    run();
    assert_eq!(
        lab.records_of("queue/m1.json").len(),
        2,
        "the reverted revert submits anew"
    );
    // An edit is a new job; the same text again after a removal too.
    lab.job("queue/other.json", "echo changed").submit("Edit");
    run();
    assert_eq!(lab.records_of("queue/other.json").len(), 2);
    lab.ok(&["rm", "-q", "queue/other.json"]);
    lab.submit("Remove");
    lab.job("queue/other.json", "echo changed")
        .submit("Add again");
    run();
    assert_eq!(lab.records_of("queue/other.json").len(), 3);
    assert!(
        lab.records()
            .values()
            .all(|record| record.health == Some(Health::Complete))
    );
}

#[test]
fn a_rewritten_main_stops_everything_until_it_is_accepted() {
    let lab = lab();
    lab.job("queue/one.json", "true").submit("Submit");
    lab.run_until_idle("r1");
    lab.ok(&["commit", "-q", "--amend", "-m", "Rewritten"]);
    lab.ok(&["push", "-q", "--force", "origin", "main"]);
    let (daemon, _) = lab.daemon(lab.options("r1"));
    let error = daemon.run().expect_err("a foreign history").to_string();
    assert!(error.contains("--accept-rewrite"), "{error}");
    let head = lab.ok(&["rev-parse", "HEAD"]).parse().unwrap();
    let (daemon, _) = lab.daemon(Options {
        accept_rewrite: Some(head),
        ..lab.options("r1")
    });
    daemon.run().expect("an accepted rewrite");
    assert_eq!(
        lab.records_of("queue/one.json").len(),
        2,
        "the new main's queue is taken as new"
    );
}

#[test]
fn a_rewrite_under_a_running_runner_neither_cancels_nor_claims() {
    let lab = lab();
    lab.job(
        "queue/long.json",
        "while [ ! -e done ]; do sleep 0.05; done",
    )
    .submit("Submit");
    beside(&lab, "r1", |_| {
        until("it runs", || running(&lab, "queue/long.json"));
        let old = lab.ok(&["rev-parse", "HEAD"]);
        lab.ok(&["reset", "-q", "--hard", "HEAD~1"]);
        lab.ok(&["commit", "-q", "--allow-empty", "-m", "Rewritten"]);
        lab.ok(&["push", "-q", "--force", "origin", "main"]);
        until("the runner says so", || {
            lab.snapshot()
                .runners
                .iter()
                .any(|r| r.paused.as_deref().is_some_and(|p| p.contains("rewritten")))
        });
        assert!(lab.records().is_empty(), "nothing counts as gone");
        lab.ok(&["push", "-q", "--force", "origin", &format!("{old}:main")]);
        let folder = fs::read_dir(lab.state("r1").join("jobs"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        fs::write(folder.join("done"), "").unwrap();
        until("it goes on by itself", || !lab.records().is_empty());
    });
    assert_eq!(
        lab.record_of("queue/long.json").health,
        Some(Health::Complete)
    );
}

#[test]
fn a_first_stop_lets_jobs_end_and_a_second_one_requeues_them() {
    let lab = lab();
    lab.job(
        "queue/long.json",
        "while [ ! -e done ]; do sleep 0.05; done; true",
    )
    .submit("Submit");
    beside(&lab, "r1", |signals| {
        until("it runs", || running(&lab, "queue/long.json"));
        signals.send(Signal::Stop).unwrap();
        until("it drains", || {
            lab.snapshot()
                .runners
                .iter()
                .any(|runner| runner.paused.is_some())
        });
        assert!(running(&lab, "queue/long.json"));
    });
    assert!(lab.records().is_empty());
    lab.has_no_claims();
    lab.write(
        "queue/long.json",
        &fs::read_to_string(lab.work().join("queue/long.json")).unwrap(),
    );
    let live = lab.snapshot().live;
    assert_eq!(live[0].record.state, State::Submitted, "it waits again");
    assert_eq!((live[0].attempt, live[0].record.attempts.len()), (1, 1));
    let id = live[0].record.id;
    let shown = lab.cli(&["show", &id.to_string()]);
    let log = format!("pumice log {} --attempt 1", id.short());
    assert!(shown.contains(&log), "{shown}");
}

#[test]
fn a_result_survives_a_server_that_is_away() {
    let lab = lab();
    lab.job(
        "queue/one.json",
        "while [ ! -e done ]; do sleep 0.05; done; true",
    )
    .submit("Submit");
    let away = lab.root().join("away.git");
    let (daemon, _) = lab.daemon(lab.options("r1"));
    let signals = daemon.sender();
    let thread = thread::spawn(move || daemon.run());
    until("it runs", || running(&lab, "queue/one.json"));
    fs::rename(lab.url(), &away).unwrap();
    let folder = fs::read_dir(lab.state("r1").join("jobs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::write(folder.join("done"), "").unwrap();
    until("it is spooled", || {
        fs::read_dir(lab.state("r1").join("spool")).unwrap().count() > 0
    });
    signals.send(Signal::Stop).unwrap();
    thread.join().unwrap().expect("it ends in order");
    fs::rename(&away, lab.url()).unwrap();
    assert!(lab.records().is_empty());
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/one.json");
    assert_eq!(
        (record.health, record.attempts.len()),
        (Some(Health::Complete), 1)
    );
    assert!(record.log.is_some(), "the log came with it");
    assert_eq!(
        fs::read_dir(lab.state("r1").join("spool")).unwrap().count(),
        0
    );
}

#[test]
fn a_refused_log_does_not_hold_the_record_back() {
    let lab = lab();
    let hook = lab.url().join("hooks/update");
    fs::write(
        &hook,
        "#!/bin/sh\ncase $1 in refs/pumice/logs/*) echo no logs here >&2; exit 1;; esac\n",
    )
    .unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    lab.job("queue/one.json", "true").submit("Submit");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/one.json");
    assert_eq!(
        (record.health, record.log.is_none()),
        (Some(Health::Complete), true)
    );
    assert!(record.message.expect("why").contains("log was refused"));
}

#[test]
fn a_second_process_of_one_name_does_not_start() {
    let lab = lab();
    lab.job("queue/one.json", "true").submit("Submit");
    beside(&lab, "r1", |_| {
        until("it beats", || !lab.snapshot().runners.is_empty());
        let state = StateFolder::open(&lab.root().join("elsewhere")).unwrap();
        let mirror = pumice::lab::Lab::open(&lab.url().to_string_lossy(), &state.mirror()).unwrap();
        let env = environment(mirror.clone(), |_| {});
        let twin = Daemon::new(mirror, lab.options("r1"), env, state).unwrap();
        let error = twin.run().expect_err("a twin").to_string();
        assert!(error.contains("--name"), "{error}");
        assert!(
            StateFolder::open(&lab.state("r1")).is_err(),
            "the state folder is locked"
        );
    });
}

#[test]
fn a_plain_clone_brings_no_results() {
    let lab = lab();
    lab.job("queue/one.json", "head -c 3000000 /dev/urandom | base64")
        .submit("Submit");
    lab.run_until_idle("r1");
    assert!(lab.record_of("queue/one.json").log.expect("a log").bytes > 3_000_000);
    let output = git(
        lab.root(),
        &[
            "clone",
            "-q",
            &format!("file://{}", lab.url().display()),
            "fresh",
        ],
    );
    assert!(output.status.success());
    let packs = fs::read_dir(lab.root().join("fresh/.git/objects/pack")).unwrap();
    let bytes: u64 = packs
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(bytes < 100_000, "{bytes} bytes came");
}

#[test]
fn a_file_url_is_a_lab_too() {
    let lab = lab();
    lab.job("queue/one.json", "true").submit("Submit");
    let state = StateFolder::open(&lab.state("r1")).unwrap();
    let url = format!("file://{}", lab.url().display());
    let mirror = pumice::lab::Lab::open(&url, &state.mirror()).unwrap();
    let daemon = Daemon::new(
        mirror.clone(),
        lab.options("r1"),
        environment(mirror, |_| {}),
        state,
    )
    .unwrap();
    daemon.run().unwrap();
    assert_eq!(
        lab.record_of("queue/one.json").health,
        Some(Health::Complete)
    );
}

#[test]
fn two_runners_share_a_queue() {
    let lab = Lab::new();
    lab.board("b1", "r1").board("b2", "r2").submit("Add boards");
    for n in 0..20 {
        lab.job(&format!("queue/j{n}.json"), "true");
    }
    lab.submit("Submit twenty");
    thread::scope(|scope| {
        scope.spawn(|| lab.run_until_idle("r1"));
        scope.spawn(|| lab.run_until_idle("r2"));
    });
    // Each may have found the rest claimed by the other and ended.
    lab.run_until_idle("r1");
    assert_eq!(lab.records().len(), 20);
    lab.has_no_claims();
}

#[test]
fn foreign_refs_stop_no_runner() {
    let lab = lab();
    lab.job("queue/one.json", "true").submit("Submit");
    lab.job("queue/two.json", "true").submit("Submit another");
    // What a later version, or anybody who may push, could have left: none of it can be read.
    let blob = lab.ok(&["hash-object", "-w", "lab.yaml"]);
    let locked = lab.snapshot().live[1].record.id;
    for (name, target) in [
        (format!("claims/{locked}"), "HEAD"),
        (
            "claims/11111111-1111-5111-8111-111111111111".to_owned(),
            &*blob,
        ),
        ("journal/ghost".to_owned(), &*blob),
        ("journal/stranger".to_owned(), "HEAD"),
        ("runners/ghost".to_owned(), &*blob),
        ("runners/r1".to_owned(), "HEAD"),
    ] {
        let refspec = format!("{target}:refs/pumice/{name}");
        lab.ok(&["push", "-q", "origin", &refspec]);
    }
    lab.run_until_idle("r1");
    assert_eq!(lab.records_of("queue/one.json").len(), 1);
    assert_eq!(
        lab.records_of("queue/two.json").len(),
        0,
        "what somebody claims is theirs, whoever they are"
    );
    assert_eq!(
        lab.snapshot().runners.len(),
        1,
        "the own heartbeat is written anew"
    );
}

#[test]
fn a_job_that_the_lab_forbids_before_it_starts_is_rejected() {
    let lab = lab();
    lab.job_with("queue/long.json", "true", json!({"timeout": "2h"}));
    lab.job_with("queue/hold.json", "sleep 3", json!({"priority": "high"}));
    lab.submit("Submit");
    beside(&lab, "r1", |stop| {
        until("the first job runs", || running(&lab, "queue/hold.json"));
        lab.write(
            "lab.yaml",
            "heartbeat: 1s\npoll: 1s\ntimeouts: {grace: 1s, max: 90m, job: 30m}\n",
        );
        lab.submit("Allow less");
        until("both have ended", || lab.records().len() == 2);
        stop.send(Signal::Stop).unwrap();
    });
    assert_eq!(
        lab.record_of("queue/long.json").health,
        Some(Health::Rejected)
    );
}

#[test]
fn a_locked_claim_does_not_keep_the_board_from_other_jobs() {
    let lab = lab();
    lab.job_with("queue/first.json", "true", json!({"priority": "high"}));
    lab.job("queue/second.json", "true").submit("Submit");
    let live = lab.snapshot().live;
    let first = live
        .iter()
        .find(|job| job.record.path == "queue/first.json")
        .expect("it waits");
    // What a server leaves that was killed while it changed the ref.
    let claims = lab.url().join("refs/pumice/claims");
    fs::create_dir_all(&claims).unwrap();
    let lock = claims.join(format!("{}.lock", first.record.id));
    fs::write(&lock, "").unwrap();
    beside(&lab, "r1", |_| {
        until("the other job has ended", || lab.records().len() == 1);
        assert_eq!(lab.records_of("queue/second.json").len(), 1);
        fs::remove_file(&lock).unwrap();
        until("both have ended", || lab.records().len() == 2);
    });
}
