//! `pumice demo`: a whole lab on this machine, from the first push to the site.

mod display;
mod embedded;
mod expected;
mod folders;
mod kernels;
mod runner_process;
mod stage;
mod story;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use chrono::Utc;

use self::display::Display;
use self::folders::Folders;
use self::kernels::Kernels;
use self::stage::Stage;
use self::story::Story;
use super::context::Context;
use super::error::{Attempt, Error, Kind, Outcome};
use super::view::Job;
use super::{list, open};
use crate::model::Time;
use crate::schedule::outlook::Outlook;
use crate::site;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ends when every job has ended, with exit code 1 unless each did as it must.
    #[arg(long)]
    pub once: bool,
    /// Keeps everything in this folder, which must be empty or not there yet; a temporary one if absent.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The port of 127.0.0.1 on which the site is served; any free one if absent.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub port: u16,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let program = std::env::current_exe()
        .attempt(Kind::Failed, || "find this program's own file".to_owned())?;
    let (folders, tree) = Folders::make(args.dir.as_deref())?;
    let url = folders.server().to_string_lossy().into_owned();
    let opened = open::open_with_cache(&url, &folders.cache())?;
    let mut stage = Stage::new(&opened, Display::new())?;
    let kernels = Kernels::find()?;
    let story = Story {
        folders: &folders,
        tree: &tree,
        program: &program,
        kernels: &kernels,
    };
    let told = tell(args, &story, &mut stage);
    stage.display.end();
    let outcome = match told {
        Ok(()) => judge(args, &story, &mut stage, context),
        Err(error) => Err(error),
    };
    let root = folders.root().display();
    context.note(&format!("everything is kept in {root}"));
    outcome
}

/// The story, and without `--once` what a person does afterwards.
fn tell(args: &Args, story: &Story, stage: &mut Stage) -> Result<(), Error> {
    if args.once {
        story.begin(stage)?;
        stage.keep(story.runner()?);
        return story.tell(stage);
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    // Before anything else, so that a taken port is said at once.
    let served = site::serve(&story.folders.site(), address)
        .map_err(|error| Error::new(Kind::Failed, error.to_string()))?;
    let page = format!("http://{}/", served.address());
    stage.display.say(&format!("The site will be at {page}"))?;
    story.begin(stage)?;
    stage.keep(story.runner()?);
    story.tell(stage)?;
    let text = what_to_try(story.folders, story.program, &page);
    stage.display.say(&text)?;
    stage.until_interrupted()
}

/// Compares what happened with what had to, and shows it. After a person has played with the lab only the
/// end of the runner is left to do.
fn judge(
    args: &Args,
    story: &Story,
    stage: &mut Stage,
    context: &Context,
) -> Result<Outcome, Error> {
    stage.finish();
    if !args.once {
        return Ok(Outcome::Done);
    }
    let mut jobs: Vec<Job> = stage.jobs.all().cloned().collect();
    jobs.sort_by_key(|job| job.record.submitted_at);
    let table = list::table(
        &jobs,
        &stage.files,
        &Outlook::default(),
        Time::new(Utc::now()),
    );
    let mut wrong = expected::mismatches(&stage.jobs, story.kernels.are_there());
    let front = story.folders.site().join("index.html");
    if !front.is_file() {
        wrong.push(format!("the site has no front page {}", front.display()));
    }
    let mut out = context.out();
    writeln!(out, "\n{}", table.render(context.terminal))?;
    match wrong.len() {
        0 => writeln!(
            out,
            "{} jobs have ended, each as it must; the site is in {}",
            jobs.len(),
            story.folders.site().display()
        )?,
        _ => writeln!(out, "not everything is as it must be:")?,
    }
    for sentence in &wrong {
        writeln!(out, "  {sentence}")?;
    }
    out.flush()?;
    Ok(if wrong.is_empty() {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

fn what_to_try(folders: &Folders, program: &Path, page: &str) -> String {
    let (work, program) = (folders.work(), program.display());
    format!(
        "
Every job has ended. The site is at {page}, and the runner goes on; in another terminal try

  cd {}
  {program} list
  cp templates/demo/pass-smoke.json queue/mine.json
  git add queue && git commit -m 'Submit mine' && git push
  {program} resubmit queue/fail-test.json --watch
  {program} show queue/mine.json
  {program} log queue/mine.json

Ctrl-C ends the demo.",
        work.display()
    )
}
