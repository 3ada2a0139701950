//! The actions of a job for a dispatcher that runs commands: `run`, and `submit_results*`.

use std::path::{Component, Path};

use serde_json::Value;

use crate::dispatch::action::run::{Parse, RunAction};
use crate::dispatch::action::{Action, JobError, actions};

/// What `parse` may be.
const PARSERS: [&str; 4] = ["tap", "ktap", "junit", "lava-signals"];

/// One action, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    Run {
        name: String,
        place: String,
        run: RunAction,
    },
    /// `submit_results` and its like: the runner does that anyway.
    Pass { name: String },
}

impl Planned {
    pub fn name(&self) -> &str {
        match self {
            Self::Run { name, .. } | Self::Pass { name } => name,
        }
    }
}

/// Reads the actions of a job, whole, before any is run.
pub fn read(dispatcher: &str, job: &Value) -> Result<Vec<Planned>, JobError> {
    let read = |action| plan(dispatcher, action);
    actions(job)?.into_iter().map(read).collect()
}

fn plan(dispatcher: &str, action: Action) -> Result<Planned, JobError> {
    if action.is_submit() {
        return Ok(Planned::Pass { name: action.name });
    }
    if action.name != "run" {
        return Err(action.unknown(dispatcher, "run and submit_results*"));
    }
    let run = RunAction::from_parameters(&action.place, &action.parameters, &PARSERS)?;
    Ok(Planned::Run {
        name: action.name,
        place: action.place,
        run,
    })
}

/// Refuses reports that are not below the folder of the job.
pub fn reports_below(actions: &[Planned]) -> Result<(), JobError> {
    for action in actions {
        if let Planned::Run { place, run, .. } = action
            && let Some(Parse::Junit { report }) = &run.parse
            && !is_below(Path::new(report))
        {
            return Err(JobError::new(
                format!("{place}.parameters.report"),
                "must be a path below the job folder, such as report.xml",
            ));
        }
    }
    Ok(())
}

fn is_below(path: &Path) -> bool {
    path.components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}
