//! The runner's side of an attempt: spawns the dispatcher, listens to it, holds it to its limits,
//! gathers what it gave. It must never know which dispatcher it drives.

mod allowance;
pub mod attachments;
pub mod attempt;
pub mod diary;
mod drive;
mod event_log;
pub(super) mod folder;
pub mod group;
mod limits;
pub(super) mod net;
pub mod outcome;
mod results;
mod session;
mod steps;
pub mod sweep;
