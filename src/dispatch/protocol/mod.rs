//! The words that runner and dispatcher speak: events on descriptor 3, one JSON object a line.
//!
//! Used from both sides: the driver reads, the built-in dispatchers write.

pub mod event;
pub mod lines;
pub mod text;
pub mod writer;

/// The version of the protocol, as `PUMICE_PROTOCOL` says it.
pub const VERSION: u32 = 1;
