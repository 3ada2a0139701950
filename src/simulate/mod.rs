//! Pure: a farm that is not there, with the real plan and the real estimates.
//!
//! A [`Workload`] says what is submitted when, and how long each job takes; [`play`] lets the plan start
//! the jobs over virtual time, gives each one the estimates that a runner would give it, and answers with
//! the records that would lie in a journal. [`Measures`] says what they come to.
//!
//! It may use `model`, `schedule` and `report`. It must never read a clock, a file or a terminal: the
//! same workload gives the same records everywhere.

mod bar;
mod dice;
mod farm;
mod measures;
mod play;
mod swf;
mod synthetic;
mod workload;

pub use measures::{Measures, Waits};
pub use play::{Played, play};
pub use swf::{SwfError, SwfJob, Trace};
pub use synthetic::Synthetic;
pub use workload::{Arrival, End, Workload};

#[cfg(test)]
mod tests;
