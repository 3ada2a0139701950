//! `pumice board`: the lab's boards and how they are.

mod change;
mod edit;
mod fetch;

use std::io::Write;

use chrono::Utc;
use serde::Serialize;

use super::context::Context;
use super::error::{Error, Kind, Outcome};
use super::moment;
use super::open::Seen;
use super::table::{Cell, Table};
use super::terminal::Colour;
use super::text::{one_line, visible_lines};
use crate::lab::BoardView;
use crate::model::board::DispatcherChoice;
use crate::model::record::{BoardHealth, Checked};
use crate::model::status::{BoardStatus, BoardUse, RunnerStatus};
use crate::model::{Board, BoardName, JobId, RunnerName, ServiceState, Time};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub action: Action,
}

#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Lists all boards with health, runner, running job and tags.
    List(List),
    /// Shows one board with everything known about it.
    Show(Show),
    /// Adds a virtual board, made from Debian's packages.
    Fetch(fetch::Args),
    /// Takes a board out of service for a while: it takes no jobs, and waiting ones wait.
    Maintenance(change::Reasoned),
    /// Puts a board back into service.
    Activate(change::Named),
    /// Takes a board out of service for good; its history stays.
    Retire(change::Reasoned),
    /// Asks for a health check before the board's next job.
    Check(change::Named),
}

#[derive(Debug, clap::Args)]
pub struct List {
    /// Prints a JSON array of the boards.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct Show {
    /// The board's name.
    #[arg(value_name = "BOARD")]
    pub board: String,
    /// Prints a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// The keys of `board list --json` and `board show --json`.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a BoardName,
    device_type: &'a str,
    health: &'static str,
    reason: Option<&'a str>,
    service: &'static str,
    /// When its runner last noted its health, and the job that showed it.
    noted_at: Option<Time>,
    noted_job: Option<JobId>,
    /// The last health check.
    checked: Option<&'a Checked>,
    /// What its runner says it does: idle, busy or unavailable.
    usage: Option<BoardUse>,
    runner: Option<&'a RunnerName>,
    runner_seen: Option<Time>,
    job: Option<JobId>,
    tags: &'a [String],
    owners: &'a [String],
    dispatchers: Vec<&'a str>,
    description: Option<&'a str>,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    if let Action::Fetch(args) = &args.action {
        return fetch::run(args, context);
    }
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let serve = |name: &str, state, reason: Option<&str>| {
        change::service(&opened, &seen, context, name, state, reason)
    };
    match &args.action {
        Action::List(args) => list(args, &seen, context)?,
        Action::Show(args) => show(args, &seen, context)?,
        // Needs no lab that is fetched, and was done above.
        Action::Fetch(_) => {}
        Action::Maintenance(args) => {
            return serve(
                &args.board,
                ServiceState::Maintenance,
                args.reason.as_deref(),
            );
        }
        Action::Activate(args) => return serve(&args.board, ServiceState::Active, None),
        Action::Retire(args) => {
            return serve(&args.board, ServiceState::Retired, args.reason.as_deref());
        }
        Action::Check(args) => return change::check(&opened, &seen, context, &args.board),
    }
    Ok(Outcome::Done)
}

/// The board of this name as the lab's files have it.
fn known<'a>(name: &str, seen: &'a Seen) -> Result<&'a Board, Error> {
    let boards = &seen.snapshot.boards;
    let view = boards.iter().find(|view| view.board.name.as_str() == name);
    view.map(|view| &view.board)
        .ok_or_else(|| unknown(name, boards))
}

fn list(args: &List, seen: &Seen, context: &Context) -> Result<(), Error> {
    let boards: Vec<Listed> = seen
        .snapshot
        .boards
        .iter()
        .map(|view| listed(view, seen))
        .collect();
    if args.json {
        return context.print_json(&boards);
    }
    let now = Time::new(Utc::now());
    let mut table = Table::new()
        .column("NAME")
        .column("TYPE")
        .column("HEALTH")
        .column("STATE")
        .cut("RUNNER")
        .right("SEEN")
        .column("JOB")
        .cut("TAGS")
        .cut("REASON");
    for board in &boards {
        table.row([
            board.name.as_str().into(),
            board.device_type.into(),
            Cell::new(board.health, health_colour(board.health)),
            Cell::opt(board.usage.map(usage)),
            Cell::opt(board.runner.map(RunnerName::as_str)),
            Cell::opt(
                board
                    .runner_seen
                    .map(|seen| moment::length(now.seconds_since(seen))),
            ),
            Cell::opt(board.job.map(|job| job.short())),
            board.tags.join(" ").into(),
            Cell::new(one_line(board.reason.unwrap_or_default()), Colour::Plain),
        ]);
    }
    if table.is_empty() {
        context.note("the lab has no board: `boards/NAME.yaml` makes one");
        return Ok(());
    }
    let mut out = context.out();
    out.write_all(table.render(context.terminal).as_bytes())?;
    out.flush()?;
    Ok(())
}

