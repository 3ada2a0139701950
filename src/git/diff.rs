//! What differs between two trees: a merge of both that skips equal subtrees.

use std::cmp::Ordering;

use super::error::GitError;
use super::repo::Repo;
use super::tree::{Entry, LIMITS, RawEntry, parse_tree, too_many};
use crate::model::ObjectId;

/// A path at which two trees differ; neither side is a tree. A file that became a folder is the file's
/// end and the beginning of each file in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeChange {
    pub path: String,
    pub old: Option<Entry>,
    pub new: Option<Entry>,
}

impl Repo {
    /// What changed below `under` from one commit to another, in path order; `None` is an empty tree.
    pub fn diff(
        &self,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        under: &str,
    ) -> Result<Vec<TreeChange>, GitError> {
        let tree = |commit: Option<ObjectId>| match commit {
            Some(commit) => self.subtree(commit, under),
            None => Ok(None),
        };
        self.diff_trees(tree(old)?, tree(new)?, under)
    }

    /// The same for the trees that stand at `under` themselves.
    pub(crate) fn diff_trees(
        &self,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        under: &str,
    ) -> Result<Vec<TreeChange>, GitError> {
        let mut merge = Merge {
            repo: self,
            path: under.trim_matches('/').to_owned(),
            changes: Vec::new(),
            left: LIMITS.1,
            depth: 0,
        };
        merge.trees(old, new)?;
        Ok(merge.changes)
    }
}

struct Merge<'r> {
    repo: &'r Repo,
    path: String,
    changes: Vec<TreeChange>,
    left: usize,
    depth: usize,
}

impl Merge<'_> {
    fn trees(&mut self, old: Option<ObjectId>, new: Option<ObjectId>) -> Result<(), GitError> {
        if old == new {
            return Ok(());
        }
        let data = |id: Option<ObjectId>| id.map(|id| self.repo.tree_data(id)).transpose();
        let (old, new) = (data(old)?, data(new)?);
        let mut olds = parse_tree(old.as_deref().unwrap_or_default()).peekable();
        let mut news = parse_tree(new.as_deref().unwrap_or_default()).peekable();
        loop {
            let order = match (olds.peek(), news.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.order(new),
            };
            let old = if order.is_le() { olds.next() } else { None };
            let new = if order.is_ge() { news.next() } else { None };
            if old != new {
                self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
                self.entries(old, new)?;
            }
        }
    }

    /// Two entries in the same place of the order, so of the same name, or one alone.
    fn entries(
        &mut self,
        old: Option<RawEntry<'_>>,
        new: Option<RawEntry<'_>>,
    ) -> Result<(), GitError> {
        let Some(named) = old.or(new) else {
            return Ok(());
        };
        let length = self.path.len();
        named.push_name(&mut self.path);
        let deep = self.depth >= LIMITS.0;
        let leaf = |entry: Option<RawEntry<'_>>| {
            entry
                .filter(|entry| deep || !entry.is_tree())
                .map(|entry| entry.entry(entry.is_tree()))
        };
        let folder = |entry: Option<RawEntry<'_>>| {
            entry
                .filter(|entry| !deep && entry.is_tree())
                .map(|entry| entry.id)
        };
        let (old_leaf, new_leaf) = (leaf(old), leaf(new));
        if old_leaf != new_leaf {
            self.changes.push(TreeChange {
                path: self.path.clone(),
                old: old_leaf,
                new: new_leaf,
            });
        }
        let (old_folder, new_folder) = (folder(old), folder(new));
        if old_folder != new_folder {
            self.depth += 1;
            self.trees(old_folder, new_folder)?;
            self.depth -= 1;
        }
        self.path.truncate(length);
        Ok(())
    }
}
