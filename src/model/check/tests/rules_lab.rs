//! Each rule of `lab.yaml`.

use super::codes;
use crate::model::LabConfig;
use crate::model::check::lab_config;

fn of(text: &str) -> Vec<String> {
    codes(&lab_config("lab.yaml", text.as_bytes()).diagnostics)
}

#[test]
fn an_empty_file_is_a_lab() {
    for text in ["", "\n", "# nothing\n", "{}", "---\n", "~"] {
        let checked = lab_config("lab.yaml", text.as_bytes());
        assert_eq!(checked.value, Some(LabConfig::default()), "{text}");
    }
    let text = "name: Lab\nusers: {alice: {emails: [a@b.c], groups: [k]}}\ntimeouts: {max: 2h}\n";
    let lab = lab_config("lab.yaml", text.as_bytes()).value.unwrap();
    assert_eq!(lab.user_of("A@b.c"), Some("alice"));
    assert_eq!(lab.timeouts.max.to_string(), "2h");
}

#[test]
fn values_are_judged_at_their_places() {
    for (text, expected) in [
        ("nmae: x", "1:1 unknown-key"),
        ("name: 3", "1:7 wrong-type"),
        ("poll: soon", "1:7 bad-value"),
        ("poll: 0s", "1:7 out-of-range"),
        ("timeouts: {maxx: 1h}", "1:12 unknown-key"),
        ("timeouts: {job: 25h}", "1:17 contradiction"),
        ("timeouts: {max: 1m}", "1:17 contradiction"),
        ("timeouts: {idle: 0s}", "1:18 out-of-range"),
        ("timeouts: {idle: never}", "1:18 bad-value"),
        ("lease: 20s", "1:8 contradiction"),
        ("heartbeat: 5m", "1:12 contradiction"),
        ("forge: {kind: gitlob, url: 'https://x'}", "1:15 bad-value"),
        ("forge: {kind: gitlab}", "1:8 missing-key"),
        ("forge: {kind: gitlab, url: 'ssh://x'}", "1:28 bad-value"),
        ("forge: gitlab", "1:8 wrong-type"),
        ("branch: a b", "1:9 bad-name"),
        ("refs: pumice", "1:7 bad-name"),
        ("users: {a: {emails: [x]}}", "1:22 bad-value"),
        (
            "users: {a: {emails: [x@y]}, b: {emails: [X@y]}}",
            "1:42 contradiction",
        ),
        ("users: {a: {mail: x@y}}", "1:13 unknown-key"),
        ("users: [a]", "1:8 wrong-type"),
        ("users: {a: {}, a: {}}", "1:16 duplicate-key"),
        ("allowed_signers: ../x", "1:18 bad-value"),
        ("retention: {logs: -1}", "1:19 bad-value"),
    ] {
        assert_eq!(of(text), [expected], "{text}");
    }
}
