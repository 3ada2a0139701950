//! Listening to a console: raw bytes go to the log, their text is looked through for patterns.

mod console;
mod matcher;
mod plain;

pub use console::{Console, Heard};
