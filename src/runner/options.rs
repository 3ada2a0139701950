//! What a runner is told at its start.

use crate::model::{BoardName, ObjectId, RunnerName};

#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    pub name: RunnerName,
    /// Only these boards; all that name this runner or none when absent.
    pub boards: Option<Vec<BoardName>>,
    /// Built-in dispatchers and absolute programs that board files may start on this host; `any` for all.
    pub allow: Vec<String>,
    /// Folders on this host whose files jobs may name as images.
    pub images: Vec<String>,
    /// End when nothing runs and nothing more could start.
    pub until_idle: bool,
    /// This rewritten main is accepted.
    pub accept_rewrite: Option<ObjectId>,
    /// The program that built-in dispatchers are started with.
    pub program: std::path::PathBuf,
}

impl Options {
    pub fn allows(&self, what: &str) -> bool {
        self.allow
            .iter()
            .any(|allowed| allowed == what || allowed == "any")
    }
}
