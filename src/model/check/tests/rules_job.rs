//! Each rule of job definitions.

use super::{codes, lines, small_lab};
use crate::model::check::job;
use crate::model::{Priority, Span};

/// What is said of a definition with these keys beside a device type and one action.
fn with(keys: &str) -> Vec<String> {
    let text = format!(
        "{{\"device_type\": \"qemu\", \"actions\": [{{\"command\": \"boot\"}}],\n{keys}\n}}"
    );
    codes(&job("queue/a.json", text.as_bytes(), None).diagnostics)
}

fn of(text: &str) -> Vec<String> {
    codes(&job("queue/a.json", text.as_bytes(), None).diagnostics)
}

#[test]
fn a_good_definition_is_read() {
    let text = r#"{"device_type": "qemu", "target": "qemu01", "priority": "HIGH", "timeout": "15m", "expires": 90,
        "health-check": true, "actions": [{"command": "boot", "timeout": 1.5}]}"#;
    let checked = job("queue/a.json", text.as_bytes(), None);
    assert_eq!(checked.diagnostics, []);
    let job = checked.value.unwrap();
    assert_eq!(job.priority, Priority::High);
    assert_eq!(job.timeout, Some(Span::from_secs(900)));
}

#[test]
fn keys_are_known() {
    assert_eq!(with(r#""colour": 1"#), ["2:1 unknown-key"]);
    let text = r#"{"devcie_type": "x", "actions": [{"command": "a", "paramters": {}}]}"#;
    let checked = job("a.json", text.as_bytes(), None);
    let hints: Vec<_> = checked
        .diagnostics
        .iter()
        .filter_map(|d| d.hint.as_deref())
        .collect();
    assert_eq!(
        hints,
        ["did you mean `device_type`?", "did you mean `parameters`?"]
    );
    assert_eq!(
        codes(&checked.diagnostics),
        ["1:2 unknown-key", "1:51 unknown-key"]
    );
    for (key, code) in [
        ("vm_group", "vm-group"),
        ("secrets", "reserved"),
        ("role", "reserved"),
        ("group_size", "reserved"),
        ("target_group", "reserved"),
        ("sub_id", "reserved"),
        ("hostname", "reserved"),
    ] {
        assert_eq!(with(&format!("\"{key}\": []")), [format!("2:1 {code}")]);
    }
    assert_eq!(with("\"tags\": [], \"tags\": []"), ["2:13 duplicate-key"]);
    assert_eq!(
        of(
            "{\"device_type\": \"a\",\n \"actions\": [{\"command\": \"x\", \"metadata\": {\"k\": 1,\n \"k\": 2}}]}"
        ),
        ["3:2 duplicate-key"]
    );
}

#[test]
fn required_keys_are_missed_in_their_object() {
    assert_eq!(of(" {}"), ["1:2 missing-key", "1:2 no-device"]);
    assert_eq!(
        of("{\"device_type\": \"a\", \"actions\": [\n {\"parameters\": {}}]}"),
        ["2:2 missing-key"]
    );
    assert_eq!(
        of(r#"{"device_type": null, "actions": [{"command": "x"}]}"#),
        ["1:1 no-device"]
    );
    assert_eq!(of(r#"{"device_type": "a", "actions": []}"#), ["1:33 empty"]);
}

#[test]
fn values_have_their_types() {
    for (keys, expected) in [
        ("\"job_name\": 3", "2:13 wrong-type"),
        ("\"tags\": \"net\"", "2:9 wrong-type"),
        ("\"tags\": [1]", "2:10 wrong-type"),
        ("\"metadata\": {\"a\": 1}", "2:19 wrong-type"),
        ("\"timeout\": true", "2:12 wrong-type"),
        ("\"timeout\": []", "2:12 wrong-type"),
        ("\"timeout\": \"1h30\"", "2:12 bad-value"),
        ("\"timeout\": \"999999999999d\"", "2:12 bad-value"),
        ("\"timeout\": -1", "2:12 bad-value"),
        ("\"expires\": 1e300", "2:12 bad-value"),
        ("\"expires\": 1e999", "2:12 out-of-range"),
        ("\"priority\": \"hihg\"", "2:13 bad-value"),
        ("\"priority\": 101", "2:13 bad-value"),
        ("\"priority\": 3.5", "2:13 bad-value"),
        ("\"priority\": []", "2:13 wrong-type"),
        ("\"retries\": 6", "2:12 out-of-range"),
        ("\"retries\": -1", "2:12 out-of-range"),
        ("\"retries\": 1.5", "2:12 wrong-type"),
        ("\"resubmitted_from\": \"abc\"", "2:21 bad-value"),
        ("\"notify\": [\"nobody\"]", "2:12 bad-value"),
        ("\"stream\": \"public\"", "2:11 bad-value"),
        ("\"stream\": \"/a/../b\"", "2:11 bad-value"),
        ("\"tags\": [\"a b\"]", "2:10 bad-name"),
        ("\"tags\": [\"a\", \"a\"]", "2:15 duplicate-tag"),
        ("\"target\": \"../x\"", "2:11 bad-name"),
        ("\"timeout\": 86401", "2:12 out-of-range"),
        ("\"timeout\": 0", "2:12 out-of-range"),
    ] {
        assert_eq!(with(keys), [expected], "{keys}");
    }
    assert_eq!(of("[]"), ["1:1 wrong-type"]);
    assert_eq!(of("3"), ["1:1 wrong-type"]);
}

#[test]
fn every_problem_is_told_in_one_run() {
    let told = with(
        "\"colour\": 1,\n\"timeout\": \"x\",\n\"priority\": \"z\",\n\"tags\": 3, // x\n\"retries\": 9,",
    );
    assert_eq!(
        told,
        [
            "2:1 unknown-key",
            "3:12 bad-value",
            "4:13 bad-value",
            "5:9 wrong-type",
            "5:12 comment",
            "6:12 out-of-range",
            "6:13 trailing-comma"
        ]
    );
}

#[test]
fn json_is_strict() {
    for (text, expected) in [
        ("", &["1:1 empty"][..]),
        (" \n", &["1:1 empty"]),
        (
            "{'a': 1}",
            &[
                "1:1 missing-key",
                "1:1 no-device",
                "1:2 quotes",
                "1:2 unknown-key",
            ],
        ),
        (
            "{} x",
            &["1:1 missing-key", "1:1 no-device", "1:4 trailing-text"],
        ),
        ("{\"tags\": [\n", &["1:10 syntax"]),
        ("{\"tags\": \"a\nb\"}", &["1:10 syntax"]),
        ("{\"tags\" []}", &["1:9 syntax"]),
        ("{\"tags\": }", &["1:10 syntax"]),
        ("{\"tags\": True}", &["1:10 syntax"]),
        ("}", &["1:1 syntax"]),
        ("<html>", &["1:1 syntax"]),
    ] {
        assert_eq!(of(text), expected, "{text}");
    }
    for (keys, expected) in [
        ("\"metadata\": {\"a\": \"\\x41\"}", "2:20 bad-escape"),
        ("\"metadata\": {\"a\": \"b\tc\"}", "2:21 control-character"),
        ("\"health_check\": 0x1F", "2:17 syntax"),
        ("\"health_check\": +1", "2:17 syntax"),
        ("\"health_check\": .5", "2:17 syntax"),
        ("\"health_check\": 007", "2:17 syntax"),
        ("\"health_check\": NaN", "2:17 syntax"),
        ("\"tags\": [] /* x */", "2:12 comment"),
        ("tags: []", "2:1 quotes"),
        ("\"tags\": [\"a\" \"b\"]", "2:14 missing-comma"),
        ("\"tags\": [\"a\",]", "2:13 trailing-comma"),
    ] {
        let told = with(keys);
        assert_eq!(
            told.first().map(String::as_str),
            Some(expected),
            "{keys}: {told:?}"
        );
    }
}

#[test]
fn bytes_are_utf8_without_mark() {
    let good = r#"{"device_type": "a", "actions": [{"command": "x"}]}"#;
    let mut marked = b"\xef\xbb\xbf".to_vec();
    marked.extend(good.bytes());
    assert_eq!(
        codes(&job("a", &marked, None).diagnostics),
        ["1:1 byte-order-mark"]
    );
    let broken = b"{\"device_type\": \"a\",\n\"job_name\": \"\xc3\xa4\xff\", \"actions\": [{\"command\": \"x\"}]}";
    assert_eq!(
        codes(&job("a", broken, None).diagnostics),
        ["2:15 bad-utf8"]
    );
    let mut large = good.as_bytes().to_vec();
    large.resize(64 * 1024, b' ');
    assert_eq!(
        codes(&job("a", &large, None).diagnostics),
        Vec::<String>::new()
    );
    large.push(b' ');
    assert_eq!(
        codes(&job("a", &large, None).diagnostics),
        ["1:1 too-large"]
    );
}

#[test]
fn nesting_is_bounded() {
    // The definition, its metadata and thirty lists make 32.
    let nested = |lists: usize| {
        with(&format!(
            "\"health_check\": {}{}",
            "[".repeat(lists),
            "]".repeat(lists)
        ))
    };
    assert_eq!(nested(31), Vec::<String>::new());
    assert_eq!(nested(32), ["2:48 too-deep"]);
    assert_eq!(nested(20_000), ["2:48 too-deep"]);
}

#[test]
fn placeholders_are_refused_where_they_matter() {
    assert_eq!(
        with(r#""job_name": "{name}", "priority": "{p}""#),
        ["2:13 placeholder", "2:35 placeholder"]
    );
    assert_eq!(with(r#""job_name": "a {name}""#), Vec::<String>::new());
    let text = r#"{"device_type": "{t}", "actions": [
        {"command": "run", "parameters": {"commands": ["{x}"], "server": "{LAVA_URL}"}}]}"#;
    let told = job("a", text.as_bytes(), None).diagnostics;
    assert_eq!(codes(&told), ["1:17 placeholder", "2:74 placeholder"]);
    assert!(told[0].is_error() && !told[1].is_error());
}

#[test]
fn groups_make_sense() {
    let group = |members: &str, more: &str| {
        of(&format!(
            "{{\"actions\": [{{\"command\": \"x\"}}],\n\"device_group\": [{members}]{more}}}"
        ))
    };
    let one = r#"{"role": "a", "count": 1, "device_type": "x"}"#;
    assert_eq!(group(&format!("{one}, {one}"), ""), Vec::<String>::new());
    assert_eq!(group(one, ""), ["2:17 bad-value"]);
    assert_eq!(
        group(&format!("{one}, {one}"), ",\n\"target\": \"b\""),
        ["3:1 contradiction"]
    );
    assert_eq!(
        group(&format!("{one}, {{\"count\": 0}}"), ""),
        ["2:65 missing-key", "2:65 missing-key", "2:75 out-of-range"]
    );
    assert_eq!(
        group(
            &format!("{one}, {{\"role\": \"\", \"count\": 99999999999, \"device_type\": \"x\"}}"),
            ""
        ),
        ["2:74 empty", "2:87 out-of-range"]
    );
}

#[test]
fn roles_and_actions_belong_together() {
    let group = |members: &str, actions: &str| {
        of(&format!(
            "{{\"device_group\": [{members}],\n\"actions\": [{actions}]}}"
        ))
    };
    let of_role =
        |role: &str| format!("{{\"command\": \"x\", \"parameters\": {{\"role\": {role}}}}}");
    let two = r#"{"role": "a", "count": 1, "device_type": "x"}, {"role": "b", "count": 2, "device_type": "x"}"#;
    let none: [&str; 0] = [];
    let both = format!("{}, {}", of_role("\"a\""), of_role("\"b\""));
    assert_eq!(group(two, &both), none);
    assert_eq!(
        group(two, &format!("{both}, {}", of_role("\"c\""))),
        ["2:147 unknown-role"]
    );
    assert_eq!(
        group(two, &format!("{both}, {}", of_role("7"))),
        ["2:147 wrong-type"]
    );
    assert_eq!(group(two, &of_role("\"a\"")), ["1:75 idle-role"]);
    assert_eq!(group("", "{\"command\": \"x\"}"), ["1:18 bad-value"]);
    let all = "{\"command\": \"x\"}";
    let many = r#"{"role": "a", "count": 129, "device_type": "x"}"#;
    assert_eq!(group(many, all), ["1:18 out-of-range"]);
    let odd = r#"{"role": "a/b", "count": 2, "device_type": "x"}"#;
    assert_eq!(group(odd, all), ["1:28 bad-name"]);
    let twice = r#"{"role": "a", "count": 2, "device_type": "x"}, {"role": "a-1", "count": 1, "device_type": "x"}"#;
    assert_eq!(group(twice, all), ["1:18 contradiction"]);
    // LAVA took a role where there are none.
    let lonely = job(
        "a",
        format!(
            "{{\"device_type\": \"x\", \"actions\": [{}]}}",
            of_role("\"a\"")
        )
        .as_bytes(),
        None,
    );
    assert!(lonely.value.is_some());
    assert_eq!(codes(&lonely.diagnostics), ["1:74 unknown-role"]);
}

#[test]
fn a_timeout_stays_below_the_labs() {
    let mut lab = small_lab();
    let text = br#"{"device_type": "qemu", "timeout": "2h", "actions": [{"command": "x", "timeout": "3h"}]}"#;
    assert_eq!(
        codes(&job("a", text, Some(&lab)).diagnostics),
        ["1:82 out-of-range"]
    );
    lab.config.timeouts.max = Span::from_secs(3600);
    let told = job("a", text, Some(&lab)).diagnostics;
    assert_eq!(codes(&told), ["1:36 out-of-range", "1:82 out-of-range"]);
    assert!(told[0].is_error() && !told[1].is_error());
}

#[test]
fn a_lab_warns_of_what_it_lacks() {
    let lab = small_lab();
    let told = |keys: &str| {
        let text = format!("{{\"actions\": [{{\"command\": \"x\"}}],\n{keys}}}");
        let checked = job("a", text.as_bytes(), Some(&lab));
        assert!(
            checked.value.is_some(),
            "{keys}: {}",
            lines(&checked.diagnostics)
        );
        checked
            .diagnostics
            .iter()
            .map(|one| format!("{} {}", one.code, one.hint.as_deref().unwrap_or("-")))
            .collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(
        told(
            r#""device_type": "qemu", "tags": ["net", "virtual", "qemu"], "dispatcher": "console""#
        ),
        none
    );
    assert_eq!(
        told(r#""device_type": "qmeu""#),
        ["unknown-type did you mean `qemu`?"]
    );
    assert_eq!(
        told(r#""target": "qemu02""#),
        ["unknown-board did you mean `qemu01`?"]
    );
    assert_eq!(
        told(r#""device_type": "qemu", "tags": ["virtaul"]"#),
        ["unknown-tag did you mean `virtual`?"]
    );
    assert_eq!(
        told(r#""device_type": "qemu", "tags": ["net", "usb", "gpu"]"#),
        ["unknown-tag nearest is `qemu01`, which lacks tags `usb` and `gpu`"; 2]
    );
    assert_eq!(
        told(r#""device_type": "qemu", "tags": ["hdmi"]"#),
        ["no-board the job waits until there is one"]
    );
    let text = br#"{"actions": [{"command": "x"}], "device_type": "qemu", "tags": ["hdmi"]}"#;
    assert_eq!(
        lines(&job("a", text, Some(&lab)).diagnostics),
        "a:1:64: warning: the lab has no `qemu` boards with tag `hdmi`; \
         nearest is `qemu01`, which lacks tag `hdmi`"
    );
    assert_eq!(
        told(r#""device_type": "qemu", "dispatcher": "consol""#),
        ["unknown-dispatcher did you mean `console`?"]
    );
    assert_eq!(
        told(r#""device_type": "panda", "target": "qemu01""#),
        ["contradiction `target` decides: remove `device_type`, or name the right one"]
    );
    assert_eq!(
        told(r#""device_group": [{"role": "a", "count": 2, "device_type": "pamda"}]"#),
        ["unknown-type did you mean `panda`?"]
    );
    let entry = |role: &str, device_type: &str, count: u32| {
        format!(r#"{{"role": "{role}", "count": {count}, "device_type": "{device_type}"}}"#)
    };
    let group = |entries: &[String]| format!("\"device_group\": [{}]", entries.join(", "));
    let two = group(&[entry("a", "qemu", 1), entry("b", "panda", 1)]);
    assert_eq!(told(&two), none);
    assert_eq!(
        told(&group(&[entry("a", "qemu", 2)])),
        ["no-board the job waits until there are more"]
    );
}

#[test]
fn a_group_needs_a_runner_for_all_of_it() {
    let mut lab = small_lab();
    let text = br#"{"actions": [{"command": "x"}], "device_group": [
        {"role": "a", "count": 1, "device_type": "qemu"}, {"role": "b", "count": 1, "device_type": "panda"}]}"#;
    let mut told = |runners: [Option<&str>; 2]| {
        for (board, runner) in lab.boards.values_mut().zip(runners) {
            board.runner = runner.map(|name| name.parse().unwrap());
        }
        codes(&job("a", text, Some(&lab)).diagnostics)
    };
    let none: [&str; 0] = [];
    assert_eq!(told([Some("r1"), Some("r1")]), none);
    assert_eq!(told([Some("r1"), None]), none);
    assert_eq!(told([Some("r1"), Some("r2")]), ["1:49 no-runner"]);
}

#[test]
fn run_is_looked_at() {
    let run = |parameters: &str| {
        let text = format!(
            "{{\"device_type\": \"a\", \"actions\": [{{\"command\": \"run\",\n\"parameters\": {parameters}}}]}}"
        );
        let checked = job("a", text.as_bytes(), None);
        assert!(checked.value.is_some(), "only warnings");
        codes(&checked.diagnostics)
    };
    assert_eq!(
        run(r#"{"commands": ["a"], "cases": ["b"], "parse": "tap"}"#),
        Vec::<String>::new()
    );
    assert_eq!(
        run(r#"{"commands": ["a"], "cases": ["b", "c"]}"#),
        ["2:50 bad-value"]
    );
    assert_eq!(
        run(r#"{"commands": [1], "parse": "tapp"}"#),
        ["2:29 wrong-type", "2:42 bad-value"]
    );
    assert_eq!(run(r#"{"comands": []}"#), ["2:16 unknown-key"]);
    assert_eq!(
        run(r#"{"commands": ["a"], "parse": "junit"}"#),
        ["2:44 missing-key"]
    );
}

#[test]
fn a_definition_stands_for_actions() {
    let of = |keys: &str| {
        let text = format!("{{\"device_type\": \"a\",\n{keys}}}");
        codes(&job("a", text.as_bytes(), None).diagnostics)
    };
    assert_eq!(
        of(r#""definition": {"job_name": "x"}"#),
        Vec::<String>::new()
    );
    assert_eq!(
        of(r#""definition": "job_name: x\nactions:\n- boot: {method: qemu}\n""#),
        Vec::<String>::new()
    );
    assert_eq!(of(r#""definition": 7"#), ["2:15 bad-value"]);
    assert_eq!(of(r#""definition": "just words""#), ["2:15 bad-value"]);
    assert_eq!(of(r#""definition": "a: [""#), ["2:15 bad-value"]);
    assert_eq!(
        of(
            r#""actions": [{"command": "run", "parameters": {"commands": ["a"]}}], "definition": {"a": 1}"#
        ),
        ["2:69 contradiction"]
    );
    assert_eq!(of(r#""timeout": 60"#), ["1:1 missing-key"]);
}

#[test]
fn very_many_problems_are_cut() {
    let text = format!(
        "{{\"device_type\": \"a\", \"actions\": [{}]}}",
        "1,".repeat(500) + "1"
    );
    let told = job("a", text.as_bytes(), None).diagnostics;
    assert_eq!(told.len(), 51);
    assert_eq!(told[50].message, "451 more problems are not shown");
}
