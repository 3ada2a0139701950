//! The static-site generator: the whole history, the boards, the queue and reports as plain files.
//!
//! ```text
//! source ──> gather ──> views ──> pages ──> disk
//!   │          │                    │
//! load       history, report      engine (templates)
//! ```
//!
//! [`build`] reads a lab, compares it with the manifest the last build left in the output folder and
//! makes only the pages whose input changed. It may use `lab`, `report` and `schedule`. It must never
//! know of runners, and nothing outside it may know of templates.

mod ansi;
mod assets;
mod build;
mod disk;
mod engine;
mod error;
mod gather;
mod history;
mod load;
mod log;
mod manifest;
mod manual;
mod markdown;
mod pages;
mod paths;
mod pool;
#[doc(hidden)]
pub mod sample;
mod serve;
pub mod source;
mod text;
mod views;

#[cfg(test)]
mod tests;

pub use build::{BuildOptions, BuildSummary, build_from};
pub use error::SiteError;
pub use load::build;
pub use serve::{Served, serve};
