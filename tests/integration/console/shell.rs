//! Commands typed to a shell.

use serde_json::json;

use super::fake::{SHELL, commands, on_shell, run, script};

#[test]
fn every_command_gives_its_exit_code() {
    let ended = on_shell(commands(&[
        "echo hello",
        "exit 3",
        "kill -9 $$",
        "cd /; x=1",
        "[ \"$x\" != 1 ]",
        "cat",
    ]));
    assert_eq!(
        ended.results(),
        [
            "s/command-1 pass",
            "s/command-2 fail (exit code 3)",
            "s/command-3 fail (exit code 137)",
            "s/command-4 pass",
            "s/command-5 pass",
            "s/command-6 pass",
        ]
    );
    assert!(ended.log().contains("\nhello\n"));
}

#[test]
fn whatever_a_command_is_made_of_reaches_the_board() {
    let long = format!("[ {} = {} ]", "x".repeat(3000), "x".repeat(3000));
    let ended = on_shell(commands(&[
        "[ 'it'\"'\"'s' = \"it's\" ]",
        "[ \"%s\\n\" = '%s\\n' ] && [ ä = \"$(printf '\\303\\244')\" ]",
        &long,
        "test '\t' = \"$(printf '\\t')\"",
        "echo -n no line end",
        "printf '%s' - -- -e",
    ]));
    assert!(
        ended.results().iter().all(|r| r.ends_with(" pass")),
        "{:?}",
        ended.results()
    );
}

#[test]
fn output_is_parsed_and_what_is_typed_is_not() {
    let ended = on_shell(json!([{"command": "run", "parameters": {
        "suite": "s", "parse": "tap", "commands": [
            "echo 1..3; echo 'ok 1 - boots'; echo 'not ok 2 - sleeps'; printf 'ok 3 - last without a line end'; exit 4"]}}]));
    assert_eq!(
        ended.results(),
        [
            "s/boots pass",
            "s/sleeps fail",
            "s/last without a line end pass",
            "s/exit fail (exit code 4)"
        ]
    );
}

#[test]
fn a_report_comes_over_the_console() {
    let ended = on_shell(json!([
        {"command": "run", "parameters": {"suite": "unit", "parse": "junit", "report": "/tmp/a report.xml", "commands": [
            "printf '<testsuite name=\"core\">\\n<testcase name=\"adds\"/><testcase name=\"fails\"><failure message=\"1 < 2\"/></testcase></testsuite>' | sed 's/1 < 2/no/' >'/tmp/a report.xml'"]}},
        {"command": "run", "parameters": {"suite": "none", "parse": "junit", "report": "/no/report", "commands": ["true"]}}]));
    assert_eq!(
        ended.results(),
        [
            "unit.core/adds pass",
            "unit.core/fails fail (no)",
            "none/report fail (/no/report: cat: /no/report: No such file or directory)"
        ]
    );
}

#[test]
fn a_v1_command_run_keeps_its_shell_and_reads_by_its_pattern() {
    let ended = on_shell(json!([
        {"command": "lava_command_run", "parameters": {"iterations": 1, "timeout": 30,
            "commands": ["export DIR=/", "cd ${DIR}", "echo selftests: $(pwd)x [PASS]"],
            "parser": "^selftests:\\s(?P<test_case_id>\\S+)\\s[[](?P<result>(FAIL|PASS|SKIP))[]]",
            "fixupdict": ["PASS:pass", "FAIL:fail"]}},
        {"command": "lava_command_run", "parameters": {"commands": ["true", "exit 5"]}}]));
    assert_eq!(
        ended.results(),
        [
            "lava-command//x pass",
            "lava-command-2/exit fail (exit code 5)"
        ]
    );
}

#[test]
fn a_console_that_closes_under_a_test_is_an_infrastructure_failure() {
    let board = script(SHELL, json!({}));
    let ended = run(board, commands(&["echo bye; kill -9 $PPID"]));
    assert_eq!(
        ended.end.exit,
        pumice::dispatch::Exit::Code(75),
        "{}",
        ended.log()
    );
    let (health, why) = ended.end.board.clone().unwrap();
    assert_eq!(health.as_str(), "unknown");
    assert!(
        why.unwrap().starts_with("the console closed"),
        "{}",
        ended.log()
    );
}
