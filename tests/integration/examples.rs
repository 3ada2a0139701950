//! What the checkout shows by example is right: its jobs, boards, templates and lab file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pumice::model::board::DispatcherChoice;
use pumice::model::check::{self, Checked, File};
use pumice::model::lab::LabFiles;
use pumice::model::{Board, Job, ServiceState, group};

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

/// The value of a file or block that has nothing to complain about.
pub(crate) fn clean<T>(checked: Checked<T>) -> T {
    let told: Vec<String> = checked.diagnostics.iter().map(check::line).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    checked.value.unwrap()
}

pub(crate) fn job(place: &str, text: &str) -> Job {
    clean(check::job(place, text.as_bytes(), None))
}

/// The files of the lab that this checkout is.
fn tree() -> Vec<File> {
    let mut paths = files("boards", "yaml");
    paths.extend(files("queue", "json"));
    paths.push(root().join("lab.yaml"));
    let file = |path: &PathBuf| {
        let inside = path.strip_prefix(root()).unwrap();
        File {
            path: inside.to_str().unwrap().to_owned(),
            mode: check::REGULAR,
            bytes: fs::read(path).unwrap(),
        }
    };
    paths.iter().map(file).collect()
}

fn lab() -> LabFiles {
    check::lab_files(&tree())
}

/// Every example job and demo case that is meant to be valid, with its path.
fn valid_jobs() -> Vec<(PathBuf, Job)> {
    let lab = lab();
    let mut paths = files("queue", "json");
    paths.extend(files("templates/demo", "json"));
    // The demo makes boards for the jobs on real kernels itself, where their kit is.
    let elsewhere = ["invalid", "kernel-boot", "kernel-tests"];
    paths.retain(|path| {
        !path.starts_with(root().join("templates")) || !elsewhere.contains(&stem(path))
    });
    let judge = |path: PathBuf| {
        let place = path.display().to_string();
        let job = clean(check::job(&place, read(&path).as_bytes(), Some(&lab)));
        (path, job)
    };
    paths.into_iter().map(judge).collect()
}

/// The jobs of a group's members, each on one board.
fn members(job: &Job) -> Vec<Job> {
    let alone = |member: group::Member| Job {
        device_type: Some(member.device_type),
        tags: [job.tags.clone(), member.tags].concat(),
        device_group: None,
        ..job.clone()
    };
    group::members(job).into_iter().map(alone).collect()
}

fn fits(job: &Job, board: &Board) -> bool {
    let members = members(job);
    if !members.is_empty() {
        return members.iter().any(|member| fits(member, board));
    }
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
fn the_checkout_is_a_lab_without_any_problem() {
    let told: Vec<String> = check::validate_tree(&tree())
        .iter()
        .map(check::line)
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn every_example_job_has_a_board() {
    let lab = lab();
    for (path, job) in valid_jobs() {
        let place = path.display();
        assert_eq!(job.name(path.to_str().unwrap()), stem(&path), "{place}");
        assert!(
            lab.boards.values().any(|board| fits(&job, board)),
            "{place}: no active board could run it"
        );
    }
}

#[test]
fn the_invalid_case_is_refused_for_both_of_its_mistakes() {
    let text = read(&root().join("templates/demo/invalid.json"));
    let told = check::job("invalid.json", text.as_bytes(), Some(&lab())).diagnostics;
    let short: Vec<(usize, &str)> = told.iter().map(|d| (d.line, d.code.as_str())).collect();
    assert_eq!(short, [(4, "unknown-key"), (6, "wrong-type")]);
    let hint = told[0].hint.as_deref().unwrap_or_default();
    assert!(hint.contains("priority"), "{hint}");
}

#[test]
fn the_commands_of_the_example_jobs_pass_on_this_host() {
    for path in files("queue/examples", "json") {
        let folder = tempfile::tempdir().unwrap();
        // As in a job folder.
        fs::create_dir(folder.path().join("out")).unwrap();
        let job = job(&path.display().to_string(), &read(&path));
        // A group's members need each other; `group` runs those.
        if job.device_group.is_some() {
            continue;
        }
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
        let (place, text) = (path.display().to_string(), read(&path));
        let unfilled = check::job(&place, text.as_bytes(), None).diagnostics;
        assert!(unfilled.iter().any(|d| d.code == "placeholder"), "{place}");
        let placeholders: BTreeSet<&str> = text
            .split('"')
            .filter(|part| part.starts_with('{') && part.ends_with('}'))
            .collect();
        let filled = placeholders
            .iter()
            .fold(text.clone(), |text, name| text.replace(name, "x"));
        job(&place, &filled);
    }
}

#[test]
fn boards_and_lab_fit_together() {
    let lab = lab();
    let config = &lab.config;
    for user in config.users.values() {
        for group in &user.groups {
            assert!(
                config.groups.contains_key(group),
                "lab.yaml: no group {group}"
            );
        }
    }
    let owners = config.groups.values().flat_map(|group| &group.owners);
    for owner in owners.chain(&config.admins) {
        assert!(
            config.users.contains_key(owner),
            "lab.yaml: no user {owner}"
        );
    }
    let exec = [DispatcherChoice::BuiltIn("exec".to_owned())];
    for board in lab.boards.values() {
        assert_eq!(board.dispatchers, exec, "{}", board.name);
        assert!(board.description.is_some(), "{}", board.name);
        let explained = board.service.reason.is_some() && board.service.since.is_some();
        let active = board.service.state == ServiceState::Active;
        assert_ne!(active, explained, "{}", board.name);
    }
    let active = |board: &&Board| board.service.state == ServiceState::Active;
    assert_eq!(lab.boards.values().filter(active).count(), 4);
    assert_eq!((lab.boards.len(), lab.types.len()), (5, 2));
}
