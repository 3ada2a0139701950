//! Reads the records that came since the last build and keeps history and sums up to date.

use std::collections::HashSet;

use rayon::prelude::*;

use super::SiteError;
use super::history::{Draft, History};
use super::manifest::Manifest;
use super::pool::{Pool, Warnings};
use super::source::{Change, Journals, Reader, Source};
use crate::model::{JobId, Record};
use crate::report::{CalibrationSums, UsageSums};

/// Records read by one thread at a time.
const CHUNK: usize = 128;
/// Records read before their facts are gathered: bounds the memory of a first build.
const BATCH: usize = 8192;

/// The history as of the present journals.
pub struct Loaded {
    pub journals: Journals,
    pub history: History,
    pub sums: UsageSums,
    pub calibration: CalibrationSums,
}

/// What a thread has read.
#[derive(Default)]
struct Chunk {
    drafts: Vec<Draft>,
    sums: UsageSums,
    calibration: CalibrationSums,
}

/// Counts everything from nothing.
pub fn count<S: Source>(readers: &Pool<'_, S>, warnings: &Warnings) -> Result<Loaded, SiteError> {
    let journals = readers.with(Reader::journals)?;
    let changes = readers.with(|reader| reader.changes(&Journals::new(), &journals))?;
    let mut loaded = Loaded {
        journals,
        history: History::default(),
        sums: UsageSums::default(),
        calibration: CalibrationSums::default(),
    };
    add(readers, &changes, &mut loaded, warnings)?;
    Ok(loaded)
}

/// Takes the last build's history and changes what changed; counts anew where that cannot be done.
pub fn update<S: Source>(
    readers: &Pool<'_, S>,
    old: Manifest,
    warnings: &Warnings,
) -> Result<Loaded, SiteError> {
    let journals = readers.with(Reader::journals)?;
    // A journal that is gone takes all its records with it.
    if !old
        .journals
        .keys()
        .all(|runner| journals.contains_key(runner))
    {
        return count(readers, warnings);
    }
    // An old state may be unreadable, such as after a journal was rewritten and its objects are gone.
    let Ok(changes) = readers.with(|reader| reader.changes(&old.journals, &journals)) else {
        return count(readers, warnings);
    };
    let mut loaded = Loaded {
        journals,
        history: old.history,
        sums: old.sums,
        calibration: old.calibration,
    };
    for change in &changes {
        if let Some(blob) = change.old {
            match readers.with(|reader| reader.record(blob)) {
                Ok(record) => {
                    loaded.sums.remove(&record);
                    loaded.calibration.remove(&record);
                }
                Err(_) => return count(readers, warnings),
            }
        }
    }
    take_out(&changes, &mut loaded.history);
    add(readers, &changes, &mut loaded, warnings)?;
    Ok(loaded)
}

/// Takes the changed and the dropped records out of the history.
fn take_out(changes: &[Change], history: &mut History) {
    let gone: HashSet<(JobId, &str)> = changes
        .iter()
        .filter(|change| change.old.is_some())
        .map(|change| (change.id, change.runner.as_str()))
        .collect();
    if gone.is_empty() {
        return;
    }
    let History { strings, jobs } = history;
    jobs.retain(|job| !gone.contains(&(job.id, strings.get(job.runner))));
}

fn add<S: Source>(
    readers: &Pool<'_, S>,
    changes: &[Change],
    loaded: &mut Loaded,
    warnings: &Warnings,
) -> Result<(), SiteError> {
    if changes.is_empty() {
        return Ok(());
    }
    for batch in changes.chunks(BATCH) {
        let read: Result<Vec<Chunk>, SiteError> = batch
            .par_chunks(CHUNK)
            .map(|chunk| read(readers, chunk, warnings))
            .collect();
        for chunk in read? {
            loaded.sums.merge(&chunk.sums);
            loaded.calibration.merge(&chunk.calibration);
            let drafts = chunk.drafts.into_iter();
            drafts.for_each(|draft| loaded.history.push(draft));
        }
    }
    loaded.history.settle();
    Ok(())
}

fn read<S: Source>(
    readers: &Pool<'_, S>,
    chunk: &[Change],
    warnings: &Warnings,
) -> Result<Chunk, SiteError> {
    readers.with(|reader| {
        let mut read = Chunk::default();
        for change in chunk {
            let Some(blob) = change.new else { continue };
            match reader.record(blob) {
                Ok(record) => {
                    let record = with_its_id(record, change);
                    let retried = reader.retried(&record)?;
                    read.sums.add(&record);
                    read.calibration.add(&record);
                    let draft = Draft::new(&change.runner, blob, &record, &retried);
                    read.drafts.push(draft);
                }
                Err(error) => warnings.add(format!("job {} is not shown: {error}", change.id)),
            }
        }
        Ok(read)
    })
}

/// A record is the one its file name says, whatever stands in it.
fn with_its_id(mut record: Record, change: &Change) -> Record {
    record.id = change.id;
    record
}
