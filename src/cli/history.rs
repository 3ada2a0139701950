//! The records of finished jobs, as the journals keep them.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use rayon::prelude::*;

use super::error::Error;
use crate::lab::{Journals, Lab, LabError, Reader, RecordChange};
use crate::model::{JobId, ObjectId, Record, Time};

/// Where a finished job's records lie: usually one; two if two journals hold the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: JobId,
    /// The hour of the end, from the record's path; absent where the path does not say.
    pub hour: Option<Time>,
    blobs: Vec<ObjectId>,
}

/// Finished jobs by the hour of their end; nothing is read but the names.
pub fn places(reader: &Reader) -> Result<Vec<Place>, Error> {
    Ok(places_since(reader, &Journals::new())?)
}

/// Jobs whose records are not in the journals as they were.
pub fn places_since(reader: &Reader, old: &Journals) -> Result<Vec<Place>, LabError> {
    let changes = reader.record_changes(old, &reader.journals()?)?;
    let mut places: Vec<Place> = Vec::with_capacity(changes.len());
    let mut known: HashMap<JobId, usize> = HashMap::with_capacity(changes.len());
    for RecordChange { id, path, new, .. } in changes {
        let Some(blob) = new else { continue };
        let at = *known.entry(id).or_insert_with(|| {
            places.push(Place {
                id,
                hour: hour_of(&path),
                blobs: Vec::with_capacity(1),
            });
            places.len() - 1
        });
        places[at].blobs.push(blob);
    }
    places.sort_by_key(|place| place.hour);
    Ok(places)
}

/// The record. Of several the earliest end counts, then the runner's name: the same for every reader.
pub fn record(reader: &Reader, place: &Place) -> Result<Option<Record>, LabError> {
    let mut records = Vec::with_capacity(place.blobs.len());
    for blob in &place.blobs {
        records.push(reader.record(*blob)?);
    }
    let runner = |record: &Record| record.claim.as_ref().map(|claim| claim.runner.clone());
    records.sort_by_key(|record| (record.finished_at, runner(record)));
    Ok(records.into_iter().next())
}

/// The records of many places, in their order, read by all processors.
pub fn records(lab: &Lab, places: &[Place]) -> Result<Vec<Record>, Error> {
    // A reader belongs to one thread, and opening one costs more than reading a record.
    const AT_ONCE: usize = 512;
    let chunks: Result<Vec<Vec<Record>>, LabError> = places
        .par_chunks(AT_ONCE)
        .map(|chunk| {
            let reader = lab.reader()?;
            let read = chunk.iter().map(|place| record(&reader, place));
            read.filter_map(Result::transpose).collect()
        })
        .collect();
    Ok(chunks?.into_iter().flatten().collect())
}

/// The hour that a path `jobs/yyyy/mm/dd/hh/<id>.json` names.
fn hour_of(path: &str) -> Option<Time> {
    let hour = path.strip_prefix("jobs/")?.rsplit_once('/')?.0;
    let begin = format!("{hour}:00:00");
    let naive = NaiveDateTime::parse_from_str(&begin, "%Y/%m/%d/%H:%M:%S").ok()?;
    Some(Time::from_unix(naive.and_utc().timestamp()))
}

impl Place {
    /// Whether a job that ended in this hour can have been submitted at or after a moment.
    pub fn may_be_since(&self, moment: Time) -> bool {
        const HOUR_S: f64 = 3600.0;
        self.hour
            .is_none_or(|hour| hour.plus_seconds(HOUR_S) > moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_the_hour_of_the_end() {
        let hour = hour_of("jobs/2026/11/24/07/x.json").unwrap();
        assert_eq!(hour.to_string(), "2026-11-24T07:00:00.000Z");
        for odd in [
            "jobs/x.json",
            "jobs/2026/13/24/07/x.json",
            "boards/a.json",
            "",
        ] {
            assert_eq!(hour_of(odd), None, "{odd}");
        }
    }
}
