//! Why a runner ends against its will.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::env::Point;
use crate::lab::LabError;
use crate::model::RunnerName;

#[derive(Debug)]
pub enum RunnerError {
    Lab(LabError),
    State {
        doing: &'static str,
        path: PathBuf,
        cause: io::Error,
    },
    /// Another runner uses this state folder.
    Locked(PathBuf),
    /// Another process drives boards under this name.
    Twin(RunnerName),
    /// Main does not hold the head that a journal or claim names.
    ForeignHistory {
        named_by: String,
        head: String,
    },
    /// A test let the runner die here.
    Died(Point),
}

impl fmt::Display for RunnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lab(error) => error.fmt(f),
            Self::State { doing, path, cause } => write!(f, "{doing} {}: {cause}", path.display()),
            Self::Locked(path) => write!(
                f,
                "lock the state folder {}: another runner uses it; stop that one, or give this one its own with --state",
                path.display()
            ),
            Self::Twin(name) => write!(
                f,
                "run as `{name}`: another process with its own state folder is alive under this name; \
                 give each host its own --name"
            ),
            Self::ForeignHistory { named_by, head } => write!(
                f,
                "trust main: it does not hold {head}, the head that {named_by} has seen; if the branch was rewritten \
                 on purpose, start once with --accept-rewrite <main's new head>"
            ),
            Self::Died(point) => write!(f, "go on after {point}"),
        }
    }
}

impl std::error::Error for RunnerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Lab(error) => error.source(),
            Self::State { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

impl From<LabError> for RunnerError {
    fn from(error: LabError) -> Self {
        Self::Lab(error)
    }
}

impl From<crate::git::GitError> for RunnerError {
    fn from(error: crate::git::GitError) -> Self {
        Self::Lab(error.into())
    }
}
