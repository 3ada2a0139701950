use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::{Args, Error, Format, Look, disk, judge, write};
use crate::git::testing::Server;

const JOB: &str = r#"{"device_type": "qemu", "actions": [{"command": "boot"}]}"#;
const TYPO: &str = "{\"devcie_type\": \"qemu\",\n \"actions\": [{\"command\": \"boot\"}]}";
const PIPE: Look = Look {
    snippets: false,
    colour: false,
};

fn args(files: &[&Path]) -> Args {
    Args {
        files: files.iter().map(|file| file.to_path_buf()).collect(),
        rev: None,
        format: Format::Human,
    }
}

/// Whether all is well, and what is printed.
fn validate(args: &Args, dir: &Path) -> (bool, String) {
    let mut out = Vec::new();
    let good = judge(args, dir, PIPE, &mut out).unwrap();
    (good, String::from_utf8(out).unwrap())
}

fn put(root: &Path, path: &str, text: &str) -> PathBuf {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn lab() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "lab.yaml", "timeouts: {max: 1h}\n");
    put(dir.path(), "boards/types/qemu.yaml", "tags: [virtual]\n");
    put(dir.path(), "boards/qemu01.yaml", "device_type: qemu\n");
    put(dir.path(), "queue/a.json", JOB);
    put(dir.path(), "queue/README.md", "read me");
    dir
}

#[test]
fn a_good_lab_says_nothing() {
    let lab = lab();
    let deeper = lab.path().join("queue");
    for dir in [lab.path(), &deeper] {
        assert_eq!(validate(&args(&[]), dir), (true, String::new()));
    }
}

#[test]
fn a_work_tree_is_judged_with_modes() {
    let lab = lab();
    let root = lab.path();
    put(root, "boards/b.yaml", "device_type: qmeu\n");
    put(root, "queue/typo.json", TYPO);
    let program = put(root, "queue/program.json", JOB);
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("a.json", root.join("queue/link.json")).unwrap();
    put(root, "queue/module/.git", "gitdir: x");
    put(root, "queue/module/x.json", "no job");
    put(root, "site/other.json", "no job");
    let (good, told) = validate(&args(&[]), root);
    assert!(!good);
    assert_eq!(
        told,
        "boards/b.yaml:1:14: warning: the lab has no device type `qmeu`\n\
         queue/link.json:1:1: error: this is a symbolic link, and a job is a regular file\n\
         queue/module:1:1: error: this is a submodule, and a job is a regular file\n\
         queue/program.json:1:1: error: this file is executable, and a job is not\n\
         queue/typo.json:1:2: error: unknown key `devcie_type`\n"
    );
}

#[test]
fn a_named_file_is_judged_by_where_it_is() {
    let lab = lab();
    let root = lab.path();
    let slow = put(
        root,
        "queue/slow.json",
        r#"{"device_type": "qmeu", "timeout": "2h", "actions": [{"command": "x"}]}"#,
    );
    let shown = slow.display().to_string();
    assert_eq!(
        validate(&args(&[&slow]), Path::new("/")),
        (
            false,
            format!(
                "{shown}:1:17: warning: the lab has no device type `qmeu`\n\
                 {shown}:1:36: error: `timeout` is 2h, longer than the 1h that lab.yaml allows\n"
            )
        )
    );
    // Relative to the folder that -C names.
    let (good, told) = validate(&args(&[Path::new("queue/slow.json")]), root);
    assert!(!good);
    assert!(told.starts_with("queue/slow.json:1:17: warning:"), "{told}");

    let elsewhere = tempfile::tempdir().unwrap();
    for (path, text, expected) in [
        ("job.json", TYPO, "1:2: error: unknown key `devcie_type`\n"),
        (
            "x/boards/b.yaml",
            "tags: []\n",
            "1:1: error: the key `device_type` is missing\n",
        ),
        (
            "x/boards/types/t.yaml",
            "tagz: []\n",
            "1:1: error: unknown key `tagz`\n",
        ),
        ("lab.yaml", "nmae: x\n", "1:1: error: unknown key `nmae`\n"),
        (
            "notes.txt",
            "x",
            "1:1: error: Pumice reads no file of this name\n",
        ),
        (
            "gone/queue/a b.json",
            JOB,
            "1:1: error: `a b.json` cannot be a part of a job's path\n",
        ),
    ] {
        let path = put(elsewhere.path(), path, text);
        let told = validate(&args(&[&path]), Path::new("/"));
        assert_eq!(told, (false, format!("{}:{expected}", path.display())));
        fs::remove_file(path).unwrap();
    }
    let missing = elsewhere.path().join("none.json");
    let told = validate(&args(&[&missing]), Path::new("/"));
    assert_eq!(
        told.1,
        format!("{}:1:1: error: there is no such file\n", missing.display())
    );
    // Outside a lab a link stands for its file.
    put(elsewhere.path(), "good.json", JOB);
    let link = elsewhere.path().join("link.json");
    symlink("good.json", &link).unwrap();
    assert_eq!(
        validate(&args(&[&link]), Path::new("/")),
        (true, String::new())
    );
}

