//! What the checkout shows by example is right: its jobs, boards and templates, and what the manual and the
//! README print.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pumice::model::board::DispatcherChoice;
use pumice::model::name::is_name;
use pumice::model::{Board, BoardFile, BoardName, DeviceType, Job, LabConfig, ServiceState, Span};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// The files below `folder` of the checkout that end in `extension`, sorted; at least one.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let found: Vec<PathBuf> = walkdir::WalkDir::new(root().join(folder))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .collect();
    assert!(!found.is_empty(), "no .{extension} below {folder}");
    found
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

fn job(place: &str, text: &str) -> Job {
    serde_json::from_str(text).unwrap_or_else(|cause| panic!("{place}: {cause}"))
}

fn yaml<T: serde::de::DeserializeOwned>(place: &str, text: &str) -> T {
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

/// The fenced blocks of a Markdown text that name `language`.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), None::<(String, String)>);
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(name)) => open = Some((name.to_owned(), String::new())),
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed");
    found
        .into_iter()
        .filter(|(name, _)| name == language)
        .map(|(_, block)| block)
        .collect()
}

#[test]
fn the_examples_of_the_manual_parse() {
    let mut whole_jobs = 0;
    for path in files("site/content/docs", "md") {
        let (place, text) = (path.display().to_string(), read(&path));
        for block in blocks(&text, "json") {
            let value: Value = serde_json::from_str(&block)
                .unwrap_or_else(|cause| panic!("{place}: {cause}\n{block}"));
            if value.get("actions").is_some() {
                job(&place, &block);
                whole_jobs += 1;
            }
        }
        for block in blocks(&text, "yaml") {
            let value: BTreeMap<String, Value> = yaml(&place, &block);
            if value.contains_key("device_type") {
                yaml::<BoardFile>(&place, &block);
            } else if stem(&path) == "lab-file" {
                yaml::<LabConfig>(&place, &block);
            } else if value.contains_key("service") {
                yaml::<DeviceType>(&place, &block);
            } else {
                assert!(
                    value.contains_key("allow"),
                    "{place}: what is this?\n{block}"
                );
            }
        }
    }
    assert!(
        whole_jobs >= 6,
        "only {whole_jobs} whole definitions in the manual"
    );
}

#[test]
fn the_manual_names_every_key() {
    // A serialised default names every key of its type.
    let named = |page: &str, value: Value| {
        let text = read(&root().join("site/content/docs").join(page));
        for key in value.as_object().unwrap().keys() {
            assert!(
                text.contains(&format!("`{key}")),
                "{page} does not name `{key}`"
            );
        }
    };
    let smallest = r#"{"device_type": "x", "actions": [{"command": "run"}]}"#;
    let job = job("smallest", smallest);
    named("job-file.md", serde_json::to_value(&job).unwrap());
    named(
        "job-file.md",
        serde_json::to_value(&job.actions[0]).unwrap(),
    );
    named(
        "board-file.md",
        serde_json::to_value(BoardFile::default()).unwrap(),
    );
    named(
        "board-file.md",
        serde_json::to_value(DeviceType::default()).unwrap(),
    );
    named(
        "lab-file.md",
        serde_json::to_value(LabConfig::default()).unwrap(),
    );
}

#[test]
fn the_manual_gives_the_defaults_of_the_lab_file() {
    let text = read(&root().join("site/content/docs/lab-file.md"));
    let shown = |key: &str| {
        let row = text
            .lines()
            .find(|line| line.starts_with(&format!("| `{key}` |")));
        let cell = row.and_then(|row| row.split('|').nth(2));
        let cell = cell.unwrap_or_else(|| panic!("lab-file.md has no row for `{key}`"));
        cell.trim().trim_matches('`').to_owned()
    };
    let mut defaults = Vec::new();
    for (key, value) in serde_json::to_value(LabConfig::default())
        .unwrap()
        .as_object()
        .unwrap()
    {
        match value.as_object().filter(|part| !part.is_empty()) {
            Some(part) => {
                defaults.extend(
                    part.iter()
                        .map(|(inner, value)| (format!("{key}.{inner}"), value.clone())),
                );
            }
            None => defaults.push((key.clone(), value.clone())),
        }
    }
    for (key, value) in defaults {
        let shown = shown(&key);
        match value.as_str() {
            Some("") => assert_eq!(shown, "empty", "{key}"),
            // `24h` and `1d` are one default.
            Some(default) => match default.parse::<Span>() {
                Ok(span) => assert_eq!(shown.parse(), Ok(span), "{key}"),
                Err(_) => assert_eq!(shown, default, "{key}"),
            },
            None => assert_eq!(shown, "none", "{key}"),
        }
    }
}

