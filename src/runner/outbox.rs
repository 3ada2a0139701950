//! What waits to be published, and the spool that keeps it over a restart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::state::write_durably;
use crate::model::record::{AttemptRecord, BoardRecord};
use crate::model::{JobId, ObjectId, Record};

/// The end of one claim, with the claim's object id: the fence it is published through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub claim: ObjectId,
    pub attempt: u32,
    pub ending: Ending,
    pub files: Vec<LogFile>,
    /// What it showed of the boards it was on.
    #[serde(default)]
    pub boards: Vec<BoardRecord>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The job's one record.
    Finish(Box<Record>),
    /// The attempt's record; the job waits again.
    Requeue(Box<AttemptRecord>),
}

/// A file that goes to the log ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    /// Its path below the attempt's folder in the ref, such as `log.txt` or `out/trace.bin`.
    pub path: String,
    pub file: PathBuf,
    pub role: Role,
}

/// Which fact of the record a log file's blob completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Log {
        bytes: u64,
        dropped: u64,
    },
    Events,
    /// What the runner did.
    Runner,
    Attachment,
}

impl Item {
    pub fn job(&self) -> JobId {
        match &self.ending {
            Ending::Finish(record) => record.id,
            Ending::Requeue(record) => record.id,
        }
    }
}

/// Unpublished endings on disk, one file a batch.
pub struct Spool {
    folder: PathBuf,
    next: u64,
}

impl Spool {
    pub fn open(folder: &Path) -> io::Result<Self> {
        let next = numbers(folder)?.last().map_or(0, |last| last + 1);
        Ok(Self {
            folder: folder.to_owned(),
            next,
        })
    }

    /// Keeps a batch until it is published; the number names it.
    pub fn keep(&mut self, batch: &[Item]) -> io::Result<u64> {
        let number = self.next;
        write_durably(&self.path(number), &serde_json::to_vec(batch)?)?;
        self.next += 1;
        Ok(number)
    }

    pub fn drop_batch(&self, number: u64) {
        // A batch that stays is looked at again at the next start, found in the journal and dropped then.
        let _ = fs::remove_file(self.path(number));
    }

    /// What earlier runs left, oldest first. A file that cannot be read is set aside, not lost.
    pub fn left_over(&self) -> io::Result<Vec<(u64, Vec<Item>)>> {
        let mut batches = Vec::new();
        for number in numbers(&self.folder)? {
            let path = self.path(number);
            match serde_json::from_slice(&fs::read(&path)?) {
                Ok(batch) => batches.push((number, batch)),
                Err(_) => fs::rename(&path, path.with_extension("unreadable"))?,
            }
        }
        Ok(batches)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:012}.json"))
    }
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(number) = name
            .to_str()
            .and_then(|name| name.strip_suffix(".json"))
            .and_then(|n| n.parse().ok())
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spool_of_version_0_1_0_is_read() {
        let record = r#"{"version":1,"id":"00000000-0000-5000-8000-000000000001","claim":
            "1111111111111111111111111111111111111111","attempt":{"n":1,"board":"b1","runner":"r1",
            "started_at":null,"finished_at":"2026-11-20T09:00:00Z","reason":"lost"},"message":null,"log":null}"#;
        let batch = format!(
            r#"[{{"claim":"1111111111111111111111111111111111111111","attempt":1,
            "ending":{{"requeue":{record}}},"files":[],"board":null}}]"#
        );
        let items: Vec<Item> = serde_json::from_str(&batch).unwrap();
        assert_eq!(items.len(), 1);
    }
}
