//! The command line: one file per command, with the same name as the command.
//!
//! A command parses what was typed, asks the library, prints and says how it ended; an [`Error`] fixes the
//! exit code. Everything here may use every other module, and none of them may use this one. Commands must
//! never decide about jobs themselves: what is alive, who may cancel and what is valid is said by `lab` and
//! `model`.

pub mod args;
mod attempts;
mod bars;
pub mod board;
mod board_bars;
pub mod cancel;
pub mod completions;
mod context;
pub mod demo;
mod diagnostics;
mod error;
mod filter;
mod find;
mod follow;
mod forge;
mod free;
mod history;
pub mod init;
mod interrupt;
mod job_bar;
mod land;
pub mod list;
pub mod log;
mod member;
mod moment;
mod motion;
mod open;
mod outlook;
mod pointer;
pub mod report;
pub mod resubmit;
pub mod runner;
mod runner_bars;
mod runner_status;
mod runner_text;
pub mod schema;
pub mod show;
pub mod simulate;
pub mod site;
mod site_keeper;
pub mod submit;
mod table;
mod terminal;
mod text;
pub mod validate;
mod view;
pub mod wait;
pub mod watch;
pub mod when;

pub use args::Cli;
pub use context::Context;
pub use error::{Error, Kind, Outcome};
pub use open::{Opened, Seen};
