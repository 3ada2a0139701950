//! The built-in dispatcher `lava-run` with the real one, and a QEMU board that `pumice board fetch` made.

use std::fs;
use std::path::Path;
use std::process::Command;

use pumice::dispatch::{Exit, Outcome, outcome};
use pumice::fetch::{Kind, Kit, find};
use pumice::model::record::verdict;
use pumice::model::{Reason, Verdict};
use serde_json::{Value, json};

use crate::dispatch::ending::wait_for_log;
use crate::dispatch::harness::{Attempt, built_in};
use crate::harness::skip;

/// The device's dictionary of a PC that QEMU plays, as LAVA's server would render it.
const DEVICE: &str = "
available_architectures: [x86_64]
commands: {}
constants:
  boot_retry: 1
  failure_retry: 1
  failure_retry_interval: 1
  spawn_maxread: 4092
  default-shell-prompt: 'lava-test: # '
  kernel-start-message: 'board: Linux'
actions:
  deploy: {methods: {image: null}, connections: {serial: null}}
  boot:
    connections: {serial: null}
    methods:
      qemu:
        parameters:
          command: qemu-system-x86_64
          options: [-M, pc, -accel, 'tcg,tb-size=32', -m, '96', -no-reboot, -nodefaults, -no-user-config, -nographic, -serial, stdio]
          extra: []
timeouts: {actions: {}, connections: {}}
";

/// What the tests need of this machine; none, with the reason printed.
fn kit() -> Option<Kit> {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n");
    let kit = find(Kind::Qemu);
    let missing = match &kit {
        _ if !Path::new("/usr/bin/lava-run").exists() => {
            "lava-run is not there; install lava-dispatcher"
        }
        _ if !is_root => "lava-run wants to be root",
        None => "no QEMU board; run `pumice board fetch qemu --kit-only`",
        Some(_) => return kit,
    };
    skip(missing);
    None
}

/// A board of LAVA's, with its files on this host.
struct Board {
    folder: tempfile::TempDir,
    kit: Kit,
}

impl Board {
    fn new(kit: Kit) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("device.yaml"), DEVICE).unwrap();
        fs::write(
            folder.path().join("dispatcher.yaml"),
            "dispatcher_ip: 127.0.0.1\n",
        )
        .unwrap();
        Self { folder, kit }
    }

    /// A job that boots the board and types a few lines at its prompt.
    fn definition(&self, prompt: &str) -> Value {
        let file = |path: &Path| format!("file://{}", path.display());
        json!({
            "job_name": "qemu-interactive",
            "device_type": "qemu",
            "visibility": "public",
            "priority": "medium",
            "context": {"arch": "x86_64"},
            "timeouts": {"job": {"minutes": 5}, "action": {"minutes": 3}, "connection": {"minutes": 2}},
            "actions": [
                {"deploy": {"to": "tmpfs", "images": {
                    "kernel": {"image_arg": "-kernel {kernel}", "url": file(&self.kit.kernel)},
                    "ramdisk": {
                        "image_arg": "-initrd {ramdisk} -append 'console=ttyS0 quiet panic=-1'",
                        "url": file(&self.kit.ramdisk),
                    },
                }}},
                {"boot": {"method": "qemu", "media": "tmpfs", "prompts": [prompt], "timeout": {"seconds": 90}}},
                {"test": {"timeout": {"minutes": 2}, "interactive": [{
                    "name": "shell",
                    "prompts": ["board# "],
                    "script": [
                        {"name": "arch", "command": "uname -m", "successes": [{"message": "x86_64"}]},
                        {"name": "broken", "command": "echo no such luck", "successes": [{"message": "never said"}],
                         "failures": [{"message": "no such luck", "error": "no luck"}]},
                    ],
                }]}},
            ],
        })
    }

    fn attempt(&self, definition: Value) -> Attempt {
        let mut attempt = built_in("lava-run", json!([]));
        attempt.spec.job = json!({"device_type": "qemu", "definition": definition});
        attempt.spec.board_file = json!({"device_type": "qemu", "lava": {
            "device": self.folder.path().join("device.yaml"),
            "dispatcher": self.folder.path().join("dispatcher.yaml"),
        }});
        attempt
    }
}

