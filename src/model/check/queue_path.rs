//! Whether a file may stand under `queue/`: its name and its mode.

use super::place::Place;
use super::problems::Problems;
use super::words::quote;
use crate::model::Diagnostic;
use crate::model::name::is_name;

/// Git's mode of a regular file.
pub const REGULAR: u32 = 0o100_644;
/// Git's mode of a regular file that may be executed.
pub const EXECUTABLE: u32 = 0o100_755;
/// Git's mode of a symbolic link.
pub const SYMLINK: u32 = 0o120_000;
/// Git's mode of a submodule.
pub const SUBMODULE: u32 = 0o160_000;

/// Whether a file under `queue/` is there for people only.
pub(super) fn is_ignored(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some(".gitkeep" | "README.md"))
}

/// Judges path (relative to the lab) and git mode of a file under `queue/`.
pub fn queue_path(path: &str, mode: u32) -> Vec<Diagnostic> {
    if is_ignored(path) {
        return Vec::new();
    }
    let mut problems = Problems::new(path);
    match mode {
        REGULAR => {}
        SYMLINK => problems.error(
            Place::START,
            "symlink",
            "this is a symbolic link, and a job is a regular file",
            "replace it by a copy of what it points to",
        ),
        SUBMODULE => problems.error(
            Place::START,
            "submodule",
            "this is a submodule, and a job is a regular file",
            "copy the definitions in: `git rm` the submodule, then add the files",
        ),
        EXECUTABLE => problems.error(
            Place::START,
            "executable",
            "this file is executable, and a job is not",
            "git update-index --chmod=-x FILE (or chmod -x), then commit",
        ),
        other => problems.error(
            Place::START,
            "mode",
            format!("git's mode of this file is {other:06o}, and a job's is 100644"),
            "chmod 644 FILE, then commit",
        ),
    }
    let parts = path.strip_prefix("queue/").unwrap_or(path).split('/');
    for part in parts.filter(|part| !is_name(part)) {
        problems.error(
            Place::START,
            "bad-path",
            format!("{} cannot be a part of a job's path", quote(part)),
            "names have letters, digits, `_`, `-` and `.`, begin with a letter, a digit or `_`, \
             and have at most 100 characters",
        );
    }
    if mode != SUBMODULE && !path.ends_with(".json") {
        problems.error(
            Place::START,
            "not-json",
            "a file under queue/ whose name does not end in .json is no job",
            "rename it to end in .json, or keep it elsewhere",
        );
    }
    problems.into_list()
}
