//! The built-in dispatcher `console`: boots a board whose console it holds and types tests to its
//! shell.
//!
//! | folder | holds |
//! |---|---|
//! | `plan` | the job, read and judged whole before anything runs |
//! | `images` | where images come from, and the cache of those that were fetched |
//! | `link` | the ways to a console: pipes, pty, TCP, serial |
//! | `listen` | the console's text, searched as it comes |
//! | `session` | the board's shell: typing, files, exit codes |
//! | `testdef` | LAVA test definitions and where they come from |
//! | `steps` | what each kind of action does |
//!
//! Everything that the board says is hostile. It never learns of the event channel: what it prints
//! can give test results of its own job and nothing else.

mod board;
mod dialog;
mod halt;
mod images;
mod link;
mod listen;
mod on_host;
mod plan;
mod session;
mod steps;
mod testdef;

use std::path::PathBuf;

use self::board::ConsoleBoard;
use self::steps::Steps;
use super::log::say;
use super::terminated::Bell;
use super::{exit, main as built_in_main};

/// Runs as a dispatcher; returns the exit code of the protocol.
pub fn main() -> i32 {
    built_in_main("console", |job, events| {
        let Some(path) = std::env::var_os("PUMICE_BOARD_FILE").map(PathBuf::from) else {
            say(
                "pumice dispatch console: PUMICE_BOARD_FILE is not set: a runner starts this program",
            );
            return Ok(exit::USAGE);
        };
        let board = match ConsoleBoard::read(&path) {
            Ok(board) => board,
            Err(why) => {
                say(&format!("error in the board's configuration: {why}"));
                events.end(&why);
                return Ok(exit::BOARD_CONFIG);
            }
        };
        let plan = plan::plan(job, &board)?;
        match Bell::new() {
            Ok(bell) => Ok(Steps::new(job, &board, events, &bell).run(&plan)),
            Err(error) => {
                events.end(&format!("TERM cannot be caught: {error}"));
                Ok(exit::TRY_AGAIN)
            }
        }
    })
}
