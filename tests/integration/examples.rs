//! What the checkout shows by example is right: its jobs, boards, templates and lab file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pumice::model::board::DispatcherChoice;
use pumice::model::name::is_name;
use pumice::model::{Board, BoardFile, BoardName, DeviceType, Job, LabConfig, ServiceState};
use serde_json::Value;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// The files below `folder` of the checkout that end in `extension`, sorted; at least one.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let found: Vec<PathBuf> = walkdir::WalkDir::new(root().join(folder))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .collect();
    assert!(!found.is_empty(), "no .{extension} below {folder}");
    found
}

pub(crate) fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

pub(crate) fn job(place: &str, text: &str) -> Job {
    serde_json::from_str(text).unwrap_or_else(|cause| panic!("{place}: {cause}"))
}

pub(crate) fn yaml<T: serde::de::DeserializeOwned>(place: &str, text: &str) -> T {
    serde_yaml::from_str(text).unwrap_or_else(|cause| panic!("{place}: {cause}"))
}

fn lab() -> LabConfig {
    yaml("lab.yaml", &read(&root().join("lab.yaml")))
}

fn types() -> BTreeMap<String, DeviceType> {
    files("boards/types", "yaml")
        .iter()
        .map(|path| {
            (
                stem(path).to_owned(),
                yaml(&path.display().to_string(), &read(path)),
            )
        })
        .collect()
}

fn boards() -> Vec<Board> {
    let types = types();
    files("boards", "yaml")
        .iter()
        .filter(|path| {
            path.parent()
                .is_some_and(|folder| folder.ends_with("boards"))
        })
        .map(|path| {
            let file: BoardFile = yaml(&path.display().to_string(), &read(path));
            assert!(
                types.contains_key(&file.device_type),
                "{}: its device type has no file",
                path.display()
            );
            let name: BoardName = stem(path).parse().unwrap();
            Board::new(name, file, &types)
        })
        .collect()
}

/// Every example job and demo case that is meant to be valid, with its path.
fn valid_jobs() -> Vec<(PathBuf, Job)> {
    let mut paths = files("queue", "json");
    paths.extend(files("templates/demo", "json"));
    paths
        .into_iter()
        .filter(|path| !path.ends_with("templates/demo/invalid.json"))
        .map(|path| {
            let job = job(&path.display().to_string(), &read(&path));
            (path, job)
        })
        .collect()
}

fn fits(job: &Job, board: &Board) -> bool {
    board.service.state == ServiceState::Active
        && job
            .target
            .as_deref()
            .is_none_or(|target| target == board.name.as_str())
        && job
            .device_type
            .as_ref()
            .is_none_or(|wanted| *wanted == board.device_type)
        && job.tags.iter().all(|tag| board.tags.contains(tag))
        && board.dispatcher(job.dispatcher.as_deref()).is_some()
}

#[test]
fn every_example_job_is_valid_and_has_a_board() {
    let boards = boards();
    for (path, job) in valid_jobs() {
        let place = path.display();
        assert!(job.target.is_some() || job.device_type.is_some(), "{place}");
        assert!(!job.actions.is_empty(), "{place}");
        assert_eq!(job.name(path.to_str().unwrap()), stem(&path), "{place}");
        assert!(
            boards.iter().any(|board| fits(&job, board)),
            "{place}: no active board could run it"
        );
        for part in path.strip_prefix(root()).unwrap() {
            assert!(is_name(part.to_str().unwrap()), "{place}");
        }
    }
}

#[test]
fn the_invalid_case_is_refused() {
    let path = root().join("templates/demo/invalid.json");
    let text = read(&path);
    assert!(
        serde_json::from_str::<Value>(&text).is_ok(),
        "it is well-formed JSON"
    );
    let cause = serde_json::from_str::<Job>(&text).unwrap_err().to_string();
    assert!(cause.contains("priorty"), "{cause}");
    let mended = text.replace("priorty", "priority");
    let cause = serde_json::from_str::<Job>(&mended)
        .unwrap_err()
        .to_string();
    assert!(cause.contains("perf"), "{cause}");
}

#[test]
fn the_commands_of_the_example_jobs_pass_on_this_host() {
    for path in files("queue/examples", "json") {
        let folder = tempfile::tempdir().unwrap();
        // As in a job folder.
        fs::create_dir(folder.path().join("out")).unwrap();
        let job = job(&path.display().to_string(), &read(&path));
        for action in job.actions.iter().filter(|action| action.command == "run") {
            for line in action.parameters["commands"].as_array().unwrap() {
                let output = Command::new("/bin/sh")
                    .args(["-c", line.as_str().unwrap()])
                    .current_dir(folder.path())
                    .stdin(Stdio::null())
                    .output()
                    .unwrap();
                let shown = String::from_utf8_lossy(&output.stdout);
                assert!(
                    output.status.success(),
                    "{}: {line}\n{shown}",
                    path.display()
                );
                if action.parameters.contains_key("parse") {
                    assert!(shown.lines().any(|line| line.starts_with("ok ")), "{shown}");
                    assert!(!shown.contains("not ok"), "{}: {shown}", path.display());
                }
            }
        }
    }
}

#[test]
fn templates_are_jobs_once_they_are_filled_in() {
    for path in files("templates/jobs", "json") {
        let text = read(&path);
        let placeholders: BTreeSet<&str> = text
            .split('"')
            .filter(|part| part.starts_with('{') && part.ends_with('}'))
            .collect();
        assert!(placeholders.contains("{device_type}"), "{}", path.display());
        let filled = placeholders
            .iter()
            .fold(text.clone(), |text, name| text.replace(name, "x"));
        job(&path.display().to_string(), &filled);
    }
}

#[test]
fn boards_and_lab_fit_together() {
    let lab = lab();
    let known: BTreeSet<&str> = lab
        .users
        .keys()
        .chain(lab.groups.keys())
        .map(String::as_str)
        .collect();
    for user in lab.users.values() {
        for group in &user.groups {
            assert!(lab.groups.contains_key(group), "lab.yaml: no group {group}");
        }
    }
    let owners = lab
        .groups
        .values()
        .flat_map(|group| &group.owners)
        .chain(&lab.admins);
    for owner in owners {
        assert!(known.contains(owner.as_str()), "lab.yaml: no user {owner}");
    }
    let boards = boards();
    for board in &boards {
        for owner in &board.owners {
            assert!(known.contains(owner.as_str()), "{}: no {owner}", board.name);
        }
        assert_eq!(
            board.dispatchers,
            [DispatcherChoice::BuiltIn("exec".to_owned())]
        );
        assert!(board.tags.contains(&board.device_type), "{}", board.name);
        let asks = board.service.reason.is_some() && board.service.since.is_some();
        assert_eq!(
            board.service.state != ServiceState::Active,
            asks,
            "{}",
            board.name
        );
    }
    let active = |board: &&Board| board.service.state == ServiceState::Active;
    assert_eq!(boards.iter().filter(active).count(), 4);
    assert_eq!(boards.len(), 5);
}
