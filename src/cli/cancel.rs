//! `pumice cancel`: removes jobs from main, in one commit.

use std::io::Write;

use super::context::Context;
use super::error::{Error, Kind, Outcome};
use super::find;
use super::land::{self, Base, Change};
use super::open::{Opened, Seen};
use super::submit::introduced;
use super::view::Job;
use crate::lab::policy;
use crate::model::lab::LabFiles;
use crate::model::{JobId, State};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Jobs: any unique prefix of an id, or the path of a file in the queue.
    #[arg(required = true, value_name = "JOB")]
    pub jobs: Vec<String>,
    /// The commit's message, instead of one that names the jobs.
    #[arg(long, short, value_name = "TEXT")]
    pub message: Option<String>,
    /// Prints a JSON array of the canceled jobs.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let user = user(&opened, &seen.snapshot.files)?;
    let mut wanted: Vec<Job> = Vec::new();
    let mut outcome = Outcome::Done;
    for typed in &args.jobs {
        let job = find::job(&seen, typed)?;
        match job.record.state {
            State::Submitted | State::Running if job.record.health_check.is_some() => {
                context.note(&format!(
                    "{} is a health check, which is in no queue and cannot be canceled",
                    described(&job)
                ));
                outcome = Outcome::Failed;
            }
            State::Submitted | State::Running => {
                require_allowed(&seen, &user, &job)?;
                if wanted.iter().all(|known| known.record.id != job.record.id) {
                    wanted.push(job);
                }
            }
            State::Canceling => {
                context.note(&format!("{} is being canceled already", described(&job)));
                outcome = Outcome::Failed;
            }
            State::Finished => {
                context.note(&format!(
                    "{} has ended already: {}",
                    described(&job),
                    job.standing()
                ));
                outcome = Outcome::Failed;
            }
        }
    }
    if wanted.is_empty() {
        return Ok(outcome);
    }
    let mut canceled: Vec<Job> = Vec::new();
    land::land(&opened, &mut |base| {
        canceled.clear();
        let mut change = Change::default();
        for job in &wanted {
            if is_alive(base, job)? {
                refuse_local_changes(&opened, base, job)?;
                change.remove.push(job.record.path.clone());
                canceled.push(job.clone());
            }
        }
        change.message = match &args.message {
            Some(message) => message.clone(),
            None => message(&canceled),
        };
        Ok(change)
    })?;
    for job in &wanted {
        if canceled.iter().all(|done| done.record.id != job.record.id) {
            context.note(&format!("{} was gone from main already", described(job)));
            outcome = Outcome::Failed;
        }
    }
    print(args.json, context, &canceled)?;
    Ok(outcome)
}

fn print(json: bool, context: &Context, canceled: &[Job]) -> Result<(), Error> {
    if json {
        let shown: Vec<_> = canceled
            .iter()
            .map(|job| serde_json::json!({"id": job.record.id, "path": job.record.path}))
            .collect();
        return context.print_json(&shown);
    }
    let mut out = context.out();
    for job in canceled {
        writeln!(out, "{} {} canceled", job.record.id, job.record.path)?;
    }
    out.flush()?;
    Ok(())
}

fn described(job: &Job) -> String {
    format!("{} {}", job.record.id.short(), job.record.path)
}

fn message(canceled: &[Job]) -> String {
    match canceled {
        [job] => format!(
            "Cancel {}\n\nJob: {}",
            crate::model::job::stem(&job.record.path),
            job.record.id
        ),
        many => {
            let mut text = format!("Cancel {} jobs\n", many.len());
            for job in many {
                text.push_str(&format!("\nJob: {}", job.record.id));
            }
            text
        }
    }
}

/// Whether exactly this version is on main.
fn is_alive(base: &Base, job: &Job) -> Result<bool, Error> {
    let path = &job.record.path;
    let commit = introduced(base, path, base.main)?;
    Ok(commit.is_some_and(|commit| JobId::new(commit, path) == job.record.id))
}

/// Removing a file must not take edits with it that nobody has committed.
fn refuse_local_changes(opened: &Opened, base: &Base, job: &Job) -> Result<(), Error> {
    let path = &job.record.path;
    if !land::has_local_changes(opened, base, path)? {
        return Ok(());
    }
    Err(
        Error::new(Kind::Failed, format!("cancel {}", described(job)))
            .because("its file in the work tree has changes that are not committed")
            .hint(format!(
                "discard them with `git restore {path}`, or keep a copy elsewhere"
            )),
    )
}

/// Who the lab says the user is.
fn user(opened: &Opened, files: &LabFiles) -> Result<String, Error> {
    Ok(files.config.user_name(&opened.identity()?.email))
}

fn require_allowed(seen: &Seen, user: &str, job: &Job) -> Result<(), Error> {
    let files = &seen.snapshot.files;
    let submitter = &job.record.submitter.user;
    let target = job
        .record
        .definition
        .get("target")
        .and_then(|target| target.as_str());
    let mut boards: Vec<_> = job.record.boards().cloned().collect();
    if boards.is_empty() {
        boards.extend(target.and_then(|target| target.parse().ok()));
    }
    if policy::may_cancel(files, user, submitter, &boards) {
        return Ok(());
    }
    let mut who = vec![format!("{submitter}, who submitted it")];
    let config = &files.config;
    if let Some(known) = config.users.get(submitter) {
        for group in &known.groups {
            let owners = config
                .groups
                .get(group)
                .map(|group| group.owners.join(", "));
            who.extend(owners.map(|owners| format!("{owners} (owners of the group {group})")));
        }
    }
    let owned = boards.iter().filter_map(|board| files.boards.get(board));
    for board in owned.filter(|board| !board.owners.is_empty()) {
        who.push(format!(
            "{} (owners of the board {})",
            board.owners.join(", "),
            board.name
        ));
    }
    if !config.admins.is_empty() {
        who.push(format!("{} (admins)", config.admins.join(", ")));
    }
    Err(
        Error::new(Kind::Refused, format!("cancel {}", described(job)))
            .because(format!("the lab's policy does not let `{user}` cancel it"))
            .hint(format!("these may: {}", who.join("; "))),
    )
}
