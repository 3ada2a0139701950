//! What the plan takes, and what it refuses with which words.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn board(console: Value, folders: &[&Path]) -> ConsoleBoard {
    ConsoleBoard::of_json(json!({
        "tags": ["uml"], "console": console, "host": {"images": folders, "cache": "/nowhere"},
    }))
    .unwrap()
}

fn uml() -> ConsoleBoard {
    let console = json!({
        "command": ["/boards/linux.uml", "initrd={ramdisk}"],
        "images": {"kernel": "/boards/linux.uml", "ramdisk": "/boards/initramfs.cpio"},
    });
    board(console, &[])
}

fn action(command: &str, parameters: Value) -> Value {
    json!({"actions": [{"command": command, "parameters": parameters}]})
}

fn error(job: Value) -> String {
    plan(&job, &uml()).unwrap_err().to_string()
}

#[test]
fn a_v1_job_is_understood_and_what_means_nothing_here_is_noted() {
    let job = json!({"actions": [
        {"command": "deploy_linaro_kernel", "parameters": {
            "kernel": "http://images/zImage", "ramdisk": "http://images/r.cpio#sha256=".to_owned() + &"a".repeat(64),
            "dtb": "http://images/x.dtb", "firmware": "", "target_type": "oe", "overlays": ["http://m/modules.tar.xz"],
            "bootloadertype": "uefi", "login_prompt": "login:", "username": "root"}},
        {"command": "boot_linaro_image", "parameters": {"boot_cmds": ["setenv a b"], "options": ["x"], "test_image_prompt": "root@.*#"}},
        {"command": "lava_test_shell", "timeout": 900, "parameters": {"timeout": 600, "repeat": 3, "role": "server",
            "testdef_repos": [{"git-repo": "git://git.linaro.org/qa/test-definitions.git", "revision": "abc", "testdef": "openembedded/kernel-version.yaml", "parameters": {"N": 2}}]}},
        {"command": "lava_command_run", "parameters": {"commands": ["true"], "timeout": -1, "fixupdict": ["PASS:pass"], "parser": "^(?P<test_case_id>\\S+) (?P<result>\\w+)"}},
        {"command": "submit_results_on_host", "parameters": {"server": "http://x/", "stream": "/anonymous/x/"}},
    ]});
    let plan = plan(&job, &uml()).unwrap();
    let Work::Deploy(deploy) = &plan[0].work else {
        panic!("{:?}", plan[0]);
    };
    assert_eq!(deploy.images[0].0, "ramdisk", "its place is in the command");
    assert_eq!(deploy.own[0].0, "kernel", "the board has its own");
    assert_eq!(deploy.login.as_ref().unwrap().user.as_deref(), Some("root"));
    assert_eq!(
        plan[0].notes,
        [
            "`dtb` has no meaning on this board: ignored",
            "`overlays` has no meaning on this board: ignored"
        ]
    );
    assert_eq!(plan[1].notes.len(), 2, "{:?}", plan[1].notes);
    assert_eq!(
        (plan[2].repeat, plan[2].limit),
        (3, Some(Duration::from_secs(600)))
    );
    assert_eq!(plan[3].limit, None);
    assert!(matches!(plan[4].work, Work::Pass));
}

