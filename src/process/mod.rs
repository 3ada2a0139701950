//! Supervises one process: its group, its output, its time limits, its end.
//!
//! It may use `model` and the operating system. It must never know of jobs, boards, dispatchers or
//! the event protocol: whoever supervises passes a [`Watch`] that gives the bytes their meaning.
//!
//! One thread spawns, supervises and waits, since the kernel sends the parent-death signal when the
//! *thread* that spawned ends. Nothing here polls in a loop: a supervisor sleeps until output, an
//! event, the end of the process, its alarm or its owner's wish wakes it.

mod capped_log;
mod containment;
mod control;
mod descriptors;
mod identity;
mod leader;
mod moment;
mod orphans;
mod run;
mod supervise;
mod sweep;

pub use capped_log::{CappedLog, LogEnd, LogTail};
pub use containment::{Containment, Group};
pub use control::{Control, Wish};
pub use identity::Identity;
pub use leader::{Exit, Leader, Program};
pub use moment::{Alarm, Moment};
pub use orphans::{Orphans, become_subreaper};
pub use run::{Command, Ran, run};
pub use supervise::{Ended, Stop, Turn, Watch, supervise};
pub use sweep::{Mark, sweep};
