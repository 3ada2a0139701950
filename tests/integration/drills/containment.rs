//! Nothing that a dispatcher starts outlives its attempt, however it hides.

use std::fs;
use std::time::{Duration, Instant};

use pumice::process::Containment;

use super::{figure, finish, host, skipped};
use crate::dispatch::harness::{Ended, Witness, script};
use crate::harness::{Lab, until};

/// Starts processes that leave the group, the session and, some of them, their environment, and do
/// not mind TERM; each writes its number down.
fn strays(folder: &str, environment: &str) -> String {
    format!(
        "for n in 1 2 3; do \
           (setsid {environment} /bin/sh -c 'trap \"\" TERM HUP; echo $$ > {folder}/$0; \
             exec sleep 600' $n </dev/null >/dev/null 2>&1 3>&- &) \
         ; done; while [ ! -s {folder}/3 ] || [ ! -s {folder}/2 ] || [ ! -s {folder}/1 ]; do :; done"
    )
}

fn witnesses(folder: &std::path::Path) -> Vec<Witness> {
    let number = |n: u32| fs::read_to_string(folder.join(n.to_string())).unwrap();
    (1..=3)
        .map(|n| Witness::of(number(n).trim().parse().unwrap()))
        .collect()
}

fn groups(name: &str) -> Result<Containment, String> {
    let containment = Containment::find(&format!("pumice-drill-{name}-{}", std::process::id()));
    if containment.has_groups() {
        Ok(containment)
    } else {
        Err(containment.to_string())
    }
}

/// The attempt ends by itself; gives how long its strays took to be killed, and what came of it.
fn end_with_strays(containment: Containment, environment: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let gate = folder.path().join("gate");
    let mut attempt = script(&format!(
        "{}; echo ready; while [ ! -e {} ]; do sleep 0.01; done",
        strays(&path, environment),
        gate.display()
    ));
    attempt.spec.containment = containment;
    let mut running = attempt.start();
    crate::dispatch::ending::wait_for_log(&mut running, "ready");
    let witnesses = witnesses(folder.path());
    fs::write(&gate, "").unwrap();
    let ended = running.wait();
    witnesses.iter().for_each(Witness::assert_gone);
    ended
}

#[test]
fn a_cgroup_catches_who_left_session_and_environment() {
    let containment = match groups("hidden") {
        Ok(containment) => containment,
        Err(why) => return skipped("strays_in_cgroup", &why),
    };
    let begun = Instant::now();
    let ended = end_with_strays(containment, "env -i");
    figure("strays_in_cgroup", f64::from(ended.end.leaked), "killed");
    figure("strays_in_cgroup_time", begun.elapsed().as_secs_f64(), "s");
    assert_eq!(ended.end.leaked, 3);
}

#[test]
fn the_cookie_catches_who_left_the_session() {
    let ended = end_with_strays(Containment::sweep_only("a drill"), "");
    figure("strays_by_cookie", f64::from(ended.end.leaked), "killed");
    assert_eq!(ended.end.leaked, 3);
}

#[test]
fn ignored_term_is_killed_at_the_grace() {
    let containment = groups("ignored").unwrap_or_else(|why| Containment::sweep_only(&why));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let mut attempt = script(&format!(
        "trap '' TERM; {}; echo ready; while :; do sleep 1; done",
        strays(&path, "")
    ));
    attempt.spec.containment = containment;
    attempt.spec.grace = Duration::from_secs(1);
    let mut running = attempt.start();
    crate::dispatch::ending::wait_for_log(&mut running, "ready");
    let witnesses = witnesses(folder.path());
    let asked = Instant::now();
    running.handle.terminate();
    let ended = running.wait();
    let seconds = asked.elapsed().as_secs_f64();
    figure("ignored_term_to_end_with_1s_grace", seconds, "s");
    witnesses.iter().for_each(Witness::assert_gone);
    assert!(ended.end.terminated);
    assert!((1.0..3.0).contains(&seconds), "{seconds}");
}

#[test]
fn what_a_killed_runner_left_is_ended_by_the_next() {
    if let Err(why) = groups("probe") {
        return skipped("strays_of_a_killed_runner", &why);
    }
    let lab = Lab::new();
    lab.board("b1", "r1").submit("Add a board");
    let path = lab.root().display().to_string();
    lab.job_with(
        "queue/strays.json",
        &format!("{}; sleep 600", strays(&path, "env -i")),
        serde_json::json!({"retries": 0}),
    );
    lab.submit("Submit");
    let runner = host(&lab, &[]);
    until("the strays are there", || {
        (1..=3).all(|n| fs::read(lab.root().join(n.to_string())).is_ok_and(|text| !text.is_empty()))
    });
    assert!(
        runner.said().contains("containment: cgroup v2"),
        "{}",
        runner.said()
    );
    let witnesses = witnesses(lab.root());
    drop(runner);
    let restarted = Instant::now();
    let runner = host(&lab, &["--until-idle"]);
    witnesses.iter().for_each(Witness::assert_gone);
    figure(
        "strays_of_a_killed_runner_gone",
        restarted.elapsed().as_secs_f64(),
        "s",
    );
    finish(runner);
    lab.has_no_claims();
}
