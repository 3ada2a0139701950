//! The integration tests: one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, helpers included"
)]

mod architecture;
mod cli;
mod console;
mod dice;
mod dispatch;
mod drills;
mod estimate;
mod examples;
mod group;
mod harness;
mod health;
mod killed;
mod life;
mod manual;
mod program;
mod protocol;
mod site;
mod virtual_boards;
