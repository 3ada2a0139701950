//! Pumice: a job queue for board farms in which git is the server.
//!
//! ```text
//! cli ──> everything
//! simulate ──> schedule, report
//! runner ──> lab, schedule, dispatch, process, notify        site ──> lab, report, schedule
//! lab ──> git        dispatch, fetch ──> process        schedule, report ──> nothing but model
//! everything ──> model        git, process, model ──> nothing of ours
//! ```
//!
//! `tests/integration/architecture.rs` keeps these edges.

pub mod cli;
pub mod dispatch;
pub mod fetch;
pub mod git;
pub mod lab;
pub mod model;
pub mod process;
pub mod report;
pub mod runner;
pub mod schedule;
pub mod simulate;
pub mod site;
