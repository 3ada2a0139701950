//! The whole site, built of synthetic labs.

mod boards;
mod calibration;
mod harness;
mod hostile;
mod incremental;
mod pages;
mod preview;
mod when;
