//! How attempts end: codes, limits, wishes, and what is left behind.

use std::fs;
use std::sync::mpsc::channel;
use std::time::Duration;

use pumice::dispatch::{self, AttemptMessage, Exit, Outcome, Progress, outcome};
use pumice::model::Reason;

use super::harness::{PATIENCE, Running, Witness, program, script};

const SOON: Duration = Duration::from_millis(300);

#[test]
fn exit_codes_decide() {
    for (ending, exit, expected) in [
        ("exit 0", Exit::Code(0), Outcome::Complete),
        (
            "exit 1",
            Exit::Code(1),
            Outcome::Incomplete(Reason::DispatcherError),
        ),
        (
            "exit 65",
            Exit::Code(65),
            Outcome::Incomplete(Reason::JobError),
        ),
        (
            "exit 69",
            Exit::Code(69),
            Outcome::Retry {
                reason: Reason::Board,
                board_bad: true,
            },
        ),
        (
            "exit 75",
            Exit::Code(75),
            Outcome::Retry {
                reason: Reason::Infrastructure,
                board_bad: false,
            },
        ),
        (
            "kill -SEGV $$",
            Exit::Signal(11),
            Outcome::Retry {
                reason: Reason::Infrastructure,
                board_bad: false,
            },
        ),
    ] {
        let ended = script(&format!("echo trouble; {ending}")).run();
        assert_eq!(ended.end.exit, exit);
        assert_eq!(outcome(&ended.end), expected, "{ending}");
        let said = (exit != Exit::Code(0)).then_some("trouble");
        assert_eq!(ended.end.said.as_deref(), said);
    }
}

#[test]
fn a_dispatcher_that_cannot_start_is_the_boards_fault() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "#!/bin/sh\n").unwrap();
    for (name, why) in [
        ("/no/such/dispatcher", "No such file"),
        ("no-such-dispatcher", "No such file"),
        (plain.to_str().unwrap(), "Permission denied"),
    ] {
        let ended = program(&[name]).run();
        let Exit::SpawnFailed(said) = &ended.end.exit else {
            panic!("{:?}", ended.end.exit);
        };
        assert!(said.contains(name) && said.contains(why), "{said}");
        assert_eq!(
            outcome(&ended.end),
            Outcome::Retry {
                reason: Reason::Board,
                board_bad: true
            }
        );
        assert_eq!(ended.steps(), ["deploy Waiting - -", "run Waiting - -"]);
        assert!(ended.heard.is_empty());
    }
}

#[test]
fn a_running_step_ends_with_its_dispatcher() {
    let ended = script(
        r#"echo '{"t":"step","n":0,"state":"start"}' >&3
        echo '{"t":"step","n":0,"state":"end","result":"pass"}' >&3
        echo '{"t":"step","n":1,"state":"start"}' >&3; exit 3"#,
    )
    .run();
    assert_eq!(
        ended.steps(),
        [
            "deploy Done pass -",
            "run Done unknown the dispatcher ended during this step (exit code 3)"
        ]
    );
}

#[test]
fn the_job_has_a_limit() {
    let mut attempt = script(
        r#"echo '{"t":"step","n":0,"state":"start"}' >&3
        trap 'echo tidying; exit 0' TERM; while :; do sleep 0.05; done"#,
    );
    attempt.spec.deadline = SOON;
    let ended = attempt.run();
    assert_eq!(
        ended.end.timeout.as_deref(),
        Some("the job exceeded its 300ms")
    );
    assert!(!ended.end.terminated);
    assert_eq!(ended.end.exit, Exit::Code(0));
    assert!(ended.log().ends_with("tidying\n"));
    assert_eq!(
        ended.steps(),
        [
            "deploy Done fail the job exceeded its 300ms",
            "run Waiting - -"
        ]
    );
    assert_eq!(outcome(&ended.end), Outcome::Incomplete(Reason::Timeout));
}

#[test]
fn an_action_has_a_limit_that_its_end_lifts() {
    let mut attempt = script(
        r#"echo '{"t":"step","n":0,"state":"start"}' >&3
        echo '{"t":"step","n":0,"state":"end","result":"pass"}' >&3
        sleep 0.6
        echo '{"t":"step","n":1,"state":"start","timeout":"1h"}' >&3; sleep 600"#,
    );
    attempt.spec.actions[0].1 = Some(SOON);
    attempt.spec.actions[1].1 = Some(SOON);
    let ended = attempt.run();
    let words = "action 2 of 2 `run` exceeded its 300ms";
    assert_eq!(ended.end.timeout.as_deref(), Some(words));
    assert_eq!(
        ended.steps(),
        ["deploy Done pass -", &format!("run Done fail {words}")]
    );
}

