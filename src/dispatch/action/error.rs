//! What is wrong with a job, as a dispatcher finds it.

use std::fmt;

/// What is wrong with a job, with its place in the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    pub place: String,
    pub what: String,
}

impl JobError {
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

impl std::error::Error for JobError {}
