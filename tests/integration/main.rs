//! The integration tests: one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, helpers included"
)]

mod architecture;
mod cli;
mod dispatch;
mod examples;
mod harness;
mod life;
mod manual;
mod protocol;
mod site;
