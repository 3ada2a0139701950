//! Board files and device types: the YAML files under `boards/`.

use serde::de::DeserializeOwned;

use super::problems::{Checked, Problems};
use super::schema::SchemaKind;
use super::tree::Node;
use super::words::{did_you_mean, quote};
use super::{console, duplicates, job_rules, schema_errors, text, yaml};
use crate::model::board::{BUILT_IN_DISPATCHERS, is_ssh_name};
use crate::model::lab::LabFiles;
use crate::model::name::is_name;
use crate::model::{BoardFile, DeviceType, Diagnostic};

/// The largest YAML file, in bytes: a lab of thousands of users has a long lab.yaml.
pub const LARGEST_YAML: usize = 1024 * 1024;

/// Judges a board's file; inside a lab also by what the lab has, as warnings.
pub fn board(path: &str, bytes: &[u8], lab: Option<&LabFiles>) -> Checked<BoardFile> {
    yaml_file(path, bytes, SchemaKind::Board, |root, problems| {
        rules(root, problems);
        if let Some(lab) = lab {
            in_lab(root, lab, problems);
        }
    })
}

/// Judges a device type's file.
pub fn device_type(path: &str, bytes: &[u8]) -> Checked<DeviceType> {
    yaml_file(path, bytes, SchemaKind::DeviceType, |root, problems| {
        rules(root, problems);
        if let Some(node) = root.get("health_check").and_then(|check| check.get("job"))
            && let Some(job) = node.text()
            && !is_lab_path(job)
        {
            problems.error(
                node.place,
                "bad-value",
                format!("`job` must be a path in the lab, but is {}", quote(job)),
                "write it such as templates/jobs/health.json",
            );
        }
    })
}

/// Judges a YAML file by its schema and by rules of its own, then reads it.
pub(super) fn yaml_file<T: DeserializeOwned>(
    path: &str,
    bytes: &[u8],
    kind: SchemaKind,
    rules: impl FnOnce(&Node, &mut Problems),
) -> Checked<T> {
    let mut problems = Problems::new(path);
    let value = (|| {
        let text = text::decode(bytes, LARGEST_YAML, &mut problems)?;
        let root = yaml::parse(&text, &mut problems)?;
        duplicates::judge(&root, &mut problems);
        schema_errors::judge(kind, &root, |_| None, &mut problems);
        rules(&root, &mut problems);
        if problems.any_error() {
            return None;
        }
        // The tree is read, not the text once more: two YAML readers differ at the edges, and what
        // was judged must be what is used.
        serde_json::from_value(root.to_value())
            .map_err(|error| {
                let message = format!("the file cannot be read: {error}");
                problems.error(root.place, "bad-value", message, "");
            })
            .ok()
    })();
    problems.finish(value)
}

