//! The daemon on a lab host: claims jobs by commits, runs attempts, commits results.
//!
//! One loop owns all state (`daemon`); each turn is `Runner::tick`, which tests call by themselves.
//! Uses `lab`, `schedule`, `dispatch`, `process`. It must never know of pages or of the command line.
//!
//! | file | verb |
//! |---|---|
//! | `observe` | fetch, and take in what the lab says now |
//! | `claim` | plan, and claim by one push |
//! | `plan` | what the plan gives to this runner's boards |
//! | `spread` | leave jobs to the other runners of a far server |
//! | `verify` | decide about each won claim from a fetch that began after it stood |
//! | `start` | begin an attempt |
//! | `end` | turn an attempt's end into a record |
//! | `group` | what a group job needs beside that |
//! | `publish` | push records through their claims' fences |
//! | `takeover` | replace the claims of a runner that does not move any more |
//! | `lose` | record an attempt that nobody saw the end of |
//! | `left` | find what such an attempt left in its folder |
//! | `evidence` | keep what the fence refused |
//! | `mend` | make a damaged mirror anew |
//! | `recover` | after a restart: own records, then the spool, then open claims |
//! | `power` | switch off what an earlier run left on |
//! | `checks` | say which boards need a health check |
//! | `health` | judge and note how boards are |
//! | `progress` | follow how far the attempts are |
//! | `estimate` | say when jobs will start and end |
//! | `play` | play the plan forward |
//! | `given` | keep what was said |
//! | `beat` | say that this runner lives |

mod beat;
mod boards;
mod checks;
mod claim;
mod core;
mod daemon;
mod end;
mod env;
mod error;
mod estimate;
mod evidence;
mod given;
mod group;
mod health;
mod left;
mod lose;
mod mend;
mod observe;
mod options;
mod outbox;
mod plan;
mod play;
mod power;
mod progress;
mod publish;
mod recover;
mod sight;
mod spread;
mod start;
mod state;
mod takeover;
mod upkeep;
mod verify;
mod world;

pub use core::{Runner, Turn};
pub use daemon::{Daemon, Signal};
pub use env::{
    Both, Clock, Driver, Environment, Point, Processes, Remote, Report, Running, SystemClock,
};
pub use error::RunnerError;
pub use options::Options;
pub use progress::Shown;
pub use state::StateFolder;
