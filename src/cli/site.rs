//! `pumice site`: builds the site, or shows it on this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chrono::Utc;

use crate::lab::{Lab, Scope};
use crate::model::Time;
use crate::site::{self, BuildOptions, BuildSummary, Served, SiteError};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Writes the pages that have changed.
    Build(BuildArgs),
    /// Shows the site on this machine and builds it again whenever the lab changes.
    Serve(ServeArgs),
}

#[derive(Debug, clap::Args)]
pub struct BuildArgs {
    /// The folder that holds the site.
    #[arg(long, value_name = "DIR", default_value = "public")]
    pub out: PathBuf,
    /// Makes every page anew; files that are right already are still not written.
    #[arg(long)]
    pub full: bool,
}

#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The folder that holds the site.
    #[arg(long, value_name = "DIR", default_value = "public")]
    pub out: PathBuf,
    /// The port; 0 takes any free one.
    #[arg(long, default_value_t = 8000)]
    pub port: u16,
}

/// Builds the site of a lab that has been fetched with its logs.
pub fn build(args: &BuildArgs, lab: &Lab) -> Result<BuildSummary, SiteError> {
    let options = BuildOptions {
        out: args.out.clone(),
        now: Time::new(Utc::now()),
        full: args.full,
    };
    site::build(lab, &options)
}

/// What a build did, in a line for people, and its warnings.
pub fn summary(summary: &BuildSummary) -> String {
    let seconds: f64 = summary.stages.iter().map(|(_, seconds)| seconds).sum();
    let mut text = if summary.unchanged {
        "nothing has changed".to_owned()
    } else {
        let BuildSummary {
            jobs,
            pages_written,
            pages_removed,
            ..
        } = summary;
        format!("{jobs} jobs: {pages_written} files written, {pages_removed} removed")
    };
    text.push_str(&format!(", {seconds:.2} s"));
    for warning in &summary.warnings {
        text.push_str("\nwarning: ");
        text.push_str(warning);
    }
    text
}

/// Starts to show the site on this machine alone.
pub fn serve(args: &ServeArgs) -> Result<Served, SiteError> {
    site::serve(
        &args.out,
        SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
    )
}

/// Fetches and builds until `wait`, which takes the time to the next look, says that it is over.
/// What goes wrong is said and tried again: the server may come back.
pub fn follow(
    args: &ServeArgs,
    lab: &Lab,
    poll: Duration,
    mut say: impl FnMut(&str),
    mut wait: impl FnMut(Duration) -> bool,
) {
    let build_args = BuildArgs {
        out: args.out.clone(),
        full: false,
    };
    loop {
        if let Err(error) = lab.fetch(Scope::WithLogs) {
            say(&format!("failed to fetch the lab: {error}"));
        }
        match build(&build_args, lab) {
            Ok(done) if done.unchanged => {}
            Ok(done) => say(&summary(&done)),
            Err(error) => say(&format!("failed to {error}")),
        }
        if wait(poll) {
            return;
        }
    }
}
