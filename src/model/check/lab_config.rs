//! `lab.yaml`.

use std::collections::HashMap;

use serde::Deserialize;

use super::board::{is_lab_path, yaml_file};
use super::problems::{Checked, Problems};
use super::schema::SchemaKind;
use super::tree::{Kind, Node};
use super::words::quote;
use crate::model::lab::Timeouts;
use crate::model::name::is_name;
use crate::model::{HostConfig, LabConfig, Span};

/// Judges a `lab.yaml`.
pub fn lab_config(path: &str, bytes: &[u8]) -> Checked<LabConfig> {
    yaml_file(path, bytes, SchemaKind::Lab, rules)
}

/// Judges a lab host's `runner.yaml`.
pub fn host_config(path: &str, bytes: &[u8]) -> Checked<HostConfig> {
    yaml_file(path, bytes, SchemaKind::Host, |_, _| {})
}

fn rules(root: &Node, problems: &mut Problems) {
    refs(root, problems);
    spans(root, problems);
    people(root, problems);
    if let Some(node) = root.get("forge").and_then(|forge| forge.get("url"))
        && let Some(url) = node.text()
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        problems.error(
            node.place,
            "bad-value",
            format!(
                "`url` must be the lab's page on the forge, but is {}",
                quote(url)
            ),
            "write it such as https://git.example.org/team/lab",
        );
    }
    if let Some(node) = root.get("allowed_signers")
        && let Some(path) = node.text()
        && !is_lab_path(path)
    {
        problems.error(
            node.place,
            "bad-value",
            format!(
                "`allowed_signers` must be a path in the lab, but is {}",
                quote(path)
            ),
            "write it such as boards/allowed_signers",
        );
    }
}

/// Branch and prefix become parts of ref names.
fn refs(root: &Node, problems: &mut Problems) {
    let is_ref = |text: &str| text.split('/').all(is_name);
    if let Some(node) = root.get("branch")
        && let Some(text) = node.text()
        && !is_ref(text)
    {
        problems.error(
            node.place,
            "bad-name",
            format!("{} cannot be a branch", quote(text)),
            "write its short name, such as main",
        );
    }
    if let Some(node) = root.get("refs")
        && let Some(text) = node.text()
        && !(text.strip_prefix("refs/").is_some_and(is_ref))
    {
        problems.error(
            node.place,
            "bad-name",
            format!("{} cannot be a prefix of refs", quote(text)),
            "write refs/pumice, or refs/heads/pumice where the forge refuses others",
        );
    }
}

fn spans(root: &Node, problems: &mut Problems) {
    let span = |node: Option<&Node>| match &node?.kind {
        Kind::Scalar(value) => Span::deserialize(value).ok(),
        _ => None,
    };
    let timeouts = root.get("timeouts");
    let own = Timeouts::default();
    let job_node = timeouts.and_then(|timeouts| timeouts.get("job"));
    let max_node = timeouts.and_then(|timeouts| timeouts.get("max"));
    let job = span(job_node).unwrap_or(own.job);
    let max = span(max_node).unwrap_or(own.max);
    if let Some(node) = job_node.or(max_node)
        && job > max
        && !problems.error_at(node.place)
    {
        problems.error(
            node.place,
            "contradiction",
            format!("`timeouts.job` is {job}, longer than `timeouts.max`, {max}"),
            "raise `max` or lower `job`",
        );
    }
    let default = LabConfig::default();
    let heartbeat = span(root.get("heartbeat")).unwrap_or(default.heartbeat);
    let lease = span(root.get("lease")).unwrap_or(default.lease);
    // One heartbeat may be late or lost without the runner being gone.
    if let Some(node) = root.get("lease").or(root.get("heartbeat"))
        && lease.duration() < heartbeat.duration() * 3
        && !problems.error_at(node.place)
    {
        problems.error(
            node.place,
            "contradiction",
            format!("`lease` is {lease}, less than three times `heartbeat`, {heartbeat}"),
            "a runner whose heartbeat is late would lose its jobs: raise `lease`",
        );
    }
    let idle = timeouts.and_then(|timeouts| timeouts.get("idle"));
    for (key, node) in [
        ("heartbeat", root.get("heartbeat")),
        ("poll", root.get("poll")),
        ("timeouts.idle", idle),
    ] {
        if let Some(node) = node
            && span(Some(node)).is_some_and(|span| span == Span::from_secs(0))
        {
            problems.error(
                node.place,
                "out-of-range",
                format!("`{key}` must be longer than 0"),
                "",
            );
        }
    }
}

/// An address that two users claim would make submitters ambiguous.
fn people(root: &Node, problems: &mut Problems) {
    let mut owners: HashMap<String, &str> = HashMap::new();
    for user in root.get("users").map_or(&[][..], Node::entries) {
        for node in user.value.get("emails").map_or(&[][..], Node::items) {
            let Some(email) = node.text() else { continue };
            if !email.contains('@') {
                problems.error(
                    node.place,
                    "bad-value",
                    format!("{} is not a mail address", quote(email)),
                    "",
                );
            }
            let taken = owners.insert(email.to_lowercase(), &user.key);
            if let Some(other) = taken.filter(|other| *other != user.key) {
                problems.error(
                    node.place,
                    "contradiction",
                    format!(
                        "{} is the address of {} already",
                        quote(email),
                        quote(other)
                    ),
                    "an address belongs to one user",
                );
            }
        }
    }
}
