//! A real kernel with a real v1 job. Skipped where no kit is.

use std::time::Instant;

use pumice::dispatch::Exit;
use pumice::fetch::{self, Kind, Kit};
use serde_json::{Value, json};

use super::fake::{board, merge, run};
use crate::harness::skip;

fn uml() -> Option<Kit> {
    let kit = fetch::find(Kind::Uml);
    if kit.is_none() {
        skip("no kit for uml boards; `pumice board fetch uml --kit-only` fetches it");
    }
    kit
}

fn uml_board(kit: &Kit, words: &[&str], keys: Value) -> Value {
    let mut command = vec![kit.program.to_str().unwrap().to_owned()];
    command.extend(kit.arguments(words));
    let mut console = json!({
        "command": command, "prompt": "board# ", "boot_timeout": "60s",
        "images": {"kernel": kit.kernel, "ramdisk": kit.ramdisk},
    });
    merge(&mut console, keys);
    let mut board = board(console);
    let shared = kit.ramdisk.parent().unwrap();
    merge(
        &mut board,
        json!({"host": {"images": [shared], "cache": "cache"}}),
    );
    board
}

#[test]
fn a_real_v1_job() {
    let Some(kit) = uml() else { return };
    let url = |path: &std::path::Path| format!("file://{}", path.display());
    let start = Instant::now();
    let ended = run(
        uml_board(&kit, &[], json!({})),
        json!([
            {"command": "deploy_linaro_kernel", "parameters": {"kernel": url(&kit.kernel), "ramdisk": url(&kit.ramdisk), "target_type": "oe", "dtb": ""}},
            {"command": "boot_linaro_image", "parameters": {"test_image_prompt": "board#"}},
            {"command": "lava_test_shell", "parameters": {"timeout": 300, "testdefs": [{"metadata": {"name": "smoke"}, "run": {"steps": [
                "lava-test-case uname --shell uname -a",
                "lava-test-case uptime --result pass --measurement $(cut -d' ' -f1 /proc/uptime) --units s",
                "lava-test-case missing --shell ls /missing"]}}]}},
            {"command": "lava_command_run", "parameters": {"commands": ["echo \"cpu: PASS\""], "parser": "^(?P<test_case_id>\\w+): (?P<result>\\w+)"}},
            {"command": "submit_results", "parameters": {"server": "http://lava/RPC2/", "stream": "/anonymous/uml/"}},
        ]),
    );
    println!("uml_v1_job_s\t{:.2}", start.elapsed().as_secs_f64());
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results(),
        [
            "smoke/uname pass",
            "smoke/uptime pass",
            "smoke/missing fail",
            "lava-command/cpu pass"
        ]
    );
    assert!(ended.end.suites[0].cases[1].value.is_some());
    assert!(
        ended
            .steps()
            .iter()
            .all(|step| step.ends_with("Done pass -")),
        "{:?}",
        ended.steps()
    );
    let log = ended.log();
    println!("uml_v1_job_log_lines\t{}", log.lines().count());
    for typed in ["printf", "PS1", "/tmp/pumice-", "\x1b[6n"] {
        assert!(!log.contains(typed), "{typed}: {log}");
    }
    assert!(
        log.contains("\n$ lava-test-case missing --shell ls /missing\n"),
        "{log}"
    );
    assert_eq!(ended.end.leaked, 0, "User Mode Linux leaves helpers behind");
}

#[test]
fn the_guest_cannot_mount_the_host() {
    let Some(kit) = uml() else { return };
    let mount = |path: &str| format!("mkdir -p /tmp/m && mount -t hostfs none /tmp/m -o {path}");
    let ended = run(
        uml_board(&kit, &[], json!({})),
        json!([{"command": "run", "parameters": {"suite": "s", "commands": [
            "grep hostfs /proc/filesystems", mount("/"), mount("/etc"), mount("/../.."),
            "mkdir -p /tmp/n && mount -t hostfs none /tmp/n", "! grep hostfs /proc/mounts"],
            "cases": ["known", "root", "folder", "above", "default", "none"]}}]),
    );
    assert_eq!(
        ended.results(),
        [
            "s/known pass",
            "s/root fail (exit code 255)",
            "s/folder fail (exit code 255)",
            "s/above fail (exit code 255)",
            "s/default fail (exit code 255)",
            "s/none pass"
        ],
        "{}",
        ended.log()
    );
}

#[test]
fn a_hang_and_a_panic() {
    let Some(kit) = uml() else { return };
    for (word, why) in [
        ("board.hang", "`board# ` was not seen within 4s"),
        ("board.panic", "Kernel panic - not syncing"),
    ] {
        let board = uml_board(&kit, &[word], json!({"boot_timeout": "4s"}));
        let ended = run(board, json!([{"command": "boot"}]));
        assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
        let (health, said) = ended.end.board.clone().unwrap();
        assert_eq!(health.as_str(), "unknown");
        let said = said.unwrap();
        assert!(
            said.starts_with("did not boot: ") && said.contains(why),
            "{said}"
        );
    }
}
