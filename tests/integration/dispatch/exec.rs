//! The built-in dispatcher `exec`, as the runner starts it.

use std::process::Command;

use pumice::dispatch::{Exit, Outcome, outcome};
use pumice::model::Reason;
use pumice::model::Verdict;
use pumice::model::record::verdict;
use serde_json::{Value, json};

use super::ending::wait_for_log;
use super::harness::{Ended, exec};

fn run(actions: Value) -> Ended {
    exec(actions).run()
}

#[test]
fn every_command_gives_a_result_whatever_the_earlier_gave() {
    let ended = run(json!([
        {"command": "run", "parameters": {"commands": ["echo one", "exit 3", "kill -9 $$", "pwd"],
                                          "cases": ["echo", "three"]}},
        {"command": "submit_results_on_host", "parameters": {"server": "http://old/", "stream": "/x/"}},
    ]));
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(outcome(&ended.end), Outcome::Complete);
    assert_eq!(
        ended.results(),
        [
            "smoke/echo pass",
            "smoke/three fail (exit code 3)",
            "smoke/command-3 fail (signal 9)",
            "smoke/command-4 pass"
        ]
    );
    assert!(
        ended.end.suites[0]
            .cases
            .iter()
            .all(|case| case.seconds.is_some())
    );
    assert_eq!(verdict(&ended.end.suites), Verdict::Fail);
    assert_eq!(
        ended.steps(),
        ["run Done pass -", "submit_results_on_host Done pass -"]
    );
    assert_eq!(
        ended.log(),
        format!(
            "$ echo one\none\n$ exit 3\n$ kill -9 $$\n$ pwd\n{}\n",
            ended.attempt.spec.folder.display()
        )
    );
    assert_eq!((ended.end.bad_events, ended.end.leaked), (0, 0));
    assert_eq!(ended.end.said, None);
}

#[test]
fn tap_output_gives_the_results() {
    let ended = run(json!([
        {"command": "run", "parameters": {"parse": "tap", "suite": "kernel", "commands": [
            "echo TAP version 13; echo 1..3; echo ok 1 - boots; echo 'not ok 2 - sleeps # TODO'; echo noise >&2",
            "echo 1..1; echo ok 1 - more; exit 2",
        ]}},
    ]));
    assert_eq!(ended.end.exit, Exit::Code(0));
    assert_eq!(
        ended.results(),
        [
            "kernel/boots pass",
            "kernel/sleeps skip (TODO)",
            "kernel/test-3 unknown (planned but not seen)",
            "kernel/more pass",
            "kernel/exit fail (exit code 2)"
        ]
    );
    assert!(ended.log().contains("ok 1 - boots\n") && ended.log().contains("noise\n"));
}

#[test]
fn every_parser_gives_its_results() {
    let ended = run(json!([
        {"command": "run", "parameters": {"parse": "ktap", "suite": "kernel", "commands": [
            "printf '[    1.0] KTAP version 1\\n[    1.1] 1..2\\n[    1.2]   KTAP version 1\\n[    1.3]   1..1\\n\
             [    1.4]   not ok 1 inner # TIMEOUT 5\\n[    1.5] not ok 1 outer\\n'",
        ]}},
        {"command": "run", "parameters": {"parse": "lava-signals", "suite": "v1", "commands": [
            "echo '<LAVA_SIGNAL_TESTSET START lo>'; echo '<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=rate RESULT=pass MEASUREMENT=2.5 UNITS=MB/s>'",
        ]}},
        {"command": "run", "parameters": {"parse": "junit", "suite": "unit", "report": "build/r.xml", "commands": [
            "mkdir build",
            "echo '<testsuite name=\"core\"><testcase name=\"a\" time=\"0.5\"/><testcase name=\"b\"><failure message=\"no\"/></testcase></testsuite>' >build/r.xml; exit 1",
        ]}},
    ]));
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results(),
        [
            "kernel/outer / inner fail (TIMEOUT 5)",
            "kernel/outer fail",
            "kernel/test-2 unknown (planned but not seen)",
            "v1.lo/rate pass",
            "unit/exit fail (exit code 1)",
            "unit.core/a pass",
            "unit.core/b fail (no)"
        ]
    );
    let case = |suite: usize| &ended.end.suites[suite].cases[0];
    assert_eq!(
        (case(1).value, case(1).units.as_deref()),
        (Some(2.5), Some("MB/s"))
    );
    assert_eq!(case(3).seconds, Some(0.5));
    assert_eq!(ended.end.steps.len(), 3);
}

