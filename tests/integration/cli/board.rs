//! `board maintenance|activate|retire|check`, `runner status`: people's hands on boards and runners.

use serde_json::json;

use super::{pumice, pumice_in};
use crate::harness::Lab;

const BOARD: &str = "# Rack 2, shelf 3.\ndevice_type: shell  # as all here\nrunner: r1\n";

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("boards/b1.yaml", BOARD).submit("Add a board");
    lab
}

fn file(lab: &Lab) -> String {
    lab.ok(&["show", "origin/main:boards/b1.yaml"])
}

#[test]
fn a_board_goes_out_of_service_and_comes_back() {
    let lab = lab();
    lab.job("queue/job.json", "true").submit("Submit");
    pumice(
        &lab,
        &["board", "maintenance", "b1", "--reason", "new: #fan"],
    )
    .ok();
    let text = file(&lab);
    let rest = text.strip_prefix(BOARD).expect("all else stays as it was");
    assert!(
        rest.starts_with("service: {state: maintenance, reason: \"new: #fan\", since: \"20"),
        "{rest}"
    );
    let subject = lab.ok(&["log", "-1", "--format=%s|%b", "origin/main"]);
    assert_eq!(subject, "Put b1 into maintenance|new: #fan");
    let shown = pumice(&lab, &["board", "show", "b1", "--json"]).ok().json();
    assert_eq!(
        (&shown["health"], &shown["reason"]),
        (&json!("maintenance"), &json!("new: #fan"))
    );
    lab.run_until_idle("r1");
    assert!(lab.records().is_empty());
    pumice(&lab, &["board", "activate", "b1"]).ok();
    lab.run_until_idle("r1");
    assert_eq!(lab.records().len(), 1);
    pumice(&lab, &["board", "retire", "b1"]).ok();
    assert!(file(&lab).starts_with(BOARD));
    let shown = pumice(&lab, &["board", "show", "b1", "--json"]).ok().json();
    assert_eq!(shown["service"], json!("retired"));
}

#[test]
fn it_works_without_a_work_tree() {
    let lab = lab();
    let url = lab.url();
    pumice_in(
        lab.root(),
        &["-C", url.to_str().unwrap(), "board", "maintenance", "b1"],
    )
    .ok();
    lab.ok(&["fetch", "-q"]);
    assert!(file(&lab).contains("state: maintenance"));
}

#[test]
fn what_cannot_be_done_is_refused_with_a_remedy() {
    let lab = lab();
    let before = lab.ok(&["rev-parse", "origin/main"]);
    let ran = pumice(&lab, &["board", "activate", "b2"]).code(2);
    assert!(ran.err.contains("did you mean `b1`?"), "{}", ran.err);
    let ran = pumice(&lab, &["board", "check", "b1"]).code(1);
    assert!(
        ran.err.contains("its type shell names no health check"),
        "{}",
        ran.err
    );
    lab.write("boards/b1.yaml", &format!("{BOARD}# not committed\n"));
    let ran = pumice(&lab, &["board", "retire", "b1"]).code(1);
    assert!(ran.err.contains("not committed"), "{}", ran.err);
    assert_eq!(lab.ok(&["rev-parse", "origin/main"]), before);
    lab.write(
        "boards/b1.yaml",
        "{device_type: shell, service: {state: active}}\n",
    )
    .submit("Flow");
    let ran = pumice(&lab, &["board", "retire", "b1"]).code(3);
    assert!(
        ran.err
            .contains("write this line yourself: service: {state: retired"),
        "{}",
        ran.err
    );
    lab.write("boards/b1.yaml", &format!("{BOARD}owners: [bob]\n"))
        .submit("Give it an owner");
    let ran = pumice(&lab, &["board", "retire", "b1"]).code(5);
    assert!(ran.err.contains("bob (owners of the board)"), "{}", ran.err);
}

#[test]
fn a_check_can_be_asked_for() {
    let lab = lab();
    lab.write(
        "boards/types/shell.yaml",
        "dispatchers: [exec]\nhealth_check: {job: templates/jobs/health.json}\n",
    );
    lab.job("templates/jobs/health.json", "true")
        .submit("Add a health check");
    lab.run_until_idle("r1");
    lab.run_until_idle("r1");
    assert_eq!(lab.records().len(), 1);
    pumice(&lab, &["board", "check", "b1"]).ok();
    let shown = pumice(&lab, &["board", "show", "b1", "--json"]).ok().json();
    assert_eq!(shown["reason"], json!("a health check was asked for"));
    lab.run_until_idle("r1");
    lab.run_until_idle("r1");
    assert_eq!(lab.records().len(), 2);
    let shown = pumice(&lab, &["board", "show", "b1", "--json"]).ok().json();
    assert_eq!(
        (&shown["health"], &shown["checked"]["passed"]),
        (&json!("good"), &json!(true))
    );
    let shown = pumice(&lab, &["board", "show", "b1"]).ok();
    assert!(shown.out.contains("checked     passed 20"), "{}", shown.out);
}

#[test]
fn the_runners_say_how_they_are() {
    let lab = lab();
    let ran = pumice(&lab, &["runner", "status"]).ok();
    assert!(
        ran.err.contains("no runner has said anything yet"),
        "{}",
        ran.err
    );
    lab.run_until_idle("r1");
    let ran = pumice(&lab, &["runner", "status"]).ok();
    for part in [
        "runner       r1\n",
        "state        claims nothing: stopped\n",
        "containment  process group and sweep by cookie (a test)\n",
        "board        b1 idle, good\n",
    ] {
        assert!(ran.out.contains(part), "{part}\n{}", ran.out);
    }
    let json = pumice(&lab, &["runner", "status", "--json"]).ok().json();
    assert_eq!(json[0]["runner"], json!("r1"));
    assert_eq!(
        json[0]["containment"],
        json!("process group and sweep by cookie (a test)")
    );
}
