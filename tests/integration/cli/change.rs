//! `submit`, `cancel` and `resubmit`: commits and pushes.

use std::fs;

use serde_json::json;

use super::{column, pumice, pumice_in};
use crate::harness::{Lab, git};

const JOB: &str = r#"{"device_type": "shell", "actions": [{"command": "run", "parameters": {"commands": ["true"]}}]}"#;

#[test]
fn a_file_from_elsewhere_is_copied_committed_and_pushed() {
    let lab = Lab::new();
    let file = lab.root().join("boot.json");
    fs::write(&file, JOB).unwrap();
    lab.write("notes.txt", "mine\n");
    let id = pumice(&lab, &["submit", file.to_str().unwrap()]).ok().id();
    let list = pumice(&lab, &["list", "--json"]).ok().json();
    assert_eq!(column(&list, "id"), [id.as_str()]);
    assert_eq!(column(&list, "path"), ["queue/boot.json"]);
    assert_eq!(column(&list, "state"), ["submitted"]);
    assert_eq!(list[0]["submitter"]["user"], json!("alice"));
    assert_eq!(
        lab.ok(&["log", "-1", "--format=%s", "origin/main"]),
        "Submit boot"
    );
    // What else lies in the work tree is left alone.
    assert_eq!(lab.ok(&["status", "--porcelain"]), "?? notes.txt");

    let again = pumice(&lab, &["submit", file.to_str().unwrap()]).ok();
    assert_eq!(again.id(), id);
    assert!(again.err.contains("already submitted"), "{}", again.err);

    fs::write(&file, JOB.replace("true", "false")).unwrap();
    let other = pumice(&lab, &["submit", file.to_str().unwrap(), "--json"])
        .ok()
        .json();
    assert_eq!(
        column(&other, "path"),
        ["queue/boot-2.json"],
        "no job is overwritten"
    );
}

#[test]
fn nothing_is_committed_when_one_file_has_an_error() {
    let lab = Lab::new();
    lab.write("queue/good.json", JOB);
    lab.write("queue/bad.json", &JOB.replace("device_type", "devcie_type"));
    let before = lab.ok(&["rev-parse", "HEAD"]);
    let ran = pumice(&lab, &["submit", "queue/good.json", "queue/bad.json"]).code(1);
    assert!(
        ran.err.contains("queue/bad.json:1:2: error: "),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("nothing was committed"), "{}", ran.err);
    assert_eq!(lab.ok(&["rev-parse", "HEAD"]), before);
}

#[test]
fn a_lost_race_is_run_again() {
    let lab = Lab::new();
    lab.ok(&["clone", "-q", "../lab.git", "../other"]);
    let other = lab.root().join("other");
    fs::write(other.join("theirs.txt"), "x").unwrap();
    for args in [
        &["add", "."][..],
        &["commit", "-qm", "Theirs"],
        &["push", "-q", "origin", "main"],
    ] {
        assert!(git(&other, args).status.success(), "{args:?}");
    }
    lab.write("queue/mine.json", JOB);
    let id = pumice(&lab, &["submit", "queue/mine.json"]).ok().id();
    let list = pumice(&lab, &["list", "--json"]).ok().json();
    assert_eq!(
        column(&list, "id"),
        [id],
        "the id is that of the commit that landed"
    );
    assert!(lab.work().join("theirs.txt").exists());
}

#[test]
fn a_bare_repository_needs_no_work_tree_and_no_first_commit() {
    let lab = Lab::new();
    let file = lab.root().join("boot.json");
    fs::write(&file, JOB).unwrap();
    let bare = lab.url();
    let id = pumice_in(
        lab.root(),
        &["-C", bare.to_str().unwrap(), "submit", "boot.json"],
    )
    .ok()
    .id();
    let list = pumice_in(&bare, &["list", "--json"]).ok().json();
    assert_eq!(column(&list, "id"), [id]);

    assert!(
        git(
            lab.root(),
            &["init", "-q", "--bare", "-b", "main", "empty.git"]
        )
        .status
        .success()
    );
    pumice_in(lab.root(), &["-C", "empty.git", "list"]).ok();
    pumice_in(lab.root(), &["-C", "empty.git", "submit", "boot.json"]).ok();
    let said = pumice_in(lab.root(), &["-C", "empty.git", "list"]).code(3);
    assert!(said.err.contains("lab.yaml"), "{}", said.err);
}

