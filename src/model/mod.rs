//! Pure data: what a lab's files and records say, without any input or output.
//!
//! Everything else may use this module; it uses nothing of ours. It must never know of git, of
//! processes, of clocks or of the terminal.

pub mod adapters;
mod asked;
pub mod board;
pub mod check;
pub mod claim;
pub mod diagnostic;
pub mod group;
pub mod host;
pub mod id;
pub mod job;
pub mod lab;
pub mod name;
pub mod pattern;
pub mod priority;
pub mod record;
pub mod span;
pub mod status;
pub mod time;

pub use asked::{Asked, Nearest};
pub use board::{Board, BoardFile, DeviceType, ServiceState};
pub use claim::Claim;
pub use diagnostic::{Diagnostic, Severity};
pub use host::HostConfig;
pub use id::{JobId, ObjectId};
pub use job::Job;
pub use lab::LabConfig;
pub use name::{BoardName, RunnerName};
pub use priority::Priority;
pub use record::{Health, Reason, Record, State, Verdict};
pub use span::Span;
pub use time::Time;
