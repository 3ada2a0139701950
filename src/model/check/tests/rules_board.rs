//! Each rule of board and device type files, and of YAML.

use super::{codes, small_lab};
use crate::model::board::DispatcherChoice;
use crate::model::check::{board, device_type};

fn of(text: &str) -> Vec<String> {
    codes(&board("boards/b.yaml", text.as_bytes(), None).diagnostics)
}

fn with(keys: &str) -> Vec<String> {
    of(&format!("device_type: qemu\n{keys}\n"))
}

const GOOD: [&str; 0] = [];

#[test]
fn a_good_board_is_read() {
    let text = "device_type: qemu-x86_64\nrunner: lab-a\ntags: [virtual, net]\nservice: {state: active}\n\
        power: {on: [a, b], off: [c], reset: [d]}\ndispatchers:\n- console\n- {name: mine, command: [/bin/x]}\n\
        console: {command: [qemu-system-x86_64, -M, pc]}\ndescription: |\n  Text\n";
    let checked = board("boards/b.yaml", text.as_bytes(), None);
    assert_eq!(checked.diagnostics, []);
    let file = checked.value.unwrap();
    assert_eq!(file.power.unwrap().on, ["a", "b"]);
    assert_eq!(
        file.dispatchers.unwrap()[1],
        DispatcherChoice::Program {
            name: "mine".to_owned(),
            command: vec!["/bin/x".to_owned()]
        }
    );
    assert!(device_type("boards/types/t.yaml", b"").value.is_some());
    assert!(
        device_type("boards/types/t.yaml", b"# nothing\n")
            .value
            .is_some()
    );
    assert!(device_type("boards/types/t.yaml", b"---\n").value.is_some());
}

#[test]
fn values_are_judged_at_their_places() {
    for (keys, expected) in [
        ("tagz: []", "2:1 unknown-key"),
        ("tags: net", "2:7 wrong-type"),
        ("tags:", "2:1 wrong-type"),
        ("tags: [1]", "2:8 wrong-type"),
        ("runner: a/b", "2:9 bad-value"),
        ("runner: a..b", "2:9 bad-value"),
        ("service: {state: activ}", "2:18 bad-value"),
        ("service: {}", "2:10 missing-key"),
        ("service: active", "2:10 wrong-type"),
        (
            "service: {state: active, since: yesterday}",
            "2:33 bad-value",
        ),
        ("power: {on: reboot}", "2:13 wrong-type"),
        ("power: {on: ['']}", "2:14 empty"),
        ("power: {onn: []}", "2:9 unknown-key"),
        ("dispatchers: [{name: x}]", "2:15 missing-key"),
        ("dispatchers: [{name: x, command: []}]", "2:34 empty"),
        (
            "dispatchers: [{name: x, command: [a], z: 1}]",
            "2:39 unknown-key",
        ),
        ("dispatchers: [3]", "2:15 wrong-type"),
        ("dispatchers: [consol]", "2:15 unknown-dispatcher"),
        ("dispatchers: [exec, exec]", "2:21 contradiction"),
        ("console: {}", "2:10 missing-key"),
        (
            "console: {tcp: 'a:1', serial: /dev/x}",
            "2:23 contradiction",
        ),
        ("console: {tcp: nohost}", "2:16 bad-value"),
        ("console: {serial: ttyS0}", "2:19 bad-value"),
        ("console: {serial: /dev/x, baud: 0}", "2:33 out-of-range"),
        (
            "console: {serial: /dev/x, baud: 5000000000}",
            "2:33 out-of-range",
        ),
        ("console: {tcp: 'a:1', prompt: '['}", "2:31 bad-pattern"),
        ("console: {tcp: 'a:1', prompt: 'x*'}", "2:31 bad-pattern"),
        (
            "console: {tcp: 'a:1', boot: [['(', x]]}",
            "2:31 bad-pattern",
        ),
        ("console: {tcp: 'a:1', boot: [[a, b, c]]}", "2:30 bad-value"),
        (
            "console: {tcp: 'a:1', login: {user: root, prompt: '+'}}",
            "2:51 bad-pattern",
        ),
        ("console: {tcp: 'a:1', login: {user: ''}}", "2:37 empty"),
        (
            "console: {tcp: 'a:1', bootloader: {interrupt: a}}",
            "2:35 missing-key",
        ),
        ("console: {command: ['{kernel}']}", "2:21 bad-value"),
        (
            "console: {command: [a, '{kernel}'], images: {kernel: zImage}}",
            "2:54 bad-value",
        ),
        (
            "console: {tcp: 'a:1', boot_timeout: soon}",
            "2:37 bad-value",
        ),
        ("ssh: {user: root}", "2:6 missing-key"),
        ("ssh: {host: -oProxyCommand=x}", "2:13 bad-value"),
        ("ssh: {host: a, user: -x}", "2:22 bad-value"),
        ("ssh: {host: 'a b'}", "2:13 bad-value"),
        ("ssh: {host: a, port: 0}", "2:22 out-of-range"),
        ("ssh: {host: a, identity: key}", "2:26 bad-value"),
        ("lava: {}", "2:7 missing-key"),
        ("lava: {device: qemu.yaml}", "2:16 bad-value"),
        ("labgrid: {env: env.yaml}", "2:16 bad-value"),
        ("description: 3", "2:14 wrong-type"),
        ("device_type: again", "2:1 duplicate-key"),
    ] {
        assert_eq!(with(keys), [expected], "{keys}");
    }
    assert_eq!(of(""), ["1:1 missing-key"]);
    assert_eq!(of("- a\n"), ["1:1 wrong-type"]);
    assert_eq!(of("device_type: a/b\n"), ["1:14 bad-name"]);
    let health = b"health_check: {job: /etc/passwd, every: 1w}\n";
    assert_eq!(
        codes(&device_type("t.yaml", health).diagnostics),
        ["1:21 bad-value", "1:41 bad-value"]
    );
}

