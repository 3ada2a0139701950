//! From power to prompt.

use std::fs;
use std::time::{Duration, Instant};

use pumice::dispatch::{Exit, Outcome, outcome};
use pumice::model::Reason;
use serde_json::{Value, json};

use super::fake::{SHELL, attempt, commands, merge, run, script};
use crate::dispatch::ending::wait_for_log;
use crate::dispatch::harness::{Ended, PATIENCE, Witness};
use crate::drills::figure;

fn boot() -> Value {
    json!([{"command": "boot"}, {"command": "run", "parameters": {"commands": ["true"]}}])
}

/// The reason why a board did not boot.
fn did_not_boot(ended: &Ended) -> String {
    assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
    let (health, why) = ended
        .end
        .board
        .clone()
        .expect("something is said of the board");
    assert_eq!(health.as_str(), "unknown");
    let why = why.unwrap();
    assert!(why.starts_with("did not boot: "), "{why}");
    assert_eq!(ended.end.said.as_deref(), Some(why.as_str()));
    assert_eq!(ended.end.leaked, 0);
    why
}

#[test]
fn answers_the_boot_loader_and_logs_in() {
    let board = script(
        &format!(
            "printf 'U-Boot 2026\\r\\n\\033[2JHit any key: 3\\b2'; read key; printf '=> '; read line
             echo \"loader: $line\"; echo Starting kernel; printf '\\033[1;32mdebian login: \\033[0m'
             read user; printf 'Password:'; read word; [ $user,$word = root,secret ] || exit 1; {SHELL}"
        ),
        json!({
            "boot": [["Hit any key: \\d", ""], ["=> ", "run bootcmd"]],
            "login": {"user": "root", "password": "secret"},
        }),
    );
    let ended = run(board, boot());
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert!(
        ended.log().contains("loader: run bootcmd"),
        "{}",
        ended.log()
    );
    assert_eq!(ended.steps(), ["boot Done pass -", "run Done pass -"]);
}

#[test]
fn a_v1_job_stops_the_boot_loader_with_its_own_commands() {
    let board = script(
        &format!(
            "echo 'Press a key to stop'; read key; printf '=> '; read one; printf '=> '; read two
             echo \"got $one, $two\"; {SHELL}"
        ),
        json!({"bootloader": {"interrupt": "never said", "prompt": "=> "}}),
    );
    let ended = run(
        board,
        json!([{"command": "boot_linaro_image", "parameters": {
            "boot_cmds": ["setenv a b", "boot"], "interrupt_boot_prompt": "Press a key", "test_image_prompt": "board#"}}]),
    );
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert!(
        ended.log().contains("got setenv a b, boot"),
        "{}",
        ended.log()
    );
}

#[test]
fn power_comes_before_a_process_and_a_second_boot_is_a_reset() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let note = |what: &str| {
        json!([
            "/bin/sh",
            "-c",
            format!("echo {what} >>{}", trace.display())
        ])
    };
    let mut board = script(
        &format!("echo begun >>{}; {SHELL}", trace.display()),
        json!({}),
    );
    merge(
        &mut board,
        json!({"power": {"on": note("on"), "off": note("off"), "reset": note("reset")}}),
    );
    let ended = run(board, json!([{"command": "boot"}, {"command": "boot"}]));
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        fs::read_to_string(&trace).unwrap(),
        "on\nbegun\nreset\nbegun\n"
    );
}

#[test]
fn a_board_that_hangs_ends_at_its_limit() {
    let board = script(
        "echo Booting; exec sleep 1000",
        json!({"boot_timeout": "2s"}),
    );
    let start = Instant::now();
    let ended = run(board, boot());
    let took = start.elapsed();
    figure("boot_hang_ended", took.as_secs_f64(), "s");
    let why = did_not_boot(&ended);
    assert_eq!(
        why,
        "did not boot: `board# ` was not seen within 2s: it last said `Booting`"
    );
    assert!(
        took >= Duration::from_secs(2) && took < PATIENCE / 4,
        "{took:?}"
    );
    assert_eq!(
        outcome(&ended.end),
        Outcome::Retry {
            reason: Reason::Infrastructure,
            board_bad: false
        }
    );
    assert_eq!(
        ended.steps(),
        [format!("boot Done fail {why}"), "run Waiting - -".into()]
    );
}

#[test]
fn a_panic_and_a_closed_console_are_told() {
    let board = script(
        "echo '[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs'; echo '[    1.6] CPU: 0'",
        json!({}),
    );
    let start = Instant::now();
    let ended = run(board, boot());
    figure("panic_ended", start.elapsed().as_secs_f64(), "s");
    let why = did_not_boot(&ended);
    assert!(
        why.contains("Kernel panic - not syncing: VFS: Unable to mount root fs"),
        "{why}"
    );
    assert!(ended.log().contains("CPU: 0"), "the trace is in the log");

    let why = did_not_boot(&run(script("echo 'no bootable device'", json!({})), boot()));
    assert_eq!(
        why,
        "did not boot: the console closed: it last said `no bootable device`"
    );
}

