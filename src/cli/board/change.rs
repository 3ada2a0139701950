//! Changes of a board that people make: one commit and push on its file.

use std::io::Write;

use chrono::Utc;

use super::edit::{Edit, edit};
use crate::cli::context::Context;
use crate::cli::error::{Error, Kind, Outcome};
use crate::cli::land::{self, Change};
use crate::cli::open::{Opened, Seen};
use crate::lab::policy;
use crate::model::board::Service;
use crate::model::{Board, ServiceState, Time};

#[derive(Debug, clap::Args)]
pub struct Named {
    /// The board's name.
    #[arg(value_name = "BOARD")]
    pub board: String,
}

#[derive(Debug, clap::Args)]
pub struct Reasoned {
    /// The board's name.
    #[arg(value_name = "BOARD")]
    pub board: String,
    /// Why, for everybody who looks at the board.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Sets the service state.
pub fn service(
    opened: &Opened,
    seen: &Seen,
    context: &Context,
    name: &str,
    state: ServiceState,
    reason: Option<&str>,
) -> Result<Outcome, Error> {
    let board = super::known(name, seen)?;
    let subject = match state {
        ServiceState::Active => format!("Put {name} into service"),
        ServiceState::Maintenance => format!("Put {name} into maintenance"),
        ServiceState::Retired => format!("Retire {name}"),
    };
    let wanted = Edit::Service(Service {
        state,
        reason: reason.map(str::to_owned),
        since: Some(Time::new(Utc::now())),
    });
    change(opened, seen, board, &wanted, &subject, reason)?;
    let mut out = context.out();
    writeln!(out, "{name} {}", state.as_str())?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// Asks for a health check.
pub fn check(
    opened: &Opened,
    seen: &Seen,
    context: &Context,
    name: &str,
) -> Result<Outcome, Error> {
    let board = super::known(name, seen)?;
    if board.health_check.is_none() {
        return Err(Error::new(Kind::Failed, format!("check {name}"))
            .because(format!(
                "its type {} names no health check",
                board.device_type
            ))
            .hint(format!(
                "write a job for it, such as templates/jobs/health.json, then add \
                 `health_check: {{job: templates/jobs/health.json}}` to boards/types/{}.yaml; \
                 until the job is there, boards of the type take none",
                board.device_type
            )));
    }
    // Any text that differs from the last one asks; the time tells people when that was.
    let wanted = Edit::Check(Time::new(Utc::now()).to_string());
    let subject = format!("Ask for a health check of {name}");
    change(opened, seen, board, &wanted, &subject, None)?;
    if board.service.state != ServiceState::Active {
        let state = board.service.state.as_str();
        context.note(&format!(
            "{name} is {state}: it is checked once it is active"
        ));
    }
    let mut out = context.out();
    writeln!(out, "{name} will be checked before its next job")?;
    out.flush()?;
    Ok(Outcome::Done)
}

fn change(
    opened: &Opened,
    seen: &Seen,
    board: &Board,
    wanted: &Edit,
    subject: &str,
    reason: Option<&str>,
) -> Result<(), Error> {
    require_allowed(opened, seen, board)?;
    let path = format!("boards/{}.yaml", board.name);
    let failed = |kind| Error::new(kind, format!("change {path}"));
    land::land(opened, &mut |base| {
        if land::has_local_changes(opened, base, &path)? {
            return Err(failed(Kind::Failed)
                .because("it has changes in the work tree that are not committed")
                .hint(format!(
                    "commit them, or discard them with `git restore {path}`"
                )));
        }
        let Some(bytes) = base.reader.main_file(&path)? else {
            return Err(failed(Kind::Failed).because("it is gone from main"));
        };
        let changed = edit(&path, &bytes, wanted).map_err(|why| {
            failed(Kind::Lab)
                .because(why)
                .hint(format!("write this line yourself: {}", wanted.line()))
        })?;
        let message = match reason {
            Some(reason) => format!("{subject}\n\n{reason}"),
            None => subject.to_owned(),
        };
        Ok(Change {
            put: vec![(path.clone(), changed)],
            remove: Vec::new(),
            message,
        })
    })?;
    Ok(())
}

fn require_allowed(opened: &Opened, seen: &Seen, board: &Board) -> Result<(), Error> {
    let files = &seen.snapshot.files;
    let user = files.config.user_name(&opened.identity()?.email);
    if policy::may_change_board(files, &user, &board.name) {
        return Ok(());
    }
    let mut who = Vec::new();
    if !board.owners.is_empty() {
        who.push(format!("{} (owners of the board)", board.owners.join(", ")));
    }
    if !files.config.admins.is_empty() {
        who.push(format!("{} (admins)", files.config.admins.join(", ")));
    }
    Err(
        Error::new(Kind::Refused, format!("change the board {}", board.name))
            .because(format!("the lab's policy does not let `{user}` change it"))
            .hint(format!("these may: {}", who.join("; "))),
    )
}
