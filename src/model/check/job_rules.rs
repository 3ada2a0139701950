//! What no schema says about a job definition.

use serde::Deserialize;
use serde_json::Value;

use super::job_group;
use super::problems::Problems;
use super::tree::{Entry, Kind, Node};
use super::words::{did_you_mean, nearest, quote};
use super::yaml;
use crate::model::Span;
use crate::model::lab::{LabFiles, Timeouts};
use crate::model::name::is_name;

/// The longest tag, in bytes.
const LONGEST_TAG: usize = 100;

/// Judges what stands in a definition, whatever else is wrong with it.
pub(super) fn judge(root: &Node, lab: Option<&LabFiles>, problems: &mut Problems) {
    if !matches!(root.kind, Kind::Map(_)) {
        return;
    }
    content(root, problems);
    boards(root, problems);
    job_group::judge(root, problems);
    names(root, problems);
    let own = Timeouts::default();
    timeouts(root, lab.map_or(&own, |lab| &lab.config.timeouts), problems);
    stream(root, problems);
    addresses(root, problems);
    for action in root.get("actions").map_or(&[][..], Node::items) {
        if action.get("command").and_then(Node::text) == Some("run") {
            run_action(action, problems);
        }
    }
}

/// Which boards the job asks for.
fn boards(root: &Node, problems: &mut Problems) {
    let kinds = ["device_type", "target", "device_group"];
    let named = kinds.iter().any(|kind| root.get(kind).is_some());
    let meant = |key: &str| nearest(key, kinds).is_some();
    let refused = root.entries().iter().any(|entry| {
        entry.key == "vm_group" || (!kinds.contains(&&*entry.key) && meant(&entry.key))
    });
    if !named && !refused {
        problems.error(
            root.place,
            "no-device",
            "the job names no board: `device_type`, `target` or `device_group` is missing",
            "name a device type such as \"device_type\": \"qemu\"",
        );
    }
    if root.get("device_group").is_none() {
        return;
    }
    for other in ["device_type", "target"] {
        if root.get(other).is_some()
            && let Some(entry) = root.entry(other)
        {
            problems.error(
                entry.key_place,
                "contradiction",
                format!("`{other}` and `device_group` contradict each other"),
                "keep one of them: the group's entries have device types of their own",
            );
        }
    }
}

/// What the job does: its `actions`, or a definition for another tool.
fn content(root: &Node, problems: &mut Problems) {
    let Some(definition) = root.get("definition") else {
        let meant = |entry: &Entry| nearest(&entry.key, ["actions"]).is_some();
        if root.entry("actions").is_none() && !root.entries().iter().any(meant) {
            problems.error(
                root.place,
                "missing-key",
                "the key `actions` is missing",
                "give the job its `actions`: a list of `{\"command\": …}`",
            );
        }
        return;
    };
    if root.get("actions").is_some()
        && let Some(entry) = root.entry("definition")
    {
        problems.error(
            entry.key_place,
            "contradiction",
            "`definition` and `actions` contradict each other",
            "keep one of them: a LAVA v2 definition has actions of its own",
        );
    }
    let kind = match (&definition.kind, definition.text()) {
        (Kind::Map(_), _) => return,
        (_, Some(text)) => yaml_map(text),
        _ => Err("is neither".to_owned()),
    };
    if let Err(why) = kind {
        problems.error(
            definition.place,
            "bad-value",
            format!("`definition` must be a LAVA v2 job, an object or YAML as a text, but {why}"),
            "",
        );
    }
}

/// Whether a text is a YAML map, and why not.
fn yaml_map(text: &str) -> Result<(), String> {
    let mut within = Problems::new("definition");
    match yaml::parse(text, &mut within) {
        Some(root) if matches!(root.kind, Kind::Map(_)) && !root.entries().is_empty() => Ok(()),
        Some(_) => Err("the text is no map".to_owned()),
        None => {
            let first = within.finish::<()>(None).diagnostics.into_iter().next();
            Err(first.map_or("it is no YAML".to_owned(), |one| {
                format!("its line {} says: {}", one.line, one.message)
            }))
        }
    }
}

/// Names become parts of paths and pages, so their alphabet is narrow.
fn names(root: &Node, problems: &mut Problems) {
    let groups = root.get("device_group").map_or(&[][..], Node::items);
    for node in std::iter::once(root).chain(groups) {
        for key in ["device_type", "target"] {
            if let Some(value) = node.get(key)
                && let Some(text) = value.text()
                && !is_name(text)
                && !problems.error_at(value.place)
            {
                problems.error(
                    value.place,
                    "bad-name",
                    format!("{} cannot be the name of a board or device type", quote(text)),
                    "names have letters, digits, `_`, `-` and `.`, and begin with a letter, a digit or `_`",
                );
            }
        }
        tags(node, problems);
    }
}

/// The tags of a job, a group's entry, a board or a device type.
pub(super) fn tags(node: &Node, problems: &mut Problems) {
    let mut seen = Vec::new();
    for tag in node.get("tags").map_or(&[][..], Node::items) {
        let Some(text) = tag.text() else { continue };
        if problems.error_at(tag.place) {
            continue;
        }
        if seen.contains(&text) {
            problems.warning(
                tag.place,
                "duplicate-tag",
                format!("the tag {} stands here again", quote(text)),
                "remove it",
            );
        }
        seen.push(text);
        let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
        if text.is_empty() || text.len() > LONGEST_TAG || text.contains(odd) {
            problems.error(
                tag.place,
                "bad-name",
                format!("{} cannot be a tag", quote(text)),
                "a tag is one word without spaces and `/`",
            );
        }
    }
}

