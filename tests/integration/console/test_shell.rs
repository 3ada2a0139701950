//! Test definitions from the job, from files and from git.

use std::fs;
use std::path::Path;
use std::process::Command;

use pumice::dispatch::Exit;
use serde_json::{Value, json};

use super::fake::{SHELL, merge, on_shell, run, script};
use crate::dispatch::harness::Ended;

fn inline(testdef: Value) -> Value {
    json!([{"command": "lava_test_shell", "parameters": {"testdefs": [testdef]}}])
}

#[test]
fn helpers_patterns_and_parameters_give_results() {
    let ended = on_shell(inline(json!({
        "metadata": {"name": "basic", "format": "Lava-Test-Shell Test Definition 1.0"},
        "params": {"WHO": "it's me", "N": 2},
        "install": {"deps": ["curl"], "steps": ["exit 9"]},
        "run": {"steps": [
            "lava-test-case who --shell test \"$WHO\" = \"it's me\"",
            "lava-test-case piped --shell \"echo x | grep -q y\"",
            "for i in $(seq $N); do", "lava-test-case round-$i --result pass", "done",
            "lava-test-set start net", "lava-test-case 'two words' --result skip --measurement 1.5 --units ms", "lava-test-set stop",
            "sh -c 'lava-test-case from-a-script --result fail'",
            "echo 'line: PASS'",
        ]},
        "parse": {"pattern": "^(?P<test_case_id>\\w+): (?P<result>\\w+)", "fixupdict": {"PASS": "pass"}},
    })));
    assert_eq!(
        ended.results(),
        [
            "basic/who pass",
            "basic/piped fail",
            "basic/round-1 pass",
            "basic/round-2 pass",
            "basic/from-a-script fail",
            "basic/line pass",
            "basic.net/two words skip",
        ]
    );
    assert!(
        ended
            .log()
            .contains("nothing is installed: the board has no network"),
        "{}",
        ended.log()
    );
}

#[test]
fn a_step_that_fails_ends_its_definition_and_no_other() {
    let ended = on_shell(json!([{"command": "test", "parameters": {"testdefs": [
        {"metadata": {"name": "one"}, "run": {"steps": ["echo '<LAVA_SIGNAL_STARTTC begun>'", "false", "lava-test-case never --result pass"]}},
        {"metadata": {"name": "two"}, "run": {"steps": ["lava-test-case reached --result pass"]}},
        {"metadata": {"name": "two"}, "run": {"steps": ["lava-test-case reached --result fail"]}},
    ]}}]));
    assert_eq!(
        ended.results(),
        [
            "one/begun unknown (began, but gave no result)",
            "one/exit fail (exit code 1; the steps after it were not run)",
            "two/reached pass",
            "two-2/reached fail",
        ]
    );
}

#[test]
fn repetitions_do_not_hide_each_other() {
    let ended = on_shell(
        json!([{"command": "lava_test_shell", "parameters": {"repeat": 3, "testdefs": [
        {"metadata": {"name": "r"}, "run": {"steps": ["lava-test-case c --result pass"]}}]}}]),
    );
    assert_eq!(ended.results(), ["r/c pass", "r-2/c pass", "r-3/c pass"]);
    assert_eq!(ended.steps().len(), 1);
}

#[test]
fn a_definition_that_is_cut_short_is_unknown() {
    let ended = run(
        script(&format!("export BOARD=$$; {SHELL}"), json!({})),
        inline(
            json!({"metadata": {"name": "cut"}, "run": {"steps": ["lava-test-case first --result pass", "sleep 1000 & kill -9 $BOARD"]}}),
        ),
    );
    assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
    let results = ended.results();
    assert_eq!(results[0], "cut/first pass");
    assert!(
        results[1].starts_with("cut/run unknown (cut short: the console closed"),
        "{results:?}"
    );
}

/// Wherever it comes: a job that ends with a panic must not pass.
#[test]
fn a_panic_under_any_action_is_a_failing_case() {
    let panic = "echo '[ 9.1] Kernel panic - not syncing: x'; exec sleep 1000";
    let action = |parameters: Value| json!([{"command": "run", "parameters": parameters}]);
    let why = "(cut short: Kernel panic - not syncing: x)";
    for (actions, expected) in [
        (
            action(json!({"commands": ["true", panic], "suite": "s"})),
            vec![
                "s/command-1 pass".to_owned(),
                format!("s/kernel-panic fail {why}"),
            ],
        ),
        (
            action(
                json!({"commands": [format!("echo 1..2; echo ok 1 - one; {panic}")],
                "suite": "s", "parse": "tap"}),
            ),
            vec![
                "s/one pass".to_owned(),
                "s/test-2 unknown (planned but not seen)".to_owned(),
                format!("s/kernel-panic fail {why}"),
            ],
        ),
        (
            json!([{"command": "lava_command_run", "parameters": {"commands": [panic], "parser": "^(?P<test_case_id>x): (?P<result>y)"}}]),
            vec![format!("lava-command/kernel-panic fail {why}")],
        ),
        (
            json!([
                {"command": "dummy_deploy", "parameters": {"target_type": "oe", "username": "u", "login_commands": [panic]}},
                {"command": "boot_linaro_image"}]),
            vec![format!("smoke/kernel-panic fail {why}")],
        ),
    ] {
        let ended = run(script(SHELL, json!({})), actions);
        assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
        assert_eq!(ended.results(), expected, "{}", ended.log());
    }
}

