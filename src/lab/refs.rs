//! The names of a lab's refs.

use crate::model::{JobId, RunnerName};

/// Where runners write when the lab does not say.
const PREFIX: &str = "refs/pumice";

/// The names of one lab's refs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refs {
    prefix: String,
    branch: String,
}

impl Default for Refs {
    fn default() -> Self {
        Self {
            prefix: PREFIX.to_owned(),
            branch: "main".to_owned(),
        }
    }
}

impl Refs {
    pub fn branch(&self) -> &str {
        &self.branch
    }

    pub fn main(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    /// The folder that holds every ref of the runners, with its slash.
    pub fn all(&self) -> String {
        format!("{}/", self.prefix)
    }

    pub fn claims(&self) -> String {
        format!("{}/claims/", self.prefix)
    }

    pub fn claim(&self, id: JobId) -> String {
        format!("{}/claims/{id}", self.prefix)
    }

    pub fn journals(&self) -> String {
        format!("{}/journal/", self.prefix)
    }

    pub fn journal(&self, runner: &RunnerName) -> String {
        format!("{}/journal/{runner}", self.prefix)
    }

    pub fn runners(&self) -> String {
        format!("{}/runners/", self.prefix)
    }

    pub fn runner(&self, runner: &RunnerName) -> String {
        format!("{}/runners/{runner}", self.prefix)
    }

    pub fn logs(&self) -> String {
        format!("{}/logs/", self.prefix)
    }

    /// The log ref of one month, `yyyy-mm`.
    pub fn logs_of(&self, runner: &RunnerName, month: &str) -> String {
        format!("{}/logs/{runner}/{month}", self.prefix)
    }
}
