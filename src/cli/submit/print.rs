//! What is said of submitted jobs: where they are, when they are expected to start, and what no board of the
//! lab can do.

use std::io::Write;

use chrono::Utc;
use serde::Serialize;

use super::Submitted;
use crate::cli::context::Context;
use crate::cli::error::Error;
use crate::cli::open::Opened;
use crate::cli::outlook;
use crate::cli::view::Job;
use crate::model::{JobId, ObjectId, State, Time};
use crate::schedule::outlook::Outlook;

/// Of more jobs than this only the last one is said when it is expected: the others go before it or
/// beside it.
const MOST_EXPECTED: usize = 10;

/// A submitted job as `--json` shows it. Absent facts are `null`.
#[derive(Serialize)]
struct Shown<'a> {
    id: JobId,
    path: &'a str,
    commit: ObjectId,
    page: Option<&'a str>,
    unchanged: bool,
    expected_start: Option<Time>,
    expected_end: Option<Time>,
    p90: Option<Time>,
    why: Option<String>,
}

/// A line a job: id, path, and where to look. Beside the output when each is expected to start, and a
/// warning of each that no board can take as things are, unless its definition gave one already.
pub fn print(
    json: bool,
    context: &Context,
    opened: &Opened,
    submitted: &[Submitted],
) -> Result<(), Error> {
    let now = Time::new(Utc::now());
    let prospects = prospects(opened, now).unwrap_or_else(|error| {
        // The jobs are submitted whatever becomes of this.
        context.note(&format!(
            "cannot say when they will start: {}",
            error.rendered()
        ));
        Prospects::default()
    });
    if json {
        let shown: Vec<_> = submitted.iter().map(|job| prospects.shown(job)).collect();
        context.print_json(&shown)?;
    } else {
        let mut out = context.out();
        for job in submitted {
            write!(out, "{} {}", job.id, job.path)?;
            if let Some(page) = &job.page {
                write!(out, " {page}")?;
            }
            writeln!(out)?;
        }
        out.flush()?;
        say(context, &prospects, submitted, now);
    }
    for job in submitted.iter().filter(|job| !job.lacking) {
        let why = prospects
            .outlook
            .why(job.id)
            .filter(|why| !why.is_possible());
        if let Some(why) = why {
            context.note(&format!(
                "warning: {}: it cannot start as things are: {why}",
                job.path
            ));
        }
    }
    Ok(())
}

/// Says of each job, beside the output, whether it is a new one and when it is expected to start.
fn say(context: &Context, prospects: &Prospects, submitted: &[Submitted], now: Time) {
    for job in submitted.iter().filter(|job| job.unchanged) {
        let (path, id) = (&job.path, job.id.short());
        context.note(&format!(
            "{path} is already submitted, as {id}; `pumice resubmit {id}` runs it once more"
        ));
    }
    let mut expected = Vec::new();
    for submitted in submitted {
        let job = prospects
            .jobs
            .iter()
            .find(|job| job.record.id == submitted.id);
        let Some(job) = job.filter(|job| job.record.state != State::Finished) else {
            continue;
        };
        let known = job.expected(&prospects.outlook);
        if let Some(end) = known.and_then(|one| one.end) {
            expected.push((end, job));
        }
    }
    let subject = |job: &Job| match submitted.len() {
        1 => String::new(),
        2..=MOST_EXPECTED => format!("{} is ", job.record.id.short()),
        _ => format!("the last of them, {}, is ", job.record.id.short()),
    };
    if submitted.len() > MOST_EXPECTED {
        expected.sort_by_key(|(end, _)| *end);
        let rest = expected.len().saturating_sub(1);
        expected.drain(..rest);
    }
    for (_, job) in expected {
        let text = outlook::expectation(job, &prospects.outlook, now);
        context.note(&format!("{}{text}", subject(job)));
    }
}

/// The lab after the push.
#[derive(Default)]
struct Prospects {
    jobs: Vec<Job>,
    outlook: Outlook,
}

fn prospects(opened: &Opened, now: Time) -> Result<Prospects, Error> {
    let seen = opened.seen()?;
    let outlook = outlook::of(&seen, now)?;
    let jobs = seen.snapshot.live.into_iter().map(Job::from).collect();
    Ok(Prospects { jobs, outlook })
}

impl Prospects {
    fn shown<'a>(&self, job: &'a Submitted) -> Shown<'a> {
        let expected = self.outlook.estimate(job.id);
        Shown {
            id: job.id,
            path: &job.path,
            commit: job.commit,
            page: job.page.as_deref(),
            unchanged: job.unchanged,
            expected_start: expected.and_then(|one| one.start),
            expected_end: expected.and_then(|one| one.end),
            p90: expected.and_then(|one| one.p90),
            why: self.outlook.why(job.id).map(ToString::to_string),
        }
    }
}
