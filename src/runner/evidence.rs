//! Late results: what an attempt gave whose claim was another's by then.
//!
//! The fence refuses such a result, and nobody looks for it by itself. But a board has done the work, and
//! somebody may ask what happened: the record and the log are kept on the host.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Runner;
use super::outbox::{Ending, Item};
use crate::lab::{Reader, attempt_path, record_path, to_json};

/// How many late results are kept. With logs of the greatest size they take a few gigabytes.
const KEPT: usize = 50;

impl Runner {
    /// Moves what an attempt left to the evidence: `ID-CLAIM.json` and, beside it, a folder of the same name
    /// with the log. An ending without files (a job that was only closed) has nothing to show.
    pub(super) fn keep_evidence(&self, item: &Item) {
        if item.files.is_empty() {
            return;
        }
        let id = item.job();
        let folder = self
            .state
            .evidence()
            .join(format!("{id}-{}", item.claim.short()));
        for file in &item.files {
            // What cannot be kept must not stop the runner: this is no result any more.
            let _ = keep(&file.file, &folder.join(&file.path));
        }
        let path = folder.with_extension("json");
        let _ = fs::write(&path, to_json(item));
        self.say(&format!(
            "{}: the claim is not ours any more; its result is kept as {}",
            id.short(),
            path.display()
        ));
        forget_oldest(&self.state.evidence());
    }

    /// Whether an ending stands in this runner's own journal, and not only one for its job in another's.
    pub(super) fn is_published(&self, reader: &Reader, item: &Item) -> bool {
        let path = match &item.ending {
            Ending::Finish(record) => record.finished_at.map(|at| record_path(record.id, at)),
            Ending::Requeue(record) => Some(attempt_path(
                record.id,
                record.attempt.n,
                record.attempt.finished_at,
            )),
        };
        let journal = self.world.journals.get(&self.options.name);
        journal
            .zip(path)
            .and_then(|(journal, path)| reader.repo().entry(*journal, &path).ok())
            .is_some_and(|entry| entry.is_some())
    }
}

fn keep(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to)
}

/// Removes the oldest late results above the number that is kept.
fn forget_oldest(evidence: &Path) {
    let mut records: Vec<(SystemTime, PathBuf)> = fs::read_dir(evidence)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "json")
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    records.sort();
    let surplus = records.len().saturating_sub(KEPT);
    for (_, record) in records.into_iter().take(surplus) {
        // What cannot be removed only takes room.
        let _ = fs::remove_dir_all(record.with_extension(""));
        let _ = fs::remove_file(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_late_results_make_room() {
        let root = tempfile::tempdir().unwrap();
        for n in 0..KEPT + 2 {
            let folder = root.path().join(format!("job-{n}"));
            fs::create_dir(&folder).unwrap();
            let record = folder.with_extension("json");
            let file = fs::File::create(&record).unwrap();
            let age = std::time::Duration::from_secs(1000 - n as u64);
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        forget_oldest(root.path());
        assert!(!root.path().join("job-1").exists() && !root.path().join("job-1.json").exists());
        assert!(root.path().join("job-2").exists() && root.path().join("job-2.json").exists());
    }
}