#[test]
fn the_ten_line_dispatcher_works() {
    let text = read(&root().join("site/content/docs/dispatcher-protocol.md"));
    let script = blocks(&text, "sh")
        .into_iter()
        .find(|block| block.starts_with("#!/bin/sh"))
        .unwrap();
    assert!(script.lines().count() <= 10, "it is called ten lines");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("dispatcher"), script).unwrap();
    let output = Command::new("/bin/sh")
        .args(["-c", "exec /bin/sh ./dispatcher 3>events"])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!output.stdout.is_empty(), "it writes a log");
    let events: Vec<Value> = read(&folder.path().join("events"))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|cause| panic!("{line}: {cause}")))
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["t"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["step", "step", "step", "result", "step"]);
    assert_eq!(events[3]["result"], "pass");
}

/// The anchor of a heading, as the pages make it: lower case, blanks as dashes, other punctuation gone.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn anchors(path: &Path) -> BTreeSet<String> {
    let (mut found, mut fenced) = (BTreeSet::new(), false);
    for line in read(path).lines() {
        fenced ^= line.starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) {
            found.insert(anchor(heading.trim_start_matches('#').trim()));
        }
    }
    found
}

#[test]
fn links_of_the_manual_and_the_readme_lead_somewhere() {
    // The command-line page and the pictures are made by other means.
    let made_elsewhere = |target: &Path| {
        target.ends_with("command-line.md")
            || target.components().any(|part| part.as_os_str() == "img")
    };
    let mut pages = files("site/content", "md");
    pages.push(root().join("README.md"));
    for page in pages {
        let text = read(&page);
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if link.contains("://") {
                continue;
            }
            let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(path)
            };
            if made_elsewhere(&target) {
                continue;
            }
            assert!(target.exists(), "{}: {link}", page.display());
            assert!(
                fragment.is_empty() || anchors(&target).contains(fragment),
                "{}: {link}",
                page.display()
            );
        }
    }
}

/// The subcommands and long options of every `pumice …` line in the shell blocks of a text.
fn invocations(text: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let two_words = ["board", "report", "site"];
    blocks(text, "sh")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| {
            let line = line.split(" #").next()?;
            let mut words = line.strip_prefix("pumice ")?.split_whitespace().peekable();
            if words.next_if_eq(&"-C").is_some() {
                words.next();
            }
            let words: Vec<String> = words.map(str::to_owned).collect();
            let first = words.first().filter(|word| !word.starts_with('-'))?;
            let command = words[..if two_words.contains(&first.as_str()) {
                2
            } else {
                1
            }]
                .to_vec();
            let options = words
                .into_iter()
                .filter(|word| word.starts_with("--"))
                .collect();
            Some((command, options))
        })
        .collect()
}

#[test]
fn the_commands_of_the_manual_and_the_readme_exist() {
    let readme = read(&root().join("README.md"));
    let lines: Vec<String> = blocks(&readme, "sh")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(lines.contains(&"cargo run --release -- demo".to_owned()));
    assert!(lines.contains(&"cargo test".to_owned()));
    assert!(read(&root().join(".ci/run")).contains("\ncargo test "));

    let version = Command::new(env!("CARGO_BIN_EXE_pumice"))
        .arg("--version")
        .output()
        .unwrap();
    if version.stdout.is_empty() {
        eprintln!("skipped: the program has no command line yet");
        return;
    }
    let mut pages = files("site/content", "md");
    pages.push(root().join("README.md"));
    let mut seen = 0;
    for page in pages {
        for (command, options) in invocations(&read(&page)) {
            let output = Command::new(env!("CARGO_BIN_EXE_pumice"))
                .args(&command)
                .arg("--help")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let help = String::from_utf8_lossy(&output.stdout);
            let shown = format!("{}: pumice {}", page.display(), command.join(" "));
            assert!(output.status.success(), "{shown}");
            for option in options {
                assert!(help.contains(&option), "{shown} {option}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 15, "only {seen} commands found");
}
