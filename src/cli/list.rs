//! `pumice list`: the jobs that filters let through.

use std::io::Write;

use chrono::Utc;

use super::context::Context;
use super::error::{Error, Outcome};
use super::filter::{Filter, Sort, Surroundings};
use super::history;
use super::moment;
use super::open::{Opened, Seen};
use super::outlook;
use super::table::{Cell, Table};
use super::terminal::Colour;
use super::view::Job;
use crate::model::lab::LabFiles;
use crate::model::{Health, State, Time, Verdict};
use crate::schedule::outlook::Outlook;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub filter: Filter,
    /// What the list is sorted by; ties are older first.
    #[arg(long, value_enum, default_value_t)]
    pub sort: Sort,
    /// Reverses the order.
    #[arg(long)]
    pub reverse: bool,
    /// Shows only the last N jobs of the sorted list.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Prints a JSON array of the jobs.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let now = Time::new(Utc::now());
    let jobs = jobs(args, &opened, &seen, now)?;
    let files = &seen.snapshot.files;
    let lives = |job: &Job| job.record.state != State::Finished;
    let outlook = match jobs.iter().any(lives) {
        true => outlook::of(&seen, now)?,
        false => Outlook::default(),
    };
    if args.json {
        let listed = jobs.iter().map(|job| job.listed(files, &outlook));
        let listed: Vec<_> = listed.collect();
        context.print_json(&listed)?;
        return Ok(Outcome::Done);
    }
    let table = table(&jobs, files, &outlook, now);
    let mut out = context.out();
    if table.is_empty() {
        // Not on standard output, where each line is a job.
        let none = is_empty(args, &opened, &seen, now)?;
        context.note(if none {
            "no jobs yet"
        } else {
            "no job matches"
        });
    } else {
        out.write_all(table.render(context.terminal).as_bytes())?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// A row a job; the column of what is expected is there only if something is.
pub fn table(jobs: &[Job], files: &LabFiles, outlook: &Outlook, now: Time) -> Table {
    let expected = |job| expected(job, outlook, now);
    let some_expected = jobs.iter().any(|job| expected(job).is_some());
    let mut table = Table::new()
        .column("ID")
        .column("STATE")
        .column("VERDICT")
        .cut("NAME")
        .cut("ON");
    if some_expected {
        table = table.column("EXPECTED");
    }
    table = table
        .column("PRIORITY")
        .spare()
        .cut("USER")
        .spare()
        .right("AGE")
        .spare()
        .right("TOOK")
        .spare();
    for job in jobs {
        let record = &job.record;
        let on = job.on();
        let mut cells = vec![
            record.id.short().into(),
            state_cell(job),
            verdict_cell(record.verdict),
            Cell::from(&record.job_name),
            Cell::opt(on.as_deref().or_else(|| job.device_type(files))),
        ];
        if some_expected {
            cells.push(Cell::opt(expected(job)));
        }
        cells.extend([
            record.priority.as_str().into(),
            Cell::from(&record.submitter.user),
            moment::length(now.seconds_since(record.submitted_at)).into(),
            Cell::opt(took(job, now)),
        ]);
        table.row(cells);
    }
    table
}

/// `starts ~14:05` or `ends ~14:20`; `cannot start` where no board can take it as things are, and
/// `runner silent` of one that runs.
fn expected(job: &Job, outlook: &Outlook, now: Time) -> Option<String> {
    let silent = job.record.state == State::Running && outlook.why(job.record.id).is_some();
    if silent {
        return Some("runner silent".to_owned());
    }
    let estimate = job.expected(outlook)?;
    Some(match (estimate.start, estimate.end) {
        (Some(start), _) => format!("starts ~{}", moment::expected(start, now)),
        (None, Some(end)) => format!("ends ~{}", moment::expected(end, now)),
        (None, None) => "cannot start".to_owned(),
    })
}

/// Living and finished jobs that the filters let through, sorted and limited.
pub fn jobs(args: &Args, opened: &Opened, seen: &Seen, now: Time) -> Result<Vec<Job>, Error> {
    let filter = &args.filter;
    let me = if filter.mine {
        Some(opened.identity()?.email)
    } else {
        None
    };
    let around = Surroundings {
        files: &seen.snapshot.files,
        now,
        me: me.as_deref(),
    };
    let mut jobs = Vec::new();
    if wants_finished(filter) {
        let mut places = history::places(&seen.reader)?;
        if let Some(since) = filter.since {
            let since = since.moment(now);
            places.retain(|place| place.may_be_since(since));
        }
        let records = history::records(&opened.lab, &places)?;
        jobs.extend(records.into_iter().map(Job::from));
    }
    jobs.extend(seen.snapshot.live.iter().cloned().map(Job::from));
    jobs.retain(|job| filter.matches(job, &around));
    // Living jobs of one second keep the order of main's history, since the sort is stable.
    jobs.sort_by(|a, b| args.sort.compare(a, b));
    if args.reverse {
        jobs.reverse();
    }
    if let Some(limit) = args.limit {
        jobs.drain(..jobs.len().saturating_sub(limit));
    }
    Ok(jobs)
}

/// Whether there is no job even without filters.
fn is_empty(args: &Args, opened: &Opened, seen: &Seen, now: Time) -> Result<bool, Error> {
    let all = Args {
        filter: Filter::default(),
        sort: args.sort,
        reverse: false,
        limit: None,
        json: false,
    };
    Ok(jobs(&all, opened, seen, now)?.is_empty())
}

/// Whether any finished job can match, so that a look at the queue reads no history.
fn wants_finished(filter: &Filter) -> bool {
    filter.state.is_empty() || filter.state.contains(&State::Finished)
}

fn state_cell(job: &Job) -> Cell {
    let record = &job.record;
    let reason = record.reason.map(|reason| format!(" ({reason})"));
    match (record.state, record.health) {
        (State::Running, _) => Cell::new(format!("running {}%", job.progress), Colour::Active),
        (State::Canceling, _) => Cell::new("canceling", Colour::Doubtful),
        (State::Finished, Some(health)) => {
            let colour = match health {
                Health::Complete => Colour::Good,
                Health::Incomplete | Health::Rejected => Colour::Bad,
                Health::Canceled => Colour::Doubtful,
            };
            Cell::new(format!("{health}{}", reason.unwrap_or_default()), colour)
        }
        (state, _) => state.as_str().into(),
    }
}

fn verdict_cell(verdict: Option<Verdict>) -> Cell {
    match verdict {
        Some(Verdict::Pass) => Cell::new("pass", Colour::Good),
        Some(Verdict::Fail) => Cell::new("fail", Colour::Bad),
        Some(Verdict::None) => Cell::new("none", Colour::Faint),
        None => Cell::opt(None::<&str>),
    }
}

/// How long it has run or ran.
fn took(job: &Job, now: Time) -> Option<String> {
    let started = job.record.started_at?;
    let ended = job.record.finished_at.unwrap_or(now);
    Some(moment::length(ended.seconds_since(started)))
}
