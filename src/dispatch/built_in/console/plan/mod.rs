//! What a job asks of a board with a console, judged whole before anything runs.
//!
//! A parameter that v1 knows and that has no meaning on this board is noted, for real jobs name
//! many; the short actions take nothing that they do not know.

mod boot;
mod commands;
mod deploy;
mod parameters;
mod test_shell;

use std::time::Duration;

use serde_json::Value;

pub use self::boot::Boot;
pub use self::commands::CommandRun;
pub use self::deploy::{Deploy, LoginOfJob};
use self::parameters::Parameters;
pub use self::test_shell::{Origin, Repository, TestShell, Wanted};
use super::board::ConsoleBoard;
use super::dialog::Dialog;
use crate::dispatch::action::run::RunAction;
use crate::dispatch::action::{Action, JobError, actions};

const KNOWN: &str = "run, deploy, boot, test, deploy_linaro_image, deploy_linaro_kernel, \
    dummy_deploy, boot_linaro_image, lava_test_shell, lava_command_run and submit_results*";

/// What `parse` may be.
const PARSERS: [&str; 4] = ["tap", "ktap", "junit", "lava-signals"];

/// How often an action may be repeated.
const MOST_REPEATS: u64 = 1000;

/// One action, understood.
#[derive(Debug)]
pub struct Planned {
    pub name: String,
    pub work: Work,
    /// How often it is done, within its one step.
    pub repeat: u32,
    /// The limit that its parameters set.
    pub limit: Option<Duration>,
    /// What the log is told first.
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub enum Work {
    Deploy(Deploy),
    Boot(Boot),
    Run(RunAction),
    Commands(CommandRun),
    TestShell(TestShell),
    /// `submit_results` and its like: the runner does that anyway.
    Pass,
}

/// Reads all actions of a job for a board.
pub fn plan(job: &Value, board: &ConsoleBoard) -> Result<Vec<Planned>, JobError> {
    let mut login = None;
    let mut plan = Vec::new();
    for action in actions(job)? {
        let place = action.place.clone();
        let planned = planned(action, board)?;
        let boot = match &planned.work {
            Work::Deploy(deploy) => {
                login.clone_from(&deploy.login);
                &Boot::default()
            }
            Work::Boot(boot) => boot,
            _ => &Boot::default(),
        };
        // What is wrong with the board's own patterns alone is not the job's mistake.
        if login.is_some() || boot.is_own() {
            let judged = Dialog::of(board, boot, login.as_ref()).judge();
            judged
                .map_err(|error| JobError::new(place, format!("its patterns together: {error}")))?;
        }
        plan.push(planned);
    }
    Ok(plan)
}

fn planned(action: Action, board: &ConsoleBoard) -> Result<Planned, JobError> {
    let mut parameters = Parameters::new(&action.place, &action.parameters);
    let repeat = parameters.count("repeat", MOST_REPEATS)?.unwrap_or(1);
    // What only the other schedulers of v1 jobs need.
    for key in ["role", "repeat_count"] {
        parameters.ignore(key);
    }
    let mut limit = None;
    let work = match action.name.as_str() {
        _ if action.is_submit() => {
            parameters.ignore_all();
            Work::Pass
        }
        "run" => {
            parameters.ignore_all();
            let run = RunAction::from_parameters(&action.place, &action.parameters, &PARSERS)?;
            Work::Run(run)
        }
        "deploy" => Work::Deploy(Deploy::of_any_image(&mut parameters, board)?),
        "dummy_deploy" | "deploy_linaro_image" | "deploy_linaro_kernel" => {
            Work::Deploy(Deploy::of_v1(&mut parameters, board)?)
        }
        "boot" => Work::Boot(Boot::of_board_keys(&mut parameters)?),
        "boot_linaro_image" => Work::Boot(Boot::of_v1(&mut parameters, board)?),
        "test" | "lava_test_shell" => {
            limit = parameters.seconds("timeout")?;
            Work::TestShell(TestShell::read(&mut parameters, board)?)
        }
        "lava_command_run" => {
            limit = parameters.seconds("timeout")?;
            Work::Commands(CommandRun::read(&mut parameters)?)
        }
        _ => return Err(action.unknown("console", KNOWN)),
    };
    let is_short = matches!(action.name.as_str(), "deploy" | "boot" | "test");
    if is_short && let Some(key) = parameters.unread().first() {
        return Err(JobError::new(
            parameters.at(key),
            format!("not a parameter of `{}`", action.name),
        ));
    }
    let ignored = |key: &&str| format!("`{key}` has no meaning on this board: ignored");
    let notes = parameters.unread().iter().map(ignored).collect();
    Ok(Planned {
        name: action.name.clone(),
        work,
        repeat: repeat as u32,
        limit,
        notes,
    })
}

#[cfg(test)]
mod tests;
