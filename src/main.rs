//! Parses the command line, calls the library, returns its exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use pumice::cli::Cli;

fn main() -> ExitCode {
    // A dispatcher starts once per attempt and may own descriptor 3: it is entered before the
    // command line is parsed or anything is opened.
    let mut arguments = std::env::args_os();
    let called = arguments.next().map(PathBuf::from).unwrap_or_default();
    if let Some(code) =
        pumice::dispatch::rendezvous::tool::run(&called, std::env::args_os().skip(1))
    {
        return ExitCode::from(code as u8);
    }
    if arguments.next().is_some_and(|word| word == "dispatch")
        && let Some(name) = arguments.next()
        && let Some(code) = name.to_str().and_then(pumice::dispatch::built_in::run)
    {
        return ExitCode::from(code as u8);
    }
    match Cli::parse().run() {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) => error.report(),
    }
}
