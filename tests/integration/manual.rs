//! What the manual and the README print is right: examples, keys, defaults, links and commands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use pumice::model::check;
use pumice::model::{BoardFile, DeviceType, LabConfig, Span};
use serde_json::Value;

use crate::examples::{clean, files, job, read, root, stem};

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
            if ["actions", "definition"]
                .iter()
                .any(|key| value.get(key).is_some())
            {
                job(&place, &block);
                whole_jobs += 1;
            }
        }
        for block in blocks(&text, "yaml") {
            // A block is the file whose keys it has.
            let value: BTreeMap<String, Value> = check::from_yaml(&block)
                .unwrap_or_else(|(line, _, cause)| panic!("{place}: {line}: {cause}\n{block}"));
            if value.contains_key("device_type") {
                clean(check::board(&place, block.as_bytes(), None));
            } else if stem(&path) == "lab-file" {
                clean(check::lab_config(&place, block.as_bytes()));
            } else if value.contains_key("service") || value.contains_key("health_check") {
                clean(check::device_type(&place, block.as_bytes()));
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
    let smallest = r#"{"device_type": "x", "actions": [{"command": "submit_results"}]}"#;
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
            None if value.is_number() => assert_eq!(shown, value.to_string(), "{key}"),
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
