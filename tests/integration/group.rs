//! Jobs on several boards at once: they begin and end together, meet each other, and have one record.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use pumice::model::record::{BoardHealth, Member};
use pumice::model::{Health, Reason, Record, State, Verdict};
use serde_json::{Value, json};

use crate::examples::{files, job, read, stem};
use crate::harness::{Lab, until};
use crate::life::{beside, running};

/// A lab whose runner `r1` has so many boards: `b1`, `b2`, …
fn lab(boards: usize) -> Lab {
    let lab = Lab::new();
    for n in 1..=boards {
        lab.board(&format!("b{n}"), "r1");
    }
    lab.submit("Add boards");
    lab
}

/// What one role runs.
fn run(role: &str, commands: &[&str]) -> Value {
    json!({"command": "run", "parameters": {"role": role, "suite": "meet", "commands": commands}})
}

/// Submits a group job of one server and some clients.
fn submit(lab: &Lab, path: &str, clients: u32, actions: &[Value]) {
    let job = json!({
        "device_group": [
            {"role": "server", "count": 1, "device_type": "shell"},
            {"role": "client", "count": clients, "device_type": "shell"},
        ],
        "actions": actions,
    });
    lab.write(path, &job.to_string()).submit("Submit a group");
}

/// A board whose dispatcher is a shell script.
fn scripted(lab: &Lab, board: &str, script: &str) {
    let program = lab.root().join(format!("{board}.sh"));
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.display();
    lab.write(
        &format!("boards/{board}.yaml"),
        &format!("device_type: shell\nrunner: r1\ndispatchers: [{{name: script, command: ['{program}']}}]\n"),
    );
}

fn ends(record: &Record) -> Vec<(&str, &str, Option<Health>, Option<Reason>)> {
    let end = |member: &Member| (member.health, member.reason);
    let members = record.members.iter().map(|member| {
        let (health, reason) = end(member);
        (member.name.as_str(), member.board.as_str(), health, reason)
    });
    members.collect()
}

/// Whether anything that an attempt of the runner started is alive.
fn has_strays(lab: &Lab, runner: &str) -> bool {
    let instance = fs::read_to_string(lab.state(runner).join("instance")).unwrap();
    let cookie = format!("PUMICE_COOKIE={}:", instance.trim());
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.unwrap().path().join("environ")).ok())
        .any(|environment| {
            let mut entries = environment.split(|byte| *byte == 0);
            entries.any(|entry| entry.starts_with(cookie.as_bytes()))
        })
}

