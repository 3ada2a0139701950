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

/// The paths that `git status --porcelain -z --no-renames` lists, as text.
pub(super) fn parse_status(stdout: &[u8]) -> Vec<String> {
    stdout
        .split(|byte| *byte == 0)
        // Two letters and a space come before each path.
        .filter_map(|line| line.get(3..))
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(reason: &str, retry: bool) -> RefStatus {
        RefStatus::Refused {
            reason: reason.to_owned(),
            retry,
        }
    }

    #[test]
    fn push_lines_become_statuses() {
        let said = "To /srv/lab.git\n\
            \t0000000000000000000000000000000000000000:refs/x\tno flag\n\
            *\tabc:refs/new\t[new reference]\n \tabc:refs/ff\t1..2\n+\tabc:refs/forced\t1...2 (forced update)\n\
            -\t:refs/deleted\t[deleted]\n=\tabc:refs/same\t[up to date]\n\
            !\tabc:refs/stale\t[rejected] (stale info)\n\
            !\tabc:refs/lock\t[remote rejected] (failed to update ref)\n\
            !\tabc:refs/hook\t[remote rejected] (pre-receive hook declined)\n\
            !\tabc:refs/big\t[remote rejected] (unpacker error)\n\
            !\tabc:refs/silent\t[remote failure] (remote failed to report status)\n\
            !\tabc:refs/bare\t[remote rejected]\n\
            *\tabc:refs/twice\t[new reference]\n!\tabc:refs/twice\t[rejected] (stale info)\nDone\n";
        let refs = parse_push(said.as_bytes());
        let expected = [
            ("refs/bare", refused("[remote rejected]", true)),
            ("refs/big", refused("unpacker error", false)),
            ("refs/deleted", RefStatus::Done),
            ("refs/ff", RefStatus::Done),
            ("refs/forced", RefStatus::Done),
            ("refs/hook", refused("pre-receive hook declined", false)),
            ("refs/lock", refused("failed to update ref", true)),
            ("refs/new", RefStatus::Done),
            ("refs/same", RefStatus::UpToDate),
            ("refs/silent", RefStatus::Unanswered),
            ("refs/stale", refused("stale info", true)),
            ("refs/twice", RefStatus::Unanswered),
        ];
        let expected = expected.map(|(name, status)| (name.to_owned(), status));
        assert_eq!(refs.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn fetch_lines_become_changes() {
        let (zero, one, two) = ("0".repeat(40), "1".repeat(40), "2".repeat(40));
        let said = format!(
            "* {zero} {one} refs/a\n- {one} {zero} refs/b\n  {one} {two} refs/c\n! {one} {two} refs/d\n? {one} {two} refs/e\njunk\n"
        );
        let lines = parse_fetch(said.as_bytes());
        let seen: Vec<_> = lines
            .iter()
            .map(|line| {
                let change = &line.change;
                (
                    change.name.as_str(),
                    line.done,
                    change.old.is_some(),
                    change.new.is_some(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("refs/a", true, false, true),
                ("refs/b", true, true, false),
                ("refs/c", true, true, true),
                ("refs/d", false, true, true)
            ]
        );
    }

    #[test]
    fn small_answers_are_read() {
        let message = "remote: hi\nfatal: couldn't find remote ref refs/heads/main\n";
        assert_eq!(parse_missing_ref(message), Some("refs/heads/main"));
        assert_eq!(parse_missing_ref("fatal: no"), None);
        assert_eq!(parse_status(b" M a b\0?? c\xff\0"), ["a b", "c\u{fffd}"]);
        let (name, mail, seconds) = parse_identity(b"A B <a@b> 12 +0100");
        assert_eq!((name.as_str(), mail.as_str(), seconds), ("A B", "a@b", 12));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>, text in "[!=*+ -]?\t?[a:() \t\n<>0-9]{0,60}") {
            for bytes in [&bytes[..], text.as_bytes()] {
                parse_push(bytes);
                parse_fetch(bytes);
                parse_status(bytes);
                parse_identity(bytes);
                parse_missing_ref(&String::from_utf8_lossy(bytes));
            }
        }

        #[test]
        fn a_refusal_is_never_read_as_done(reason in "[^\n]{0,40}", kind in "rejected|remote rejected|remote failure|no match") {
            let line = format!("!\tabc:refs/x\t[{kind}] ({reason})\n");
            let refs = parse_push(line.as_bytes());
            prop_assert!(!matches!(refs["refs/x"], RefStatus::Done | RefStatus::UpToDate));
        }
    }
}