fn show(args: &Show, seen: &Seen, context: &Context) -> Result<(), Error> {
    let boards = &seen.snapshot.boards;
    let Some(view) = boards
        .iter()
        .find(|view| view.board.name.as_str() == args.board)
    else {
        return Err(unknown(&args.board, boards));
    };
    let board = listed(view, seen);
    if args.json {
        return context.print_json(&board);
    }
    let mut out = context.out();
    let mut fact = |name: &str, value: &str| writeln!(out, "{name:<12}{}", visible_lines(value));
    fact("board", board.name.as_str())?;
    fact("type", board.device_type)?;
    fact(
        "health",
        &match board.reason {
            Some(reason) => format!("{} ({})", board.health, one_line(reason)),
            None => board.health.to_owned(),
        },
    )?;
    if let Some(at) = board.noted_at {
        let job = board
            .noted_job
            .map(|job| format!(" by job {}", job.short()));
        fact(
            "noted",
            &format!("{}{}", moment::moment(at), job.unwrap_or_default()),
        )?;
    }
    if let Some(checked) = board.checked {
        let how = if checked.passed { "passed" } else { "failed" };
        let (at, job) = (moment::moment(checked.at), checked.job.short());
        fact("checked", &format!("{how} {at}, job {job}"))?;
    }
    if board.service != ServiceState::Active.as_str() {
        fact("service", board.service)?;
    }
    if let Some(doing) = board.usage {
        fact("state", usage(doing))?;
    }
    fact(
        "runner",
        board
            .runner
            .map_or("any without --boards", RunnerName::as_str),
    )?;
    if let Some(at) = board.runner_seen {
        fact("seen", &moment::moment(at))?;
    }
    if let Some(job) = board.job {
        fact("job", &job.to_string())?;
    }
    for (name, words) in [
        ("tags", board.tags.join(" ")),
        ("owners", board.owners.join(" ")),
        ("dispatchers", board.dispatchers.join(" ")),
    ] {
        if !words.is_empty() {
            fact(name, &words)?;
        }
    }
    if let Some(description) = board.description {
        writeln!(out, "\n{}", visible_lines(description.trim_end()))?;
    }
    out.flush()?;
    Ok(())
}

fn unknown(name: &str, boards: &[BoardView]) -> Error {
    let error = Error::new(Kind::Usage, format!("find the board `{name}`"))
        .because("the lab has no board of this name");
    let nearest = boards
        .iter()
        .map(|view| view.board.name.as_str())
        .max_by(|a, b| strsim::jaro(name, a).total_cmp(&strsim::jaro(name, b)));
    match nearest {
        Some(nearest) => error.hint(format!(
            "did you mean `{nearest}`? `pumice board list` shows all"
        )),
        None => error.hint("`boards/NAME.yaml` makes one"),
    }
}

fn listed<'a>(view: &'a BoardView, seen: &'a Seen) -> Listed<'a> {
    let board = &view.board;
    let said = said(&seen.snapshot.runners, &board.name);
    Listed {
        name: &board.name,
        device_type: &board.device_type,
        health: view.health.as_str(),
        reason: view.reason.as_deref(),
        service: board.service.state.as_str(),
        noted_at: view.noted.as_ref().map(|noted| noted.at),
        noted_job: view.noted.as_ref().and_then(|noted| noted.job),
        checked: view.noted.as_ref().and_then(|noted| noted.checked.as_ref()),
        usage: said.map(|(_, status)| status.usage),
        runner: board
            .runner
            .as_ref()
            .or(said.map(|(runner, _)| &runner.runner)),
        runner_seen: view.runner_seen,
        job: view.job,
        tags: &board.tags,
        owners: &board.owners,
        dispatchers: board
            .dispatchers
            .iter()
            .map(DispatcherChoice::name)
            .collect(),
        description: board.description.as_deref(),
    }
}

/// The runner that drives a board, and what it says of it.
fn said<'a>(
    runners: &'a [RunnerStatus],
    board: &BoardName,
) -> Option<(&'a RunnerStatus, &'a BoardStatus)> {
    runners.iter().find_map(|runner| {
        let status = runner.boards.iter().find(|status| status.name == *board)?;
        Some((runner, status))
    })
}

fn usage(doing: BoardUse) -> &'static str {
    match doing {
        BoardUse::Idle => "idle",
        BoardUse::Busy => "busy",
        BoardUse::Unavailable => "unavailable",
    }
}

fn health_colour(health: &str) -> Colour {
    if health == BoardHealth::Good.as_str() {
        Colour::Good
    } else if health == BoardHealth::Bad.as_str() {
        Colour::Bad
    } else {
        Colour::Doubtful
    }
}