/// A path inside the lab: relative, without `..`.
pub(super) fn is_lab_path(path: &str) -> bool {
    !path.contains(['\\', '\0']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether the lab has the file, but its own errors keep it from being read.
pub(super) fn is_broken(lab: &LabFiles, path: &str) -> bool {
    let broken = |one: &Diagnostic| one.is_error() && one.path == path;
    lab.diagnostics.iter().any(broken)
}

fn rules(root: &Node, problems: &mut Problems) {
    job_rules::tags(root, problems);
    if let Some(node) = root.get("device_type")
        && let Some(name) = node.text()
        && !is_name(name)
        && !problems.error_at(node.place)
    {
        problems.error(
            node.place,
            "bad-name",
            format!("{} cannot be the name of a device type", quote(name)),
            "it is the stem of a file under boards/types/",
        );
    }
    if let Some(node) = root.get("console") {
        console::rules(node, problems);
    }
    for key in ["on", "off", "reset"] {
        if let Some(node) = root.get("power").and_then(|power| power.get(key)) {
            program(node, problems);
        }
    }
    if let Some(node) = root.get("ssh") {
        ssh(node, problems);
    }
    for (section, key) in [
        ("lava", "device"),
        ("lava", "dispatcher"),
        ("labgrid", "env"),
        ("ssh", "identity"),
    ] {
        if let Some(node) = root.get(section).and_then(|section| section.get(key)) {
            host_path(node, key, problems);
        }
    }
    dispatchers(root, problems);
}

/// What could be taken for an option of `ssh` is no address.
fn ssh(node: &Node, problems: &mut Problems) {
    for key in ["host", "user"] {
        if let Some(node) = node.get(key)
            && let Some(text) = node.text()
            && !is_ssh_name(text)
            && !problems.error_at(node.place)
        {
            problems.error(
                node.place,
                "bad-value",
                format!("{} cannot be the `{key}` of `ssh`", quote(text)),
                "it is one word and does not begin with `-`",
            );
        }
    }
}

/// The lab's own files are not on the host where a dispatcher runs.
fn host_path(node: &Node, key: &str, problems: &mut Problems) {
    if let Some(text) = node.text()
        && !text.starts_with('/')
        && !problems.error_at(node.place)
    {
        problems.error(
            node.place,
            "bad-value",
            format!(
                "`{key}` must be an absolute path on the host, but is {}",
                quote(text)
            ),
            "the lab's files are not there: keep it on the runner's host",
        );
    }
}

/// An argv array begins with the program's name.
pub(super) fn program(node: &Node, problems: &mut Problems) {
    if let Some(first) = node.items().first()
        && first.text().is_some_and(|name| name.trim().is_empty())
    {
        problems.error(
            first.place,
            "empty",
            "the program's name is empty",
            "the first entry is the program, each other one of its arguments",
        );
    }
}

fn dispatchers(root: &Node, problems: &mut Problems) {
    let mut seen = Vec::new();
    for node in root.get("dispatchers").map_or(&[][..], Node::items) {
        let named = node.get("name").and_then(Node::text);
        let built_in = node.text();
        let Some(name) = built_in.or(named) else {
            continue;
        };
        if problems.error_at(node.place) {
            continue;
        }
        if let Some(name) = built_in
            && !BUILT_IN_DISPATCHERS.contains(&name)
        {
            let near = did_you_mean(name, BUILT_IN_DISPATCHERS.iter().copied());
            let hint = if near.is_empty() {
                "a program of your own is written {name: x, command: [program, argument]}"
            } else {
                &near
            };
            problems.warning(
                node.place,
                "unknown-dispatcher",
                format!("there is no built-in dispatcher {}", quote(name)),
                hint,
            );
        }
        if !is_name(name) {
            problems.error(
                node.place,
                "bad-name",
                format!("{} cannot be a dispatcher's name", quote(name)),
                "",
            );
        }
        if seen.contains(&name) {
            problems.error(
                node.place,
                "contradiction",
                format!("the dispatcher {} stands here again", quote(name)),
                "jobs choose by the name: give each its own",
            );
        }
        seen.push(name);
        if let Some(command) = node.get("command") {
            program(command, problems);
        }
    }
}

fn in_lab(root: &Node, lab: &LabFiles, problems: &mut Problems) {
    let types = || lab.types.keys().map(String::as_str);
    let device_type = root.get("device_type");
    if let Some(node) = device_type
        && let Some(name) = node.text()
        && !lab.types.contains_key(name)
        && !is_broken(lab, &format!("boards/types/{name}.yaml"))
        && !problems.error_at(node.place)
    {
        problems.warning(
            node.place,
            "unknown-type",
            format!("the lab has no device type {}", quote(name)),
            &did_you_mean(name, types()),
        );
    }
    let config = &lab.config;
    let people = || config.users.keys().chain(config.groups.keys());
    for node in root.get("owners").map_or(&[][..], Node::items) {
        if let Some(owner) = node.text()
            && people().next().is_some()
            && !people().any(|known| known == owner)
        {
            problems.warning(
                node.place,
                "unknown-owner",
                format!("lab.yaml has no user or group {}", quote(owner)),
                &did_you_mean(owner, people().map(String::as_str)),
            );
        }
    }
    let of_type = device_type
        .and_then(Node::text)
        .and_then(|name| lab.types.get(name));
    for (dispatcher, key, typed, hint) in [
        (
            "console",
            "console",
            of_type.is_some_and(|t| t.console.is_some()),
            "add `console: {command: […]}`, `{tcp: host:port}` or `{serial: /dev/…}`",
        ),
        (
            "ssh",
            "ssh",
            of_type.is_some_and(|t| t.ssh.is_some()),
            "add `ssh: {host: …}`",
        ),
        (
            "lava-run",
            "lava",
            of_type.is_some_and(|t| t.lava.is_some()),
            "add `lava: {device: /…}`, the path of the device's dictionary on the host",
        ),
    ] {
        let listed = root.get("dispatchers").map_or(&[][..], Node::items);
        for node in listed.iter().filter(|node| node.text() == Some(dispatcher)) {
            if !typed && root.get(key).is_none() {
                let message = format!(
                    "the dispatcher `{dispatcher}` needs `{key}` here or in the device type"
                );
                problems.warning(node.place, "missing-key", message, hint);
            }
        }
    }
}
