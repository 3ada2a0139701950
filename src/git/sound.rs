//! Whether a mirror is whole, and making it anew if not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{GitError, GitErrorKind};

/// A lock file older than this belongs to a process that was killed: git holds a lock for milliseconds.
/// Until then a runner that was killed in the middle of a change and started again cannot fetch.
const DEAD_LOCK: Duration = Duration::from_secs(10);

/// Holds the boot under which the mirror was last found whole.
const BOOT_MARK: &str = "pumice-boot";

/// Leaves a sound bare repository at `path`. Two processes that do so at once take turns.
pub(super) fn open_or_make(path: &Path, attempt: &dyn Fn() -> String) -> Result<(), GitError> {
    if is_sound(path) {
        return Ok(());
    }
    make_anew(path, &is_sound, attempt)
}

/// Replaces the repository at `path` by an empty one, unless another process has just left it `good`.
pub(super) fn make_anew(
    path: &Path,
    good: &dyn Fn(&Path) -> bool,
    attempt: &dyn Fn() -> String,
) -> Result<(), GitError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| GitError::new(attempt(), GitErrorKind::File(path, error))
    };
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        fs::create_dir_all(parent).map_err(at(parent))?;
    }
    let lock_path = beside(path, "lock");
    let lock = File::create(&lock_path).map_err(at(&lock_path))?;
    lock.lock().map_err(at(&lock_path))?;
    if good(path) {
        return Ok(());
    }
    if path.exists() {
        refuse_foreign(path, attempt)?;
    }
    // What a process killed on the way here has left.
    let (new, old) = (beside(path, "new"), beside(path, "old"));
    for left in [&new, &old] {
        remove_tree(left).map_err(at(left))?;
    }
    make(&new).map_err(GitError::object(attempt))?;
    note_boot(&new);
    if path.exists() {
        fs::rename(path, &old).map_err(at(path))?;
    }
    fs::rename(&new, path).map_err(at(path))?;
    remove_tree(&old).map_err(at(&old))
}

/// Only what was a mirror is replaced, never a folder that someone named by mistake.
fn refuse_foreign(path: &Path, attempt: &dyn Fn() -> String) -> Result<(), GitError> {
    let empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if empty || path.join(BOOT_MARK).exists() {
        return Ok(());
    }
    Err(GitError::new(
        attempt(),
        GitErrorKind::Refused("there is something else than a mirror in its place".to_owned()),
    ))
}

fn make(path: &Path) -> Result<(), git2::Error> {
    let mut options = git2::RepositoryInitOptions::new();
    // A template may bring hooks.
    options
        .bare(true)
        .mkpath(true)
        .external_template(false)
        .initial_head("main");
    let repository = git2::Repository::init_opts(path, &options)?;
    let mut config = repository.config()?;
    // For whoever runs git here by hand: the objects of commits not pushed yet hang on no reference.
    config.set_i32("gc.auto", 0)?;
    config.set_bool("maintenance.auto", false)
}

/// Whether every reference leads to an object, and nothing was cut short by a power cut.
fn is_sound(path: &Path) -> bool {
    let Ok(repository) = git2::Repository::open_bare(path) else {
        return false;
    };
    if repository.is_shallow() {
        return false;
    }
    let (Ok(odb), Ok(references)) = (repository.odb(), repository.references()) else {
        return false;
    };
    for reference in references {
        let Ok(reference) = reference else {
            return false;
        };
        if let Some(id) = reference.target()
            && odb.read_header(id).is_err()
        {
            return false;
        }
    }
    if fs::read_to_string(path.join(BOOT_MARK)).is_ok_and(|boot| boot == boot_id()) {
        return true;
    }
    if has_empty_file(path) {
        return false;
    }
    remove_dead_locks(path);
    note_boot(path);
    true
}

/// Loose objects and references are not forced to the disk, so a power cut leaves some of them empty.
fn has_empty_file(path: &Path) -> bool {
    ["objects", "refs"]
        .into_iter()
        .flat_map(|folder| walkdir::WalkDir::new(path.join(folder)))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        // A lock file is empty at first, and is no harm.
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_none_or(|ending| ending != "lock")
        })
        .any(|entry| entry.metadata().is_ok_and(|data| data.len() == 0))
}

/// Removes lock files that a killed process has left, which would stop every later fetch.
pub(super) fn remove_dead_locks(path: &Path) {
    let dead = |entry: &walkdir::DirEntry| {
        entry
            .path()
            .extension()
            .is_some_and(|ending| ending == "lock")
            && entry
                .metadata()
                .ok()
                .and_then(|data| data.modified().ok())
                .and_then(|at| at.elapsed().ok())
                .is_some_and(|age| age > DEAD_LOCK)
    };
    let top = walkdir::WalkDir::new(path).max_depth(1);
    let refs = walkdir::WalkDir::new(path.join("refs"));
    for entry in top.into_iter().chain(refs).filter_map(Result::ok) {
        if entry.file_type().is_file() && dead(&entry) {
            // Another process may have done so just now.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn note_boot(path: &Path) {
    // Without the mark the next opening only looks again.
    let _ = fs::write(path.join(BOOT_MARK), boot_id());
}

/// Changes with every start of the machine; where the kernel does not say, every opening looks.
fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.unwrap_or_default()
}

/// A sibling of the mirror, in the same file system, so that it can be renamed.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

fn remove_tree(path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
