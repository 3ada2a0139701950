//! `pumice schema`: the JSON Schema of a kind of file, for editors.

use std::io::Write;

use clap::ValueEnum;

use super::context::Context;
use super::error::{Error, Outcome};
use crate::model::check::{self, SchemaKind};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The kind of file.
    #[arg(value_enum, value_name = "KIND", default_value_t = Kind::Job)]
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A job definition under queue/.
    Job,
    /// A board, boards/NAME.yaml.
    Board,
    /// A device type, boards/types/NAME.yaml.
    DeviceType,
    /// The lab, lab.yaml.
    Lab,
    /// The record of a finished job.
    Record,
    /// A lab host's runner.yaml.
    Host,
}

impl From<Kind> for SchemaKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Job => Self::Job,
            Kind::Board => Self::Board,
            Kind::DeviceType => Self::DeviceType,
            Kind::Lab => Self::Lab,
            Kind::Record => Self::Record,
            Kind::Host => Self::Host,
        }
    }
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let mut out = context.out();
    writeln!(out, "{:#}", check::schema(args.kind.into()))?;
    out.flush()?;
    Ok(Outcome::Done)
}