#[test]
fn silence_has_a_limit_that_any_sign_of_life_moves() {
    let mut attempt = script(
        r#"for i in 1 2 3 4 5 6; do sleep 0.1; echo alive; done
        for i in 1 2 3 4 5 6; do sleep 0.1; echo '{"t":"alive"}' >&3; done
        echo quiet; sleep 600"#,
    );
    attempt.spec.idle = Some(Duration::from_millis(1000));
    let ended = attempt.run();
    assert_eq!(
        ended.end.timeout.as_deref(),
        Some("nothing was heard for 1s")
    );
    assert!(ended.log().ends_with("quiet\n"));
}

#[test]
fn who_ignores_term_is_killed_after_the_grace_time() {
    let mut attempt = script("trap '' TERM; echo ready; while :; do sleep 600; done");
    attempt.spec.grace = SOON;
    let mut running = attempt.start();
    wait_for_log(&mut running, "ready\n");
    running.handle.terminate();
    let ended = running.wait();
    assert_eq!(ended.end.exit, Exit::Signal(9));
    assert!(ended.end.terminated);
    assert_eq!(ended.end.timeout, None);
    assert_eq!(ended.end.leaked, 0);
}

#[test]
fn the_runner_may_end_an_attempt_gently() {
    // It would note a second TERM while it takes its time to end.
    let mut running = script(
        "trap 'echo term; ending=1' TERM; echo ready; until test \"$ending\"; do sleep 0.05; done; \
         sleep 0.3; exit 7",
    )
    .start();
    wait_for_log(&mut running, "ready\n");
    running.handle.terminate();
    running.handle.terminate();
    let ended = running.wait();
    assert_eq!(ended.end.exit, Exit::Code(7));
    assert!(ended.end.terminated);
    assert_eq!(ended.log().matches("term\n").count(), 1, "TERM came once");
}

#[test]
fn the_runner_may_kill_an_attempt_at_once() {
    let mut running = script("trap '' TERM; echo ready; sleep 600").start();
    wait_for_log(&mut running, "ready\n");
    running.handle.terminate();
    running.handle.kill();
    let ended = running.wait();
    assert_eq!(ended.end.exit, Exit::Signal(9));
    assert!(ended.end.terminated);
}

#[test]
fn term_reaches_the_whole_group() {
    let mut running = script(
        "sh -c 'trap \"echo child; exit\" TERM; echo ready; while :; do sleep 0.05; done'; echo after",
    )
    .start();
    wait_for_log(&mut running, "ready\n");
    running.handle.terminate();
    let ended = running.wait();
    assert!(ended.log().contains("child\n"), "{}", ended.log());
}

#[test]
fn what_left_its_group_and_session_is_found_by_its_cookie() {
    // The inner shell ends at once, so the sleeper belongs to nobody and leads a session.
    let ended = script(
        "setsid sh -c 'sleep 600 & echo $! > out/stray.txt' > /dev/null 2>&1; \
         while ! test -s out/stray.txt; do sleep 0.01; done",
    )
    .run();
    assert_eq!(ended.end.exit, Exit::Code(0));
    assert_eq!(ended.end.leaked, 1);
    assert_eq!(ended.end.notes, ["1 processes were left behind and killed"]);
    let stray = fs::read_to_string(&ended.end.attachments[0].path).unwrap();
    let environment = fs::read(format!("/proc/{}/environ", stray.trim())).unwrap_or_default();
    assert!(environment.is_empty(), "the stray is dead");
}

#[test]
fn who_holds_the_log_open_does_not_hold_the_board() {
    let ended = script("sleep 600 & echo done").run();
    assert_eq!(ended.end.exit, Exit::Code(0));
    assert_eq!(ended.log(), "done\n");
    assert_eq!(ended.end.leaked, 1);
}

#[test]
fn a_panic_still_gives_an_end_and_leaves_no_process() {
    let attempt = script("sleep 600");
    let (sender, messages) = channel();
    let _handle = dispatch::start(attempt.spec.clone(), move |message| match message {
        AttemptMessage::Progress(Progress::Started { pid }) => {
            sender.send((Some(Witness::of(pid as i32)), None)).unwrap();
            panic!("deliberate");
        }
        AttemptMessage::Progress(_) => {}
        AttemptMessage::Ended(end) => sender.send((None, Some(end))).unwrap(),
    })
    .unwrap();
    let (witness, _) = messages.recv_timeout(PATIENCE).unwrap();
    let (_, end) = messages.recv_timeout(PATIENCE).unwrap();
    let end = end.unwrap();
    assert_eq!(
        end.said.as_deref(),
        Some("the supervising thread panicked: deliberate")
    );
    assert_eq!(
        outcome(&end),
        Outcome::Retry {
            reason: Reason::Infrastructure,
            board_bad: false
        }
    );
    witness.unwrap().assert_gone();
}

/// Waits until the log holds that text, as the runner sees it meanwhile.
pub fn wait_for_log(running: &mut Running, text: &str) {
    let begun = std::time::Instant::now();
    loop {
        let log = running.handle.log_tail(4096).unwrap();
        if String::from_utf8_lossy(&log).contains(text) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the log never held {text:?}");
        std::thread::yield_now();
    }
}
