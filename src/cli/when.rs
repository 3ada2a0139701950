//! `pumice when`: when jobs are expected to start and to end, and why they wait.

use std::io::Write;

use chrono::Utc;
use serde::Serialize;

use super::context::Context;
use super::error::{Error, Outcome};
use super::moment::{bound, clock, expected as near, length, until};
use super::open::Seen;
use super::table::{Cell, Table};
use super::terminal::Colour;
use super::text::visible;
use super::view::Job;
use super::{find, outlook};
use crate::model::lab::LabFiles;
use crate::model::record::{Basis, Estimate, Estimates};
use crate::model::status::Pace;
use crate::model::{BoardName, JobId, Priority, State, Time};
use crate::schedule::outlook::Outlook;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// One job, of which everything is said: any unique prefix of its id, or the path of its file.
    #[arg(value_name = "JOB")]
    pub job: Option<String>,
    /// Prints a JSON array, or one object for a JOB.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let seen = context.open()?.fetch()?;
    let now = Time::new(Utc::now());
    let outlook = outlook::of(&seen, now)?;
    let view = View {
        seen: &seen,
        files: &seen.snapshot.files,
        outlook: &outlook,
        now,
    };
    if let Some(typed) = &args.job {
        let job = find::job(&seen, typed)?;
        if args.json {
            context.print_json(&view.told(&job))?;
        } else {
            let mut out = context.out();
            out.write_all(view.sentences(&job).as_bytes())?;
            out.flush()?;
        }
        return Ok(Outcome::Done);
    }
    let jobs = view.jobs();
    if args.json {
        let told: Vec<_> = jobs.iter().map(|job| view.told(job)).collect();
        context.print_json(&told)?;
    } else if jobs.is_empty() {
        context.note("no job waits or runs");
    } else {
        let mut out = context.out();
        out.write_all(view.table(&jobs).render(context.terminal).as_bytes())?;
        out.flush()?;
    }
    Ok(Outcome::Done)
}

/// A lab with what is to be expected of its jobs.
struct View<'a> {
    seen: &'a Seen,
    files: &'a LabFiles,
    outlook: &'a Outlook,
    now: Time,
}

/// A job with what is expected of it, as `--json` shows it. Absent facts are `null`.
#[derive(Serialize)]
struct Told<'a> {
    id: JobId,
    job_name: &'a str,
    path: &'a str,
    state: State,
    progress: u8,
    priority: Priority,
    /// Where it stands now, if it waits: above its priority if it has waited for long.
    level: Option<Priority>,
    device_type: Option<&'a str>,
    board: Option<&'a BoardName>,
    submitted_at: Time,
    started_at: Option<Time>,
    finished_at: Option<Time>,
    expected_start: Option<Time>,
    /// Nine times in ten it starts by then.
    start_p90: Option<Time>,
    expected_end: Option<Time>,
    /// Nine times in ten it ends by then.
    p90: Option<Time>,
    basis: Option<Basis>,
    pace: Option<Pace>,
    /// How many waiting jobs go before it.
    ahead: Option<usize>,
    why: Option<String>,
    /// What its runner expected of it, as recorded.
    estimate: Option<&'a Estimates>,
}

