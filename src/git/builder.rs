//! New commits, staged as changes to the tree of a base commit. No index and no work tree is involved, so
//! there is no lock to wait for.

use std::collections::BTreeMap;

use super::commit::Person;
use super::error::{GitError, GitErrorKind};
use super::repo::{Repo, oid, raw};
use super::tree::{FILE_MODE, TREE_MODE};
use crate::model::ObjectId;

/// A commit in the making. Dropped without [`commit`](Self::commit) it leaves at most unused blobs.
pub struct CommitBuilder<'r> {
    repo: &'r Repo,
    base: Option<ObjectId>,
    /// What shall stand at each path: a blob, or nothing.
    changes: BTreeMap<String, Option<ObjectId>>,
}

impl<'r> CommitBuilder<'r> {
    /// Begins from the tree of `base`, or from an empty one.
    pub fn new(repo: &'r Repo, base: Option<ObjectId>) -> Self {
        Self {
            repo,
            base,
            changes: BTreeMap::new(),
        }
    }

    /// Puts a regular file; the folders on the way are made.
    pub fn put(&mut self, path: &str, bytes: &[u8]) -> Result<&mut Self, GitError> {
        let blob = self.repo.write_blob(bytes)?;
        Ok(self.put_blob(path, blob))
    }

    /// Puts a regular file whose blob is written already.
    pub fn put_blob(&mut self, path: &str, blob: ObjectId) -> &mut Self {
        self.changes.insert(path.to_owned(), Some(blob));
        self
    }

    /// Removes a file, or a folder with all that it holds; what is not there need not be removed.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.changes.insert(path.to_owned(), None);
        self
    }

    /// Whether nothing was put or removed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Writes the commit, a child of the base. When the tree does not differ from the base's, no commit is
    /// made and the base's id is given.
    pub fn commit(self, author: &Person, message: &str) -> Result<ObjectId, GitError> {
        let (tree, base_tree) = self.write_trees()?;
        match self.base {
            Some(base) if base_tree == Some(tree) => Ok(base),
            base => self.write_commit(tree, base, author, message),
        }
    }

    /// Writes the commit without a parent.
    pub fn commit_orphan(self, author: &Person, message: &str) -> Result<ObjectId, GitError> {
        let (tree, _) = self.write_trees()?;
        self.write_commit(tree, None, author, message)
    }

    /// The new tree and the base's.
    fn write_trees(&self) -> Result<(ObjectId, Option<ObjectId>), GitError> {
        let base = self.base.map(|base| self.repo.links(base)).transpose()?;
        let base = base.map(|links| links.tree);
        let mut changes = Vec::with_capacity(self.changes.len());
        for (path, blob) in &self.changes {
            check_path(path)?;
            changes.push((path.as_str(), *blob));
        }
        let tree = match write_tree(self.repo, base, &changes)? {
            Some(tree) => tree,
            None => empty_tree(self.repo)?,
        };
        Ok((tree, base))
    }

    fn write_commit(
        &self,
        tree: ObjectId,
        parent: Option<ObjectId>,
        author: &Person,
        message: &str,
    ) -> Result<ObjectId, GitError> {
        let error = |error| GitError::object(|| "write a commit")(error);
        let repo = &self.repo.inner;
        let tree = repo.find_tree(raw(tree)).map_err(error)?;
        let parent = parent.map(|parent| repo.find_commit(raw(parent)));
        let parent = parent.transpose().map_err(error)?;
        let signature = signature(author).map_err(error)?;
        let parents: Vec<_> = parent.iter().collect();
        repo.commit(None, &signature, &signature, message, &tree, &parents)
            .map(oid)
            .map_err(error)
    }
}

/// A commit's header is made of lines and angle brackets, so names and addresses hold none.
fn signature(person: &Person) -> Result<git2::Signature<'static>, git2::Error> {
    let clean = |text: &str, instead: &str| {
        let kept: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .filter(|c| !"<>".contains(*c))
            .collect();
        let kept = kept.trim();
        if kept.is_empty() {
            instead.to_owned()
        } else {
            kept.to_owned()
        }
    };
    git2::Signature::new(
        &clean(&person.name, "nobody"),
        &clean(&person.email, "nobody@localhost"),
        &git2::Time::new(person.time.unix(), 0),
    )
}

/// Refuses what could not be checked out.
fn check_path(path: &str) -> Result<(), GitError> {
    let bad = |part: &str| {
        matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git") || part.contains('\0')
    };
    if path.split('/').any(bad) {
        return Err(GitError::new(
            format!("put the path `{}` into a commit", path.escape_debug()),
            GitErrorKind::Refused("it is not a path of a file in a repository".to_owned()),
        ));
    }
    Ok(())
}

/// Writes the tree that `base` becomes by the changes, whose paths are relative to it and sorted; `None`
/// when nothing is left in it. Only the folders on the way to a change are read and written.
fn write_tree(
    repo: &Repo,
    base: Option<ObjectId>,
    changes: &[(&str, Option<ObjectId>)],
) -> Result<Option<ObjectId>, GitError> {
    let error = |error| GitError::object(|| "write a tree")(error);
    let old = base.map(|base| repo.inner.find_tree(raw(base)));
    let old = old.transpose().map_err(error)?;
    let mut builder = repo.inner.treebuilder(old.as_ref()).map_err(error)?;
    let mut rest = changes;
    while let Some((path, blob)) = rest.first() {
        let Some((folder, _)) = path.split_once('/') else {
            match blob {
                Some(blob) => drop(
                    builder
                        .insert(*path, raw(*blob), FILE_MODE as i32)
                        .map_err(error)?,
                ),
                None if builder.get(*path).map_err(error)?.is_some() => {
                    builder.remove(*path).map_err(error)?;
                }
                None => {}
            }
            rest = &rest[1..];
            continue;
        };
        let inside = |(path, _): &(&str, _)| {
            path.strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let count = rest.iter().take_while(|change| inside(change)).count();
        let below: Vec<_> = rest[..count]
            .iter()
            .map(|(path, blob)| (&path[folder.len() + 1..], *blob))
            .collect();
        rest = &rest[count..];
        let entry = builder.get(folder).map_err(error)?;
        let there = entry.is_some();
        let subtree = entry
            .filter(|entry| entry.filemode_raw() == TREE_MODE as i32)
            .map(|entry| oid(entry.id()));
        // What is removed below a file is not there.
        if there && subtree.is_none() && below.iter().all(|(_, blob)| blob.is_none()) {
            continue;
        }
        match write_tree(repo, subtree, &below)? {
            Some(tree) => {
                drop(
                    builder
                        .insert(folder, raw(tree), TREE_MODE as i32)
                        .map_err(error)?,
                );
            }
            None if there => builder.remove(folder).map_err(error)?,
            None => {}
        }
    }
    if builder.is_empty() {
        return Ok(None);
    }
    builder.write().map(|tree| Some(oid(tree))).map_err(error)
}

fn empty_tree(repo: &Repo) -> Result<ObjectId, GitError> {
    let error = |error| GitError::object(|| "write a tree")(error);
    let builder = repo.inner.treebuilder(None).map_err(error)?;
    builder.write().map(oid).map_err(error)
}
