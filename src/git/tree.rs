//! Trees as they are read: the entries of one tree object, and everything below a tree.

use std::ops::ControlFlow;

use super::error::GitError;
use super::repo::Repo;
use crate::model::ObjectId;

/// A regular file.
pub const FILE_MODE: u32 = 0o100_644;
/// A folder.
pub const TREE_MODE: u32 = 0o040_000;

/// Deeper trees are given as one odd entry. Nobody nests so deep but to exhaust a reader's stack.
const DEEPEST: usize = 64;

/// The most entries read below one tree. Trees that share subtrees can stand for billions of files.
const MOST_ENTRIES: usize = 5_000_000;

/// What a tree says about one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    pub mode: u32,
    pub id: ObjectId,
    /// The path shown is not exactly what the tree says (its name is no UTF-8), or no git would write it
    /// (a slash, `..`, `.git`, too deep): such an entry can be refused, but not looked up by its path.
    pub odd: bool,
}

impl Entry {
    pub fn is_file(&self) -> bool {
        self.mode == FILE_MODE || self.mode == 0o100_755
    }
}

/// One entry of a tree object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct RawEntry<'t> {
    pub mode: u32,
    pub name: &'t [u8],
    pub id: ObjectId,
}

impl RawEntry<'_> {
    pub fn is_tree(&self) -> bool {
        self.mode == TREE_MODE
    }

    pub fn entry(&self, odd: bool) -> Entry {
        Entry {
            mode: self.mode,
            id: self.id,
            odd: odd || is_odd(self.name),
        }
    }

    /// The order of entries in a tree: a folder's name counts as if it ended in a slash.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        let shared = self.name.len().min(other.name.len());
        let after = |entry: &Self| {
            let end = if entry.is_tree() { Some(b'/') } else { None };
            entry.name.get(shared).copied().or(end)
        };
        self.name[..shared]
            .cmp(&other.name[..shared])
            .then_with(|| after(self).cmp(&after(other)))
            .then_with(|| self.name.len().cmp(&other.name.len()))
    }

    /// The name as text; of one that is no UTF-8, its bytes as `\xff`.
    pub fn push_name(&self, path: &mut String) {
        if !path.is_empty() {
            path.push('/');
        }
        match std::str::from_utf8(self.name) {
            Ok(name) => path.push_str(name),
            Err(_) => path.push_str(&self.name.escape_ascii().to_string()),
        }
    }
}

fn is_odd(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_err()
        || name.contains(&b'/')
        || matches!(name, b"" | b"." | b"..")
        || name.eq_ignore_ascii_case(b".git")
}

/// Reads the entries of a tree object; ends early where it is damaged.
pub(super) fn parse_tree(mut data: &[u8]) -> impl Iterator<Item = RawEntry<'_>> {
    std::iter::from_fn(move || {
        let space = data.iter().position(|byte| *byte == b' ')?;
        let mode = data[..space].iter().try_fold(0_u32, |mode, digit| {
            matches!(digit, b'0'..=b'7')
                .then(|| mode.checked_mul(8)?.checked_add(u32::from(digit - b'0')))?
        })?;
        let rest = &data[space + 1..];
        let end = rest.iter().position(|byte| *byte == 0)?;
        let id = rest.get(end + 1..end + 21)?.try_into().ok()?;
        let name = &rest[..end];
        data = &rest[end + 21..];
        Some(RawEntry {
            mode,
            name,
            id: ObjectId::from_bytes(id),
        })
    })
}

/// Finds one name in a tree object.
pub(super) fn find_in_tree<'t>(data: &'t [u8], name: &[u8]) -> Option<RawEntry<'t>> {
    parse_tree(data).find(|entry| entry.name == name)
}

impl Repo {
    /// Calls back for everything below `under` that is no tree, in path order, until it breaks off.
    pub fn each_file(
        &self,
        commit: ObjectId,
        under: &str,
        mut found: impl FnMut(&str, Entry) -> ControlFlow<()>,
    ) -> Result<(), GitError> {
        let Some(tree) = self.subtree(commit, under)? else {
            return Ok(());
        };
        let mut walk = Walk {
            repo: self,
            path: under.trim_matches('/').to_owned(),
            left: MOST_ENTRIES,
            depth: 0,
        };
        walk.below(tree, &mut found).map(drop)
    }

    /// Everything below `under` that is no tree, in path order.
    pub fn files(&self, commit: ObjectId, under: &str) -> Result<Vec<(String, Entry)>, GitError> {
        let mut files = Vec::new();
        self.each_file(commit, under, |path, entry| {
            files.push((path.to_owned(), entry));
            ControlFlow::Continue(())
        })?;
        Ok(files)
    }
}

struct Walk<'r> {
    repo: &'r Repo,
    path: String,
    left: usize,
    depth: usize,
}

impl Walk<'_> {
    fn below(
        &mut self,
        tree: ObjectId,
        found: &mut impl FnMut(&str, Entry) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, GitError> {
        let data = self.repo.tree_data(tree)?;
        for entry in parse_tree(&data) {
            self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
            let length = self.path.len();
            entry.push_name(&mut self.path);
            let flow = if entry.is_tree() && self.depth < DEEPEST {
                self.depth += 1;
                let flow = self.below(entry.id, found)?;
                self.depth -= 1;
                flow
            } else {
                found(&self.path, entry.entry(entry.is_tree()))
            };
            self.path.truncate(length);
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

pub(super) fn too_many() -> GitError {
    GitError::corrupt(
        "read a tree",
        format!("it stands for more than {MOST_ENTRIES} files"),
    )
}

pub(super) const LIMITS: (usize, usize) = (DEEPEST, MOST_ENTRIES);
