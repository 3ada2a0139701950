//! What is started on this host.

use std::io;
use std::process::{Child, Command, Stdio};

/// Starts a fresh shell in the job folder. It stays in this process's group, so that what is sent to
/// the group reaches it, and nothing is set that would keep the standard library from its cheapest
/// way of starting a process.
pub fn shell(command: &str, output: Stdio) -> Result<Child, String> {
    Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()
        .map_err(|error| format!("cannot start /bin/sh: {error}"))
}

/// Says why a program of the runner's `PATH` did not start.
pub fn not_started(program: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("`{program}` is not in the PATH of the runner"),
        _ => format!("cannot start `{program}`: {error}"),
    }
}
