//! What a job's runner did and why: `runner.txt` of each of its attempts.

use std::io::Write;

use super::context::Context;
use super::error::{Error, Kind};
use super::open::{Opened, Seen};
use super::text::harmless_log;
use super::view::Job;
use crate::model::record::{LogLocation, Member};

/// Prints the texts of all attempts that have one, the first attempt first; of a group's all members'
/// texts, or those of the members that `role` names.
pub fn print(
    opened: &Opened,
    seen: &Seen,
    job: &Job,
    role: Option<&str>,
    context: &Context,
) -> Result<(), Error> {
    let mut places: Vec<(String, LogLocation)> = Vec::new();
    let mut past = seen.reader.attempts_of(job.record.id)?;
    past.sort_by_key(|past| past.attempt.n);
    let last = job.record.attempts.iter().map(|attempt| attempt.n).max();
    let record = &job.record;
    let attempts = past
        .iter()
        .map(|past| (past.attempt.n, &past.log, &past.members))
        .chain(last.map(|n| (n, &record.log, &record.members)));
    for (n, log, members) in attempts {
        if members.is_empty() {
            places.extend(log.clone().map(|log| (format!("attempt {n}"), log)));
        }
        let wanted =
            |member: &&Member| role.is_none_or(|role| member.name == role || member.role == role);
        for member in members.iter().filter(wanted) {
            let title = format!("attempt {n}, {} on {}", member.name, member.board);
            places.extend(member.log.clone().map(|log| (title, log)));
        }
    }
    let mut out = context.out();
    let mut any = false;
    for (title, place) in &places {
        let Some(text) = text(opened, place)? else {
            continue;
        };
        if places.len() > 1 {
            writeln!(out, "{title}")?;
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
