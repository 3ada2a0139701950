//! `pumice wait`: until jobs have ended.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::context::Context;
use super::error::{Error, Kind, Outcome};
use super::find;
use super::follow::{Follow, Look};
use super::open::Opened;
use super::terminal::Terminal;
use super::text::visible;
use super::view::Job;
use crate::model::{JobId, Span, State};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Jobs: any unique prefix of an id, or the path of a file in the queue.
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
    /// Gives up, with exit code 1, after this long.
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<Span>,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let mut ids = Vec::new();
    for typed in &args.jobs {
        let id = find::job(&seen, typed)?.record.id;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    until_ended(&opened, &ids, args.timeout, context)
}

/// Shows progress until the jobs have ended: `Done` if every one is complete and no test failed (a job
/// without test results has passed, too), else `Failed`.
pub fn until_ended(
    opened: &Opened,
    ids: &[JobId],
    timeout: Option<Span>,
    context: &Context,
) -> Result<Outcome, Error> {
    let started = Instant::now();
    let poll = opened.seen()?.snapshot.files.config.poll.duration();
    let mut follow = Follow::new(opened, poll, Some(ids))?;
    let mut display = Display::new(ids);
    let mut unreachable = false;
    let jobs = loop {
        match follow.look() {
            Ok(Some(look)) => {
                unreachable = false;
                display.show(ids, &look, context)?;
                let has_ended = |id| {
                    let job: Option<&Job> = look.jobs.get(id);
                    job.is_some_and(|job| job.record.state == State::Finished)
                };
                if ids.iter().all(has_ended) {
                    break look.jobs;
                }
            }
            Ok(None) => unreachable = false,
            // The jobs go on when the git server is away for a while, and so does the wait.
            Err(error) if error.kind() == Kind::Git => {
                if !unreachable {
                    context.note(&format!("failed to {error}; still trying"));
                }
                unreachable = true;
            }
            Err(error) => return Err(error),
        }
        let left = match timeout {
            Some(timeout) => timeout.duration().checked_sub(started.elapsed()),
            None => Some(Duration::MAX),
        };
        match (left, timeout) {
            (Some(left), _) => follow.rest(left),
            (None, timeout) => {
                display.end();
                let what = format!("see {} end", plural(ids.len()));
                let span = timeout.map_or_else(String::new, |span| format!(" within {span}"));
                return Err(
                    Error::new(Kind::Failed, format!("{what}{span}")).because("the time is over")
                );
            }
        }
    };
    display.end();
    let passed = jobs.values().all(Job::passed);
    Ok(if passed {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

fn plural(n: usize) -> String {
    match n {
        1 => "the job".to_owned(),
        n => format!("{n} jobs"),
    }
}

/// Moving bars on a terminal, a line a change elsewhere.
enum Display {
    Bars {
        all: MultiProgress,
        bars: BTreeMap<JobId, ProgressBar>,
    },
    Lines {
        shown: BTreeMap<JobId, String>,
    },
}

impl Display {
    fn new(ids: &[JobId]) -> Self {
        if !Terminal::bars() {
            return Self::Lines {
                shown: BTreeMap::new(),
            };
        }
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let bars = ids
            .iter()
            .map(|id| (*id, all.add(bar(&id.short()))))
            .collect();
        Self::Bars { all, bars }
    }

    fn show(&mut self, ids: &[JobId], look: &Look, context: &Context) -> Result<(), Error> {
        match self {
            Self::Bars { bars, .. } => {
                for (id, bar) in bars {
                    show_bar(bar, look.jobs.get(id));
                }
            }
            Self::Lines { shown } => {
                let mut out = context.out();
                for id in ids {
                    let line = line(*id, look.jobs.get(id));
                    if shown.get(id) != Some(&line) {
                        writeln!(out, "{line}")?;
                        shown.insert(*id, line);
                    }
                }
                out.flush()?;
            }
        }
        Ok(())
    }

    /// Leaves the bars as they are.
    fn end(&mut self) {
        if let Self::Bars { all, bars } = self {
            bars.values().for_each(ProgressBar::abandon);
            all.set_move_cursor(false);
        }
    }
}

/// A bar of 100 steps with a short name before it.
pub fn bar(name: &str) -> ProgressBar {
    let bar = ProgressBar::new(100).with_prefix(visible(name));
    let style = ProgressStyle::with_template("{prefix} {bar:24} {pos:>3}% {wide_msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn show_bar(bar: &ProgressBar, job: Option<&Job>) {
    let Some(job) = job else {
        bar.set_message(GONE);
        return;
    };
    bar.set_position(job.progress.into());
    let on = job
        .on()
        .map(|board| format!(" on {board}"))
        .unwrap_or_default();
    bar.set_message(format!(
        "{} {}{on}",
        visible(&job.record.job_name),
        job.standing()
    ));
    if job.record.state == State::Finished && !bar.is_finished() {
        bar.abandon();
    }
}

/// What a job without a record is that is no longer on main.
const GONE: &str = "canceled, not yet recorded by a runner";

fn line(id: JobId, job: Option<&Job>) -> String {
    match job {
        // Percents would be a line each.
        Some(job) if job.record.state == State::Running => {
            let board = job.on().map(|board| format!(" on {board}"));
            format!(
                "{id} {} running{}",
                visible(&job.record.path),
                board.unwrap_or_default()
            )
        }
        Some(job) => format!("{id} {} {}", visible(&job.record.path), job.standing()),
        None => format!("{id} {GONE}"),
    }
}
