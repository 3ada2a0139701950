//! `pumice runner status`: what the runners last said of themselves.

use std::io::Write;

use chrono::Utc;

use super::context::Context;
use super::error::{Error, Outcome};
use super::moment;
use super::text::visible;
use crate::model::Time;
use crate::model::status::{BoardStatus, BoardUse, RunnerStatus};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Prints a JSON array of the heartbeats.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let seen = context.open()?.fetch()?;
    let runners = &seen.snapshot.runners;
    if args.json {
        context.print_json(runners)?;
        return Ok(Outcome::Done);
    }
    if runners.is_empty() {
        context.note("no runner has said anything yet: `pumice runner` starts one");
        return Ok(Outcome::Done);
    }
    let now = Time::new(Utc::now());
    let mut out = context.out();
    for (n, runner) in runners.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        // A name, a reason, a path: all of it is what a commit says.
        for (fact, value) in facts(runner, now) {
            writeln!(out, "{fact:<13}{}", visible(&value))?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn facts(runner: &RunnerStatus, now: Time) -> Vec<(&'static str, String)> {
    let ago = moment::length(now.seconds_since(runner.at));
    let mut facts = vec![
        ("runner", runner.runner.to_string()),
        ("seen", format!("{ago} ago ({})", moment::moment(runner.at))),
        ("version", runner.program.clone()),
    ];
    let state = match &runner.paused {
        Some(why) => format!("claims nothing: {why}"),
        None => "claims jobs".to_owned(),
    };
    facts.push(("state", state));
    let containment = runner.containment.as_deref().unwrap_or("not said");
    facts.push(("containment", containment.to_owned()));
    if let Some(free) = runner.free_disk_bytes {
        facts.push((
            "free disk",
            format!("{:.1} GiB", free as f64 / f64::from(1 << 30)),
        ));
    }
    facts.extend(runner.boards.iter().map(|status| ("board", board(status))));
    for job in &runner.running {
        let canceling = if job.canceling { ", being stopped" } else { "" };
        facts.push((
            "job",
            format!(
                "{} on {}, attempt {}, {} %, for {}{canceling}",
                job.id.short(),
                job.board,
                job.attempt,
                job.progress,
                moment::length(now.seconds_since(job.started_at)),
            ),
        ));
    }
    facts
}

fn board(status: &BoardStatus) -> String {
    let usage = match status.usage {
        BoardUse::Idle => "idle",
        BoardUse::Busy => "busy",
        BoardUse::Unavailable => "unavailable",
    };
    let health = status.health.as_str();
    match &status.reason {
        Some(reason) => format!("{} {usage}, {health}: {reason}", status.name),
        None => format!("{} {usage}, {health}", status.name),
    }
}
