//! `pumice log`: what a job wrote.

use std::io::Write;
use std::time::Duration;

use super::context::Context;
use super::error::{Error, Kind, Outcome};
use super::find;
use super::follow::Follow;
use super::member;
use super::open::{Opened, Seen};
use super::runner_text;
use super::text::harmless_log;
use super::view::Job;
use crate::model::State;
use crate::model::record::{LogLocation, Member};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job: any unique prefix of its id, or the path of its file.
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Goes on until the job has ended.
    #[arg(long, short)]
    pub follow: bool,
    /// Prints what the runner did and why, for each attempt, instead of what the job wrote.
    #[arg(long, conflicts_with = "follow")]
    pub runner: bool,
    /// Only this member of a group job: its name, or a role that it alone plays.
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// The log of this attempt instead of the last one's.
    #[arg(long, value_name = "N", conflicts_with_all = ["follow", "runner"])]
    pub attempt: Option<u32>,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let job = find::job(&seen, &args.job)?;
    if args.runner {
        runner_text::print(&opened, &seen, &job, args.role.as_deref(), context)?;
        return Ok(Outcome::Done);
    }
    let mut printer = Printer {
        context,
        printed: Vec::new(),
    };
    let role = args.role.as_deref();
    let meant = member::meant(&job, role)?;
    if let (None, Some(shown)) = (meant, shown(&job)) {
        context.note(&member::others(&job, shown));
    }
    if let Some(n) = args.attempt {
        printer.last(&of_attempt(&opened, &job, meant, n)?)?;
        return Ok(Outcome::Done);
    }
    if job.record.state == State::Finished {
        printer.last(&finished(&opened, &job, meant)?)?;
        return Ok(Outcome::Done);
    }
    if !args.follow {
        match tail(&seen, &job, meant)? {
            Some(tail) => printer.more(&tail)?,
            None => context.note(&nothing_yet(&job)),
        }
        return Ok(Outcome::Done);
    }
    let poll = seen.snapshot.files.config.poll.duration();
    let id = job.record.id;
    let mut follow = Follow::new(&opened, poll, Some(&[id]))?;
    let mut noted = false;
    loop {
        if let Some(look) = follow.look()?
            && let Some(job) = look.jobs.get(&id)
        {
            let meant = member::meant(job, role)?;
            if job.record.state == State::Finished {
                printer.last(&finished(&opened, job, meant)?)?;
                return Ok(Outcome::Done);
            }
            match tail(&look.seen, job, meant)? {
                Some(tail) => printer.more(&tail)?,
                None if !noted => {
                    context.note(&nothing_yet(job));
                    noted = true;
                }
                None => {}
            }
        }
        follow.rest(Duration::MAX);
    }
}

fn nothing_yet(job: &Job) -> String {
    let id = job.record.id.short();
    match job.record.state {
        State::Submitted => format!("{id} waits: it has no log yet"),
        _ => format!("{id} has written nothing that its runner has told yet"),
    }
}

/// Whose log stands for a group: the member's whose end decided, else the first one's.
fn shown(job: &Job) -> Option<&Member> {
    let members = &job.record.members;
    let decided = members
        .iter()
        .find(|one| one.log.is_some() && one.log == job.record.log);
    decided.or(members.first())
}

/// The tail of a running job's log, as its runner last sent it.
fn tail(seen: &Seen, job: &Job, meant: Option<&Member>) -> Result<Option<Vec<u8>>, Error> {
    let member = meant.or(shown(job)).map(|member| member.name.as_str());
    match job.runner() {
        Some(runner) => Ok(seen.reader.log_tail(runner, job.record.id, member)?),
        None => Ok(None),
    }
}

/// A finished job's log, fetched if it is not here.
fn finished(opened: &Opened, job: &Job, meant: Option<&Member>) -> Result<Vec<u8>, Error> {
    let id = job.record.id.short();
    let log = match meant {
        Some(member) => &member.log,
        None => &job.record.log,
    };
    let Some(location) = log else {
        let why = match &job.record.message {
            Some(message) => format!("it has none ({}: {message})", job.standing()),
            None => format!("it has none ({})", job.standing()),
        };
        return Err(Error::new(Kind::Failed, format!("show the log of {id}")).because(why));
    };
    read(opened, location, &id.to_string())
}

