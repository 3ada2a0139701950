//! The actions of a job for a dispatcher that runs commands: `run`, and `submit_results*`.

use std::path::{Component, Path};

use serde_json::Value;

use crate::dispatch::action::run::{Parse, RunAction};
use crate::dispatch::action::{Action, JobError, actions};

/// What `parse` may be.
const PARSERS: [&str; 4] = ["tap", "ktap", "junit", "lava-signals"];

/// One action, understood; `A` is an action that only one dispatcher has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned<A> {
    Run {
        name: String,
        place: String,
        run: RunAction,
    },
    /// `submit_results` and its like: the runner does that anyway.
    Pass {
        name: String,
    },
    Own {
        name: String,
        own: A,
    },
}

impl<A> Planned<A> {
    pub fn name(&self) -> &str {
        match self {
            Self::Run { name, .. } | Self::Pass { name } | Self::Own { name, .. } => name,
        }
    }
}

/// A dispatcher and the action that only it has.
pub struct Dispatcher<A> {
    pub name: &'static str,
    pub own: Option<(&'static str, ReadOwn<A>)>,
}

/// Reads the parameters of a dispatcher's own action.
pub type ReadOwn<A> = fn(&Action) -> Result<A, JobError>;

impl<A> Dispatcher<A> {
    /// Reads the actions of a job, whole, before any is run.
    pub fn plan(&self, job: &Value) -> Result<Vec<Planned<A>>, JobError> {
        actions(job)?
            .into_iter()
            .map(|action| self.action(action))
            .collect()
    }

    fn action(&self, action: Action) -> Result<Planned<A>, JobError> {
        if action.is_submit() {
            return Ok(Planned::Pass { name: action.name });
        }
        match self.own {
            Some((name, read)) if action.name == name => Ok(Planned::Own {
                own: read(&action)?,
                name: action.name,
            }),
            _ if action.name == "run" => Ok(Planned::Run {
                run: RunAction::from_parameters(&action.place, &action.parameters, &PARSERS)?,
                name: action.name,
                place: action.place,
            }),
            Some((name, _)) => {
                Err(action.unknown(self.name, &format!("run, {name} and submit_results*")))
            }
            None => Err(action.unknown(self.name, "run and submit_results*")),
        }
    }
}

/// Refuses reports that are not below the folder of the job.
pub fn reports_below<A>(actions: &[Planned<A>]) -> Result<(), JobError> {
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