fn timeouts(root: &Node, limits: &Timeouts, problems: &mut Problems) {
    let span = |node: &Node| match &node.kind {
        Kind::Scalar(value) => Span::deserialize(value).ok(),
        _ => None,
    };
    let job = root.get("timeout");
    if let Some(node) = job
        && let Some(timeout) = span(node)
        && !problems.error_at(node.place)
    {
        if timeout > limits.max {
            problems.error(
                node.place,
                "out-of-range",
                format!(
                    "`timeout` is {timeout}, longer than the {} that lab.yaml allows",
                    limits.max
                ),
                "shorten the job, or raise `timeouts.max` in lab.yaml",
            );
        } else if timeout == Span::from_secs(0) {
            problems.error(
                node.place,
                "out-of-range",
                "`timeout` is 0: the job would end before it begins",
                "write how long it may run, such as \"15m\"",
            );
        }
    }
    let whole = job.and_then(span).unwrap_or(limits.job);
    for action in root.get("actions").map_or(&[][..], Node::items) {
        if let Some(node) = action.get("timeout")
            && let Some(timeout) = span(node)
            && timeout > whole
        {
            problems.warning(
                node.place,
                "out-of-range",
                format!("this action may take {timeout}, but the whole job only {whole}"),
                "raise the job's `timeout`",
            );
        }
    }
}

fn stream(root: &Node, problems: &mut Problems) {
    let Some(node) = root.get("stream") else {
        return;
    };
    let Some(text) = node.text() else { return };
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    let inner = text
        .strip_prefix('/')
        .map(|rest| rest.trim_end_matches('/'));
    let good = inner.is_some_and(|inner| {
        !text.contains(odd)
            && inner
                .split('/')
                .all(|part| !part.is_empty() && part != "." && part != "..")
    });
    if !good && !problems.error_at(node.place) {
        problems.error(
            node.place,
            "bad-value",
            format!("`stream` must be a path, but is {}", quote(text)),
            "write it such as \"/public/kernel-team/\"",
        );
    }
}

fn addresses(root: &Node, problems: &mut Problems) {
    for key in ["notify", "notify_on_incomplete"] {
        for node in root.get(key).map_or(&[][..], Node::items) {
            let Some(text) = node.text() else { continue };
            let webhook = text.starts_with("https://") || text.starts_with("http://");
            let mail = text
                .split_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
            let odd = |c: char| c.is_whitespace() || c.is_control();
            if (!(webhook || mail) || text.contains(odd)) && !problems.error_at(node.place) {
                problems.error(
                    node.place,
                    "bad-value",
                    format!("{} is neither a mail address nor a webhook", quote(text)),
                    "write alice@example.org, or a URL that begins with https://",
                );
            }
        }
    }
}

/// The parameters of `run`, the action of every built-in dispatcher. Only warnings: a dispatcher of
/// the lab's own may mean something else by it.
fn run_action(action: &Node, problems: &mut Problems) {
    const KNOWN: [&str; 5] = ["commands", "suite", "cases", "parse", "report"];
    const FORMATS: [&str; 4] = ["tap", "ktap", "junit", "lava-signals"];
    let Some(parameters) = action.get("parameters") else {
        problems.warning(
            action.place,
            "missing-key",
            "`run` has no `parameters.commands`, so it does nothing",
            "",
        );
        return;
    };
    for entry in parameters.entries() {
        let hint = did_you_mean(&entry.key, KNOWN);
        if !KNOWN.contains(&&*entry.key) && !hint.is_empty() {
            let message = format!("`run` knows no parameter {}", quote(&entry.key));
            problems.warning(entry.key_place, "unknown-key", message, &hint);
        }
    }
    let commands = parameters.get("commands").map_or(&[][..], Node::items);
    let cases = parameters.get("cases").map_or(&[][..], Node::items);
    if let Some(extra) = cases.get(commands.len()) {
        problems.warning(
            extra.place,
            "bad-value",
            format!(
                "`cases` names {} results, but there are {} commands",
                cases.len(),
                commands.len()
            ),
            "give each command one name",
        );
    }
    if let Some(node) = parameters.get("parse") {
        let format = node.text().unwrap_or_default();
        if !FORMATS.contains(&format) {
            problems.warning(
                node.place,
                "bad-value",
                format!("`run` cannot parse {}", quote(format)),
                &did_you_mean(format, FORMATS),
            );
        }
        if format == "junit" && parameters.get("report").is_none() {
            problems.warning(
                node.place,
                "missing-key",
                "`junit` wants the path of its report",
                "add \"report\": \"report.xml\"",
            );
        }
    }
    let no_text = |node: &&Node| !matches!(node.kind, Kind::Scalar(Value::String(_)));
    for command in commands.iter().filter(no_text) {
        problems.warning(
            command.place,
            "wrong-type",
            "each of `commands` is one line for the shell",
            "put it in double quotes",
        );
    }
}
