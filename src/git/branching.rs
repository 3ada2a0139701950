//! What a person does in a clone beside committing files: settings, branches, merges, reverts.

use std::path::Path;

use super::command::{Place, git, run};
use super::error::GitError;
use super::worktree::{LOCAL_LIMIT, LONG_LIMIT, WorkTree};
use crate::model::ObjectId;

/// Writes a setting of one repository, bare or not, alone.
pub fn set(repository: &Path, key: &str, value: &str) -> Result<(), GitError> {
    let attempt = format!("set {key} in {}", repository.display());
    let mut command = git(Place::Person(repository));
    command.args(["config", "--local", key, value]);
    run(command, &attempt, LOCAL_LIMIT)?
        .success(&attempt, LOCAL_LIMIT)
        .map(drop)
}

impl WorkTree {
    /// Makes a branch of the head, or of nothing before the first commit, and stands on it.
    pub fn start_branch(&self, branch: &str) -> Result<(), GitError> {
        self.switch_with(&[&format!("--create={branch}")], branch)
    }

    /// Stands on a branch that is there.
    pub fn switch(&self, branch: &str) -> Result<(), GitError> {
        self.switch_with(&["--end-of-options", branch], branch)
    }

    fn switch_with(&self, args: &[&str], branch: &str) -> Result<(), GitError> {
        let attempt = format!("switch to the branch {branch}");
        let mut command = self.git();
        command.args(["switch", "--quiet"]).args(args);
        run(command, &attempt, LONG_LIMIT)?
            .success(&attempt, LONG_LIMIT)
            .map(drop)
    }

    /// Merges a branch by a commit of two parents, also where none were needed.
    pub fn merge(&self, branch: &str, message: &str) -> Result<ObjectId, GitError> {
        let attempt = format!("merge the branch {branch}");
        let mut command = self.git();
        command.args(["merge", "--quiet", "--no-ff", "--no-edit"]);
        command
            .arg(format!("--message={message}"))
            .args(["--end-of-options", branch]);
        run(command, &attempt, LONG_LIMIT)?.success(&attempt, LONG_LIMIT)?;
        self.resolve("HEAD")
    }

    /// Takes a commit back by another one.
    pub fn revert(&self, commit: ObjectId) -> Result<ObjectId, GitError> {
        let attempt = format!("revert {commit}");
        let mut command = self.git();
        command.args(["revert", "--no-edit", &commit.to_string()]);
        run(command, &attempt, LONG_LIMIT)?.success(&attempt, LONG_LIMIT)?;
        self.resolve("HEAD")
    }
}
