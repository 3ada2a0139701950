//! Why the rest of a job is not run.

use std::io;

use crate::dispatch::built_in::exit;
use crate::model::pattern::PatternError;

#[derive(Debug)]
pub enum Halt {
    /// The runner wants it so.
    Terminated,
    /// The board did not come up, or went away.
    Board(String),
    /// Its power or its console cannot be had, whatever a job brings.
    Hardware(String),
    /// Something of the host or of the network failed: another attempt may do better.
    Infrastructure(String),
    /// The job asks for what cannot be.
    Job(String),
    /// The board's file asks for what cannot be.
    Config(String),
    /// The kernel panicked under a test. That is what the test found: the job ran to its end.
    Panic(String),
}

impl Halt {
    /// A pattern that passed the judgement of the plan alone, and not together with others.
    pub fn pattern(error: PatternError) -> Self {
        Self::Config(format!("a regular expression of the board: {error}"))
    }

    /// The reason in words.
    pub fn why(&self) -> &str {
        match self {
            Self::Terminated => "terminated",
            Self::Board(why)
            | Self::Hardware(why)
            | Self::Infrastructure(why)
            | Self::Job(why)
            | Self::Config(why)
            | Self::Panic(why) => why,
        }
    }

    /// The exit code of the protocol.
    pub fn code(&self) -> i32 {
        match self {
            Self::Terminated => exit::TERMINATED,
            Self::Board(_) | Self::Hardware(_) | Self::Infrastructure(_) => exit::TRY_AGAIN,
            Self::Job(_) => exit::JOB_ERROR,
            Self::Config(_) => exit::BOARD_CONFIG,
            Self::Panic(_) => exit::OK,
        }
    }
}

impl From<io::Error> for Halt {
    fn from(error: io::Error) -> Self {
        Self::Infrastructure(error.to_string())
    }
}
