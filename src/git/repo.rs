//! A repository's objects and references, read and written in process.

use std::collections::BTreeMap;
use std::path::Path;

use super::commit::{Commit, Links, parse_commit, parse_links};
use super::error::{GitError, GitErrorKind};
use super::look;
use super::tree::{Entry, TREE_MODE, find_in_tree};
use crate::model::ObjectId;

/// An opened repository. Keep it for one cycle of work: a long-lived one keeps deleted packs open.
pub struct Repo {
    pub(super) inner: git2::Repository,
}

pub(super) fn oid(id: git2::Oid) -> ObjectId {
    let mut bytes = [0; 20];
    // SHA-1 ids have twenty bytes; a repository of another kind is refused when it is opened.
    for (byte, from) in bytes.iter_mut().zip(id.as_bytes()) {
        *byte = *from;
    }
    ObjectId::from_bytes(bytes)
}

pub(super) fn raw(id: ObjectId) -> git2::Oid {
    git2::Oid::from_bytes(id.as_bytes()).unwrap_or(git2::Oid::ZERO_SHA1)
}

impl Repo {
    /// Opens the repository in that folder, bare or not.
    pub fn open(path: &Path) -> Result<Self, GitError> {
        let attempt = || format!("open the repository {}", path.display());
        let inner = git2::Repository::open(path).map_err(GitError::object(attempt))?;
        if inner.is_shallow() {
            return Err(GitError::new(attempt(), GitErrorKind::Shallow));
        }
        Ok(Self { inner })
    }

    /// The repository's own folder, where its references and objects are.
    pub fn path(&self) -> &Path {
        self.inner.path()
    }

    /// The commit at a reference, if there is one.
    pub fn reference(&self, name: &str) -> Result<Option<ObjectId>, GitError> {
        match self.inner.refname_to_id(name) {
            Ok(id) => Ok(Some(oid(id))),
            Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(error) => Err(GitError::object(|| format!("read the reference {name}"))(
                error,
            )),
        }
    }

    /// The references whose full names begin with `prefix`.
    pub fn references(&self, prefix: &str) -> Result<BTreeMap<String, ObjectId>, GitError> {
        look::references(&self.inner, &[format!("{prefix}*")]).map_err(GitError::object(|| {
            format!("read the references {prefix}*")
        }))
    }

    /// Notes in this repository, and only here, what the server has acknowledged.
    pub fn set_reference(&self, name: &str, to: Option<ObjectId>) -> Result<(), GitError> {
        /// A fetch of another process holds the lock for milliseconds.
        const TRIES: u32 = 50;
        let mut tries = 0;
        loop {
            let result = match to {
                Some(id) => self.inner.reference(name, raw(id), true, "").map(drop),
                None => self
                    .inner
                    .find_reference(name)
                    .and_then(|mut found| found.delete()),
            };
            match result {
                Err(error) if error.code() == git2::ErrorCode::Locked && tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                Err(error) if error.code() == git2::ErrorCode::NotFound && to.is_none() => {
                    return Ok(());
                }
                result => {
                    return result
                        .map_err(GitError::object(|| format!("set the reference {name}")));
                }
            }
        }
    }

    /// Reads a commit; its texts are made UTF-8.
    pub fn commit(&self, id: ObjectId) -> Result<Commit, GitError> {
        let data = self.data(id, git2::ObjectType::Commit)?;
        parse_commit(id, &data).ok_or_else(|| corrupt_commit(id))
    }

    /// A commit's tree, parents and time, for long walks.
    pub fn links(&self, id: ObjectId) -> Result<Links, GitError> {
        let data = self.data(id, git2::ObjectType::Commit)?;
        parse_links(&data).ok_or_else(|| corrupt_commit(id))
    }

    pub fn exists(&self, id: ObjectId) -> bool {
        self.inner.odb().is_ok_and(|odb| odb.exists(raw(id)))
    }

    pub fn blob(&self, id: ObjectId) -> Result<Vec<u8>, GitError> {
        self.data(id, git2::ObjectType::Blob)
    }

