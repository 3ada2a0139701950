//! Group jobs: their members and the roles that actions name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::problems::Problems;
use super::tree::{Kind, Node};
use super::words::{did_you_mean, quote};
use crate::model::group::{MOST_MEMBERS, names};
use crate::model::lab::LabFiles;
use crate::model::name::is_name;
use crate::model::{Board, RunnerName};

/// Judges the members by themselves, and the roles of the actions by the members.
pub(super) fn judge(root: &Node, problems: &mut Problems) {
    let Some(group) = root.get("device_group") else {
        lonely_roles(root, problems);
        return;
    };
    let Kind::List(entries) = &group.kind else {
        return;
    };
    roles(entries, problems);
    let members: Option<Vec<(&str, u64)>> = entries
        .iter()
        .map(|entry| Some((entry.get("role")?.text()?, count(entry)?)))
        .collect();
    if let Some(members) = members {
        size(group, &members, problems);
    }
    let known: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| entry.get("role")?.text())
        .collect();
    actions(root, entries, &known, problems);
}

/// The largest count that can be read at all; anything above has an error of its own.
const MOST_COUNT: u64 = u32::MAX as u64;

fn count(entry: &Node) -> Option<u64> {
    match &entry.get("count")?.kind {
        Kind::Scalar(value) => value
            .as_u64()
            .filter(|count| (1..=MOST_COUNT).contains(count)),
        _ => None,
    }
}

/// Roles name folders and results, so their alphabet is narrow.
fn roles(entries: &[Node], problems: &mut Problems) {
    for role in entries.iter().filter_map(|entry| entry.get("role")) {
        if let Some(text) = role.text()
            && !is_name(text)
            && !problems.error_at(role.place)
        {
            problems.error(
                role.place,
                "bad-name",
                format!("{} cannot be a role", quote(text)),
                "roles have letters, digits, `_`, `-` and `.`, and begin with a letter, a digit or `_`",
            );
        }
    }
}

fn size(group: &Node, members: &[(&str, u64)], problems: &mut Problems) {
    let total: u64 = members.iter().map(|(_, count)| count).sum();
    if total < 2 {
        problems.error(
            group.place,
            "bad-value",
            "a group has at least two boards",
            "use `device_type` for one board",
        );
    } else if total > MOST_MEMBERS as u64 {
        problems.error(
            group.place,
            "out-of-range",
            format!("a group of {total} boards; at most {MOST_MEMBERS} are possible"),
            "lower `count`, or make several jobs of it",
        );
    }
    let mut seen = BTreeSet::new();
    for (_, name) in names(members) {
        if !seen.insert(name.clone()) {
            problems.error(
                group.place,
                "contradiction",
                format!("two members would be called {}", quote(&name)),
                "members of a role that several play are numbered: rename the other role",
            );
        }
    }
}

/// Every action is for all or for a role that is there, and no role is left without any.
fn actions(root: &Node, entries: &[Node], known: &BTreeSet<&str>, problems: &mut Problems) {
    let actions = root.get("actions").map_or(&[][..], Node::items);
    let mut busy: BTreeSet<&str> = BTreeSet::new();
    let mut all_busy = actions.is_empty();
    for action in actions {
        let role = action.get("parameters").and_then(|one| one.get("role"));
        match role.map(|role| (role, role.text())) {
            None => all_busy = true,
            Some((role, Some(text))) if known.contains(text) || problems.error_at(role.place) => {
                busy.insert(text);
            }
            Some((role, Some(text))) => problems.error(
                role.place,
                "unknown-role",
                format!("the group has no role {}", quote(text)),
                &did_you_mean(text, known.iter().copied()),
            ),
            Some((role, None)) => problems.error(
                role.place,
                "wrong-type",
                "`role` names one of the group's roles",
                "put one role in double quotes; without `role` every member does the action",
            ),
        }
    }
    for role in entries.iter().filter_map(|entry| entry.get("role")) {
        if let Some(text) = role.text()
            && !all_busy
            && !busy.contains(text)
            && !problems.error_at(role.place)
        {
            problems.error(
                role.place,
                "idle-role",
                format!("no action is left for the role {}", quote(text)),
                "give it one with `parameters.role`, or leave it out of the group",
            );
        }
    }
}

/// On one board there are no roles; LAVA took them all the same.
fn lonely_roles(root: &Node, problems: &mut Problems) {
    for action in root.get("actions").map_or(&[][..], Node::items) {
        let role = action.get("parameters").and_then(|one| one.get("role"));
        if let Some(role) = role
            && matches!(role.kind, Kind::Scalar(Value::String(_)))
        {
            problems.warning(
                role.place,
                "unknown-role",
                "a job on one board has no roles: the action is done in any case",
                "name several boards with `device_group`, or remove `role`",
            );
        }
    }
}

/// Warns of groups that the lab has too few boards for, and of those that no runner could start.
pub(super) fn judge_in_lab(root: &Node, lab: &LabFiles, problems: &mut Problems) {
    let Some(group) = root.get("device_group") else {
        return;
    };
    let mut wanted: BTreeMap<(&str, Vec<&str>), u64> = BTreeMap::new();
    for entry in group.items() {
        if let (Some(device_type), Some(count)) =
            (entry.get("device_type").and_then(Node::text), count(entry))
        {
            let tags = [entry, root]
                .into_iter()
                .filter_map(|node| node.get("tags"));
            let tags = tags.flat_map(Node::items).filter_map(Node::text).collect();
            *wanted.entry((device_type, tags)).or_default() += count;
        }
    }
    let fitting = |(device_type, tags): &(&str, Vec<&str>), runner: Option<&RunnerName>| -> u64 {
        let fits = |board: &&Board| {
            let theirs = runner.is_none_or(|runner| {
                let own = board.runner.as_ref();
                own.is_none_or(|own| own == runner)
            });
            theirs
                && board.device_type == *device_type
                && tags
                    .iter()
                    .all(|tag| board.tags.iter().any(|has| has == tag))
        };
        lab.boards.values().filter(fits).count() as u64
    };
    let mut enough = true;
    for (kind, count) in &wanted {
        let there = fitting(kind, None);
        enough &= there >= *count;
        if there > 0 && there < *count {
            problems.warning(
                group.place,
                "no-board",
                format!(
                    "the lab has {there} boards of the type {} for the {count} that the group asks for",
                    quote(kind.0)
                ),
                "the job waits until there are more",
            );
        }
    }
    let runners: BTreeSet<&RunnerName> = lab
        .boards
        .values()
        .filter_map(|board| board.runner.as_ref())
        .collect();
    let has_all = |runner: &&RunnerName| {
        let mut kinds = wanted.iter();
        kinds.all(|(kind, count)| fitting(kind, Some(*runner)) >= *count)
    };
    if enough && !runners.is_empty() && !runners.iter().any(has_all) {
        problems.warning(
            group.place,
            "no-runner",
            "no runner drives boards for all members of the group",
            "it would be rejected: a group's boards belong to one runner, see `runner` in the boards' files",
        );
    }
}