#[test]
fn a_refused_login_and_a_deaf_shell_are_told() {
    let board = script(
        "while :; do printf 'login: '; read user; printf 'Password: '; read word; echo Login incorrect; done",
        json!({"login": {"user": "root"}}),
    );
    let why = did_not_boot(&run(board, boot()));
    assert_eq!(why, "did not boot: the login as `root` was refused 3 times");

    let board = script(
        "printf 'board# '; exec sleep 1000",
        json!({"boot_timeout": "1s"}),
    );
    let why = did_not_boot(&run(board, boot()));
    assert_eq!(why, "did not boot: no shell answers behind the prompt");
}

#[test]
fn a_shell_that_drops_its_first_line_is_spoken_to_again() {
    let board = script(
        &format!("printf 'board# '; read dropped; {SHELL}"),
        json!({}),
    );
    let ended = run(board, boot());
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
}

#[test]
fn what_is_wrong_with_the_board_is_not_the_jobs_fault() {
    for (console, why) in [
        (
            json!({"command": ["/no/such/program"]}),
            "cannot start `/no/such/program`",
        ),
        (json!({"prompt": "("}), "console.prompt: unclosed group"),
    ] {
        let ended = run(script(SHELL, console), boot());
        assert_eq!(ended.end.exit, Exit::Code(78), "{}", ended.log());
        assert!(
            ended.end.said.clone().unwrap().contains(why),
            "{:?}",
            ended.end.said
        );
    }
}

#[test]
fn a_job_that_brings_too_little_or_too_much_is_to_blame_itself() {
    let board = script(SHELL, json!({"command": ["/bin/true", "{kernel}"]}));
    let deploy =
        |key: &str, value: &str| json!([{"command": "dummy_deploy", "parameters": {key: value}}]);
    let long = format!("a{{1,{}}}x", "9".repeat(4));
    for (board, actions, why) in [
        (
            board,
            boot(),
            "neither the job nor `console.images` names a kernel",
        ),
        (
            script(SHELL, json!({})),
            deploy("login_prompt", "("),
            "login_prompt: unclosed group",
        ),
        (
            script(SHELL, json!({})),
            deploy("password_prompt", &long),
            "password_prompt: ",
        ),
    ] {
        let ended = run(board, actions);
        assert_eq!(ended.end.exit, Exit::Code(65), "{}", ended.log());
        let said = ended.end.said.clone().unwrap();
        assert!(said.contains(why), "{said}");
        assert_eq!(ended.end.board, None);
    }
}

#[test]
fn a_board_is_not_blamed_for_what_the_job_brought() {
    let board = script(
        "echo Booting; exec sleep 1000",
        json!({"boot_timeout": "1s"}),
    );
    for parameters in [json!({"prompt": "never"}), json!({"boot": [["never", ""]]})] {
        let ended = run(
            board.clone(),
            json!([{"command": "boot", "parameters": parameters}]),
        );
        assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
        assert_eq!(ended.end.board, None);
    }
}

#[test]
fn a_boot_that_is_cut_by_the_actions_limit_blames_the_board() {
    let hangs = script("echo Booting; exec sleep 1000", json!({}));
    let boot =
        |parameters: Value| json!([{"command": "boot", "timeout": 1, "parameters": parameters}]);
    let ended = run(hangs.clone(), boot(json!({})));
    let (health, why) = ended
        .end
        .board
        .clone()
        .expect("something is said of the board");
    assert_eq!(health.as_str(), "unknown");
    assert_eq!(why.as_deref(), Some("did not boot before its time limit"));
    assert_eq!(run(hangs, boot(json!({"prompt": "x"}))).end.board, None);
}

/// TERM goes to a whole group, and the console's process may end of it first.
#[test]
fn a_console_that_ends_just_before_term_comes_was_terminated() {
    let board = script("(sleep 0.02; kill -TERM $PPID) & exit 0", json!({}));
    let ended = run(board, boot());
    assert_eq!(ended.end.exit, Exit::Code(143), "{}", ended.log());
}

/// That the board is not to blame for it is what the runner knows.
#[test]
fn a_canceled_boot_leaves_nothing_running() {
    let board = script("echo pid $$ .; exec sleep 1000", json!({}));
    let mut running = attempt(board, commands(&["true"])).start();
    wait_for_log(&mut running, " .\n");
    let log = String::from_utf8(running.handle.log_tail(4096).unwrap()).unwrap();
    let pid = log.split_whitespace().nth(1).unwrap().parse().unwrap();
    let process = Witness::of(pid);
    running.handle.terminate();
    let ended = running.wait();
    process.assert_gone();
    assert_eq!(ended.end.exit, Exit::Code(143));
    let said = ended.end.board.clone().and_then(|(_, why)| why);
    assert_eq!(said.as_deref(), Some("did not boot before its time limit"));
    assert_eq!(ended.end.leaked, 0);
}
