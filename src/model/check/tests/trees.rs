//! Paths, modes and whole trees.

use super::{codes, file, lines};
use crate::model::check::{
    EXECUTABLE, FileKind, REGULAR, SUBMODULE, SYMLINK, queue_path, to_gitlab, validate_tree,
};

#[test]
fn paths_and_modes_of_the_queue() {
    let told = |path: &str, mode: u32| {
        queue_path(path, mode)
            .into_iter()
            .map(|one| one.code)
            .collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    for good in [
        "queue/a.json",
        "queue/team_1/9.b-c.json",
        "queue/.gitkeep",
        "queue/a/README.md",
    ] {
        assert_eq!(told(good, REGULAR), none, "{good}");
    }
    for bad in [
        "queue/.a.json",
        "queue/a b.json",
        "queue/-a.json",
        "queue/ä.json",
        "queue//a.json",
        "queue/a\n.json",
        "queue/x/../a.json",
    ] {
        assert_eq!(told(bad, REGULAR), ["bad-path"], "{bad}");
    }
    assert_eq!(told("queue/a.yaml", REGULAR), ["not-json"]);
    assert_eq!(told("queue/a", REGULAR), ["not-json"]);
    for (mode, code) in [
        (SYMLINK, "symlink"),
        (SUBMODULE, "submodule"),
        (EXECUTABLE, "executable"),
        (0o100_600, "mode"),
    ] {
        assert_eq!(told("queue/a.json", mode), [code]);
    }
    let remedies: Vec<_> = [SYMLINK, SUBMODULE, EXECUTABLE]
        .map(|mode| queue_path("queue/a.json", mode)[0].hint.clone().unwrap())
        .into();
    assert!(remedies[0] != remedies[1] && remedies[1] != remedies[2]);
}

#[test]
fn a_file_is_judged_by_where_it_is() {
    for (path, kind) in [
        ("queue/a.json", Some(FileKind::Job)),
        ("queue/a/b.txt", Some(FileKind::Job)),
        ("queue/README.md", None),
        ("templates/jobs/a.json", None),
        ("boards/types/a.yaml", Some(FileKind::DeviceType)),
        ("boards/a.yaml", Some(FileKind::Board)),
        ("boards/allowed_signers", None),
        ("boards/x/a.yaml", None),
        ("lab.yaml", Some(FileKind::Lab)),
        ("src/main.rs", None),
    ] {
        assert_eq!(FileKind::of(path), kind, "{path}");
    }
    assert_eq!(
        FileKind::of_named("templates/jobs/a.json"),
        Some(FileKind::Job)
    );
    assert_eq!(FileKind::of_named("lab.yaml"), Some(FileKind::Lab));
    assert_eq!(FileKind::of_named("notes.txt"), None);
}

#[test]
fn a_whole_tree_is_judged_by_its_own_lab() {
    let job = r#"{"device_type": "qmeu", "timeout": "2h", "actions": [{"command": "x"}]}"#;
    let mut link = file("queue/link.json", "a.json");
    link.mode = SYMLINK;
    let mut module = file("queue/module", "");
    module.mode = SUBMODULE;
    let mut program = file("queue/program.json", job);
    program.mode = EXECUTABLE;
    let mut linked_board = file("boards/linked.yaml", "x");
    linked_board.mode = SYMLINK;
    let told = validate_tree(&[
        file("lab.yaml", "timeouts: {max: 1h}\n"),
        file("boards/types/qemu.yaml", "colour: red\n"),
        file("boards/types/panda.yaml", ""),
        file("boards/q1.yaml", "device_type: qemu\n"),
        file("boards/p1.yaml", "device_type: panda\n"),
        file("boards/bad name.yaml", "device_type: panda\n"),
        file("boards/old.yml", "device_type: panda\n"),
        linked_board,
        file("queue/.gitkeep", ""),
        file("queue/a.json", job),
        link,
        module,
        program,
        file("src/main.rs", "fn main() {}"),
        file("site/static/data.json", "[]"),
    ]);
    insta::assert_snapshot!(lines(&told));
    let jobs: Vec<_> = told
        .iter()
        .filter(|one| one.path == "queue/a.json")
        .cloned()
        .collect();
    assert_eq!(codes(&jobs), ["1:17 unknown-type", "1:36 out-of-range"]);
}

#[test]
fn gitlab_gets_a_fingerprint_for_each_problem() {
    let told = validate_tree(&[file("queue/a.json", "{\"x\": 1, \"tags\": [1, 1]}")]);
    let report = to_gitlab(&told);
    let entries = report.as_array().unwrap();
    assert_eq!(entries.len(), told.len());
    let prints: std::collections::BTreeSet<_> = entries
        .iter()
        .map(|one| one["fingerprint"].as_str().unwrap())
        .collect();
    assert_eq!(prints.len(), entries.len());
    assert_eq!(entries[0]["location"]["path"], "queue/a.json");
    assert_eq!(entries[0]["location"]["lines"]["begin"], 1);
    assert_eq!(entries[0]["severity"], "major");
}
