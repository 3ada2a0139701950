//! Runs one attempt of a job: the dispatcher protocol, its driver, the built-in dispatchers.
//!
//! It may use `model` and `process`. It must never know of git, of claims or of the journal: it is
//! given a definition, a board and a program, and gives back what happened. Everything that a
//! dispatcher says is taken for hostile: bounded, cleaned, counted.

mod allowance;
pub mod attachments;
pub mod attempt;
mod driver;
pub mod event;
mod event_log;
pub mod exec;
mod folder;
mod limits;
mod lines;
pub mod outcome;
mod results;
pub mod run_action;
mod steps;
pub mod sweep;
pub mod tap;
mod tap_line;
mod text;
pub mod writer;

pub use attempt::{
    AttemptEnd, AttemptHandle, AttemptMessage, AttemptSpec, Exit, FoundAttachment, Progress, start,
};
pub use outcome::{Outcome, outcome};

/// The version of the protocol, as `PUMICE_PROTOCOL` says it.
pub const PROTOCOL: u32 = 1;

/// Runs the built-in dispatcher of that name in this process and returns its exit code; `None` when
/// there is no such. Entered as `pumice dispatch NAME`.
pub fn built_in(name: &str) -> Option<i32> {
    match name {
        "exec" => Some(exec::main()),
        _ => None,
    }
}

/// The dispatchers that [`built_in`] knows.
pub const BUILT_IN: [&str; 1] = ["exec"];
