//! `init`: a lab from nothing.

use super::{column, pumice_in};
use crate::harness::git;

#[test]
fn a_new_lab_runs_its_job() {
    let dir = tempfile::tempdir().unwrap();
    let made = pumice_in(dir.path(), &["init", "lab", "--forge", "gitlab"]).ok();
    assert!(
        made.out.contains("git push --set-upstream origin main"),
        "{}",
        made.out
    );
    let lab = dir.path().join("lab");
    assert!(lab.join(".gitlab-ci.yml").is_file());
    let status = git(&lab, &["status", "--porcelain"]);
    assert_eq!(String::from_utf8_lossy(&status.stdout), "");
    pumice_in(&lab, &["validate"]).ok();
    pumice_in(dir.path(), &["init", "lab"]).code(3);

    assert!(
        git(
            dir.path(),
            &["init", "-q", "--bare", "-b", "main", "lab.git"]
        )
        .status
        .success()
    );
    assert!(
        git(&lab, &["remote", "add", "origin", "../lab.git"])
            .status
            .success()
    );
    assert!(
        git(&lab, &["push", "-q", "--set-upstream", "origin", "main"])
            .status
            .success()
    );
    let list = pumice_in(&lab, &["list", "--json"]).ok().json();
    assert_eq!(column(&list, "state"), ["submitted"]);
    let state = dir.path().join("state");
    let runner = [
        "runner",
        "--name",
        "r",
        "--allow",
        "exec",
        "--until-idle",
        "--state",
    ];
    pumice_in(&lab, &[&runner[..], &[state.to_str().unwrap()]].concat()).ok();
    let list = pumice_in(&lab, &["list", "--json"]).ok().json();
    assert_eq!(column(&list, "verdict"), ["pass"]);
}
