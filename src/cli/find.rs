//! From what a person types to one job.

use super::error::{Error, Kind};
use super::history::{self, Place};
use super::open::Seen;
use super::view::Job;
use crate::model::{JobId, State};

/// A prefix that fits more jobs lists at most so many of them.
const CANDIDATES: usize = 10;

/// How many of the latest finished jobs are searched for a path or for a name that was meant.
const RECENT: usize = 2000;

/// The job that `typed` means: any unique prefix of its id, or the path of its file.
pub fn job(seen: &Seen, typed: &str) -> Result<Job, Error> {
    let places = history::places(&seen.reader)?;
    let live = &seen.snapshot.live;
    let mut ids: Vec<JobId> = live.iter().map(|job| job.record.id).collect();
    ids.extend(places.iter().map(|place| place.id));
    ids.retain(|id| id.starts_with(typed));
    ids.sort();
    ids.dedup();
    match ids.as_slice() {
        [] => by_path(seen, &places, typed),
        [id] => match by_id(seen, &places, *id)? {
            Some(job) => Ok(job),
            None => Err(none(seen, &places, typed)?),
        },
        many => Err(ambiguous(seen, &places, typed, many)?),
    }
}

/// The job with this id; a finished one counts before one that still seems to live.
pub fn by_id(seen: &Seen, places: &[Place], id: JobId) -> Result<Option<Job>, Error> {
    if let Some(place) = places.iter().find(|place| place.id == id) {
        return Ok(history::record(&seen.reader, place)?.map(Job::from));
    }
    let live = seen.snapshot.live.iter().find(|job| job.record.id == id);
    Ok(live.cloned().map(Job::from))
}

/// The living job at a path, else the one that ended there last.
fn by_path(seen: &Seen, places: &[Place], typed: &str) -> Result<Job, Error> {
    // From wherever it was typed: `lab/queue/a.json`, `./queue/a.json`.
    let path = typed.find("queue/").map_or(typed, |at| &typed[at..]);
    let at_path = |job: &&crate::lab::LiveJob| {
        job.record.path == path && job.record.state != State::Canceling
    };
    if let Some(live) = seen.snapshot.live.iter().find(at_path) {
        return Ok(live.clone().into());
    }
    if path.ends_with(".json") {
        for place in places.iter().rev().take(RECENT) {
            if let Some(record) = history::record(&seen.reader, place)?
                && record.path == path
            {
                return Ok(record.into());
            }
        }
    }
    Err(none(seen, places, typed)?)
}

fn ambiguous(seen: &Seen, places: &[Place], typed: &str, ids: &[JobId]) -> Result<Error, Error> {
    let mut error = Error::new(Kind::Usage, format!("find the job `{typed}`"))
        .because(format!("{} jobs begin so; write more digits", ids.len()));
    for id in ids.iter().take(CANDIDATES) {
        if let Some(job) = by_id(seen, places, *id)? {
            error = error.hint(format!("{id} {} ({})", job.record.path, job.standing()));
        }
    }
    Ok(error)
}

fn none(seen: &Seen, places: &[Place], typed: &str) -> Result<Error, Error> {
    let error = Error::new(Kind::Usage, format!("find the job `{typed}`"))
        .because("no job has an id that begins so, or this path");
    let mut jobs: Vec<Job> = seen.snapshot.live.iter().cloned().map(Job::from).collect();
    for place in places.iter().rev().take(CANDIDATES * CANDIDATES) {
        jobs.extend(history::record(&seen.reader, place)?.map(Job::from));
    }
    Ok(match nearest(typed, &jobs) {
        Some(job) => error.hint(format!(
            "did you mean {} {} ({})?",
            job.record.id.short(),
            job.record.path,
            job.standing()
        )),
        None => error.hint("`pumice list` shows all jobs"),
    })
}

/// The job whose path, file or name is most like what was typed, if one is like it at all.
fn nearest<'a>(typed: &str, jobs: &'a [Job]) -> Option<&'a Job> {
    /// Below it the likeness is chance.
    const LIKE: f64 = 0.75;
    let likeness = |job: &Job| {
        let record = &job.record;
        [
            &record.path,
            &record.job_name,
            crate::model::job::stem(&record.path),
        ]
        .into_iter()
        .map(|known: &str| strsim::jaro_winkler(typed, known))
        .fold(0.0, f64::max)
    };
    jobs.iter()
        .map(|job| (likeness(job), job))
        .filter(|(like, _)| *like >= LIKE)
        // The first of equals, which is the living or the latest one.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, job)| job)
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::waiting;
    use super::*;

    #[test]
    fn the_nearest_name_is_named() {
        let jobs: Vec<Job> = (1..=3).map(waiting).collect();
        let near = |typed| nearest(typed, &jobs).map(|job| job.record.job_name.as_str());
        assert_eq!(near("jbo-2"), Some("job-2"));
        assert_eq!(near("queue/job-3"), Some("job-3"));
        assert_eq!(near("zzzz"), None);
    }
}
