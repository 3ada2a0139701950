//! What the whole history adds up to for one purpose, kept beside the mirror so that only what the
//! journals have gained is read.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Journals, LabError, Reader, RecordChange};
use crate::model::Record;

/// The most records that are read at once, the newest: older ones count only if they were added in
/// their time.
const MOST: usize = 20_000;

/// A new file that is older than this is nobody's any more.
const WRITING_TAKES: Duration = Duration::from_secs(600);

/// A sum over records, and up to where it goes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept<T> {
    /// The version of the program and of what it adds up.
    version: String,
    journals: Journals,
    sum: T,
}

impl Reader {
    /// Adds up the records of all journals with `add`, in the order of the hours in which they ended.
    /// The sum is kept in `file` in the mirror's folder; one that was lost, damaged or written by
    /// another version is made anew.
    pub fn fold<T>(&self, file: &str, add: impl Fn(&mut T, &Record)) -> Result<T, LabError>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let journals = self.journals()?;
        let path = self.repo().path().join(file);
        let kept = fs::read(&path).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept<T>>(&bytes).ok());
        let kept = kept.filter(|kept| kept.version == version);
        if let Some(kept) = kept {
            if kept.journals == journals {
                return Ok(kept.sum);
            }
            if kept.journals.values().all(|head| self.repo().exists(*head)) {
                let changes = self.record_changes(&kept.journals, &journals)?;
                // Otherwise a record was changed or is gone, as after a restored backup.
                if changes.iter().all(|change| change.old.is_none()) {
                    let mut sum = kept.sum;
                    self.add_up(changes, &mut sum, &add);
                    return Ok(self.keep(&path, version, journals, sum));
                }
            }
        }
        let mut sum = T::default();
        let changes = self.record_changes(&Journals::new(), &journals)?;
        self.add_up(changes, &mut sum, &add);
        Ok(self.keep(&path, version, journals, sum))
    }

    fn add_up<T>(
        &self,
        mut changes: Vec<RecordChange>,
        sum: &mut T,
        add: &impl Fn(&mut T, &Record),
    ) {
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        let skipped = changes.len().saturating_sub(MOST);
        for change in &changes[skipped..] {
            let Some(blob) = change.new else { continue };
            // A later version's record, or one whose object is damaged or lost: a sum without it is better
            // than none.
            if let Ok(record) = self.record(blob) {
                add(sum, &record);
            }
        }
    }

    /// Writes the sum down and gives it back. Without the file the next call is slower, not wrong.
    fn keep<T: Serialize>(&self, path: &Path, version: String, journals: Journals, sum: T) -> T {
        let kept = Kept {
            version,
            journals,
            sum,
        };
        if let Ok(bytes) = serde_json::to_vec(&kept) {
            // Two processes may write at once: each its own file, and the last one stays.
            let new = path.with_extension(std::process::id().to_string());
            remove_left(path);
            let _ = fs::write(&new, bytes).and_then(|()| fs::rename(&new, path));
        }
        kept.sum
    }
}

/// Removes what processes left behind that were killed while they wrote such a file.
fn remove_left(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    let prefix = format!("{}.", name.to_string_lossy());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let written = entry.metadata().and_then(|meta| meta.modified());
        let age = written.ok().and_then(|at| at.elapsed().ok());
        let is_left = age.is_some_and(|age| age > WRITING_TAKES);
        if is_left && entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
