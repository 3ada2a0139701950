//! Every kind boots, obeys and switches itself off; the faults that tests ask for come.

use std::time::{Duration, Instant};

use pumice::fetch::Kind;

use super::kit;
use super::machine::Machine;

const PROMPT: &str = "board# ";

fn boots(kind: Kind, machine: &str) {
    let Some(kit) = kit(kind) else { return };
    let start = Instant::now();
    let mut board = Machine::boot(&kit, &[]);
    let said = board.until(PROMPT);
    println!(
        "{}: boot_s\t{:.2}",
        kind.as_str(),
        start.elapsed().as_secs_f64()
    );
    assert!(
        said.contains(&format!(" on {machine}, up after ")),
        "{said}"
    );
    for (command, answer) in [
        ("uname -m", machine),
        (
            "[ -d /proc/1 ] && [ -c /dev/null ] && echo $((6 * 7))",
            "42",
        ),
        ("[ -d /sys/kernel ] && touch /tmp/x && hostname", "board"),
    ] {
        board.type_line(command);
        let said = board.until(PROMPT);
        // The echo is the first line.
        assert_eq!(said.lines().nth(1), Some(answer), "{said}");
    }
    board.type_line("poweroff -f");
    assert!(board.ended().success());
}

#[test]
fn uml_boots() {
    boots(Kind::Uml, "x86_64");
}

#[test]
fn qemu_boots() {
    boots(Kind::Qemu, "x86_64");
}

#[test]
fn qemu_arm64_boots() {
    boots(Kind::QemuArm64, "aarch64");
}

#[test]
fn the_shell_comes_again_and_a_command_can_be_interrupted() {
    let Some(kit) = kit(Kind::Uml) else { return };
    let mut board = Machine::boot(&kit, &[]);
    board.until(PROMPT);
    board.type_line("exit 3");
    board.until(PROMPT);
    board.type_line("echo begun; sleep 10000");
    board.until("begun\r\n");
    board.type_line("\u{3}");
    board.until(PROMPT);
    board.type_line("poweroff");
    assert!(board.ended().success());
}

#[test]
fn a_board_that_hangs_never_prompts() {
    let Some(kit) = kit(Kind::Uml) else { return };
    let mut board = Machine::boot(&kit, &["board.hang"]);
    board.until("board: hanging\r\n");
    assert!(board.is_silent(Duration::from_millis(300)));
}

#[test]
fn a_board_that_panics_says_so_and_ends() {
    for kind in [Kind::Uml, Kind::Qemu] {
        let Some(kit) = kit(kind) else { continue };
        let mut board = Machine::boot(&kit, &["board.panic"]);
        board.until("Kernel panic - not syncing");
        board.ended();
    }
}