#[test]
fn a_named_folder_is_walked() {
    let lab = lab();
    put(lab.path(), "queue/team/typo.json", TYPO);
    put(lab.path(), "notes/x.txt", "x");
    put(lab.path(), "site/x.json", "no job");
    let (good, told) = validate(&args(&[lab.path()]), Path::new("/"));
    assert!(!good);
    assert_eq!(told.lines().count(), 1);
    assert!(
        told.contains("queue/team/typo.json:1:2: error: unknown key"),
        "{told}"
    );
    assert_eq!(
        validate(&args(&[&lab.path().join("queue")]), Path::new("/")),
        (good, told)
    );
    let (good, told) = validate(&args(&[&lab.path().join("site")]), Path::new("/"));
    assert!(!good && told.contains("site/x.json:1:1: error:"), "{told}");
}

#[test]
fn standard_input_is_a_job() {
    let lab = lab();
    let mut input = || Ok(TYPO.replace("qemu", "x").into_bytes());
    let judged = disk::judge_named(&[PathBuf::from("-")], lab.path(), &mut input);
    let mut out = Vec::new();
    write(&judged, Format::Human, PIPE, &mut out).unwrap();
    let told = String::from_utf8(out).unwrap();
    assert_eq!(told, "-:1:2: error: unknown key `devcie_type`\n");
}

#[test]
fn without_a_lab_there_is_a_remedy() {
    let empty = tempfile::tempdir().unwrap();
    let error = judge(&args(&[]), empty.path(), PIPE, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::NoLab(_)));
    assert!(error.to_string().contains("-C"));
}

#[test]
fn every_format_tells_the_same() {
    let lab = lab();
    put(lab.path(), "queue/typo.json", TYPO);
    let mut wanted = args(&[]);
    wanted.format = Format::Json;
    let (_, told) = validate(&wanted, lab.path());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told,
        serde_json::json!([{
            "path": "queue/typo.json", "line": 1, "column": 2, "severity": "error",
            "code": "unknown-key", "message": "unknown key `devcie_type`",
            "hint": "did you mean `device_type`?",
        }])
    );
    wanted.format = Format::Gitlab;
    let (_, told) = validate(&wanted, lab.path());
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told[0]["check_name"], "unknown-key");
    wanted.format = Format::Human;
    let look = Look {
        snippets: true,
        colour: false,
    };
    let mut out = Vec::new();
    judge(&wanted, lab.path(), look, &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn a_revision_is_judged_whole() {
    let server = Server::new();
    let first = server.push(&[
        ("lab.yaml", ""),
        ("boards/types/qemu.yaml", ""),
        ("boards/qemu01.yaml", "device_type: qemu\n"),
        ("queue/a.json", JOB),
        ("site/static/data.json", "[]"),
    ]);
    server.git(["mv", "queue/a.json", "queue/b.json"]);
    symlink("b.json", server.work().join("queue/link.json")).unwrap();
    server.push(&[("queue/typo.json", TYPO)]);
    // The work tree differs from the revision, and does not matter.
    put(&server.work(), "queue/b.json", "nonsense");
    let told = |rev: &str, dir: &Path| {
        let mut wanted = args(&[]);
        wanted.rev = Some(rev.to_owned());
        validate(&wanted, dir)
    };
    let expected = "queue/link.json:1:1: error: this is a symbolic link, and a job is a regular file\n\
        queue/typo.json:1:2: error: unknown key `devcie_type`\n\
        queue/b.json:1:1: warning: this file was queue/a.json before: its renaming cancels that job and submits a new one\n";
    for (rev, dir) in [
        ("HEAD", server.work()),
        ("main", server.path()),
        ("HEAD", server.path()),
    ] {
        assert_eq!(told(rev, &dir), (false, expected.to_owned()), "{rev}");
    }
    assert_eq!(told("HEAD~1", &server.work()), (true, String::new()));
    assert_eq!(told(&first, &server.path()), (true, String::new()));
    for dir in [server.work(), server.path()] {
        let mut wanted = args(&[]);
        wanted.rev = Some("nowhere".to_owned());
        assert!(judge(&wanted, &dir, PIPE, &mut Vec::new()).is_err());
    }
}

#[test]
fn a_health_check_without_its_job_is_told() {
    let lab = lab();
    let root = lab.path();
    let kind = "tags: [virtual]\nhealth_check: {job: templates/jobs/health.json}\n";
    put(root, "boards/types/qemu.yaml", kind);
    let told = validate(&args(&[]), root);
    assert!(told.0, "a warning only");
    let line = "boards/types/qemu.yaml:2:21: warning: the health check's job \
                templates/jobs/health.json is not in the lab";
    assert!(told.1.starts_with(line), "{}", told.1);
    assert_eq!(validate(&args(&[root]), root).1.lines().count(), 1);
    put(root, "templates/jobs/health.json", JOB);
    assert_eq!(validate(&args(&[]), root), (true, String::new()));
}