#[test]
fn without_an_origin_committing_is_submitting() {
    let lab = Lab::new();
    lab.ok(&["remote", "remove", "origin"]);
    lab.write("queue/mine.json", JOB);
    let id = pumice(&lab, &["submit", "queue/mine.json", "-m", "Try it"])
        .ok()
        .id();
    assert_eq!(lab.ok(&["log", "-1", "--format=%s"]), "Try it");
    let list = pumice(&lab, &["list", "--json"]).ok().json();
    assert_eq!(column(&list, "id"), std::slice::from_ref(&id));
    pumice(&lab, &["cancel", &id[..8]]).ok();
    assert!(!lab.work().join("queue/mine.json").exists());
    assert_eq!(pumice(&lab, &["list", "--json"]).ok().json(), json!([]));
}

#[test]
fn another_branch_is_left_alone() {
    let lab = Lab::new();
    lab.ok(&["switch", "-q", "-c", "feature"]);
    let head = lab.ok(&["rev-parse", "HEAD"]);
    lab.write("../boot.json", JOB);
    pumice(&lab, &["submit", "../boot.json"]).ok();
    assert_eq!(lab.ok(&["rev-parse", "HEAD"]), head);
    assert_eq!(
        pumice(&lab, &["list", "--json"])
            .ok()
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_review_is_a_branch_with_a_link() {
    let lab = Lab::new();
    lab.write(
        "lab.yaml",
        "forge: {kind: gitlab, url: 'https://git.example.org/lab'}\n",
    );
    lab.submit("Name the forge");
    lab.write("../boot.json", JOB);
    let ran = pumice(&lab, &["submit", "--review", "../boot.json"]).ok();
    let branch = ran.out.lines().next().unwrap().to_owned();
    assert!(branch.starts_with("submit/boot-"), "{}", ran.out);
    assert!(
        ran.out
            .contains("https://git.example.org/lab/-/merge_requests/new?"),
        "{}",
        ran.out
    );
    assert_eq!(lab.refs(&format!("refs/heads/{branch}")).len(), 1);
    assert_eq!(pumice(&lab, &["list", "--json"]).ok().json(), json!([]));
    lab.ok(&["fetch", "-q"]);
    lab.ok(&["merge", "-q", &format!("origin/{branch}")]);
    lab.push();
    assert_eq!(
        pumice(&lab, &["list", "--json"])
            .ok()
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn canceling_removes_exactly_that_version() {
    let lab = Lab::new();
    // A runner that has seen the lab before knows what comes and goes while it is away.
    lab.board("b1", "r").job("queue/first.json", "true");
    lab.submit("Submit the first job");
    lab.run_until_idle("r");
    lab.write("queue/a.json", JOB)
        .write("queue/b.json", &JOB.replace("true", "date"));
    lab.submit("Submit two jobs");
    let submitted = ["list", "--json", "--state", "submitted"];
    let ids = column(&pumice(&lab, &submitted).ok().json(), "id");
    let ran = pumice(&lab, &["cancel", &ids[0], "queue/b.json"]).ok();
    assert_eq!(ran.out.lines().count(), 2);
    assert_eq!(
        lab.ok(&["log", "-1", "--format=%s", "origin/main"]),
        "Cancel 2 jobs"
    );
    assert_eq!(pumice(&lab, &submitted).ok().json(), json!([]));
    pumice(&lab, &["cancel", &ids[0]]).code(2);

    // The runner closes them; then they are known again, and cannot be canceled twice.
    lab.run_until_idle("r");
    let ran = pumice(&lab, &["cancel", &ids[0]]).code(1);
    assert!(
        ran.err.contains("has ended already: canceled"),
        "{}",
        ran.err
    );
}

#[test]
fn local_edits_are_not_taken_away_by_a_cancel() {
    let lab = Lab::new();
    lab.write("queue/a.json", JOB);
    lab.submit("Submit a");
    lab.write("queue/a.json", "{}");
    let ran = pumice(&lab, &["cancel", "queue/a.json"]).code(1);
    assert!(ran.err.contains("not committed"), "{}", ran.err);
    assert_eq!(
        fs::read_to_string(lab.work().join("queue/a.json")).unwrap(),
        "{}"
    );
}

#[test]
fn the_policy_refuses_and_names_who_may() {
    let lab = Lab::new();
    let config = "users:\n  bob: {emails: [bob@example.org], groups: [kernel]}\ngroups:\n  kernel: {owners: [carol]}\nadmins: [dave]\n";
    lab.write("lab.yaml", config).write("queue/a.json", JOB);
    lab.ok(&["add", "-A"]);
    lab.ok(&[
        "-c",
        "user.name=x",
        "commit",
        "-qm",
        "Submit",
        "--author=Bob <bob@example.org>",
    ]);
    lab.push();
    let ran = pumice(&lab, &["cancel", "queue/a.json"]).code(5);
    for who in ["bob", "carol", "dave"] {
        assert!(ran.err.contains(who), "{}", ran.err);
    }
    assert_eq!(
        pumice(&lab, &["list", "--json"])
            .ok()
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_health_check_is_not_resubmitted_into_a_queue() {
    let lab = Lab::new();
    let definition = "templates/jobs/health.json";
    lab.write(
        "boards/types/shell.yaml",
        &format!("dispatchers: [exec]\nhealth_check: {{job: {definition}}}\n"),
    );
    lab.board("b1", "r1")
        .job(definition, "true")
        .submit("Add a board with a health check");
    lab.run_until_idle("r1");
    let check = lab.record_of(definition).id.to_string();
    let main = lab.refs("refs/heads/");
    let refused = pumice(&lab, &["resubmit", &check]).code(1);
    assert!(
        refused.err.contains("pumice board check b1"),
        "{}",
        refused.err
    );
    assert_eq!(lab.refs("refs/heads/"), main, "nothing was pushed");
}

#[test]
fn a_resubmitted_job_is_a_changed_copy() {
    let lab = Lab::new();
    lab.write("queue/k/a.json", JOB);
    lab.submit("Submit a");
    let first = pumice(&lab, &["list", "--json"]).ok().json();
    let id = first[0]["id"].as_str().unwrap();
    let set = [
        "--set",
        "priority=high",
        "--set",
        "actions.0.timeout=2m",
        "--set",
        "tags=[\"net\"]",
    ];
    let args = [&["resubmit", &id[..10]][..], &set].concat();
    let copy = pumice(&lab, &args).ok().id();
    let shown = pumice(&lab, &["show", &copy, "--json"]).ok().json();
    assert_eq!(shown["path"], json!("queue/k/a-2.json"));
    assert_eq!(shown["priority"], json!("high"));
    assert_eq!(shown["tags"], json!(["net"]));
    assert_eq!(shown["definition"]["resubmitted_from"], json!(id));
    assert_eq!(shown["definition"]["actions"][0]["timeout"], json!("2m"));
    // A copy of the copy counts on.
    let third = pumice(&lab, &["resubmit", &copy, "--json"]).ok().json();
    assert_eq!(column(&third, "path"), ["queue/k/a-3.json"]);

    pumice(&lab, &["resubmit", id, "--set", "priority"]).code(2);
    let wrong = pumice(&lab, &["resubmit", &copy, "--set", "priority.x=1"]).code(2);
    assert!(
        wrong.err.contains("neither a list nor an object"),
        "{}",
        wrong.err
    );
    let invalid = pumice(&lab, &["resubmit", id, "--set", "retries=9"]).code(1);
    assert!(
        invalid.err.contains("nothing was committed"),
        "{}",
        invalid.err
    );
}
