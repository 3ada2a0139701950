//! Pages of jobs.

use serde_json::json;

use super::*;
use crate::cli::view::tests::waiting;

#[test]
fn everything_of_a_finished_job_is_on_its_page() {
    let mut record = serde_json::to_value(waiting(1).record).unwrap();
    let more = json!({
        "state": "finished", "health": "incomplete", "reason": "timeout", "verdict": "fail",
        "message": "action 1 `run` took longer than 2m", "tags": ["net"],
        "claim": {"runner": "lab-a", "board": "b1", "device_type": "qemu", "at": "2026-11-24T01:00:02Z"},
        "started_at": "2026-11-24T01:00:03Z", "finished_at": "2026-11-24T01:03:08Z",
        "attempts": [
            {"n": 1, "board": "b2", "runner": "lab-a", "started_at": "2026-11-24T01:00:02Z",
             "finished_at": "2026-11-24T01:00:03Z", "reason": "board"},
            {"n": 2, "board": "b1", "runner": "lab-a", "started_at": "2026-11-24T01:00:03Z",
             "finished_at": "2026-11-24T01:03:08Z", "reason": "timeout"}
        ],
        "steps": [{"n": 0, "name": "boot\u{1b}[2J", "state": "done", "result": "pass", "reason": null,
                   "started_s": 0.1, "duration_s": 12.0}],
        "suites": [{"name": "net", "cases": [
            {"name": "ping", "result": "pass", "value": 1.5, "units": "ms", "seconds": 0.2, "why": null},
            {"name": "dhcp", "result": "fail", "value": null, "units": null, "seconds": null, "why": "no lease"}
        ]}],
        "diagnostics": [{"path": "queue/a.json", "line": 3, "column": 5, "severity": "warning",
                         "code": "unknown-tag", "message": "no board has the tag `net`", "hint": null}]
    });
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    let job = Job::from(serde_json::from_value::<crate::model::Record>(record).unwrap());
    let (files, outlook) = (LabFiles::default(), Outlook::default());
    let now = "2026-11-24T02:00:00Z".parse().unwrap();
    let lab = Lab {
        files: &files,
        outlook: &outlook,
        now,
    };
    let page = render(&job, &[], &lab, Terminal::PLAIN);
    // Moments are in the zone one lives in, which is not the same everywhere.
    let zoned: Vec<&str> = page
        .lines()
        .filter(|line| {
            !["submitted", "started", "ended"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .collect();
    insta::assert_snapshot!(zoned.join("\n"), @r"
    job        01000000-0000-5000-8000-000000000000
    name       job-1
    path       queue/job-1.json
    state      incomplete (timeout), fail
    message    action 1 `run` took longer than 2m
    commit     0123456789abcdef0123456789abcdef01234567
    board      b1
    type       qemu
    runner     lab-a
    priority   medium
    tags       net
    stream     /public/alice/

    Attempts
    N  BOARD  RUNNER   TOOK  REASON   LOG  WHY
    1  b2     lab-a    1.0s  board    -
    2  b1     lab-a   3m05s  timeout  -

    Steps
    N  STEP           STATE  RESULT  TOOK  REASON
    1  boot\u{1b}[2J  done   pass     12s

    Test results
    SUITE  CASE  RESULT   VALUE  TOOK  WHY
    net    ping  pass    1.5 ms  0.2s
    net    dhcp  fail               -  no lease

    Problems
    queue/a.json:3:5: warning: no board has the tag `net`
    ");
    assert!(page.contains("after 3m05s"), "{page}");
}

#[test]
fn a_groups_members_are_told_apart() {
    let mut record = serde_json::to_value(waiting(1).record).unwrap();
    let member = |name: &str, board: &str, health: Option<&str>, message: &str| {
        json!({"name": name, "role": name, "board": board, "device_type": "qemu",
            "health": health, "reason": health.map(|_| "board"), "message": message, "log": null})
    };
    record["claim"] = json!({"runner": "lab-a", "board": "b1", "device_type": "qemu", "at": "2026-11-24T01:00:02Z"});
    record["members"] = json!([
        member("server", "b1", None, "ended with the group"),
        member(
            "client",
            "b2",
            Some("incomplete"),
            "the dispatcher exited with 69"
        ),
    ]);
    record["steps"] = json!([{"n": 0, "member": "client", "name": "boot", "state": "done",
        "result": "pass", "reason": null, "started_s": 0.1, "duration_s": 12.0}]);
    let job = Job::from(serde_json::from_value::<crate::model::Record>(record).unwrap());
    let (files, outlook) = (LabFiles::default(), Outlook::default());
    let now = "2026-11-24T02:00:00Z".parse().unwrap();
    let lab = Lab {
        files: &files,
        outlook: &outlook,
        now,
    };
    let page = render(&job, &[], &lab, Terminal::PLAIN);
    let from = page.find("boards").unwrap();
    insta::assert_snapshot!(&page[from..], @r"
    boards     b1, b2
    type       qemu
    runner     lab-a
    priority   medium
    stream     /public/alice/

    Members
    MEMBER  BOARD  TYPE  ENDED  LOG  WHY
    server  b1     qemu  -        -  ended with the group
    client  b2     qemu  board    -  the dispatcher exited with 69

    Steps
    N  STEP         STATE  RESULT  TOOK  REASON
    1  client/boot  done   pass     12s
    ");
}

#[test]
fn attempts_that_are_over_say_why_and_how_to_see_their_logs() {
    let mut job = waiting(1);
    let attempt = json!({"n": 1, "board": "b2", "runner": "lab-a",
        "started_at": "2026-11-24T01:00:02Z", "finished_at": "2026-11-24T01:00:03Z", "reason": "board"});
    let past = json!({"version": 1, "id": job.record.id, "claim": "0".repeat(40), "attempt": attempt,
        "message": "the dispatcher exited with 69: boot\nno serial\u{1b}[2J output", "log": {
            "ref": "refs/pumice/logs/lab-a/2026-11", "path": "24/x/1/log.txt",
            "blob": "0".repeat(40), "bytes": 5, "dropped": 0, "runner": null}});
    let past: AttemptRecord = serde_json::from_value(past).unwrap();
    job.record.attempts = vec![past.attempt.clone()];
    job.record.health_check = Some("b2".parse().unwrap());
    let (files, outlook) = (LabFiles::default(), Outlook::default());
    let now = "2026-11-24T02:00:00Z".parse().unwrap();
    let lab = Lab {
        files: &files,
        outlook: &outlook,
        now,
    };
    let page = render(&job, &[past], &lab, Terminal::PLAIN);
    assert!(page.contains("checks     the health of b2\n"), "{page}");
    let from = page.find("Attempts").unwrap();
    insta::assert_snapshot!(&page[from..], @r"
    Attempts
    N  BOARD  RUNNER  TOOK  REASON  LOG                              WHY
    1  b2     lab-a   1.0s  board   pumice log 01000000 --attempt 1  the dispatcher exited with 69: boot | no serial\u{1b}[2J output
    ");
}
