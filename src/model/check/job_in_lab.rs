//! A job definition judged by the lab it is in: warnings only, since a board may come later.

use std::collections::BTreeSet;

use super::board::is_broken;
use super::job_group;
use super::place::Place;
use super::problems::Problems;
use super::tree::Node;
use super::words::{did_you_mean, join, quote};
use crate::model::board::DispatcherChoice;
use crate::model::lab::LabFiles;
use crate::model::{Asked, Board, BoardName};

/// Warns of device types, boards, tags and dispatchers that the lab does not have.
pub(super) fn judge(root: &Node, lab: &LabFiles, problems: &mut Problems) {
    let known = Known::new(lab);
    let target = root.get("target");
    let device_type = root.get("device_type");
    if let Some(node) = target
        && let Some(name) = node.text()
        && !problems.error_at(node.place)
    {
        match lab
            .boards
            .values()
            .find(|board| board.name.as_str() == name)
        {
            None if is_broken(lab, &format!("boards/{name}.yaml")) => {}
            None => problems.warning(
                node.place,
                "unknown-board",
                format!("the lab has no board {}", quote(name)),
                &did_you_mean(name, lab.boards.keys().map(BoardName::as_str)),
            ),
            Some(board) => {
                let wanted = device_type.and_then(Node::text);
                if let (Some(wanted), Some(at)) = (wanted, device_type)
                    && wanted != board.device_type
                {
                    problems.warning(
                        at.place,
                        "contradiction",
                        format!(
                            "the board {} is a {}, not a {}",
                            quote(name),
                            quote(&board.device_type),
                            quote(wanted)
                        ),
                        "`target` decides: remove `device_type`, or name the right one",
                    );
                }
            }
        }
    }
    known.member(root, target.and_then(Node::text), problems);
    for member in root.get("device_group").map_or(&[][..], Node::items) {
        known.member(member, None, problems);
    }
    job_group::judge_in_lab(root, lab, problems);
}

struct Known<'l> {
    lab: &'l LabFiles,
    types: BTreeSet<&'l str>,
    tags: BTreeSet<&'l str>,
}

impl<'l> Known<'l> {
    fn new(lab: &'l LabFiles) -> Self {
        let of_boards = lab.boards.values().map(|board| board.device_type.as_str());
        let types: BTreeSet<&str> = lab
            .types
            .keys()
            .map(String::as_str)
            .chain(of_boards)
            .collect();
        let of_types = lab.types.values().flat_map(|one| &one.tags);
        let tags = lab
            .boards
            .values()
            .flat_map(|board| &board.tags)
            .chain(of_types)
            .map(String::as_str)
            .chain(types.iter().copied())
            .collect();
        Self { lab, types, tags }
    }

    /// A job, or an entry of a group job.
    fn member(&self, node: &Node, target: Option<&str>, problems: &mut Problems) {
        let mut all_known = true;
        let wanted_type = node.get("device_type");
        if let Some(value) = wanted_type
            && problems.error_at(value.place)
        {
            all_known = false;
        } else if let Some(value) = wanted_type
            && let Some(name) = value.text()
            && !self.types.contains(name)
            && !is_broken(self.lab, &format!("boards/types/{name}.yaml"))
        {
            all_known = false;
            problems.warning(
                value.place,
                "unknown-type",
                format!("the lab has no device type {}", quote(name)),
                &did_you_mean(name, self.types.iter().copied()),
            );
        }
        let mut tags = Vec::new();
        let mut unknown = Vec::new();
        for value in node.get("tags").map_or(&[][..], Node::items) {
            let Some(tag) = value.text() else { continue };
            if problems.error_at(value.place) {
                all_known = false;
                continue;
            }
            tags.push(tag);
            if !self.tags.contains(tag) {
                unknown.push((value.place, tag));
            }
        }
        let wanted_type = wanted_type.and_then(Node::text);
        let of_kind = |board: &&Board| match target {
            Some(name) => board.name.as_str() == name,
            None => wanted_type.is_none_or(|wanted| board.device_type == wanted),
        };
        let candidates: Vec<&Board> = self.lab.boards.values().filter(of_kind).collect();
        let asked = Asked {
            target,
            device_type: wanted_type,
            tags,
            dispatcher: None,
        };
        self.unknown_tags(&unknown, &asked, &candidates, problems);
        let named = target.is_some() || wanted_type.is_some();
        if named
            && all_known
            && unknown.is_empty()
            && target.is_none_or(|_| !candidates.is_empty())
            && let Some(missing) = asked.missing(self.lab.boards.values())
        {
            let place = node.get("tags").unwrap_or(node).place;
            let missing = if candidates.is_empty() {
                "the lab has no board of this device type yet".to_owned()
            } else {
                missing
            };
            problems.warning(
                place,
                "no-board",
                missing,
                "the job waits until there is one",
            );
        }
        self.dispatcher(node, &candidates, problems);
    }

    /// Tags that no board carries: what was meant, else the board that comes nearest.
    fn unknown_tags(
        &self,
        unknown: &[(Place, &str)],
        asked: &Asked<'_>,
        candidates: &[&Board],
        problems: &mut Problems,
    ) {
        let near = asked.nearest(candidates.iter().copied());
        for (place, tag) in unknown {
            let mut hint = did_you_mean(tag, self.tags.iter().copied());
            if let Some(near) = near.as_ref().filter(|_| hint.is_empty()) {
                let name = quote(near.board.name.as_str());
                hint = format!("nearest is {name}, which {}", join(&near.lacks, "and"));
            }
            let message = format!("no board of the lab has the tag {}", quote(tag));
            problems.warning(*place, "unknown-tag", message, &hint);
        }
    }

    fn dispatcher(&self, node: &Node, candidates: &[&Board], problems: &mut Problems) {
        let offered: BTreeSet<&str> = candidates
            .iter()
            .flat_map(|board| board.dispatchers.iter().map(DispatcherChoice::name))
            .collect();
        if let Some(value) = node.get("dispatcher")
            && let Some(name) = value.text()
            && !candidates.is_empty()
            && !offered.contains(name)
            && !problems.error_at(value.place)
        {
            problems.warning(
                value.place,
                "unknown-dispatcher",
                format!("no board that fits offers the dispatcher {}", quote(name)),
                &did_you_mean(name, offered.iter().copied()),
            );
        }
    }
}
