//! `pumice site`: builds the site, or shows it on this machine.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use chrono::Utc;

use super::context::Context;
use super::error::{Error, Kind, Outcome};
use crate::git;
use crate::lab::{Lab, Scope};
use crate::model::Time;
use crate::site::{self, BuildOptions, BuildSummary, SiteError};

/// How often a remote lab is looked at; a local one when its refs change.
const INTERVAL: Duration = Duration::from_secs(10);

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
    /// The port of 127.0.0.1; 0 takes any free one.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub port: u16,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let lab = context.open()?.lab;
    match &args.command {
        Command::Build(args) => {
            lab.fetch(Scope::WithLogs)?;
            let summary = build(&lab, &args.out, args.full)?;
            say(&summary, &args.out, context)?;
        }
        Command::Serve(args) => serve(args, &lab, context)?,
    }
    Ok(Outcome::Done)
}

/// Builds the site of a lab as it was last fetched.
pub fn build(lab: &Lab, out: &Path, full: bool) -> Result<BuildSummary, SiteError> {
    let options = BuildOptions {
        out: out.to_owned(),
        now: Time::new(Utc::now()),
        full,
    };
    site::build(lab, &options)
}

/// Serves until the process is ended. What goes wrong on the way is said and tried again.
fn serve(args: &ServeArgs, lab: &Lab, context: &Context) -> Result<(), Error> {
    // This end stays open, so that waiting takes its time even where nothing is watched.
    let (changed, changes) = channel();
    let poke = changed.clone();
    let _watch = git::watch(lab.url(), move || {
        let _ = poke.send(());
    })
    .ok()
    .flatten();
    lab.fetch(Scope::WithLogs)?;
    say(&build(lab, &args.out, false)?, &args.out, context)?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let served = site::serve(&args.out, address)?;
    context.note(&format!("http://{}/", served.address()));
    let _open = changed;
    loop {
        // The first event is acted on at once; what comes meanwhile is built with it.
        let _ = changes.recv_timeout(INTERVAL);
        changes.try_iter().for_each(drop);
        let built = lab
            .fetch(Scope::WithLogs)
            .map_err(Error::from)
            .and_then(|_| Ok(build(lab, &args.out, false)?));
        match built {
            Ok(summary) if summary.unchanged => {}
            Ok(summary) => say(&summary, &args.out, context)?,
            Err(error) => context.note(&format!("failed to {error}")),
        }
    }
}

fn say(summary: &BuildSummary, out: &Path, context: &Context) -> Result<(), Error> {
    for warning in &summary.warnings {
        context.note(&format!("warning: {warning}"));
    }
    let seconds: f64 = summary.stages.iter().map(|(_, seconds)| seconds).sum();
    let out = out.display();
    let line = if summary.unchanged {
        format!("{out}: nothing has changed, {seconds:.2} s")
    } else {
        let BuildSummary {
            jobs,
            pages_written: written,
            pages_removed: removed,
            ..
        } = summary;
        format!("{out}: {jobs} jobs, {written} files written, {removed} removed, {seconds:.2} s")
    };
    Ok(writeln!(context.out(), "{line}")?)
}

impl From<SiteError> for Error {
    fn from(error: SiteError) -> Self {
        let kind = match &error {
            SiteError::Read { .. } => Kind::Git,
            SiteError::Template { .. } => Kind::Lab,
            SiteError::File { .. } | SiteError::Listen { .. } => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}