impl View<'_> {
    /// Running and waiting jobs in the order in which they are expected to end or to start.
    fn jobs(&self) -> Vec<Job> {
        let live = self.seen.snapshot.live.iter().cloned();
        let mut jobs: Vec<Job> = live.map(Job::from).collect();
        // Jobs of one moment keep the order of main's history, since the sort is stable.
        jobs.sort_by_key(|job| {
            let waits = job.record.state == State::Submitted;
            let expected = self.outlook.estimate(job.record.id);
            let at = expected.and_then(|one| if waits { one.start } else { one.end });
            (waits, at.is_none(), at)
        });
        jobs
    }

    fn told<'j>(&self, job: &'j Job) -> Told<'j>
    where
        Self: 'j,
    {
        let record = &job.record;
        let expected = job.expected(self.outlook);
        let why = self.outlook.why(record.id);
        Told {
            id: record.id,
            job_name: &record.job_name,
            path: &record.path,
            state: record.state,
            progress: job.progress,
            priority: record.priority,
            level: self.outlook.level(record.id),
            device_type: job.device_type(self.files),
            board: job.board(),
            submitted_at: record.submitted_at,
            started_at: record.started_at,
            finished_at: record.finished_at,
            expected_start: expected.and_then(|one| one.start),
            start_p90: expected.and_then(|one| one.start_p90),
            expected_end: expected.and_then(|one| one.end),
            p90: expected.and_then(|one| one.p90),
            basis: expected.and_then(|one| one.basis),
            pace: self.pace(job),
            ahead: why.map(|why| why.ahead),
            why: why.map(ToString::to_string),
            estimate: record.estimate.as_ref(),
        }
    }

    fn table(&self, jobs: &[Job]) -> Table {
        let mut table = Table::new()
            .column("ID")
            .cut("NAME")
            .column("STATE")
            .cut("ON")
            .spare()
            .column("STARTS")
            .column("ENDS")
            .column("9 IN 10 BY")
            .spare()
            .column("PRIORITY")
            .spare();
        for job in jobs {
            let record = &job.record;
            let on = job.on();
            let waits = record.state == State::Submitted;
            let expected = job.expected(self.outlook);
            let start = expected.and_then(|one| one.start);
            let end = expected.and_then(|one| one.end);
            let p90 = expected.and_then(|one| one.p90);
            let both = |at| format!("{} {}", until(at, self.now), near(at, self.now));
            let state = match record.state {
                State::Running => Cell::new(format!("running {}%", job.progress), Colour::Active),
                state => state.as_str().into(),
            };
            table.row([
                record.id.short().into(),
                Cell::from(&record.job_name),
                state,
                Cell::opt(on.as_deref().or_else(|| wanted(job, self.files))),
                match (waits, start) {
                    (true, None) if expected.is_some() => Cell::new("cannot", Colour::Doubtful),
                    _ => Cell::opt(start.map(both)),
                },
                Cell::opt(match waits {
                    true => end.map(|end| near(end, self.now)),
                    false => end.map(both),
                }),
                Cell::opt(p90.map(|p90| bound(p90, self.now))),
                self.priority(job).into(),
            ]);
            let note = self.note(job, expected);
            if !note.is_empty() {
                table.note(&note);
            }
        }
        table
    }

    /// The priority, and the level to which a waiting job has risen: `low→medium`.
    fn priority(&self, job: &Job) -> String {
        let priority = job.record.priority;
        match self.outlook.level(job.record.id) {
            Some(level) if level > priority => format!("{priority}→{level}"),
            _ => priority.to_string(),
        }
    }

    /// Why it waits or how it runs, and what the estimate rests on.
    fn note(&self, job: &Job, expected: Option<&Estimate>) -> String {
        let why = self.outlook.why(job.record.id).map(ToString::to_string);
        let pace = match self.pace(job) {
            Some(Pace::Overdue) => Some("it takes longer than nine of ten runs".to_owned()),
            Some(Pace::Hanging) => Some("it probably hangs".to_owned()),
            Some(Pace::Usual) | None => None,
        };
        let basis = expected.and_then(outlook::basis).map(str::to_owned);
        let parts: Vec<String> = [why, pace, basis].into_iter().flatten().collect();
        parts.join("; ")
    }

    /// Everything about one job, a sentence a line.
    fn sentences(&self, job: &Job) -> String {
        let record = &job.record;
        let name = visible(&record.job_name);
        let mut lines = vec![format!("{} {name}: {}", record.id.short(), job.standing())];
        match record.state {
            State::Finished => self.outcome(job, &mut lines),
            State::Canceling => lines.push("It is being stopped.".to_owned()),
            State::Submitted | State::Running => self.prospects(job, &mut lines),
        }
        let said = outlook::recorded(record, self.now);
        lines.extend(said.into_iter().map(|said| format!("Estimate {said}.")));
        lines.join("\n") + "\n"
    }

    /// What is expected of a living job.
    fn prospects(&self, job: &Job, lines: &mut Vec<String>) {
        let record = &job.record;
        let expected = job.expected(self.outlook);
        let waits = record.state == State::Submitted;
        if expected.is_some_and(|one| one.end.is_some()) {
            let text = outlook::expectation(job, self.outlook, self.now);
            lines.push(format!("It is {text}."));
        } else if waits {
            lines.push("As things are it cannot start.".to_owned());
        } else {
            lines.push("Until when it runs is not known.".to_owned());
        }
        if let Some(start) = expected.and_then(|one| one.start_p90) {
            let start = bound(start, self.now);
            lines.push(format!("Nine times in ten it starts by {start}."));
        }
        if waits {
            let waited = length(self.now.seconds_since(record.submitted_at));
            let level = match self.outlook.level(record.id) {
                Some(level) if level > record.priority => {
                    format!(", so that it has risen from {} to {level}", record.priority)
                }
                _ => format!(" at priority {}", record.priority),
            };
            lines.push(format!("It has waited {waited}{level}."));
        }
        if let Some(why) = self.outlook.why(record.id) {
            lines.push(format!("Why: {}.", visible(&why.to_string())));
        }
        let late = self.late(job, expected);
        let is_late = late.is_some();
        lines.extend(late);
        match expected.and_then(|one| one.basis) {
            Some(_) if is_late => {}
            Some(Basis::Runs) => lines.push("Its length is that of its last runs.".to_owned()),
            Some(Basis::Name) => lines.push(
                "Its length is that of its last runs on any device type: there are few on this one."
                    .to_owned(),
            ),
            // It has none, or has lasted longer than all of them.
            Some(Basis::Timeout) if record.state != State::Submitted => lines
                .push("Its end is reckoned from its time limit: no earlier run says it.".to_owned()),
            Some(Basis::Timeout) => lines.push(
                "It never ran, so its length is a guess: 60 % of its time limit.".to_owned(),
            ),
            None => {}
        }
    }

    /// What its runner says of its pace; nothing of a runner that is silent, of which the outlook tells.
    fn pace(&self, job: &Job) -> Option<Pace> {
        let silent = self.outlook.why(job.record.id).is_some();
        job.underway.map(|said| said.pace).filter(|_| !silent)
    }

    /// That a running job takes longer than its past runs, and what to do about it.
    fn late(&self, job: &Job, expected: Option<&Estimate>) -> Option<String> {
        let pace = self.pace(job).filter(|pace| *pace != Pace::Usual)?;
        let record = &job.record;
        let mut live = self.seen.snapshot.live.iter();
        let live = live.find(|live| live.record.id == record.id);
        let definition = live.and_then(|live| live.job.as_ref());
        let limit = definition.map(|job| self.files.config.timeouts.limit(job));
        let stopped = record.started_at.zip(limit);
        let stopped = stopped.map(|(started, limit)| started.plus_seconds(limit.seconds()));
        // Where no past run took as long, the end expected is that by the time limit.
        let end = expected.and_then(|one| one.end);
        let by_limit = end
            .zip(stopped)
            .is_some_and(|(end, stopped)| end.plus_seconds(1.0) >= stopped);
        let mut text = match stopped.filter(|_| by_limit) {
            Some(stopped) => format!(
                "It has taken longer than all its past runs; its time limit ends it ({}).",
                near(stopped, self.now)
            ),
            None => "It is overdue: it has taken longer than nine of ten of its runs.".to_owned(),
        };
        if pace == Pace::Hanging {
            let id = record.id.short();
            text += &format!(" It probably hangs: `pumice log {id}` shows what it said last.");
        }
        Some(text)
    }

    /// When a finished job began and ended.
    fn outcome(&self, job: &Job, lines: &mut Vec<String>) {
        let record = &job.record;
        let clock = |at| clock(at, self.now);
        let submitted = format!("It was submitted at {}", clock(record.submitted_at));
        let started = record.started_at.map(|started| {
            let waited = length(started.seconds_since(record.submitted_at));
            format!(", started at {} after {waited}", clock(started))
        });
        let ended = record.finished_at.map(|finished| {
            let ran = record
                .started_at
                .map(|started| format!(" after {}", length(finished.seconds_since(started))));
            format!(", ended at {}{}", clock(finished), ran.unwrap_or_default())
        });
        let (started, ended) = (started.unwrap_or_default(), ended.unwrap_or_default());
        lines.push(format!("{submitted}{started}{ended}."));
        let said = record.estimate.as_ref().and_then(|said| said.at_submission);
        let Some(said) = said else {
            lines.push("No estimate from its submission is recorded with it.".to_owned());
            return;
        };
        let started = said.start.zip(record.started_at);
        let ended = said.end.zip(record.finished_at);
        let compared: Vec<String> = [("started", started), ("ended", ended)]
            .into_iter()
            .filter_map(|(verb, times)| {
                let (said, came) = times?;
                Some(format!("{verb} {}", against(came.seconds_since(said))))
            })
            .collect();
        if !compared.is_empty() {
            let compared = compared.join(" and ");
            lines.push(format!("It {compared} than was said at submission."));
        }
    }
}

/// How much later something came than it was expected, before the word "than".
fn against(seconds: f64) -> String {
    match seconds {
        late if late >= 1.0 => format!("{} later", length(late)),
        early if early <= -1.0 => format!("{} earlier", length(-early)),
        _ => "no later".to_owned(),
    }
}

/// The board or the type that a waiting job asks for.
fn wanted<'a>(job: &'a Job, files: &'a LabFiles) -> Option<&'a str> {
    let target = job.record.definition.get("target");
    target
        .and_then(|target| target.as_str())
        .or_else(|| job.device_type(files))
}

#[cfg(test)]
mod tests {
    use super::against;

    #[test]
    fn what_came_is_told_against_what_was_said() {
        assert_eq!(against(185.0), "3m05s later");
        assert_eq!(against(-12.0), "12s earlier");
        assert_eq!([0.9, -0.9].map(against), ["no later", "no later"]);
    }
}
