//! Attempts with real processes.

mod adapters;
mod driver;
pub mod ending;
mod exec;
pub mod harness;
mod orphaned;
mod ssh;