#[test]
fn members_meet_and_hand_over_a_value() {
    let lab = lab(3);
    let wait = r#"test "$(lava-wait address)" = "ip=10.0.0.$PUMICE_ATTEMPT""#;
    let all = r#"test "$(lava-wait-all up client | wc -l)" = 2"#;
    submit(
        &lab,
        "queue/meet.json",
        2,
        &[
            json!({"command": "run", "parameters": {"suite": "who", "commands": [
                r#"test "$(lava-self)" = "$PUMICE_BOARD""#,
                r#"test "$(lava-role)" = "$PUMICE_ROLE""#,
                r#"test "$(lava-group | wc -l)" = 3"#,
                r#"lava-group | grep -qxF "$PUMICE_BOARD	$PUMICE_ROLE""#,
                r#"test "$(lava-role list | tr '\n' ,)" = server,client,"#,
            ]}}),
            run(
                "server",
                &["lava-send address ip=10.0.0.1", all, "lava-sync done"],
            ),
            run(
                "client",
                &[
                    wait,
                    "lava-send up from=$PUMICE_BOARD",
                    "lava-sync done; echo $PUMICE_ROLE >> out/role",
                ],
            ),
        ],
    );
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/meet.json");
    let cases = serde_json::to_string_pretty(&record.suites).unwrap();
    assert_eq!(
        (record.health, record.verdict, record.reason),
        (Some(Health::Complete), Some(Verdict::Pass), None),
        "{:?}\n{cases}",
        record.message
    );
    let complete = Some(Health::Complete);
    assert_eq!(
        ends(&record),
        [
            ("server", "b1", complete, None),
            ("client-0", "b2", complete, None),
            ("client-1", "b3", complete, None)
        ]
    );
    let suites: Vec<&str> = record
        .suites
        .iter()
        .map(|suite| suite.name.as_str())
        .collect();
    let expected = [
        "server/who",
        "server/meet",
        "client-0/who",
        "client-0/meet",
        "client-1/who",
        "client-1/meet",
    ];
    assert_eq!(suites, expected);
    let steps: Vec<_> = record
        .steps
        .iter()
        .map(|step| (step.member.as_deref().unwrap(), step.n))
        .collect();
    assert_eq!(
        steps,
        [
            ("server", 0),
            ("server", 1),
            ("client-0", 0),
            ("client-0", 1),
            ("client-1", 0),
            ("client-1", 1)
        ]
    );
    let boards: Vec<String> = record.attempts[0]
        .boards
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(boards, ["b1", "b2", "b3"]);
    // Each member's log is its own, and the record's is the first one's.
    let reader = lab.open().reader().unwrap();
    for member in &record.members {
        let log = member.log.as_ref().unwrap();
        assert!(
            log.path.ends_with(&format!("/1/{}/log.txt", member.name)),
            "{}",
            log.path
        );
        let text = reader.log(log).unwrap().unwrap();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(
            text.contains("$ lava-send up"),
            member.role == "client",
            "{text}"
        );
    }
    assert_eq!(record.log, record.members[0].log);
    let attached: Vec<&str> = record
        .attachments
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(attached, ["client-0/role", "client-1/role"]);
    lab.has_no_claims();
}

#[test]
fn the_example_groups_pass() {
    let lab = Lab::new();
    lab.write("boards/types/sandbox.yaml", "dispatchers: [exec]\n");
    for board in ["s1", "s2", "s3"] {
        lab.write(
            &format!("boards/{board}.yaml"),
            "device_type: sandbox\nrunner: r1\n",
        );
    }
    let mut groups = Vec::new();
    for path in files("queue/examples", "json") {
        let text = read(&path);
        if job(stem(&path), &text).device_group.is_some() {
            let place = format!("queue/{}.json", stem(&path));
            lab.write(&place, &text);
            groups.push(place);
        }
    }
    assert!(!groups.is_empty());
    lab.submit("Submit the examples");
    lab.run_until_idle("r1");
    for place in groups {
        let record = lab.record_of(&place);
        assert_eq!(
            (record.health, record.verdict),
            (Some(Health::Complete), Some(Verdict::Pass)),
            "{place}: {:?}\n{:?}",
            record.message,
            record.suites
        );
    }
}

#[test]
fn boards_meet_over_their_consoles() {
    let lab = Lab::new();
    lab.write(
        "boards/types/typed.yaml",
        "dispatchers: [console]\nconsole:\n  command: [/bin/sh, -c, \"PS1='board# ' exec /bin/sh +m -i\"]\n  prompt: 'board# '\n",
    );
    for board in ["t1", "t2"] {
        lab.write(
            &format!("boards/{board}.yaml"),
            "device_type: typed\nrunner: r1\n",
        );
    }
    let job = json!({
        "device_group": [
            {"role": "server", "count": 1, "device_type": "typed"},
            {"role": "client", "count": 1, "device_type": "typed"},
        ],
        "actions": [
            run("server", &["lava-send address ip=10.0.0.1 'words=two words'", "test \"$(lava-self)\" = t1", "lava-sync done"]),
            run("client", &[
                "lava-wait address >/tmp/pumice-heard-$$ && grep -qx ip=10.0.0.1 /tmp/pumice-heard-$$ && grep -qx 'words=two words' /tmp/pumice-heard-$$; e=$?; rm /tmp/pumice-heard-$$; exit $e",
                "test -z \"$(cat)\"",
                "lava-sync done",
                "! lava-wait never",
            ]),
        ],
    });
    lab.write("queue/typed.json", &job.to_string())
        .submit("Submit a group");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/typed.json");
    assert_eq!(
        (record.health, record.verdict),
        (Some(Health::Complete), Some(Verdict::Pass)),
        "{:?}\n{:#?}\n{}",
        record.message,
        record.suites,
        lab.log_of(&record)
    );
    assert_eq!(
        record
            .suites
            .iter()
            .map(|suite| suite.cases.len())
            .sum::<usize>(),
        7
    );
}

