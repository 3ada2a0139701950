//! What went wrong with fetching: what was attempted, why it failed, what to do about it.

use std::fmt;
use std::io;

/// A failed attempt. Displays as a fragment that fits "failed to {error}".
#[derive(Debug)]
pub enum FetchError {
    /// The machine lacks something that a person has to install.
    Missing {
        attempt: String,
        what: String,
        remedy: String,
    },
    /// A program of the system failed; `said` is the last of its output.
    Failed { attempt: String, said: String },
    /// A file or a program could not be used.
    Io { attempt: String, source: io::Error },
}

impl FetchError {
    /// What a person can do about it.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::Missing { remedy, .. } => Some(remedy),
            Self::Failed { .. } | Self::Io { .. } => None,
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { attempt, what, .. } => write!(f, "{attempt}: {what}"),
            Self::Failed { attempt, said } => write!(f, "{attempt}: {said}"),
            Self::Io { attempt, source } => write!(f, "{attempt}: {source}"),
        }
    }
}

impl std::error::Error for FetchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Missing { .. } | Self::Failed { .. } => None,
        }
    }
}

/// Gives an error of the operating system its attempt.
pub(super) fn attempt<A: Into<String>>(
    what: impl FnOnce() -> A,
) -> impl FnOnce(io::Error) -> FetchError {
    move |source| FetchError::Io {
        attempt: what().into(),
        source,
    }
}