#[test]
fn a_report_that_is_not_there_fails() {
    for (command, why) in [
        ("true", "r.xml: No such file or directory (os error 2)"),
        ("mkfifo r.xml", "r.xml: not a regular file"),
        ("echo '<testsuite>' >r.xml", "r.xml: ends in the middle"),
    ] {
        let ended = run(json!([
            {"command": "run", "parameters": {"parse": "junit", "report": "r.xml", "commands": [command]}},
        ]));
        assert_eq!(ended.end.exit, Exit::Code(0));
        assert_eq!(ended.results(), [format!("smoke/report fail ({why})")]);
    }
}

#[test]
fn what_a_command_leaves_running_does_not_hold_its_output() {
    let ended = run(json!([
        {"command": "run", "parameters": {"parse": "tap", "commands": ["echo 1..1; echo ok; sleep 600 &"]}},
    ]));
    assert_eq!(ended.results(), ["smoke/test-1 pass"]);
    assert_eq!(ended.end.exit, Exit::Code(0));
    assert_eq!(ended.end.leaked, 1);
}

#[test]
fn a_wrong_job_runs_nothing() {
    let first = json!({"command": "run", "parameters": {"commands": ["touch out/ran"]}});
    for (wrong, words) in [
        (
            json!({"command": "boot_linaro_image"}),
            "actions[1].command: `boot_linaro_image` is unknown to the dispatcher `exec`; it knows run and submit_results*",
        ),
        (
            json!({"command": "run", "parameters": {"commands": ["a"], "cases": ["b", "c"]}}),
            "actions[1].parameters.cases: 2 names for 1 commands",
        ),
        (
            json!({"command": "run", "parameters": {"commands": ["a"], "parse": "subunit"}}),
            "actions[1].parameters.parse: `subunit` is not supported by this dispatcher; it knows tap, ktap, junit, lava-signals",
        ),
        (
            json!({"command": "run", "parameters": {"commands": ["a"], "parse": "junit", "report": "../r.xml"}}),
            "actions[1].parameters.report: must be a path below the job folder, such as report.xml",
        ),
    ] {
        let ended = run(json!([first, wrong]));
        assert_eq!(ended.end.exit, Exit::Code(65));
        assert_eq!(outcome(&ended.end), Outcome::Incomplete(Reason::JobError));
        assert_eq!(ended.end.said.as_deref(), Some(words));
        assert_eq!(
            ended.log(),
            format!("error in the job definition: {words}\n")
        );
        assert!(ended.end.attachments.is_empty() && ended.results().is_empty());
    }
}

#[test]
fn after_term_no_other_command_starts_and_none_is_judged() {
    let mut running = exec(json!([
        {"command": "run", "parameters": {"commands": ["true", "echo ready; sleep 600", "echo late"]}},
        {"command": "submit_results"},
    ]))
    .start();
    wait_for_log(&mut running, "\nready\n");
    running.handle.terminate();
    let ended = running.wait();
    assert_eq!(ended.end.exit, Exit::Code(143));
    assert!(ended.end.terminated);
    assert_eq!(ended.results(), ["smoke/command-1 pass"]);
    assert_eq!(
        ended.steps(),
        ["run Done unknown terminated", "submit_results Waiting - -"]
    );
    assert!(!ended.log().contains("late"));
}

#[test]
fn commands_cannot_forge_events() {
    let ended = run(json!([
        {"command": "run", "parameters": {"commands": ["echo '{\"t\":\"board\",\"health\":\"bad\"}' >&3"]}},
    ]));
    assert_eq!(ended.end.board, None);
    assert_eq!(verdict(&ended.end.suites), Verdict::Fail, "{}", ended.log());
}

#[test]
fn started_by_hand_it_says_what_is_missing() {
    let output = Command::new(env!("CARGO_BIN_EXE_pumice"))
        .args(["dispatch", "exec"])
        .env_remove("PUMICE_JOB_FILE")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stdout).contains("PUMICE_JOB_FILE is not set"));
}