#[test]
fn a_member_that_fails_ends_the_group() {
    let lab = lab(1);
    scripted(
        &lab,
        "b2",
        "until [ -e ../../../../b1-runs ]; do sleep 0.02; done; echo no luck; exit 1",
    );
    lab.submit("Add a board that fails");
    let commands = &["touch ../../../../b1-runs; lava-wait never", "sleep 100"];
    submit(
        &lab,
        "queue/fails.json",
        1,
        &[run("server", commands), run("client", &["true"])],
    );
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/fails.json");
    assert_eq!(
        (record.health, record.reason),
        (Some(Health::Incomplete), Some(Reason::DispatcherError))
    );
    let message = record.message.as_deref().unwrap();
    let (server, client) = (&record.members[0], &record.members[1]);
    let (on_b1, failed) = if server.board.as_str() == "b1" {
        (server, client)
    } else {
        (client, server)
    };
    assert_eq!(
        message,
        format!(
            "{} on b2: the dispatcher exited with 1: no luck",
            failed.name
        )
    );
    assert_eq!(
        (failed.health, failed.reason),
        (Some(Health::Incomplete), Some(Reason::DispatcherError))
    );
    assert_eq!(
        (on_b1.health, on_b1.message.as_deref()),
        (None, Some("ended with the group"))
    );
    assert_eq!(
        record.log, failed.log,
        "the record's log is that of the member that failed"
    );
    assert!(!has_strays(&lab, "r1"));
}

#[test]
fn a_bad_board_is_named_and_the_group_retried_without_it() {
    let lab = lab(2);
    scripted(&lab, "a0", "echo smoke; exit 69");
    // A board with more tags is taken last: the bad one is in the first group for sure.
    for board in ["b1", "b2"] {
        lab.write(
            &format!("boards/{board}.yaml"),
            "device_type: shell\nrunner: r1\ntags: [x]\n",
        );
    }
    lab.submit("Add a board that smokes");
    submit(
        &lab,
        "queue/retry.json",
        1,
        &[json!({"command": "run", "parameters": {"commands": ["true"]}})],
    );
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/retry.json");
    assert_eq!(
        record.health,
        Some(Health::Complete),
        "{:?}",
        record.message
    );
    assert_eq!(record.attempts.len(), 2);
    let first = &record.attempts[0];
    assert_eq!(
        (first.board.as_ref().unwrap().as_str(), first.reason),
        ("a0", Some(Reason::Board))
    );
    assert!(first.boards.iter().any(|board| board.as_str() != "a0"));
    let boards: Vec<&str> = record
        .members
        .iter()
        .map(|member| member.board.as_str())
        .collect();
    assert_eq!(boards.len(), 2);
    assert!(!boards.contains(&"a0"));
    let bad: Vec<String> = lab
        .snapshot()
        .boards
        .iter()
        .filter(|view| view.health == BoardHealth::Bad)
        .map(|view| view.board.name.to_string())
        .collect();
    assert_eq!(bad, ["a0"]);
}

#[test]
fn a_canceled_group_stops_on_all_its_boards() {
    let lab = lab(2);
    let go_on = &["lava-sync begun", "sleep 100"];
    submit(
        &lab,
        "queue/long.json",
        1,
        &[run("server", go_on), run("client", go_on)],
    );
    beside(&lab, "r1", |_| {
        until("the group runs", || running(&lab, "queue/long.json"));
        let snapshot = lab.snapshot();
        let live = &snapshot.live[0].record;
        let boards: Vec<&str> = live
            .boards()
            .map(pumice::model::BoardName::as_str)
            .collect();
        assert_eq!(boards, ["b1", "b2"]);
        assert!(snapshot.boards.iter().all(|view| view.job == Some(live.id)));
        lab.ok(&["rm", "-q", "queue/long.json"]);
        lab.submit("Cancel it");
        until("it has its record", || {
            lab.records_of("queue/long.json").len() == 1
        });
    });
    let record = lab.record_of("queue/long.json");
    assert_eq!(
        (record.state, record.health),
        (State::Finished, Some(Health::Canceled))
    );
    assert_eq!(
        record.canceled.as_ref().unwrap().by.as_deref(),
        Some("alice")
    );
    assert_eq!(
        ends(&record),
        [("server", "b1", None, None), ("client", "b2", None, None)]
    );
    assert!(!has_strays(&lab, "r1"));
    lab.has_no_claims();
}

