//! Board health: checks before jobs, doubts after failures, and another chance for a touched file.

use pumice::model::record::BoardHealth;
use pumice::model::{Health, Reason, Record, Verdict};
use serde_json::json;

use crate::drills::{finish, host};
use crate::harness::{Lab, until};
use crate::program::Program;

const DEFINITION: &str = "templates/jobs/health.json";

/// A lab whose boards of the type `shell` are checked by one command.
fn checked(rule: &str, command: &str) -> Lab {
    let lab = Lab::new();
    let keys = format!("job: {DEFINITION}{rule}");
    lab.write(
        "boards/types/shell.yaml",
        &format!("dispatchers:\n- exec\n- {{name: say, command: [/bin/sh, -c, 'eval \"$(cat {}/say)\"']}}\nhealth_check: {{{keys}}}\n", lab.root().display()),
    );
    lab.board("b1", "r1")
        .job(DEFINITION, command)
        .submit("Add a board with a health check");
    lab
}

/// The health checks of a lab, oldest first.
fn checks(lab: &Lab) -> Vec<Record> {
    let mut records = lab.records_of(DEFINITION);
    records.retain(|record| record.health_check.is_some());
    records
}

fn board(lab: &Lab) -> (BoardHealth, String) {
    let boards = lab.snapshot().boards;
    let board = boards.iter().find(|view| view.board.name.as_str() == "b1");
    let board = board.expect("the board");
    (board.health, board.reason.clone().unwrap_or_default())
}

fn say(lab: &Lab, script: &str) {
    std::fs::write(lab.root().join("say"), script).unwrap();
}

#[test]
fn a_new_board_is_checked_before_its_first_job() {
    let lab = checked("", "echo fine");
    lab.job("queue/job.json", "true").submit("Submit");
    assert_eq!(board(&lab).0, BoardHealth::Unknown);
    lab.run_until_idle("r1");
    let check = checks(&lab).remove(0);
    assert_eq!(
        (check.health, check.verdict),
        (Some(Health::Complete), Some(Verdict::Pass))
    );
    assert_eq!(check.stream, "/health/b1/");
    assert_eq!(check.submitter.user, "r1");
    assert_eq!(check.health_check.as_ref().unwrap().as_str(), "b1");
    assert!(lab.log_of(&check).contains("fine"));
    let job = lab.record_of("queue/job.json");
    assert!(check.finished_at <= job.started_at, "the check comes first");
    let view = &lab.snapshot().boards[0];
    assert_eq!(view.health, BoardHealth::Good);
    let noted = view.noted.as_ref().unwrap().checked.as_ref().unwrap();
    assert_eq!((noted.job, noted.passed), (check.id, true));
    lab.has_no_claims();
    // A good board is not checked again without a cause.
    lab.run_until_idle("r1");
    assert_eq!(checks(&lab).len(), 1);
    let listed = lab.cli(&["list", "--json"]);
    assert!(listed.contains(&check.id.to_string()), "{listed}");
    let shown = lab.cli(&["show", &check.id.to_string()]);
    assert!(shown.contains("/health/b1/"), "{shown}");
    assert!(shown.contains("the health of b1"), "{shown}");
}

#[test]
fn a_failed_check_makes_it_bad_until_its_file_is_touched() {
    let lab = checked("", "echo broken; exit 1");
    lab.job("queue/job.json", "true").submit("Submit");
    lab.run_until_idle("r1");
    let (health, reason) = board(&lab);
    assert_eq!(health, BoardHealth::Bad);
    assert!(
        reason.starts_with("its health check failed: command-1"),
        "{reason}"
    );
    assert!(
        lab.records_of("queue/job.json").is_empty(),
        "a bad board takes nothing"
    );
    lab.job(DEFINITION, "true").submit("Mend the check");
    lab.run_until_idle("r1");
    assert_eq!(
        board(&lab).0,
        BoardHealth::Bad,
        "its own file is what counts"
    );
    lab.write(
        "boards/b1.yaml",
        "device_type: shell\nrunner: r1\n# mended\n",
    )
    .submit("Mend b1");
    assert_eq!(board(&lab).0, BoardHealth::Unknown);
    lab.run_until_idle("r1");
    assert_eq!(board(&lab).0, BoardHealth::Good);
    assert_eq!(
        lab.record_of("queue/job.json").health,
        Some(Health::Complete)
    );
    assert_eq!(checks(&lab).len(), 2);
}

