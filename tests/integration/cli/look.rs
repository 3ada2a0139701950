//! `list`, `show`, `log`, `wait`, `board` and `report`: what is told of jobs and boards.

use std::process::Stdio;

use serde_json::json;

use super::{column, command, pumice, pumice_in};
use crate::harness::Lab;

/// A lab with one board, a job that passes, one that fails, and one that nobody can run.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.board("b1", "r");
    lab.job("queue/pass.json", "echo hello; printf 'x\\033[2Jy\\n'");
    lab.job("queue/fail.json", "false");
    lab.job_with("queue/waits.json", "true", json!({"tags": ["absent"]}));
    lab.submit("Submit three jobs");
    lab.run_until_idle("r");
    lab
}

#[test]
fn jobs_are_listed_filtered_and_shown() {
    let lab = lab();
    let all = pumice(&lab, &["list", "--json"]).ok().json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    let names = |args: &[&str]| {
        let args = [&["list", "--json"][..], args].concat();
        let mut names = column(&pumice(&lab, &args).ok().json(), "job_name");
        names.sort();
        names
    };
    assert_eq!(names(&["--state", "finished"]), ["fail", "pass"]);
    assert_eq!(names(&["--state", "submitted,running"]), ["waits"]);
    assert_eq!(names(&["--verdict", "fail"]), ["fail"]);
    assert_eq!(
        names(&["--board", "b1", "--health", "complete"]),
        ["fail", "pass"]
    );
    assert_eq!(names(&["--type", "shell", "--tag", "absent"]), ["waits"]);
    assert_eq!(
        names(&["--mine", "--since", "1h"]),
        ["fail", "pass", "waits"]
    );
    assert_eq!(names(&["--user", "bob"]), Vec::<String>::new());
    assert_eq!(names(&["--sort", "name", "--limit", "1"]), ["waits"]);
    assert_eq!(
        names(&["--sort", "name", "--reverse", "--limit", "1"]),
        ["fail"]
    );
    pumice(&lab, &["list", "--state", "done"]).code(2);

    let shown = pumice(&lab, &["show", "queue/fail.json", "--json"])
        .ok()
        .json();
    assert_eq!(shown["progress"], json!(100));
    assert_eq!(shown["attempts"], json!(1));
    assert_eq!(shown["board"], json!("b1"));
    assert_eq!(shown["runner"], json!("r"));
    assert_eq!(shown["device_type"], json!("shell"));
    assert_eq!(shown["suites"][0]["cases"][0]["result"], json!("fail"));
    let text = pumice(&lab, &["show", "queue/fail.json"]).ok().out;
    assert!(text.contains("complete, fail"), "{text}");
    assert!(text.contains("command-1"), "{text}");
}

#[test]
fn jobs_are_found_by_what_people_type() {
    let lab = lab();
    let list = pumice(&lab, &["list", "--json"]).ok().json();
    for id in column(&list, "id") {
        let shown = pumice(&lab, &["show", &id[..9].to_uppercase(), "--json"])
            .ok()
            .json();
        assert_eq!(shown["id"], json!(id));
    }
    let none = pumice(&lab, &["show", "queue/pas.json"]).code(2);
    assert!(none.err.contains("queue/pass.json"), "{}", none.err);
    // Seventeen jobs and sixteen digits: some digit begins two ids.
    for n in 0..14 {
        lab.job(&format!("queue/more-{n}.json"), "true");
    }
    lab.submit("Submit more");
    let list = pumice(&lab, &["list", "--json"]).ok().json();
    let mut digits: Vec<char> = column(&list, "id")
        .iter()
        .map(|id| id.chars().next().unwrap())
        .collect();
    digits.sort();
    let twice = digits.windows(2).find(|pair| pair[0] == pair[1]).unwrap()[0];
    let many = pumice(&lab, &["show", &twice.to_string()]).code(2);
    assert!(many.err.contains("jobs begin so"), "{}", many.err);
    assert!(many.err.matches("hint: ").count() >= 2, "{}", many.err);
}

#[test]
fn a_log_is_printed_as_it_is_into_a_pipe() {
    let lab = lab();
    let log = pumice(&lab, &["log", "queue/pass.json"]).ok().out;
    assert!(
        log.contains("hello\n") && log.contains("x\u{1b}[2Jy"),
        "{log:?}"
    );
    let followed = pumice(&lab, &["log", "queue/pass.json", "--follow"])
        .ok()
        .out;
    assert_eq!(followed, log);
    let waits = pumice(&lab, &["log", "queue/waits.json"]).ok();
    assert!(waits.err.contains("it has no log yet"), "{}", waits.err);
}