#[test]
fn a_group_waits_until_there_are_boards_for_all() {
    let lab = lab(1);
    submit(
        &lab,
        "queue/wait.json",
        1,
        &[json!({"command": "run", "parameters": {"commands": ["lava-sync x"]}})],
    );
    lab.job("queue/small.json", "true")
        .submit("Submit a job that comes after it");
    // One board is too few for the group, which keeps no other job from it.
    lab.run_until_idle("r1");
    assert_eq!(lab.records_of("queue/wait.json").len(), 0);
    assert_eq!(
        lab.record_of("queue/small.json").health,
        Some(Health::Complete)
    );
    lab.board("b2", "r1").submit("Add a board");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/wait.json");
    assert_eq!(
        (record.health, record.verdict),
        (Some(Health::Complete), Some(Verdict::Pass))
    );
}

#[test]
fn boards_of_two_runners_make_no_group() {
    let lab = lab(1);
    submit(
        &lab,
        "queue/split.json",
        1,
        &[json!({"command": "run", "parameters": {"commands": ["true"]}})],
    );
    lab.run_until_idle("r1");
    assert_eq!(
        lab.records_of("queue/split.json").len(),
        0,
        "it waits for a board"
    );
    lab.board("b2", "r2")
        .submit("Add a board of another runner");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/split.json");
    assert_eq!(
        (record.state, record.health),
        (State::Finished, Some(Health::Rejected))
    );
    let message = record.message.as_deref().unwrap();
    assert!(message.contains("must belong to one runner"), "{message}");
    lab.has_no_claims();
}

/// A runner as a process of its own, which does not outlive a test that fails.
struct Process(Child);

impl Process {
    fn start(lab: &Lab) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_pumice"))
            .args(["-C".as_ref(), lab.url().as_os_str()])
            .args(["runner", "--name", "r1", "--allow", "exec", "--state"])
            .arg(lab.state("r1"))
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null")])
            .env("HOME", lab.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_killed_runner_leaves_one_record_and_no_member() {
    let lab = lab(2);
    let marks = lab.root().join("marks");
    let marks = marks.display();
    // The first attempt never ends by itself, the second at once. What it started minds no TERM.
    let command = format!(
        "lava-sync met; echo $PUMICE_ROLE >> '{marks}'; [ $PUMICE_ATTEMPT != 1 ] || (trap '' TERM; sleep 100)"
    );
    submit(
        &lab,
        "queue/killed.json",
        1,
        &[run("server", &[&command]), run("client", &[&command])],
    );
    {
        let _runner = Process::start(&lab);
        until("both members run", || {
            fs::read_to_string(lab.root().join("marks")).is_ok_and(|text| text.lines().count() == 2)
        });
    }
    let _runner = Process::start(&lab);
    until("it has its record", || {
        lab.records_of("queue/killed.json").len() == 1
    });
    let record = lab.record_of("queue/killed.json");
    assert_eq!(
        (record.health, record.verdict),
        (Some(Health::Complete), Some(Verdict::Pass))
    );
    let reasons: Vec<_> = record
        .attempts
        .iter()
        .map(|attempt| (attempt.reason, attempt.boards.len()))
        .collect();
    assert_eq!(reasons, [(Some(Reason::Lost), 2), (None, 2)]);
    until("no process of an attempt is left", || {
        !has_strays(&lab, "r1")
    });
    lab.has_no_claims();
}
