//! Attempts with real processes.

mod driver;
mod ending;
mod exec;
mod harness;
mod orphaned;
