//! The whole site, built of synthetic labs.

mod harness;
mod hostile;
mod incremental;
mod pages;
mod preview;