#[test]
fn a_lava_job_runs_on_qemu() {
    let Some(kit) = kit() else { return };
    let board = Board::new(kit);
    // As a text, as people have their v2 jobs.
    let definition = board.definition("board# ").to_string();
    let ended = board.attempt(json!(definition)).run();
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results(),
        ["0_shell/arch pass", "0_shell/broken fail"]
    );
    assert_eq!(verdict(&ended.end.suites), Verdict::Fail);
    assert_eq!(
        ended.steps(),
        [
            "deployimages Done pass -",
            "boot-image-retry Done pass -",
            "lava-test-interactive-retry Done pass -",
            "finalize Done pass -"
        ]
    );
    assert!(ended.log().contains("board: Linux 6."), "{}", ended.log());
    let names: Vec<&str> = ended
        .end
        .attachments
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "lava/description.yaml",
            "lava/logs.yaml",
            "lava/result.yaml"
        ]
    );
    assert_eq!((ended.end.bad_events, ended.end.leaked), (0, 0));
}

#[test]
fn errors_of_lava_have_their_codes() {
    let Some(kit) = kit() else { return };
    let board = Board::new(kit);
    let mut missing = board.definition("board# ");
    missing["actions"][0]["deploy"]["images"]["kernel"]["url"] =
        "file:///nonexistent/kernel".into();
    let ended = board.attempt(missing).run();
    assert_eq!(ended.end.exit, Exit::Code(65), "{}", ended.log());
    assert!(
        ended.end.said.as_deref().unwrap().starts_with("Job: "),
        "{:?}",
        ended.end.said
    );
    assert_eq!(outcome(&ended.end), Outcome::Incomplete(Reason::JobError));

    let without = DEVICE.replace("  failure_retry: 1\n", "");
    fs::write(board.folder.path().join("device.yaml"), without).unwrap();
    let ended = board.attempt(board.definition("board# ")).run();
    assert_eq!(ended.end.exit, Exit::Code(78), "{}", ended.log());
    assert!(
        ended
            .end
            .said
            .unwrap()
            .starts_with("Configuration: Constant failure_retry")
    );

    fs::remove_file(board.folder.path().join("device.yaml")).unwrap();
    let ended = board.attempt(board.definition("board# ")).run();
    assert_eq!(ended.end.exit, Exit::Code(78), "{}", ended.log());
    assert!(
        ended
            .end
            .said
            .unwrap()
            .starts_with("lava-run did not run the job: ")
    );
}

#[test]
fn a_lava_job_that_is_ended_cleans_up() {
    let Some(kit) = kit() else { return };
    let board = Board::new(kit);
    let mut running = board
        .attempt(board.definition("a prompt that never comes"))
        .start();
    wait_for_log(&mut running, "built-in shell (ash)");
    running.handle.terminate();
    let ended = running.wait();
    assert_eq!(ended.end.exit, Exit::Code(143), "{}", ended.log());
    assert!(
        ended.log().contains("The job was canceled"),
        "{}",
        ended.log()
    );
    assert_eq!(ended.end.leaked, 0);
    let left = format!("/var/lib/lava/dispatcher/tmp/{}-1", ended.attempt.spec.id);
    assert!(!Path::new(&left).exists());
}

#[test]
fn without_lava_run_the_board_is_misconfigured() {
    let mut attempt = built_in("lava-run", json!([]));
    attempt.spec.job = json!({"definition": {"actions": []}});
    attempt.spec.board_file = json!({"device_type": "qemu", "lava": {"device": "/x"}});
    let empty = tempfile::tempdir().unwrap();
    let start = format!(
        "PATH={} exec {} dispatch lava-run",
        empty.path().display(),
        env!("CARGO_BIN_EXE_pumice")
    );
    attempt.spec.argv = ["/bin/sh".into(), "-c".into(), start.into()].into();
    let ended = attempt.run();
    assert_eq!(ended.end.exit, Exit::Code(78));
    assert_eq!(
        ended.end.said.as_deref(),
        Some("`lava-run` is not in the PATH of the runner")
    );
}

#[test]
fn a_job_without_a_definition_is_wrong() {
    for definition in [Value::Null, json!("actions"), json!({"job_name": "x"})] {
        let mut attempt = built_in("lava-run", json!([]));
        attempt.spec.job = json!({"definition": definition});
        attempt.spec.board_file = json!({"device_type": "qemu", "lava": {"device": "/x"}});
        let ended = attempt.run();
        assert_eq!(ended.end.exit, Exit::Code(65));
        assert!(ended.end.said.unwrap().starts_with("definition: "));
    }
}
