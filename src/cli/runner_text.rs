//! What a job's runner did and why: `runner.txt` of each of its attempts.

use std::io::Write;

use super::context::Context;
use super::error::{Error, Kind};
use super::open::{Opened, Seen};
use super::text::harmless_log;
use super::view::Job;
use crate::model::record::LogLocation;

/// Prints the texts of all attempts that have one, the first attempt first.
pub fn print(opened: &Opened, seen: &Seen, job: &Job, context: &Context) -> Result<(), Error> {
    let mut places: Vec<(u32, LogLocation)> = seen
        .reader
        .attempts_of(job.record.id)?
        .into_iter()
        .filter_map(|past| Some((past.attempt.n, past.log?)))
        .collect();
    let last = job.record.attempts.iter().map(|attempt| attempt.n).max();
    places.extend(last.zip(job.record.log.clone()));
    places.sort_by_key(|(n, _)| *n);
    let mut out = context.out();
    let mut any = false;
    for (n, place) in &places {
        let Some(text) = text(opened, place)? else {
            continue;
        };
        if places.len() > 1 {
            writeln!(out, "attempt {n}")?;
        }
        // The runner has cleaned it, but whoever may push to the log ref may have replaced it.
        out.write_all(harmless_log(&text).as_bytes())?;
        any = true;
    }
    out.flush()?;
    if any {
        return Ok(());
    }
    let id = job.record.id.short();
    Err(
        Error::new(Kind::Failed, format!("show what the runner did with {id}"))
            .because("none of its attempts has a `runner.txt` yet, or it is no longer kept"),
    )
}

/// The text beside a log, fetched if it is not here.
fn text(opened: &Opened, place: &LogLocation) -> Result<Option<Vec<u8>>, Error> {
    let Some(blob) = place.runner else {
        return Ok(None);
    };
    let here = |opened: &Opened| -> Result<Option<Vec<u8>>, Error> {
        let reader = opened.lab.reader()?;
        Ok(match reader.repo().exists(blob) {
            true => Some(reader.blob(blob)?),
            false => None,
        })
    };
    if let Some(text) = here(opened)? {
        return Ok(Some(text));
    }
    opened
        .lab
        .mirror()
        .fetch(std::slice::from_ref(&place.reference))?;
    here(opened)
}
