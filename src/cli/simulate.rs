//! `pumice simulate`: a workload played on a farm that is not there, by the real plan and with the real
//! estimates.

mod history;
mod shown;

use std::io::Write;
use std::path::PathBuf;

use super::context::Context;
use super::error::{Attempt, Error, Kind, Outcome};
use super::terminal::Terminal;
use crate::git::WorkTree;
use crate::model::{LabConfig, Span, Time, check};
use crate::simulate::{Measures, SwfError, Synthetic, Trace, Workload, play};

/// How busy the boards are where nothing else is asked for.
const LOAD: f64 = 0.85;

/// The most that can be asked for.
const MOST_LOAD: f64 = 2.0;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("workload").required(true)))]
pub struct Args {
    /// Plays a trace of the Parallel Workloads Archive (SWF 2.2, unpacked): a job is one board for as long
    /// as it ran.
    #[arg(long, value_name = "FILE", group = "workload")]
    pub trace: Option<PathBuf>,
    /// Plays a made-up farm: suites of known length, days and nights, failures and time-outs.
    #[arg(long, group = "workload")]
    pub synthetic: bool,
    /// How many boards there are: 9, or for a trace as many as give the load. With --load too, a trace's
    /// submissions are moved apart or together until the load is as said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=999))]
    pub boards: Option<u16>,
    /// Device types of the made-up farm.
    #[arg(long, value_name = "N", default_value_t = 3, conflicts_with = "trace",
        value_parser = clap::value_parser!(u16).range(1..=999))]
    pub types: u16,
    /// Groups among the users of the made-up farm, which take turns.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "trace",
        value_parser = clap::value_parser!(u16).range(1..=999))]
    pub groups: u16,
    /// The share of their time for which boards have work, of the busiest type; 0.85 if absent.
    #[arg(long, value_name = "SHARE", value_parser = load)]
    pub load: Option<f64>,
    /// How many jobs are submitted: 2400, or all of a trace.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub jobs: Option<u32>,
    /// The made-up farm is the same for the same number.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "trace")]
    pub seed: u64,
    /// A waiting job rises by one level each time it has waited so long, 0 for never; the lab's if absent.
    #[arg(long, value_name = "DURATION")]
    pub age_step: Option<Span>,
    /// How many urgent jobs of a group go before everything; the lab's if absent.
    #[arg(long, value_name = "N")]
    pub urgent_per_group: Option<u32>,
    /// Makes a bare repository there that is a lab with this history: `pumice -C DIR report` and `site
    /// build` show it. The folder must be empty or not there yet.
    #[arg(long, value_name = "DIR")]
    pub history: Option<PathBuf>,
    /// Prints JSON for programs: errors and shares as fractions, waits in seconds.
    #[arg(long)]
    pub json: bool,
}

fn load(text: &str) -> Result<f64, String> {
    let load: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.01..=MOST_LOAD).contains(&load) {
        Ok(load)
    } else {
        Err(format!(
            "it is not from 0.01 to {MOST_LOAD}: above 1 the queue only grows, and so does the time that this takes"
        ))
    }
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let lab = rules(args, context)?;
    let workload = match &args.trace {
        Some(file) => trace(args, &context.file(file))?,
        None => synthetic(args),
    };
    let setup = shown::Setup {
        seed: args.synthetic.then_some(args.seed),
        load: match args.synthetic {
            true => args.load.unwrap_or(LOAD),
            false => workload.boards_busy() / workload.boards.len().max(1) as f64,
        },
    };
    // Before the work, so that nobody waits for a folder that cannot be used.
    let history = args.history.as_deref().map(history::begin).transpose()?;
    let note = Terminal::of_stderr().is_some();
    if note {
        eprint!("playing {} jobs …", workload.jobs.len());
    }
    let played = play(&workload, &lab);
    if note {
        eprint!("\r\u{1b}[K");
    }
    let config = workload.config(&lab);
    let measures = Measures::new(&played, &config);
    if let Some(history) = history {
        history.write(&workload, &config, &played)?;
    }
    if args.json {
        context.print_json(&shown::Json::new(&measures, &lab.plan, &setup))?;
        return Ok(Outcome::Done);
    }
    let mut out = context.out();
    let text = shown::text(&measures, &lab.plan, &setup, context.terminal);
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// The rules of the lab that `-C` names or one stands in, as changed on the command line. In a work tree
/// its `lab.yaml` as it lies there, committed or not: that is how a change is tried.
fn rules(args: &Args, context: &Context) -> Result<LabConfig, Error> {
    let tree = if context.dir().is_dir() {
        WorkTree::discover(context.dir())?
    } else {
        None
    };
    let mut lab = match tree {
        Some(tree) => of_work_tree(&tree)?,
        None if context.at() != "." => context.open()?.fetch()?.snapshot.files.config,
        None => LabConfig::default(),
    };
    if let Some(step) = args.age_step {
        lab.plan.age_step = step;
    }
    if let Some(urgent) = args.urgent_per_group {
        lab.plan.urgent_per_group = urgent;
    }
    Ok(lab)
}

fn of_work_tree(tree: &WorkTree) -> Result<LabConfig, Error> {
    let path = tree.root().join("lab.yaml");
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(LabConfig::default());
        }
        Err(error) => {
            return Err(Error::new(Kind::Lab, format!("read {}", path.display())).because(&error));
        }
    };
    let checked = check::lab_config("lab.yaml", &bytes);
    let problem = checked.diagnostics.iter().map(check::line).next();
    checked.value.ok_or_else(|| {
        Error::new(Kind::Lab, "use the lab's rules").because(problem.unwrap_or_default())
    })
}

fn synthetic(args: &Args) -> Workload {
    let usual = Synthetic::default();
    let farm = Synthetic {
        boards: args.boards.map_or(usual.boards, usize::from),
        types: args.types.into(),
        load: args.load.unwrap_or(LOAD),
        jobs: args.jobs.map_or(usual.jobs, |jobs| jobs as usize),
        groups: args.groups.into(),
        seed: args.seed,
    };
    farm.workload()
}

fn trace(args: &Args, file: &std::path::Path) -> Result<Workload, Error> {
    let attempt = || format!("read the trace {}", file.display());
    let bytes = std::fs::read(file).attempt(Kind::Usage, attempt)?;
    let mut trace = Trace::parse(&bytes).map_err(|error| {
        let failed = Error::new(Kind::Usage, attempt()).because(error.to_string());
        match error {
            SwfError::Compressed(_) => failed,
            SwfError::Line(..) | SwfError::Empty => failed.hint("is this SWF 2.2?"),
        }
    })?;
    trace.end_at(Time::new(chrono::Utc::now()));
    if let Some(jobs) = args.jobs {
        trace.jobs.truncate(jobs as usize);
    }
    let load = args.load.unwrap_or(LOAD);
    let wanted = trace.workload(1).boards_busy() / load;
    let boards = args
        .boards
        .map_or_else(|| (wanted.round() as usize).clamp(1, 999), usize::from);
    let mut workload = trace.workload(boards);
    if args.boards.is_some() && args.load.is_some() {
        workload.stretch(wanted / boards as f64);
    }
    Ok(workload)
}
