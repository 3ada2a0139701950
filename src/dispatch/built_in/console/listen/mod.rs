//! Listening to a console: its bytes go to the log but for the dispatcher's own talk, their text is
//! looked through for patterns.

mod console;
mod matcher;
mod plain;
mod quiet;

pub use console::{Console, Heard};
pub use quiet::Talk;
