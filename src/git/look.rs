//! A look at the references of a local server without starting git.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::ObjectId;

use super::repo::oid;

/// Whether `name` matches a pattern with at most one `*`, which stands for any text.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

/// The references of a repository that match one of the patterns.
pub(super) fn references(
    repository: &git2::Repository,
    patterns: &[String],
) -> Result<BTreeMap<String, ObjectId>, git2::Error> {
    let mut found = BTreeMap::new();
    for pattern in patterns {
        let Some((prefix, _)) = pattern.split_once('*') else {
            match repository.refname_to_id(pattern) {
                Ok(id) => drop(found.insert(pattern.clone(), oid(id))),
                Err(error) if error.code() == git2::ErrorCode::NotFound => {}
                Err(error) => return Err(error),
            }
            continue;
        };
        for reference in repository.references_glob(&format!("{prefix}*"))? {
            let reference = reference?;
            let Ok(name) = reference.name() else { continue };
            let target = reference
                .target()
                .or_else(|| reference.resolve().ok()?.target());
            if let Some(target) = target.filter(|_| matches(pattern, name)) {
                found.insert(name.to_owned(), oid(target));
            }
        }
    }
    Ok(found)
}

/// Whether the mirror surely has the same references as the server in that folder, each read now.
///
/// Any doubt is "no": libgit2 may miss a reference that is being packed at this moment, and cannot read
/// every kind of repository. A fetch then finds out. So this only saves the fetches that bring nothing,
/// which are most of them: 0.2 ms instead of a tree of four processes.
pub(super) fn is_current(mirror: &Path, server: &Path, patterns: &[String]) -> bool {
    let read = |path: &Path| {
        let repository = git2::Repository::open(path).ok()?;
        if repository.is_shallow() {
            return None;
        }
        references(&repository, patterns).ok()
    };
    match (read(server), read(mirror)) {
        (Some(there), Some(here)) => there == here,
        _ => false,
    }
}
