//! The runner's state folder: its lock, its instance id, its marks of claims that were started.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use super::RunnerError;
use crate::dispatch::Trace;
use crate::model::{BoardName, JobId, ObjectId};

/// A locked state folder.
pub struct StateFolder {
    root: PathBuf,
    instance: String,
    /// Holds the lock as long as it lives.
    _lock: File,
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunnerError {
    let path = path.to_owned();
    move |cause| RunnerError::State { doing, path, cause }
}

impl StateFolder {
    /// Makes the folder where it is not there, locks it, and reads or invents its instance id.
    pub fn open(root: &Path) -> Result<Self, RunnerError> {
        for folder in [
            "jobs",
            "spool",
            "started",
            "dispatchers",
            "power",
            "evidence",
            "cache",
        ] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
        }
        // Attempts run with this folder's path; a relative one would point elsewhere from theirs.
        let root = root.canonicalize().map_err(failed("find", root))?;
        let lock_path = root.join("lock");
        let lock = File::create(&lock_path).map_err(failed("make", &lock_path))?;
        if !locked(&lock) {
            return Err(RunnerError::Locked(root));
        }
        let instance_path = root.join("instance");
        let instance = match fs::read_to_string(&instance_path) {
            Ok(text) if Uuid::parse_str(text.trim()).is_ok() => text.trim().to_owned(),
            Ok(_) => Self::new_instance(&instance_path)?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                Self::new_instance(&instance_path)?
            }
            Err(cause) => return Err(failed("read", &instance_path)(cause)),
        };
        Ok(Self {
            root,
            instance,
            _lock: lock,
        })
    }

    fn new_instance(path: &Path) -> Result<String, RunnerError> {
        let instance = Uuid::new_v4().to_string();
        write_durably(path, instance.as_bytes()).map_err(failed("write", path))?;
        Ok(instance)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Tells this state folder from every other one.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    pub fn mirror(&self) -> PathBuf {
        self.root.join("mirror.git")
    }

    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// What was said of waiting jobs.
    pub fn estimates(&self) -> PathBuf {
        self.root.join("estimates.json")
    }

    /// Where records go that the fence refused.
    pub fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// Where dispatchers keep images they have fetched, for all attempts.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// An attempt's own folder.
    pub fn attempt(&self, id: JobId, attempt: u32) -> PathBuf {
        self.root.join("jobs").join(format!("{id}-{attempt}"))
    }

    /// Where a board's power is switched off outside of an attempt.
    pub fn power(&self, board: &BoardName) -> PathBuf {
        self.root.join("power").join(board.as_str())
    }

    /// Where it is written down which process an attempt's dispatcher is, or that of a group's
    /// member, while it runs.
    pub fn trace(&self, id: JobId, attempt: u32, member: Option<&str>) -> PathBuf {
        let member = member.map(|name| format!(".{name}")).unwrap_or_default();
        self.root
            .join("dispatchers")
            .join(format!("{id}-{attempt}{member}.json"))
    }

    /// The dispatchers that were running when an earlier run was killed. A file that was cut short
    /// by that tells nothing and is removed.
    pub fn traces(&self) -> Vec<(PathBuf, Trace)> {
        let entries = fs::read_dir(self.root.join("dispatchers"));
        let mut traces = Vec::new();
        for entry in entries.into_iter().flatten().flatten() {
            let path = entry.path();
            match fs::read(&path).map(|bytes| serde_json::from_slice(&bytes)) {
                Ok(Ok(trace)) => traces.push((path, trace)),
                _ => drop(fs::remove_file(path)),
            }
        }
        traces
    }

    /// Notes that an attempt begins under this claim: after a crash it counts.
    pub fn mark_started(&self, id: JobId, claim: ObjectId) -> Result<(), RunnerError> {
        let path = self.root.join("started").join(id.to_string());
        fs::write(&path, claim.to_string()).map_err(failed("write", &path))
    }

    pub fn was_started(&self, id: JobId, claim: ObjectId) -> bool {
        fs::read_to_string(self.root.join("started").join(id.to_string()))
            .is_ok_and(|text| text == claim.to_string())
    }

    /// Forgets an attempt under this claim: its mark and its folder. A later claim's mark stays, or a
    /// crash would make its attempt uncounted.
    pub fn forget(&self, id: JobId, attempt: u32, claim: ObjectId) {
        // What cannot be removed only takes room; the next start sweeps the folder.
        if self.was_started(id, claim) {
            let _ = fs::remove_file(self.root.join("started").join(id.to_string()));
        }
        let _ = fs::remove_dir_all(self.attempt(id, attempt));
    }

    /// Removes the folders and marks of attempts that nothing needs any more; `keep` are those whose
    /// endings are not published.
    pub fn sweep(&self, keep: &[(JobId, u32)]) {
        let kept = |name: &str| {
            keep.iter()
                .any(|(id, n)| name == id.to_string() || name == format!("{id}-{n}"))
        };
        for folder in ["jobs", "started"] {
            let entries = fs::read_dir(self.root.join(folder)).into_iter().flatten();
            for entry in entries.flatten() {
                if kept(&entry.file_name().to_string_lossy()) {
                    continue;
                }
                // What cannot be removed only takes room.
                let _ = match entry.file_type() {
                    Ok(kind) if kind.is_dir() => fs::remove_dir_all(entry.path()),
                    _ => fs::remove_file(entry.path()),
                };
            }
        }
    }

    /// Bytes free where logs and records are written; `None` when the system does not say.
    pub fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.root).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// How long a lock may outlive its holder: a process that was just being started holds a copy of the
/// descriptor until it becomes another program.
const LINGERS: Duration = Duration::from_secs(2);

/// Takes the lock, though a predecessor's may still linger.
fn locked(file: &File) -> bool {
    let begun = Instant::now();
    while flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if begun.elapsed() >= LINGERS {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// Writes a file so that after a power loss it is there whole or not at all.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_leaves_what_is_not_published() {
        let root = tempfile::tempdir().unwrap();
        let state = StateFolder::open(root.path()).unwrap();
        let (kept, gone) = (JobId::from_bytes([1; 16]), JobId::from_bytes([2; 16]));
        for id in [kept, gone] {
            state.mark_started(id, ObjectId::ZERO).unwrap();
            fs::create_dir_all(state.attempt(id, 1).join("out")).unwrap();
        }
        fs::create_dir_all(state.attempt(kept, 2)).unwrap();
        state.sweep(&[(kept, 1)]);
        assert!(state.was_started(kept, ObjectId::ZERO) && state.attempt(kept, 1).exists());
        assert!(!state.attempt(kept, 2).exists());
        assert!(!state.was_started(gone, ObjectId::ZERO) && !state.attempt(gone, 1).exists());
    }

    #[test]
    fn forgetting_an_attempt_leaves_a_later_claims_mark() {
        let root = tempfile::tempdir().unwrap();
        let state = StateFolder::open(root.path()).unwrap();
        let id = JobId::from_bytes([1; 16]);
        let claim = |digit: &str| digit.repeat(40).parse::<ObjectId>().unwrap();
        state.mark_started(id, claim("2")).unwrap();
        state.forget(id, 1, claim("1"));
        assert!(state.was_started(id, claim("2")));
        state.forget(id, 2, claim("2"));
        assert!(!state.was_started(id, claim("2")));
    }
}