/// The log of one attempt of a finished job.
fn of_attempt(
    opened: &Opened,
    job: &Job,
    meant: Option<&Member>,
    n: u32,
) -> Result<Vec<u8>, Error> {
    let id = job.record.id.short();
    let what = format!("attempt {n} of {id}");
    let failed = || Error::new(Kind::Failed, format!("show the log of {what}"));
    let attempts = &job.record.attempts;
    if attempts.last().is_some_and(|last| last.n == n) {
        return finished(opened, job, meant);
    }
    let past = opened.lab.reader()?.attempts_of(job.record.id)?;
    let Some(record) = past.into_iter().find(|past| past.attempt.n == n) else {
        return Err(failed().because(match job.record.state {
            State::Finished => format!("it had {} attempts", attempts.len()),
            _ => "it has not ended yet, or there was none".to_owned(),
        }));
    };
    let log = match meant {
        Some(meant) => {
            let mut members = record.members.iter();
            let member = members.find(|member| member.name == meant.name);
            member.and_then(|member| member.log.as_ref())
        }
        None => record.log.as_ref(),
    };
    let Some(location) = log else {
        return Err(failed().because(match record.message {
            Some(message) => format!("it has none ({message})"),
            None => "it has none".to_owned(),
        }));
    };
    read(opened, location, &what)
}

/// A log from its ref, which is fetched if it is not here.
fn read(opened: &Opened, location: &LogLocation, what: &str) -> Result<Vec<u8>, Error> {
    if let Some(log) = opened.lab.reader()?.log(location)? {
        return Ok(log);
    }
    opened
        .lab
        .mirror()
        .fetch(std::slice::from_ref(&location.reference))?;
    opened.lab.reader()?.log(location)?.ok_or_else(|| {
        Error::new(Kind::Failed, format!("show the log of {what}"))
            .because(format!("{} no longer holds it", location.reference))
            .hint("logs are kept as long as `retention` in lab.yaml says")
    })
}

/// Prints pieces of a log so that what was printed is not printed again.
struct Printer<'a> {
    context: &'a Context,
    /// The end of what was printed.
    printed: Vec<u8>,
}

/// How much of the printed text is kept to find the place where a log goes on.
const REMEMBERED: usize = 256 * 1024;

impl Printer<'_> {
    /// Prints what a tail has beyond what was printed.
    fn more(&mut self, tail: &[u8]) -> Result<(), Error> {
        let known = overlap(&self.printed, tail);
        if known == 0 && !self.printed.is_empty() && !tail.is_empty() {
            self.context
                .note("… a part of the log went by; all of it is shown when the job has ended …");
        }
        self.print(&tail[known..])
    }

    /// Prints what the whole log has beyond what was printed.
    fn last(&mut self, log: &[u8]) -> Result<(), Error> {
        let end = end_of(&self.printed, log).unwrap_or(0);
        self.print(&log[end..])
    }

    fn print(&mut self, piece: &[u8]) -> Result<(), Error> {
        let mut out = self.context.out();
        if self.context.terminal.interactive {
            out.write_all(harmless_log(piece).as_bytes())?;
        } else {
            out.write_all(piece)?;
        }
        out.flush()?;
        self.printed.extend_from_slice(piece);
        let surplus = self.printed.len().saturating_sub(REMEMBERED);
        self.printed.drain(..surplus);
        Ok(())
    }
}

/// How many bytes at the beginning of `tail` end `printed`.
fn overlap(printed: &[u8], tail: &[u8]) -> usize {
    (0..=tail.len().min(printed.len()))
        .rev()
        .find(|n| printed.ends_with(&tail[..*n]))
        .unwrap_or(0)
}

/// Where the last place of `printed` in `log` ends.
fn end_of(printed: &[u8], log: &[u8]) -> Option<usize> {
    if printed.is_empty() {
        return None;
    }
    log.windows(printed.len())
        .rposition(|window| window == printed)
        .map(|at| at + printed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_goes_on_where_the_last_one_ended() {
        assert_eq!(overlap(b"", b"abc"), 0);
        assert_eq!(overlap(b"abc", b"abcd"), 3);
        assert_eq!(overlap(b"abc", b"bcd"), 2);
        assert_eq!(overlap(b"abc", b"xyz"), 0);
        assert_eq!(overlap(b"abcabc", b"abcabcd"), 6);
    }

    #[test]
    fn a_finished_log_goes_on_after_what_was_seen() {
        assert_eq!(end_of(b"", b"abc"), None);
        assert_eq!(end_of(b"bc", b"abcdbce"), Some(6));
        assert_eq!(end_of(b"x", b"abc"), None);
    }
}
