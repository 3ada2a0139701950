//! Parsers of what the git program prints for programs. Pure functions on bytes.

use std::collections::BTreeMap;

use super::mirror::RefChange;
use super::push::RefStatus;
use crate::model::ObjectId;

/// What `git push --porcelain` says of each reference, one line each:
/// `<flag> TAB <from>:<to> TAB <summary> (<reason>)`.
pub(super) fn parse_push(stdout: &[u8]) -> BTreeMap<String, RefStatus> {
    let mut refs: BTreeMap<String, RefStatus> = BTreeMap::new();
    for line in stdout.split(|byte| *byte == b'\n') {
        let Some((name, status)) = parse_push_line(line) else {
            continue;
        };
        refs.entry(name)
            // Two answers for one reference are none: only a server that forges lines gives them.
            .and_modify(|first| {
                if *first != status {
                    *first = RefStatus::Unanswered;
                }
            })
            .or_insert(status);
    }
    refs
}

fn parse_push_line(line: &[u8]) -> Option<(String, RefStatus)> {
    let line = String::from_utf8_lossy(line);
    let mut parts = line.splitn(3, '\t');
    let (flag, names, summary) = (parts.next()?, parts.next()?, parts.next()?);
    // A reference's name holds no colon, so the last one divides.
    let (_, to) = names.rsplit_once(':')?;
    let status = match flag {
        " " | "+" | "-" | "*" => RefStatus::Done,
        "=" => RefStatus::UpToDate,
        "!" => refused(summary),
        _ => return None,
    };
    Some((to.to_owned(), status))
}

/// Signs of a refusal that no later try will change: a hook's or a setting's decision, or a limit.
/// Everything else (`stale info`, `fetch first`, `atomic push failed`, `cannot lock ref`, …) is a lost race.
const FINAL: [&str; 7] = [
    "hook declined",
    // `receive.maxInputSize`, for one.
    "unpacker error",
    "hidden ref",
    "funny refname",
    "prohibited",
    "currently checked out",
    "shallow update not allowed",
];

fn refused(summary: &str) -> RefStatus {
    // `[remote failure]` is git's word for "the server said nothing about this one".
    if summary.starts_with("[remote failure]") {
        return RefStatus::Unanswered;
    }
    let reason = summary
        .split_once('(')
        .map_or(summary, |(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
    let reason: String = reason.chars().filter(|c| !c.is_control()).collect();
    RefStatus::Refused {
        retry: !FINAL.iter().any(|sign| reason.contains(sign)),
        reason,
    }
}

/// One line of `git fetch --porcelain`: `<flag> <old> <new> <local reference>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FetchLine {
    /// Whether the local reference now is what the server has.
    pub done: bool,
    pub change: RefChange,
}

pub(super) fn parse_fetch(stdout: &[u8]) -> Vec<FetchLine> {
    stdout
        .split(|byte| *byte == b'\n')
        .filter_map(parse_fetch_line)
        .collect()
}

fn parse_fetch_line(line: &[u8]) -> Option<FetchLine> {
    let line = std::str::from_utf8(line).ok()?;
    let mut chars = line.chars();
    let flag = chars.next()?;
    let mut parts = chars.as_str().strip_prefix(' ')?.splitn(3, ' ');
    let id = |text: &str| text.parse::<ObjectId>().ok();
    let (old, new) = (id(parts.next()?)?, id(parts.next()?)?);
    let name = parts.next()?.to_owned();
    let present = |id: ObjectId| (id != ObjectId::ZERO).then_some(id);
    Some(FetchLine {
        done: match flag {
            ' ' | '+' | '-' | '*' | 't' | '=' => true,
            '!' => false,
            _ => return None,
        },
        change: RefChange {
            name,
            old: present(old),
            new: present(new),
        },
    })
}

/// The reference in "couldn't find remote ref NAME", which has no porcelain line.
pub(super) fn parse_missing_ref(message: &str) -> Option<&str> {
    message
        .lines()
        .find_map(|line| line.split_once("couldn't find remote ref "))
        .map(|(_, name)| name.trim())
}

/// The parts of an identity line: `Name <mail> <seconds> <zone>`.
pub(super) fn parse_identity(line: &[u8]) -> (String, String, i64) {
    let text = String::from_utf8_lossy(line);
    let (name, rest) = text.split_once('<').unwrap_or((&text, ""));
    // The last bracket, as git does: an address may hold anything.
    let (mail, rest) = rest.rsplit_once('>').unwrap_or((rest, ""));
    let seconds = rest
        .split_whitespace()
        .next()
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(0);
    (name.trim().to_owned(), mail.trim().to_owned(), seconds)
}