#[test]
fn a_panic_under_a_test_is_what_the_test_found() {
    let ended = run(
        script(SHELL, json!({})),
        json!([
            {"command": "test", "parameters": {"testdefs": [{"metadata": {"name": "p"}, "run": {"steps": [
                "lava-test-case before --result pass", "echo '[ 9.1] Kernel panic - not syncing: Fatal exception'", "exec sleep 1000"]}}]}},
            {"command": "run", "parameters": {"commands": ["true"]}},
            {"command": "submit_results", "parameters": {"server": "http://x/", "stream": "/a/"}},
        ]),
    );
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results(),
        [
            "p/before pass",
            "p/kernel-panic fail (cut short: Kernel panic - not syncing: Fatal exception)"
        ]
    );
    assert_eq!(ended.end.board, None);
    assert_eq!(
        ended.steps()[1..],
        ["run Done skip not reached", "submit_results Done pass -"]
    );
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "init.defaultBranch=main",
        ])
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A repository with a definition that needs another file, in two versions.
fn repository(folder: &Path) -> String {
    fs::create_dir_all(folder.join("tests/deep")).unwrap();
    fs::write(folder.join("tests/t.yaml"), "metadata: {name: from-git}\nparams: {N: 1}\nrun:\n  steps:\n    - ./tests/deep/run.sh $N\n").unwrap();
    let script = folder.join("tests/deep/run.sh");
    fs::write(&script, "#!/bin/sh\nlava-test-case old-$1 --result pass\n").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    git(folder, &["init", "-q"]);
    git(folder, &["add", "."]);
    git(folder, &["commit", "-qm", "One"]);
    let first = git(folder, &["rev-parse", "HEAD"]);
    fs::write(&script, "#!/bin/sh\nlava-test-case new-$1 --result pass\n").unwrap();
    git(folder, &["commit", "-qam", "Two"]);
    first
}

fn with_repositories(folder: &Path, repositories: Value) -> Ended {
    let mut board = script(SHELL, json!({}));
    merge(
        &mut board,
        json!({"host": {"images": [folder], "cache": "cache"}}),
    );
    run(
        board,
        json!([{"command": "lava_test_shell", "parameters": {"testdef_repos": repositories}}]),
    )
}

#[test]
fn a_repository_goes_to_the_board_with_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let first = repository(folder.path());
    let path = folder.path().to_str().unwrap();
    let ended = with_repositories(
        folder.path(),
        json!([
            {"git-repo": path, "testdef": "tests/t.yaml"},
            {"git-repo": format!("file://{path}"), "revision": first, "testdef": "tests/t.yaml", "parameters": {"N": 7}},
        ]),
    );
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results(),
        ["from-git/new-1 pass", "from-git-2/old-7 pass"]
    );
}

/// Where tests run as root the repository can be given to somebody else, whose it often is.
#[test]
fn a_repository_may_belong_to_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    for path in [folder.path().to_owned(), folder.path().join(".git")] {
        if let Err(cause) = std::os::unix::fs::chown(&path, Some(65534), None) {
            crate::harness::skip(&format!("files cannot be given away: {cause}"));
            return;
        }
    }
    let ended = with_repositories(
        folder.path(),
        json!([{"git-repo": folder.path(), "testdef": "tests/t.yaml"}]),
    );
    assert_eq!(ended.results(), ["from-git/new-1 pass"], "{}", ended.log());
}

/// A mistake in a definition costs no time on the board.
#[test]
fn definitions_are_judged_before_the_board_boots() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.yaml");
    fs::write(
        &broken,
        "metadata: {name: x}\nrun:\n  steps:\n    - echo a: b\n",
    )
    .unwrap();
    repository(folder.path());
    let booted = folder.path().join("booted");
    let actions = |parameters: Value| json!([{"command": "boot"}, {"command": "lava_test_shell", "parameters": parameters}]);
    for (parameters, why) in [
        (
            json!({"testdef_urls": [broken]}),
            "actions[1].parameters.testdef_urls[0]: bad test definition: `run.steps[0]` is a map",
        ),
        (
            json!({"testdef_repos": [{"git-repo": folder.path()}]}),
            "the repository has no file `lavatest.yaml`",
        ),
    ] {
        let mut board = script(&format!("touch {}; {SHELL}", booted.display()), json!({}));
        merge(
            &mut board,
            json!({"host": {"images": [folder.path()], "cache": "cache"}}),
        );
        let ended = run(board, actions(parameters));
        assert_eq!(ended.end.exit, Exit::Code(65), "{}", ended.log());
        let said = ended.end.said.clone().unwrap();
        assert!(said.contains(why), "{said}");
        assert!(!booted.exists(), "{}", ended.log());
    }
}

#[test]
fn what_a_repository_lacks_is_the_jobs_fault() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let path = folder.path().to_str().unwrap();
    let refused = |entry: Value| {
        let ended = with_repositories(folder.path(), json!([entry]));
        assert_eq!(ended.end.exit, Exit::Code(65), "{}", ended.log());
        ended.end.said.clone().unwrap()
    };
    let why = refused(json!({"git-repo": path}));
    assert!(
        why.contains("the repository has no file `lavatest.yaml`"),
        "{why}"
    );
    let why = refused(json!({"git-repo": path, "revision": "nowhere", "testdef": "tests/t.yaml"}));
    assert!(why.contains("git checkout"), "{why}");
    fs::write(folder.path().join("large"), vec![b'x'; 300 << 10]).unwrap();
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "Large"]);
    let why = refused(json!({"git-repo": path, "testdef": "tests/t.yaml"}));
    assert!(why.contains("larger than the 256 KiB"), "{why}");
}
