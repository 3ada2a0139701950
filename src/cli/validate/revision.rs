//! All files of one revision, as git keeps them.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Error, Judged, validate_tree};
use crate::git::{GitError, Repo, TreeChange, WorkTree};
use crate::model::check::{File, FileKind, LARGEST_YAML, REGULAR};
use crate::model::{Diagnostic, ObjectId, Severity};

/// Judges the whole tree of a revision of the repository that `dir` is or lies in.
pub(super) fn judge(dir: &Path, rev: &str) -> Result<Vec<Judged>, Error> {
    let (repo, commit) = find(dir, rev)?;
    let (files, mut others) = files(&repo, commit).map_err(Error::Git)?;
    others.extend(renames(&changes(&repo, commit).map_err(Error::Git)?));
    let all: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
    let mut judged = validate_tree(files, &|path| all.contains(path));
    if !others.is_empty() {
        judged.push(Judged {
            diagnostics: others,
            source: Vec::new(),
        });
    }
    Ok(judged)
}

fn find(dir: &Path, rev: &str) -> Result<(Repo, ObjectId), Error> {
    if let Some(tree) = WorkTree::discover(dir).map_err(Error::Git)? {
        let repo = tree.repo().map_err(Error::Git)?;
        return Ok((repo, tree.resolve(rev).map_err(Error::Git)?));
    }
    let repo = Repo::open(dir).map_err(Error::Git)?;
    if let Ok(id) = rev.parse() {
        return Ok((repo, id));
    }
    for name in [rev.to_owned(), format!("refs/heads/{rev}")] {
        // What is no name of a ref is none that exists.
        if let Ok(Some(id)) = repo.reference(&name) {
            return Ok((repo, id));
        }
    }
    Err(Error::NoRevision(rev.to_owned(), dir.to_owned()))
}

/// Every file of the commit's tree, and what is wrong with names that no git would write. Only files
/// that Pumice reads have their bytes, and of larger ones than any may be only so many.
fn files(repo: &Repo, commit: ObjectId) -> Result<(Vec<File>, Vec<Diagnostic>), GitError> {
    let mut files = Vec::new();
    let mut odd = Vec::new();
    for (path, entry) in repo.files(commit, "")? {
        if entry.odd {
            if path.starts_with("queue/") || path.starts_with("boards/") {
                odd.push(odd_name(path));
            }
            continue;
        }
        let mut bytes = Vec::new();
        if entry.is_file() && FileKind::of(&path).is_some() {
            bytes = if repo.blob_size(entry.id)? > LARGEST_YAML as u64 {
                vec![b' '; LARGEST_YAML + 1]
            } else {
                repo.blob(entry.id)?
            };
        }
        files.push(File {
            path,
            mode: entry.mode,
            bytes,
        });
    }
    Ok((files, odd))
}

fn odd_name(path: String) -> Diagnostic {
    Diagnostic {
        path,
        line: 1,
        column: 1,
        severity: Severity::Error,
        code: "bad-path".to_owned(),
        message: "this name is not UTF-8, or none that git would write".to_owned(),
        hint: Some("rename the file".to_owned()),
    }
}

/// What the commit changed in the queue, against its first parent.
fn changes(repo: &Repo, commit: ObjectId) -> Result<Vec<TreeChange>, GitError> {
    let parents = repo.links(commit)?.parents;
    match parents.first() {
        Some(parent) => repo.diff(Some(*parent), Some(commit), "queue"),
        None => Ok(Vec::new()),
    }
}

/// A job's path is a part of what it is: a renamed file is another job.
fn renames(changes: &[TreeChange]) -> Vec<Diagnostic> {
    let removed = |wanted: ObjectId| {
        changes.iter().find(|change| {
            change.new.is_none() && change.old.as_ref().is_some_and(|old| old.id == wanted)
        })
    };
    let added = changes
        .iter()
        .filter(|change| change.old.is_none() && change.path.ends_with(".json"));
    added
        .filter_map(|change| {
            let new = change.new.as_ref().filter(|new| new.mode == REGULAR)?;
            let old = removed(new.id)?;
            Some(Diagnostic {
                path: change.path.clone(),
                line: 1,
                column: 1,
                severity: Severity::Warning,
                code: "renamed".to_owned(),
                message: format!(
                    "this file was {} before: its renaming cancels that job and submits a new one",
                    old.path
                ),
                hint: Some("leave a waiting or running job's file where it is".to_owned()),
            })
        })
        .collect()
}