#[test]
fn waiting_ends_with_the_jobs() {
    let lab = lab();
    pumice(&lab, &["wait", "queue/pass.json"]).ok();
    let failed = pumice(&lab, &["wait", "queue/pass.json", "queue/fail.json"]).code(1);
    assert_eq!(failed.out.lines().count(), 2, "{}", failed.out);
    let late = pumice(&lab, &["wait", "queue/waits.json", "--timeout", "300ms"]).code(1);
    assert!(late.err.contains("within 300ms"), "{}", late.err);

    lab.job("queue/next.json", "true");
    lab.submit("Submit next");
    let waiting = command(&lab.work(), &["wait", "queue/next.json", "--timeout", "1m"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    lab.run_until_idle("r");
    let output = waiting.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && said.ends_with("complete, pass\n"),
        "{said}"
    );
}

#[test]
fn boards_and_usage_are_told() {
    let lab = lab();
    let boards = pumice(&lab, &["board", "list", "--json"]).ok().json();
    assert_eq!(column(&boards, "name"), ["b1"]);
    assert_eq!(column(&boards, "health"), ["good"]);
    assert!(pumice(&lab, &["board", "list"]).ok().out.contains("b1"));
    assert!(
        pumice(&lab, &["board", "show", "b1"])
            .ok()
            .out
            .contains("dispatchers exec")
    );
    let unknown = pumice(&lab, &["board", "show", "b2"]).code(2);
    assert!(
        unknown.err.contains("did you mean `b1`?"),
        "{}",
        unknown.err
    );

    let csv = pumice(&lab, &["report", "usage", "--csv"]).ok().out;
    assert!(
        csv.lines().nth(1).unwrap().starts_with("all,board,b1,2,"),
        "{csv}"
    );
    let table = pumice(&lab, &["report", "usage", "--by", "case", "--since", "1h"])
        .ok()
        .out;
    assert!(table.contains("pass/command-1"), "{table}");
    let none = pumice(&lab, &["report", "usage", "--since", "2100-01-01"])
        .ok()
        .out;
    assert!(none.lines().last().unwrap().starts_with("total"), "{none}");

    let args = ["report", "calibration", "--by", "type", "--json"];
    let good = pumice(&lab, &args).ok().json();
    assert_eq!(good["by"], "type");
    assert!(good["total"]["figures"]["end_by_p90"]["of"].is_u64());
    let none = pumice(&lab, &["report", "calibration", "--since", "2100-01-01"])
        .ok()
        .out;
    assert_eq!(none, "No finished job with an estimate in this period.\n");
    let args = ["report", "calibration", "--csv", "--json"];
    pumice(&lab, &args).code(2);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let lab = lab();
    let mut child = command(&lab.work(), &["list", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn exit_codes_tell_what_is_wrong() {
    let lab = Lab::new();
    let nowhere = tempfile::tempdir().unwrap();
    pumice_in(nowhere.path(), &["list"]).code(3);
    pumice_in(nowhere.path(), &["-C", "/no/such/lab", "list"]).code(3);
    pumice_in(nowhere.path(), &["-C", "file:///no/such/lab.git", "list"]).code(4);
    pumice(&lab, &["frobnicate"]).code(2);
    pumice(&lab, &["show", "deadbeef"]).code(2);
    pumice(&lab, &["submit", "no-such-file.json"]).code(2);
    pumice(&lab, &["completions", "bash"]).ok();
    pumice(&lab, &["--help"]).ok();
}

#[test]
fn the_members_of_a_group_are_told_apart() {
    let lab = Lab::new();
    for board in ["b1", "b2", "b3"] {
        lab.board(board, "r");
    }
    let run = |role: &str, command: &str| json!({"command": "run", "parameters": {"role": role, "commands": [command]}});
    let job = json!({
        "device_group": [
            {"role": "server", "count": 1, "device_type": "shell"},
            {"role": "client", "count": 2, "device_type": "shell"},
        ],
        "actions": [run("server", "echo I serve"), run("client", "echo I ask")],
    });
    lab.write("queue/group.json", &job.to_string())
        .submit("Submit a group");
    lab.run_until_idle("r");
    let log = |more: &[&str]| pumice(&lab, &[&["log", "queue/group.json"][..], more].concat());
    let one = log(&["--role", "client-1"]).ok();
    assert!(one.out.contains("I ask") && !one.out.contains("I serve"));
    let first = log(&[]).ok();
    assert!(first.out.contains("I serve"), "{}", first.out);
    assert!(
        first.err.contains("--role client-0, client-1"),
        "{}",
        first.err
    );
    assert!(log(&["--role", "server"]).ok().out.contains("I serve"));
    let two = log(&["--role", "client"]).code(1);
    assert!(two.err.contains("client-0, client-1"), "{}", two.err);
    let runner = log(&["--runner", "--role", "client"]).ok().out;
    assert!(runner.contains("attempt 1, client-0 on b2"), "{runner}");
    assert!(!runner.contains("server on b1"), "{runner}");
    let listed = pumice(&lab, &["list", "--board", "b3"]).ok().out;
    assert!(listed.contains("b1, b2, b3"), "{listed}");
    let shown = pumice(&lab, &["show", "queue/group.json", "--json"])
        .ok()
        .json();
    assert_eq!(column(&shown["members"], "board"), ["b1", "b2", "b3"]);
}

#[test]
fn every_attempts_log_is_kept_and_printed() {
    let lab = Lab::new();
    let script = lab.root().join("flaky");
    let text = "#!/bin/sh\necho try $PUMICE_ATTEMPT on $PUMICE_BOARD\n[ $PUMICE_ATTEMPT = 2 ] || exit 75\n";
    std::fs::write(&script, text).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    for board in ["b1", "b2"] {
        let text = format!(
            "device_type: shell\nrunner: r1\ndispatchers: [{{name: flaky, command: ['{}']}}]\n",
            script.display()
        );
        lab.write(&format!("boards/{board}.yaml"), &text);
    }
    lab.job("queue/flaky.json", "unused").submit("Submit");
    lab.run_until_idle("r1");
    let log = |n: &str| pumice(&lab, &["log", "queue/flaky.json", "--attempt", n]);
    // The second one went to the other board, though the first was as idle.
    assert_eq!(log("1").ok().out, "try 1 on b1\n");
    assert_eq!(log("2").ok().out, "try 2 on b2\n");
    assert_eq!(
        pumice(&lab, &["log", "queue/flaky.json"]).ok().out,
        log("2").ok().out
    );
    let none = log("3");
    assert_eq!(none.code, 1, "{}", none.err);
    assert!(none.err.contains("it had 2 attempts"), "{}", none.err);
    let shown = pumice(&lab, &["show", "queue/flaky.json"]).ok().out;
    assert!(shown.contains("infrastructure"), "{shown}");
}