#[test]
fn a_check_that_cannot_run_is_said_and_holds_the_board() {
    let lab = checked("", "true");
    lab.write(DEFINITION, "{\"device_type\": \"shell\", \"actions\": 7}");
    lab.job("queue/job.json", "true")
        .submit("Break the definition");
    lab.run_until_idle("r1");
    let (health, reason) = board(&lab);
    assert_eq!(health, BoardHealth::Unknown);
    assert!(
        reason.contains("templates/jobs/health.json cannot run: line 1:"),
        "{reason}"
    );
    assert!(lab.records().is_empty());
    lab.ok(&["rm", "-q", DEFINITION]);
    lab.submit("Remove the definition");
    lab.run_until_idle("r1");
    assert!(
        board(&lab).1.ends_with("the lab has no such file"),
        "{}",
        board(&lab).1
    );
    lab.write(
        DEFINITION,
        "{\"device_type\": \"other\", \"actions\": [{\"command\": \"run\"}]}",
    );
    lab.submit("Write one for another type");
    lab.run_until_idle("r1");
    assert!(
        board(&lab)
            .1
            .ends_with("does not ask for the device type `shell`"),
        "{}",
        board(&lab).1
    );
    lab.job(DEFINITION, "true").submit("Mend it");
    lab.run_until_idle("r1");
    assert_eq!(
        lab.record_of("queue/job.json").health,
        Some(Health::Complete)
    );
}

#[test]
fn jobs_and_time_make_a_check_due() {
    let lab = checked(", jobs: 2", "true");
    for n in 1..=4 {
        lab.job(&format!("queue/j{n}.json"), "true")
            .submit("Submit");
        lab.run_until_idle("r1");
    }
    // At first, after two jobs and after four.
    assert_eq!(checks(&lab).len(), 3);
    lab.run_until_idle("r1");
    assert_eq!(checks(&lab).len(), 3);

    // Longer than a check takes on a busy machine, or the next would be due before it has ended.
    let lab = checked(", every: 4s", "true");
    lab.run_until_idle("r1");
    let before = checks(&lab);
    let last = before.iter().filter_map(|check| check.finished_at).max();
    until("the last check is old", || {
        let now = pumice::model::Time::new(chrono::Utc::now());
        now.seconds_since(last.unwrap()) >= 4.0
    });
    lab.run_until_idle("r1");
    assert!(checks(&lab).len() > before.len());
}

#[test]
fn an_infrastructure_failure_asks_for_a_check() {
    let lab = checked("", "true");
    say(&lab, "exit 75");
    let job = json!({"dispatcher": "say", "retries": 0});
    lab.job_with("queue/job.json", "true", job).submit("Submit");
    lab.run_until_idle("r1");
    assert_eq!(
        lab.record_of("queue/job.json").reason,
        Some(Reason::Infrastructure)
    );
    assert_eq!(checks(&lab).len(), 2, "before the job and after it");
    assert_eq!(board(&lab).0, BoardHealth::Good);
}

#[test]
fn two_jobs_in_a_row_that_cannot_boot_make_a_board_bad() {
    let lab = Lab::new();
    let script = format!("eval \"$(cat {}/say)\"", lab.root().display());
    lab.write(
        "boards/b1.yaml",
        &format!("device_type: shell\nrunner: r1\ndispatchers: [exec, {{name: say, command: [/bin/sh, -c, '{script}']}}]\n"),
    );
    let doubt =
        "echo '{\"t\":\"board\",\"health\":\"unknown\",\"reason\":\"no prompt\"}' >&3; exit 75";
    let submit = |name: &str, script: &str| {
        say(&lab, script);
        let job = json!({"dispatcher": "say", "retries": 0});
        lab.job_with(&format!("queue/{name}.json"), "true", job)
            .submit("Submit");
        lab.run_until_idle("r1");
        board(&lab)
    };
    assert_eq!(
        submit("j1", doubt),
        (BoardHealth::Unknown, "no prompt".into())
    );
    // Without a check a job that runs to its end takes the doubt away.
    assert_eq!(submit("j2", "exit 0").0, BoardHealth::Good);
    assert_eq!(submit("j3", doubt).0, BoardHealth::Unknown);
    let (health, reason) = submit("j4", doubt);
    assert_eq!(health, BoardHealth::Bad);
    assert!(
        reason.starts_with("two jobs in a row found no working board: no prompt; before, "),
        "{reason}"
    );
}

