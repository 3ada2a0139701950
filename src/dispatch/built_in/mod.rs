//! The dispatchers that come with Pumice. Each is a program of its own, entered as
//! `pumice dispatch NAME` with the environment of the protocol, and never part of the runner.
//!
//! Each looks at the whole job before it runs anything, so that a mistake in the last action costs
//! no time on the board.

pub mod adapters;
mod board;
mod commands;
pub mod console;
pub mod exec;
pub mod exit;
mod host;
mod log;
mod output;
mod plan;
mod report;
pub mod ssh;
mod terminated;
mod wait;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::log::say;
use crate::dispatch::action::JobError;
use crate::dispatch::protocol::writer::EventWriter;

/// Runs the built-in dispatcher of that name in this process and returns its exit code; `None` when
/// there is no such.
pub fn run(name: &str) -> Option<i32> {
    entry(name).map(|main| main())
}

fn entry(name: &str) -> Option<fn() -> i32> {
    Some(match name {
        "console" => console::main,
        "exec" => exec::main,
        "junit" => adapters::junit::main,
        "labgrid" => adapters::labgrid::main,
        "lava-run" => adapters::lava_run::main,
        "ssh" => ssh::main,
        _ => return None,
    })
}

/// What every built-in dispatcher begins with: reads `PUMICE_JOB_FILE` and hands it over with the
/// channel for events. A definition that is wrong ends the attempt with its place and cause.
fn main(name: &str, body: impl FnOnce(&Value, &mut EventWriter) -> Result<i32, JobError>) -> i32 {
    let mut events = EventWriter::from_runner();
    let Some(job_file) = std::env::var_os("PUMICE_JOB_FILE").map(PathBuf::from) else {
        say(&format!(
            "pumice dispatch {name}: PUMICE_JOB_FILE is not set: a runner starts this program"
        ));
        return exit::USAGE;
    };
    match read_job(&job_file).and_then(|job| body(&job, &mut events)) {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error in the job definition: {error}"));
            events.end(&error.to_string());
            exit::JOB_ERROR
        }
    }
}

fn read_job(path: &Path) -> Result<Value, JobError> {
    let wrong = |why: String| JobError::new("job.json", why);
    let bytes = fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(format!("is not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::board::BUILT_IN_DISPATCHERS;

    #[test]
    fn every_dispatcher_that_a_board_may_name_can_be_entered() {
        for name in BUILT_IN_DISPATCHERS {
            assert!(entry(name).is_some(), "{name}");
        }
        assert!(entry("consol").is_none());
    }
}
