//! Kills what an attempt left behind, wherever it hid: everything a dispatcher starts carries the
//! attempt's cookie in its environment, unless it took pains to drop it.

use crate::process::{self, Mark};

/// The environment variable that holds the cookie.
pub const COOKIE: &str = "PUMICE_COOKIE";

/// Kills every process with exactly this cookie; returns how many were found.
pub fn sweep(cookie: &str) -> u32 {
    process::sweep(Mark::Whole(entry(cookie).as_bytes()), None)
}

/// The same for an attempt that began a moment ago with this process: looks only at processes that
/// were started since.
pub(super) fn sweep_since(cookie: &str, leader: u32) -> u32 {
    process::sweep(Mark::Whole(entry(cookie).as_bytes()), Some(leader))
}

/// Kills every process whose cookie begins so: at start-up, what an earlier run of the same runner
/// left. An empty beginning kills nothing, since it would fit every runner on the host.
pub fn sweep_beginning(beginning: &str) -> u32 {
    if beginning.is_empty() {
        return 0;
    }
    process::sweep(Mark::Beginning(entry(beginning).as_bytes()), None)
}

fn entry(cookie: &str) -> String {
    format!("{COOKIE}={cookie}")
}
