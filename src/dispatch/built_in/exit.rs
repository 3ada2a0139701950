//! The exit codes of the protocol that the built-in dispatchers give.

use signal_hook::consts::SIGTERM;

/// Ran to the end; the results give the verdict.
pub const OK: i32 = 0;
/// Failed, cause unknown.
pub const UNKNOWN: i32 = 1;
/// Not started by a runner.
pub const USAGE: i32 = 64;
/// The definition is wrong.
pub const JOB_ERROR: i32 = 65;
/// The board is unhealthy.
pub const BOARD: i32 = 69;
/// An infrastructure failure: try again.
pub const TRY_AGAIN: i32 = 75;
/// The board's configuration is wrong.
pub const BOARD_CONFIG: i32 = 78;
/// As a shell says of a command that TERM ended.
pub const TERMINATED: i32 = 128 + SIGTERM;
