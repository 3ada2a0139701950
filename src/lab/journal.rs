//! Journals: the records of finished jobs, of retried attempts and of boards, one writer each.

use std::collections::BTreeMap;

use super::reader::parse;
use super::{LabError, Reader};
use crate::model::record::{AttemptRecord, BoardRecord, LogLocation, Seen};
use crate::model::{BoardName, JobId, ObjectId, Record, RunnerName, Time};

/// Each journal's head.
pub type Journals = BTreeMap<RunnerName, ObjectId>;

/// One record's file in one journal, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    pub runner: RunnerName,
    pub id: JobId,
    pub path: String,
    pub old: Option<ObjectId>,
    pub new: Option<ObjectId>,
}

/// The record of one retried attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptChange {
    pub runner: RunnerName,
    pub id: JobId,
    /// The attempt's number as the path says it.
    pub n: u32,
    pub blob: ObjectId,
}

/// What changed in the journals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalChange {
    Record(RecordChange),
    Attempt(AttemptChange),
    Board { runner: RunnerName, blob: ObjectId },
}

/// `yyyy/mm/dd/hh` of a moment, so that no directory grows large.
fn hour(at: Time) -> String {
    at.utc().format("%Y/%m/%d/%H").to_string()
}

/// Where a finished job's record lies in its journal.
pub fn record_path(id: JobId, finished_at: Time) -> String {
    format!("jobs/{}/{id}.json", hour(finished_at))
}

/// Where the record of a retried attempt lies.
pub fn attempt_path(id: JobId, n: u32, finished_at: Time) -> String {
    format!("attempts/{}/{id}-{n}.json", hour(finished_at))
}

/// Whose attempt lies at a path, and its number.
pub(super) fn attempt_place(path: &str) -> Option<(JobId, u32)> {
    let (id, n) = file_stem(path)?.rsplit_once('-')?;
    Some((id.parse().ok()?, n.parse().ok()?))
}

/// Where a board's health lies.
pub fn board_path(board: &BoardName) -> String {
    format!("boards/{board}.json")
}

/// Where an attempt's log lies: the month, for the ref, and the folder in it.
pub fn log_folder(id: JobId, attempt: u32, finished_at: Time) -> (String, String) {
    let utc = finished_at.utc();
    (
        utc.format("%Y-%m").to_string(),
        format!("{}/{id}/{attempt}", utc.format("%d")),
    )
}

impl Reader {
    /// Every journal's head.
    pub fn journals(&self) -> Result<Journals, LabError> {
        let prefix = self.refs().journals();
        let heads = self.repo().references(&prefix)?;
        Ok(heads
            .into_iter()
            .filter_map(|(name, head)| Some((name.strip_prefix(&prefix)?.parse().ok()?, head)))
            // Whoever may push can put anything there; only commits are journals.
            .filter(|(_, head)| self.repo().links(*head).is_ok())
            .collect())
    }

    /// The finished jobs' records that differ between two states of the journals (an empty `old`:
    /// all of them), journal by journal in path order, which is by the hour of their end.
    pub fn record_changes(
        &self,
        old: &Journals,
        new: &Journals,
    ) -> Result<Vec<RecordChange>, LabError> {
        let mut changes = Vec::new();
        for (runner, before, after) in pairs(old, new) {
            for change in self.repo().diff(before, after, "jobs")? {
                let Some(id) = file_stem(&change.path).and_then(|stem| stem.parse().ok()) else {
                    continue;
                };
                changes.push(RecordChange {
                    runner: runner.clone(),
                    id,
                    path: change.path,
                    old: change.old.map(|entry| entry.id),
                    new: change.new.map(|entry| entry.id),
                });
            }
        }
        Ok(changes)
    }

    /// All that was added to the journals between two states of them.
    pub fn journal_changes(
        &self,
        old: &Journals,
        new: &Journals,
    ) -> Result<Vec<JournalChange>, LabError> {
        let mut changes: Vec<_> = self
            .record_changes(old, new)?
            .into_iter()
            .map(JournalChange::Record)
            .collect();
        for (runner, before, after) in pairs(old, new) {
            for change in self.repo().diff(before, after, "attempts")? {
                if let (Some((id, n)), Some(entry)) = (attempt_place(&change.path), change.new) {
                    changes.push(JournalChange::Attempt(AttemptChange {
                        runner: runner.clone(),
                        id,
                        n,
                        blob: entry.id,
                    }));
                }
            }
            for change in self.repo().diff(before, after, "boards")? {
                if let Some(entry) = change.new {
                    changes.push(JournalChange::Board {
                        runner: runner.clone(),
                        blob: entry.id,
                    });
                }
            }
        }
        Ok(changes)
    }

    pub fn record(&self, blob: ObjectId) -> Result<Record, LabError> {
        parse(
            &self.repo().blob(blob)?,
            "a journal",
            &format!("record {blob}"),
        )
    }

    pub fn attempt_record(&self, blob: ObjectId) -> Result<AttemptRecord, LabError> {
        parse(
            &self.repo().blob(blob)?,
            "a journal",
            &format!("attempt record {blob}"),
        )
    }

    pub fn board_record(&self, blob: ObjectId) -> Result<BoardRecord, LabError> {
        parse(
            &self.repo().blob(blob)?,
            "a journal",
            &format!("board record {blob}"),
        )
    }

    /// The last main that a journal's runner has walked.
    pub fn seen(&self, journal: ObjectId) -> Result<Option<Seen>, LabError> {
        self.repo()
            .file(journal, "seen.json")?
            .map(|bytes| parse(&bytes, "a journal", "seen.json"))
            .transpose()
    }

    /// The boards' health as the journals last noted it: the latest note wins.
    pub fn board_records(&self) -> Result<BTreeMap<BoardName, BoardRecord>, LabError> {
        let mut boards: BTreeMap<BoardName, BoardRecord> = BTreeMap::new();
        for change in self.journals()?.into_values() {
            for (_, entry) in self.repo().files(change, "boards")? {
                // A later version's note is that version's to read.
                let Ok(record) = self.board_record(entry.id) else {
                    continue;
                };
                if boards
                    .get(&record.board)
                    .is_none_or(|known| known.at < record.at)
                {
                    boards.insert(record.board.clone(), record);
                }
            }
        }
        Ok(boards)
    }

    /// An attempt's log; `None` when it was not fetched or has expired.
    pub fn log(&self, at: &LogLocation) -> Result<Option<Vec<u8>>, LabError> {
        if self.repo().exists(at.blob) {
            Ok(Some(self.repo().blob(at.blob)?))
        } else {
            Ok(None)
        }
    }
}

/// Each journal with its heads before and after, for those that differ.
fn pairs<'a>(
    old: &'a Journals,
    new: &'a Journals,
) -> impl Iterator<Item = (&'a RunnerName, Option<ObjectId>, Option<ObjectId>)> {
    let gone = old
        .iter()
        .filter(|(runner, _)| !new.contains_key(*runner))
        .map(|(runner, head)| (runner, Some(*head), None));
    new.iter()
        .map(|(runner, head)| (runner, old.get(runner).copied(), Some(*head)))
        .chain(gone)
        .filter(|(_, before, after)| before != after)
}

fn file_stem(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.strip_suffix(".json")
}