#[test]
fn what_a_stopped_job_says_of_its_board_does_not_count() {
    let lab = Lab::new();
    let ready = lab.root().join("ready");
    let doubt = "{\"t\":\"board\",\"health\":\"unknown\",\"reason\":\"no prompt\"}";
    let say_script = format!(
        "trap \"echo '{}' >&3; exit 75\" TERM; touch {}; sleep 600 & wait",
        doubt.replace('"', "\\\""),
        ready.display()
    );
    say(&lab, &say_script);
    let script = format!("eval \"$(cat {}/say)\"", lab.root().display());
    lab.write(
        "boards/b1.yaml",
        &format!("device_type: shell\nrunner: r1\ndispatchers: [exec, {{name: say, command: [/bin/sh, -c, '{script}']}}]\n"),
    );
    let job = json!({"dispatcher": "say"});
    lab.job_with("queue/job.json", "true", job).submit("Submit");
    crate::drills::beside(&lab, "r1", |signals| {
        until("the dispatcher listens", || ready.exists());
        signals.send(pumice::runner::Signal::Stop).unwrap();
        signals.send(pumice::runner::Signal::Stop).unwrap();
    });
    let boards = lab.snapshot().boards;
    let noted = boards.iter().find_map(|view| view.noted.as_ref());
    assert!(noted.is_none(), "{noted:?}");
}

#[test]
fn a_check_of_a_killed_runner_is_closed_and_run_again() {
    let lab = checked("", "true");
    let gate = lab.root().join("gate").display().to_string();
    lab.job(DEFINITION, &format!("[ -e {gate} ] || exec sleep 600"))
        .submit("Slow check");
    let runner = host(&lab, &[]);
    until("the check runs", || {
        lab.snapshot()
            .live
            .iter()
            .any(|job| job.record.health_check.is_some() && job.attempt == 1)
    });
    until("its board says so", || {
        lab.snapshot().boards[0].job.is_some()
    });
    drop(runner);
    std::fs::write(&gate, "").unwrap();
    finish(host(&lab, &["--until-idle"]));
    assert_eq!(board(&lab).0, BoardHealth::Good);
    assert_eq!(checks(&lab).len(), 1, "the killed one has left nothing");
    lab.has_no_claims();
}

#[test]
fn a_stopped_check_says_nothing_about_the_board() {
    let lab = checked("", "sleep 600");
    crate::drills::beside(&lab, "r1", |signals| {
        until("the check runs", || !lab.snapshot().live.is_empty());
        signals.send(pumice::runner::Signal::Stop).unwrap();
        signals.send(pumice::runner::Signal::Stop).unwrap();
    });
    assert!(lab.records().is_empty());
    assert_eq!(board(&lab).0, BoardHealth::Unknown);
    lab.has_no_claims();
}

#[test]
fn a_check_of_a_dead_host_holds_no_claim_for_ever() {
    let lab = checked("", "sleep 600");
    lab.write("lab.yaml", "heartbeat: 500ms\npoll: 500ms\nlease: 2s\n");
    lab.board("b2", "r2").submit("Add another host");
    let second = Program::start(&lab, "r2", &["--allow", "any"]);
    let first = host(&lab, &[]);
    until("both checks run", || {
        let live = lab.snapshot().live;
        live.iter().filter(|job| job.attempt == 1).count() == 2
    });
    drop(first);
    until("the claim of the dead host is gone", || {
        lab.refs("refs/pumice/claims/").len() == 1
    });
    assert!(lab.records().is_empty());
    drop(second);
}