#[test]
fn nothing_is_begun_that_cannot_be_done() {
    for (job, why) in [
        (
            action("deploy_linaro_android_image", json!({})),
            "actions[0].command: `deploy_linaro_android_image` is unknown to the dispatcher `console`",
        ),
        (
            action("deploy", json!({"kernal": "/x"})),
            "actions[0].parameters.kernal: `/x` cannot be used: this host shares no folder",
        ),
        (
            action("deploy", json!({"dtb": "http://x/d"})),
            "parameters.dtb: this board cannot boot another dtb: its console's command has no `{dtb}`",
        ),
        (
            action("deploy", json!({"ramdisk": "ftp://x/y"})),
            "neither an absolute path nor a URL",
        ),
        (
            action(
                "deploy",
                json!({"ramdisk": {"url": "http://x/y", "sha256": "12"}}),
            ),
            "ramdisk.sha256: a sha256 sum has 64 hex digits",
        ),
        (
            action(
                "deploy",
                json!({"ramdisk": {"url": "http://x/y", "md5": "12"}}),
            ),
            "ramdisk.md5: an image is a text or",
        ),
        (
            action("boot", json!({"promt": "#"})),
            "parameters.promt: not a parameter of `boot`",
        ),
        (
            action("boot", json!({"prompt": "["})),
            "parameters.prompt: unclosed character class",
        ),
        (
            action("boot", json!({"boot": [["a"]]})),
            "parameters.boot[0]: must be a pair",
        ),
        (
            action("run", json!({"commands": []})),
            "commands: must name at least one",
        ),
        (
            action("run", json!({"commands": ["x"], "repeat": 0})),
            "parameters.repeat: must be a number from 1",
        ),
        (action("test", json!({})), "names no test definition"),
        (
            action(
                "lava_test_shell",
                json!({"testdef_repos": [{"bzr-repo": "lp:x"}]}),
            ),
            "testdef_repos[0].bzr-repo: Bazaar repositories are not supported",
        ),
        (
            action(
                "lava_test_shell",
                json!({"testdef_repos": [{"git-repo": "ext::sh -c x"}]}),
            ),
            "git-repo: must be a path of this host or a URL",
        ),
        (
            action(
                "lava_test_shell",
                json!({"testdef_repos": [{"git-repo": "http://x/y", "revision": "--upload-pack=x"}]}),
            ),
            "revision: is not the name of a commit",
        ),
        (
            action(
                "lava_test_shell",
                json!({"testdef_repos": [{"git-repo": "http://x/y", "testdef": "../../etc/passwd"}]}),
            ),
            "testdef: must be a path inside the repository",
        ),
        (
            action(
                "lava_test_shell",
                json!({"testdefs": [{"metadata": {"name": "x"}}]}),
            ),
            "testdefs[0]: bad test definition: `run` is missing",
        ),
        (
            action(
                "lava_command_run",
                json!({"commands": ["x"], "parser": "(?P<result>x)"}),
            ),
            "parameters.parser: the regular expression has no group",
        ),
    ] {
        let said = error(job.clone());
        assert!(said.contains(why), "{job}:\n  {said}\n  {why}");
    }
}

#[test]
fn a_job_names_only_files_of_shared_folders() {
    let shared = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    for folder in [&shared, &other] {
        fs::write(folder.path().join("r.cpio"), "x").unwrap();
    }
    std::os::unix::fs::symlink(other.path(), shared.path().join("out")).unwrap();
    let board = board(json!({"command": ["/x", "{ramdisk}"]}), &[shared.path()]);
    let deploy = |path: String| plan(&action("deploy", json!({"ramdisk": path})), &board);
    let shared = shared.path().display();
    assert!(deploy(format!("{shared}/r.cpio")).is_ok());
    assert!(deploy(format!("file://{shared}/r.cpio")).is_ok());
    for path in [
        format!("{}/r.cpio", other.path().display()),
        format!("{shared}/out/r.cpio"),
        format!("{shared}/../{}/r.cpio", other.path().display()),
        format!("{shared}/missing"),
        "/etc/shadow".to_owned(),
    ] {
        let said = deploy(path).unwrap_err().to_string();
        assert!(
            said.contains("is not there or not in a folder that this host shares"),
            "{said}"
        );
    }
}

/// The paths need not even be there before the board boots.
#[test]
fn a_job_may_name_exactly_what_its_board_boots() {
    let deploy = |path: &str| plan(&action("deploy", json!({"ramdisk": path})), &uml());
    for path in ["/boards/initramfs.cpio", "file:///boards/initramfs.cpio"] {
        assert!(deploy(path).is_ok(), "{path}");
    }
    for path in [
        "/boards/../boards/initramfs.cpio",
        "/boards/other",
        "/boards",
    ] {
        let said = deploy(path).unwrap_err().to_string();
        assert!(said.contains("this host shares no folder"), "{said}");
    }
}

#[test]
fn every_real_v1_job_is_taken_or_refused_with_its_place() {
    let Ok(jobs) = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("queue/examples"))
    else {
        return;
    };
    for job in jobs {
        let text = fs::read(job.unwrap().path()).unwrap();
        let job: Value = serde_json::from_slice(&text).unwrap();
        if let Err(error) = plan(&job, &uml()) {
            assert!(error.place.starts_with("actions["), "{error}");
        }
    }
}