#[test]
fn yaml_is_bounded_and_plain() {
    for (keys, expected) in [
        ("service:\n\tstate: active", "3:1 syntax"),
        ("tags: [a", "3:1 syntax"),
        ("tags: 'a", "2:7 syntax"),
        ("tags: \"\\q\"", "2:7 syntax"),
        ("description: a: b", "2:15 syntax"),
        ("description: *x", "2:14 syntax"),
        ("description: !x y", "2:14 syntax"),
        ("description: @x", "2:14 syntax"),
        ("just words", "3:1 syntax"),
        ("? [a]\n: b", "2:3 wrong-type"),
        ("<<: {a: b}", "2:1 syntax"),
        ("3: a", "2:1 wrong-type"),
        ("---\na: b", "2:1 trailing-text"),
        ("tags: [.inf]", "2:8 out-of-range"),
    ] {
        let told = with(keys);
        assert_eq!(
            told.first().map(String::as_str),
            Some(expected),
            "{keys}: {told:?}"
        );
    }
    assert_eq!(with("tags: &t [a]\nowners: *t"), GOOD);
    assert_eq!(with("description: 007"), GOOD);
    assert_eq!(
        with(&format!("tags: {}", "[".repeat(5000)))[0],
        "2:262 too-deep"
    );
    assert_eq!(
        with(&format!("tags:\n{}", "- ".repeat(5000)))[0],
        "3:63 too-deep"
    );
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in ["b", "c", "d", "e", "f", "g"]
        .into_iter()
        .zip(["a", "b", "c", "d", "e", "f"])
    {
        let uses = vec![format!("*{before}"); 9].join(", ");
        bomb.push_str(&format!("{name}: &{name} [{uses}]\n"));
    }
    assert_eq!(with(&bomb), ["5:4 too-large"]);
    assert_eq!(with("tags: &a [*a]"), ["2:11 syntax"]);
    assert_eq!(
        with(&format!("description: {}", "x".repeat(1 << 20))),
        ["1:1 too-large"]
    );
}

#[test]
fn a_lab_warns_of_what_it_lacks() {
    let lab = small_lab();
    let told = |text: &str| {
        let checked = board("boards/b.yaml", text.as_bytes(), Some(&lab));
        assert!(checked.value.is_some());
        codes(&checked.diagnostics)
    };
    assert_eq!(
        told("device_type: qemu\nowners: [alice]\ndispatchers: [console]\n"),
        GOOD
    );
    assert_eq!(told("device_type: qmeu\n"), ["1:14 unknown-type"]);
    assert_eq!(
        told("device_type: qemu\nowners: [alcie]\n"),
        ["2:10 unknown-owner"]
    );
    for dispatcher in ["console", "ssh", "lava-run"] {
        assert_eq!(
            told(&format!(
                "device_type: panda\ndispatchers: [{dispatcher}]\n"
            )),
            ["2:15 missing-key"]
        );
    }
}
