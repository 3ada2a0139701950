//! What can go wrong between a lab and its refs.

use std::fmt;

use crate::git::GitError;
use crate::model::ObjectId;

#[derive(Debug)]
pub enum LabError {
    Git(GitError),
    /// A file that a runner wrote into a ref is not what this version can read.
    Unreadable {
        reference: String,
        path: String,
        cause: String,
    },
    /// A commit that a ref or a record names is not there.
    Missing {
        what: String,
        id: ObjectId,
    },
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git(error) => error.fmt(f),
            Self::Unreadable {
                reference,
                path,
                cause,
            } => write!(f, "read {path} of {reference}: {cause}"),
            Self::Missing { what, id } => write!(f, "find {what} {id}"),
        }
    }
}

impl std::error::Error for LabError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Git(error) => Some(error),
            _ => None,
        }
    }
}

impl From<GitError> for LabError {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}
