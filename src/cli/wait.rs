//! `pumice wait`: until jobs have ended.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use chrono::Utc;

use super::bars::Bars;
use super::context::Context;
use super::error::{Error, Kind, Outcome};
use super::find;
use super::follow::{Follow, Look};
use super::interrupt::Interrupt;
use super::job_bar::JobBar;
use super::open::Opened;
use super::outlook;
use super::text::{visible, visible_lines};
use super::view::Job;
use crate::model::{JobId, Span, State, Time};

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

/// What is shown while jobs go on.
pub trait Display {
    /// Shows what has changed.
    fn show(&mut self, look: &Look) -> Result<(), Error>;
    /// Time has passed.
    fn tick(&mut self) {}
    /// Says something beside what is shown.
    fn note(&self, text: &str);
    /// Leaves what is shown as it is.
    fn end(&mut self) {}
}

/// Shows a bar a job on a terminal, a line a change elsewhere, until the jobs have ended, and says how.
pub fn until_ended(
    opened: &Opened,
    ids: &[JobId],
    timeout: Option<Span>,
    context: &Context,
) -> Result<Outcome, Error> {
    let mut display: Box<dyn Display> = match Bars::on_terminal() {
        Some(bars) => Box::new(JobBars::new(bars, ids)),
        None => Box::new(Lines::new(ids, context)),
    };
    follow(opened, ids, timeout, display.as_mut())
}

/// Follows jobs until they have ended: `Done` if every one is complete and no test failed (a job without
/// test results has passed, too), else `Failed`.
pub fn follow(
    opened: &Opened,
    ids: &[JobId],
    timeout: Option<Span>,
    display: &mut dyn Display,
) -> Result<Outcome, Error> {
    let interrupt = Interrupt::listen()?;
    let ended = look_on(opened, ids, timeout, display, &interrupt);
    // Before anything is drawn again: the terminal's echo of Ctrl-C has moved the cursor.
    interrupt.obey();
    display.end();
    let passed = ended?.values().all(Job::passed);
    Ok(if passed {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

/// The jobs as they ended, or as they are when somebody interrupts.
fn look_on(
    opened: &Opened,
    ids: &[JobId],
    timeout: Option<Span>,
    display: &mut dyn Display,
    interrupt: &Interrupt,
) -> Result<BTreeMap<JobId, Job>, Error> {
    let started = Instant::now();
    let poll = opened.seen()?.snapshot.files.config.poll.duration();
    let mut follow = Follow::new(opened, poll, Some(ids))?;
    let mut unreachable = false;
    let mut jobs = BTreeMap::new();
    while !interrupt.is_heard() {
        match follow.look() {
            Ok(Some(look)) => {
                unreachable = false;
                display.show(&look)?;
                jobs = look.jobs;
                let has_ended = |id| {
                    let job: Option<&Job> = jobs.get(id);
                    job.is_some_and(|job| job.record.state == State::Finished)
                };
                if ids.iter().all(has_ended) {
                    break;
                }
            }
            Ok(None) => unreachable = false,
            // The jobs go on when the git server is away for a while, and so does the wait. Ctrl-C
            // reaches git too, which then fails.
            Err(error) if error.kind() == Kind::Git => {
                if !unreachable && !interrupt.is_heard() {
                    display.note(&format!("failed to {error}; still trying"));
                }
                unreachable = true;
            }
            Err(error) => return Err(error),
        }
        let left = match timeout {
            Some(timeout) => timeout.duration().checked_sub(started.elapsed()),
            None => Some(Duration::MAX),
        };
        let Some(left) = left else {
            let what = format!("see {} end", plural(ids.len()));
            let span = timeout.map_or_else(String::new, |span| format!(" within {span}"));
            return Err(
                Error::new(Kind::Failed, format!("{what}{span}")).because("the time is over")
            );
        };
        follow.rest_while(left, || {
            let go_on = !interrupt.is_heard();
            if go_on {
                display.tick();
            }
            go_on
        });
    }
    Ok(jobs)
}

fn plural(n: usize) -> String {
    match n {
        1 => "the job".to_owned(),
        n => format!("{n} jobs"),
    }
}

/// A bar a job.
struct JobBars {
    bars: Bars,
    jobs: Vec<(JobId, JobBar)>,
}

impl JobBars {
    fn new(bars: Bars, ids: &[JobId]) -> Self {
        let add = |id: &JobId| (*id, JobBar::new(bars.add(&id.short())));
        let jobs = ids.iter().map(add).collect();
        Self { bars, jobs }
    }
}

impl Display for JobBars {
    fn show(&mut self, look: &Look) -> Result<(), Error> {
        for (id, bar) in &mut self.jobs {
            bar.hear(look.jobs.get(id), &look.outlook, look.lease_s());
        }
        Ok(())
    }

    fn tick(&mut self) {
        for (_, bar) in &mut self.jobs {
            bar.tick();
        }
    }

    fn note(&self, text: &str) {
        // A terminal that is gone shows no bars either.
        let _ = self.bars.say(&visible_lines(text));
    }

    fn end(&mut self) {
        for (_, bar) in &self.jobs {
            bar.rest();
        }
        self.bars.leave();
    }
}

/// A line a change; percents would be a line each.
struct Lines<'a> {
    ids: Vec<JobId>,
    shown: BTreeMap<JobId, String>,
    /// What was last said of when it starts.
    prospects: BTreeMap<JobId, String>,
    context: &'a Context,
}

impl<'a> Lines<'a> {
    fn new(ids: &[JobId], context: &'a Context) -> Self {
        Self {
            ids: ids.to_vec(),
            shown: BTreeMap::new(),
            prospects: BTreeMap::new(),
            context,
        }
    }
}

impl Display for Lines<'_> {
    fn show(&mut self, look: &Look) -> Result<(), Error> {
        let mut out = self.context.out();
        for id in &self.ids {
            let line = line(*id, look.jobs.get(id));
            if self.shown.get(id) != Some(&line) {
                writeln!(out, "{line}")?;
                self.shown.insert(*id, line);
            }
            let known = &mut self.prospects;
            if let Some(line) = prospect(*id, look, known) {
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn note(&self, text: &str) {
        self.context.note(text);
    }
}

/// A line of when a waiting job is expected to start, or why it cannot; none if that was said.
pub fn prospect(id: JobId, look: &Look, known: &mut BTreeMap<JobId, String>) -> Option<String> {
    let job = look.jobs.get(&id)?;
    let prospect = outlook::prospect(job, &look.outlook)?;
    if known.get(&id) == Some(&prospect) {
        return None;
    }
    known.insert(id, prospect);
    let words = outlook::prospect_in_words(job, &look.outlook, Time::new(Utc::now()))?;
    Some(format!("{id} {}", visible(&words)))
}

/// What a job without a record is that is no longer on main.
pub const GONE: &str = "canceled, not yet recorded by a runner";

/// A job in one line, without its percents.
pub fn line(id: JobId, job: Option<&Job>) -> String {
    match job {
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