    /// A blob's length in bytes, without reading all of it.
    pub fn blob_size(&self, id: ObjectId) -> Result<u64, GitError> {
        let odb = self.odb()?;
        let (size, _) = odb
            .read_header(raw(id))
            .map_err(GitError::object(|| format!("read the object {id}")))?;
        Ok(size as u64)
    }

    pub fn write_blob(&self, bytes: &[u8]) -> Result<ObjectId, GitError> {
        self.inner
            .blob(bytes)
            .map(oid)
            .map_err(GitError::object(|| "write a blob"))
    }

    /// Writes a file's bytes, as they are, without holding them in memory.
    pub fn write_blob_file(&self, path: &Path) -> Result<ObjectId, GitError> {
        let attempt = || format!("write {} as a blob", path.display());
        let file_error =
            |error| GitError::new(attempt(), GitErrorKind::File(path.to_owned(), error));
        let mut file = std::fs::File::open(path).map_err(file_error)?;
        let mut writer = self
            .inner
            .blob_writer(None)
            .map_err(GitError::object(attempt))?;
        std::io::copy(&mut file, &mut writer).map_err(file_error)?;
        writer.commit().map(oid).map_err(GitError::object(attempt))
    }

    /// What a commit has at a path, of whatever kind.
    pub fn entry(&self, commit: ObjectId, path: &str) -> Result<Option<Entry>, GitError> {
        self.entry_in(self.links(commit)?.tree, path)
    }

    /// What a tree has at a path, of whatever kind; the tree itself at the empty path.
    pub(crate) fn entry_in(&self, tree: ObjectId, path: &str) -> Result<Option<Entry>, GitError> {
        let mut at = Entry {
            mode: TREE_MODE,
            id: tree,
            odd: false,
        };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if at.mode != TREE_MODE {
                return Ok(None);
            }
            let data = self.tree_data(at.id)?;
            match find_in_tree(&data, part.as_bytes()) {
                Some(found) => at = found.entry(false),
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The bytes of a regular file, if the commit has one at the path.
    pub fn file(&self, commit: ObjectId, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        match self.entry(commit, path)? {
            Some(entry) if entry.is_file() => self.blob(entry.id).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether `old` is `new` or one of its ancestors.
    pub fn is_ancestor(&self, old: ObjectId, new: ObjectId) -> Result<bool, GitError> {
        if old == new {
            return Ok(true);
        }
        self.inner
            .graph_descendant_of(raw(new), raw(old))
            .map_err(GitError::object(|| format!("compare {old} with {new}")))
    }

    /// The tree that a commit has at a path.
    pub(crate) fn subtree(
        &self,
        commit: ObjectId,
        path: &str,
    ) -> Result<Option<ObjectId>, GitError> {
        self.subtree_in(self.links(commit)?.tree, path)
    }

    pub(crate) fn subtree_in(
        &self,
        tree: ObjectId,
        path: &str,
    ) -> Result<Option<ObjectId>, GitError> {
        let entry = self.entry_in(tree, path)?;
        Ok(entry
            .filter(|entry| entry.mode == TREE_MODE)
            .map(|entry| entry.id))
    }

    /// The bytes of a tree object.
    pub(super) fn tree_data(&self, id: ObjectId) -> Result<Vec<u8>, GitError> {
        // Git's well-known empty tree need not be stored.
        const EMPTY: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        match self.data(id, git2::ObjectType::Tree) {
            Err(error) if error.is_not_found() && id.to_string() == EMPTY => Ok(Vec::new()),
            result => result,
        }
    }

    pub(super) fn odb(&self) -> Result<git2::Odb<'_>, GitError> {
        self.inner
            .odb()
            .map_err(GitError::object(|| "open the object database"))
    }

    fn data(&self, id: ObjectId, kind: git2::ObjectType) -> Result<Vec<u8>, GitError> {
        let attempt = || format!("read the object {id}");
        let odb = self.odb()?;
        let object = odb.read(raw(id)).map_err(GitError::object(attempt))?;
        if object.kind() != kind {
            let what = format!("it is a {}, not a {kind}", object.kind());
            return Err(GitError::corrupt(attempt(), what));
        }
        Ok(object.data().to_vec())
    }
}

fn corrupt_commit(id: ObjectId) -> GitError {
    GitError::corrupt(format!("read the commit {id}"), "it is damaged")
}
