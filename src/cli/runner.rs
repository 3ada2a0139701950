//! `pumice runner`: the daemon that drives this host's boards.

use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use super::context::Context;
use super::error::{Attempt, Error, Kind, Outcome};
use super::open::Opened;
use super::runner_bars::RunnerBars;
use super::runner_status;
use super::site_keeper::SiteKeeper;
use crate::lab::Lab;
use crate::model::check;
use crate::model::{BoardName, HostConfig, ObjectId, RunnerName};
use crate::process::Containment;
use crate::runner::{
    Daemon, Environment, Options, Processes, RunnerError, Signal, StateFolder, SystemClock,
};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub action: Option<Action>,
    /// The runner's name, by which boards and its refs know it; the host's name if absent.
    #[arg(long, value_name = "NAME")]
    pub name: Option<RunnerName>,
    /// Drives these boards only.
    #[arg(long, value_name = "BOARD", value_delimiter = ',')]
    pub boards: Vec<BoardName>,
    /// What boards may start on this host: built-in dispatchers, absolute programs, or `any`.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// The folder that holds the mirror, the spool and the job folders.
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The host's own file; `runner.yaml` in the state folder if absent.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Keeps the lab's site in this folder up to date.
    #[arg(long, value_name = "DIR")]
    pub site: Option<PathBuf>,
    /// Ends when nothing runs, nothing is unpublished and no waiting job could start here.
    #[arg(long)]
    pub until_idle: bool,
    /// Goes on after the main branch was rewritten, with this head of it.
    #[arg(long, value_name = "SHA")]
    pub accept_rewrite: Option<ObjectId>,
}

#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Shows what every runner of the lab last said of itself.
    Status(runner_status::Args),
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.action {
        Some(Action::Status(args)) => runner_status::run(args, context),
        None => drive(args, context),
    }
}

fn drive(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let url = opened.lab.url().to_owned();
    let name = match &args.name {
        Some(name) => name.clone(),
        None => host_name()?,
    };
    let folder = match &args.state {
        Some(folder) => folder.clone(),
        None => default_state(&opened, &name)?,
    };
    let state = StateFolder::open(&folder)?;
    let config = args
        .config
        .clone()
        .unwrap_or_else(|| state.root().join("runner.yaml"));
    let host = host_config(&config, args.config.is_some())?;
    let mut allow = args.allow.clone();
    allow.extend(host.allow);

    let lab = Lab::open(&url, &state.mirror())?;
    // The lock on the state folder makes sure that the groups of this name are nobody else's.
    let containment = Containment::find(&format!("pumice-{}", state.instance()));
    let contained = containment.to_string();
    let program =
        std::env::current_exe().attempt(Kind::Failed, || "find this program".to_owned())?;
    let options = Options {
        name: name.clone(),
        boards: (!args.boards.is_empty()).then(|| args.boards.clone()),
        allow,
        images: host.images,
        until_idle: args.until_idle,
        accept_rewrite: args.accept_rewrite,
        program: program.clone(),
    };
    let bars = RunnerBars::new();
    let lines = bars.clone();
    let env = Environment {
        remote: Box::new(lab.clone()),
        driver: Box::new(Processes(containment)),
        clock: Box::new(SystemClock),
        dies_at: Box::new(|_| false),
        say: Box::new(move |line| lines.say(line)),
    };
    // What escapes a dispatcher's process group comes to this process, which can then end it.
    crate::process::become_subreaper().attempt(Kind::Failed, || {
        "become the parent of stray processes".to_owned()
    })?;
    bars.say(&format!("containment: {contained}"));
    let mut daemon = Daemon::new(lab, options, env, state)?;
    if bars.are_drawn() {
        let bars = bars.clone();
        daemon.show(move |running| bars.show(running));
    }
    listen(daemon.sender())?;
    bars.say(&format!(
        "runner {name} on {url}, state in {}",
        folder.display()
    ));
    let site = args
        .site
        .as_ref()
        .map(|out| SiteKeeper::start(&program, &url, out))
        .transpose()?;
    let result = daemon.run();
    bars.end();
    if let Some(site) = site {
        site.finish();
    }
    result?;
    Ok(Outcome::Done)
}

/// TERM and INT end, the second one at once; HUP and USR1 poke.
fn listen(sender: Sender<Signal>) -> Result<(), Error> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])
        .attempt(Kind::Failed, || "listen for signals".to_owned())?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let event = match signal {
                SIGTERM | SIGINT => Signal::Stop,
                _ => Signal::Changed,
            };
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    Ok(())
}

fn host_name() -> Result<RunnerName, Error> {
    let uname = rustix::system::uname();
    let host = uname.nodename().to_string_lossy();
    let short = host.split('.').next().unwrap_or_default();
    short.parse().map_err(|cause| {
        Error::new(Kind::Usage, "name the runner after this host")
            .because(&cause)
            .hint("give it a name with --name")
    })
}

/// `$XDG_STATE_HOME/pumice/<lab>/<name>`, else below `~/.local/state`.
fn default_state(opened: &Opened, name: &RunnerName) -> Result<PathBuf, Error> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute("XDG_STATE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/state")))
        .ok_or_else(|| {
            Error::new(Kind::Lab, "find a folder for the runner's state")
                .because("neither XDG_STATE_HOME nor HOME is an absolute path")
                .hint("name one with --state")
        })?;
    let lab = opened
        .lab
        .mirror()
        .path()
        .file_stem()
        .unwrap_or_default()
        .to_owned();
    Ok(base.join("pumice").join(lab).join(name.as_str()))
}

/// The host's own file; without one nothing is allowed but what the command line allows.
fn host_config(path: &Path, named: bool) -> Result<HostConfig, Error> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => {
            return Ok(HostConfig::default());
        }
        Err(error) => return Err(error).attempt(Kind::Lab, || format!("read {}", path.display())),
    };
    let checked = check::host_config(&path.to_string_lossy(), &bytes);
    checked.value.ok_or_else(|| {
        let lines: Vec<String> = checked.diagnostics.iter().map(check::line).collect();
        Error::new(Kind::Lab, format!("use {}", path.display())).because(lines.join("\n"))
    })
}

impl From<RunnerError> for Error {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::Lab(error) => error.into(),
            other => Self::new(Kind::Lab, other.to_string()),
        }
    }
}
