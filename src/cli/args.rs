//! The command line's grammar: every command with its arguments.

use clap::{Parser, Subcommand};

use super::context::Context;
use super::error::{Error, Outcome};
use super::{
    board, cancel, completions, demo, init, list, log, report, resubmit, runner, schema, show,
    simulate, site, submit, validate, wait, watch, when,
};

/// A job queue for board farms in which git is the server.
#[derive(Debug, Parser)]
#[command(
    name = "pumice",
    version,
    about,
    max_term_width = 100,
    propagate_version = false
)]
pub struct Cli {
    /// The lab: a work tree, a bare repository or a URL; the one you stand in if absent.
    #[arg(short = 'C', value_name = "DIR", global = true)]
    pub at: Option<String>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a new lab, committed and ready to push.
    Init(init::Args),
    /// Runs a whole lab on this machine: a bare repository, pushes, four virtual boards, two that boot a real
    /// kernel where their kit is, a runner and the site.
    Demo(demo::Args),
    /// Judges job, board and lab files: every problem with its place, reason and remedy.
    Validate(validate::Args),
    /// Submits job definitions: checks them, commits them under queue/ and pushes.
    Submit(submit::Args),
    /// Lists jobs: waiting, running and finished, oldest first.
    List(list::Args),
    /// Shows everything about one job.
    Show(show::Args),
    /// Prints a job's log.
    Log(log::Args),
    /// Waits until jobs have ended; exits with 1 unless every one is complete and none of its tests failed.
    Wait(wait::Args),
    /// Shows a job's progress, step by step, until it has ended; exits as `wait` does.
    Watch(watch::Args),
    /// Says when jobs are expected to start and to end, and why they wait.
    When(when::Args),
    /// Cancels waiting or running jobs by removing their files from the main branch.
    Cancel(cancel::Args),
    /// Submits a job's definition once more, under a new path.
    Resubmit(resubmit::Args),
    /// Shows the lab's boards and changes them.
    Board(board::Args),
    /// Sums up finished jobs.
    Report(report::Args),
    /// Plays a workload on a farm that is not there, with the real plan and estimates: what would a rule or a
    /// board change?
    Simulate(simulate::Args),
    /// Runs the daemon that drives this host's boards.
    Runner(runner::Args),
    /// Builds the lab's site, or shows it on this machine.
    Site(site::Args),
    /// Prints the JSON Schema of a kind of file, for editors.
    Schema(schema::Args),
    /// Prints the script that makes a shell complete command lines.
    Completions(completions::Args),
}

impl Cli {
    pub fn run(&self) -> Result<Outcome, Error> {
        let context = Context::new(self.at.clone());
        match &self.command {
            Command::Init(args) => init::run(args, &context),
            Command::Demo(args) => demo::run(args, &context),
            Command::Validate(args) => validate::run(args, &context),
            Command::Submit(args) => submit::run(args, &context),
            Command::List(args) => list::run(args, &context),
            Command::Show(args) => show::run(args, &context),
            Command::Log(args) => log::run(args, &context),
            Command::Wait(args) => wait::run(args, &context),
            Command::Watch(args) => watch::run(args, &context),
            Command::When(args) => when::run(args, &context),
            Command::Cancel(args) => cancel::run(args, &context),
            Command::Resubmit(args) => resubmit::run(args, &context),
            Command::Board(args) => board::run(args, &context),
            Command::Report(args) => report::run(args, &context),
            Command::Simulate(args) => simulate::run(args, &context),
            Command::Runner(args) => runner::run(args, &context),
            Command::Site(args) => site::run(args, &context),
            Command::Schema(args) => schema::run(args, &context),
            Command::Completions(args) => completions::run(args, &context),
        }
    }
}
