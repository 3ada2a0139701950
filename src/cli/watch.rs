//! `pumice watch`: one job, step by step, until it has ended.

mod board;
mod cause;
mod lines;
mod steps;

use self::board::Board;
use self::lines::Lines;
use super::bars::Bars;
use super::context::Context;
use super::error::{Error, Outcome};
use super::find;
use super::open::Opened;
use super::wait::{self, Display};
use crate::model::JobId;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job: any unique prefix of its id, or the path of its file.
    #[arg(value_name = "JOB")]
    pub job: String,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let id = find::job(&seen, &args.job)?.record.id;
    until_ended(&opened, &[id], context)
}

/// Watches a job until it has ended; several as `wait` does. Says how they ended.
pub fn until_ended(opened: &Opened, ids: &[JobId], context: &Context) -> Result<Outcome, Error> {
    let &[id] = ids else {
        return wait::until_ended(opened, ids, None, context);
    };
    let mut display: Box<dyn Display> = match Bars::on_terminal() {
        Some(bars) => Box::new(Board::new(bars, id)),
        None => Box::new(Lines::new(id, context)),
    };
    wait::follow(opened, ids, None, display.as_mut())
}
