//! Runs the system's programs: argv arrays, no shell, nothing on standard input.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{FetchError, attempt};
use crate::process::{Control, Exit, Leader, Moment, Program, Turn, Watch, supervise};

/// Fetching 60 MB at 20 kB/s takes 50 minutes; what takes longer has come to a halt.
const LIMIT: Duration = Duration::from_secs(3600);

/// How long a program may take to end after TERM.
const GRACE: Duration = Duration::from_secs(5);

/// How much output is kept: lists of packages are a few kilobytes.
const KEPT: usize = 1 << 20;

/// How much of a failed program's output an error quotes.
const QUOTED_LINES: usize = 4;

/// Where a program is, looked up in `PATH`.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    find_in(name, &std::env::var_os("PATH")?)
}

fn find_in(name: &str, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| {
            file.metadata()
                .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
        })
}

/// Runs a program to its end in `folder` and gives its output. `attempt` fits after "failed to"; `channel`
/// takes what comes through descriptor 3.
pub(super) fn run(
    attempted: &str,
    argv: &[OsString],
    folder: &Path,
    channel: &mut dyn FnMut(&[u8]),
) -> Result<String, FetchError> {
    let io = || attempt(|| attempted);
    let mut env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    // What is read from the output must not be translated.
    env.retain(|(name, _)| name != "LC_ALL" && name != "LANGUAGE");
    env.push(("LC_ALL".into(), "C.UTF-8".into()));
    let leader = Leader::spawn(&Program {
        argv,
        env: &env,
        folder,
        channel: true,
        group: None,
    })
    .map_err(io())?;
    let mut watch = Limited {
        deadline: Moment::now().plus(LIMIT),
        timed_out: false,
        output: Vec::new(),
        channel,
    };
    let control = Control::new().map_err(io())?;
    let ended = supervise(leader, GRACE, &control, &mut watch).map_err(io())?;
    let output = String::from_utf8_lossy(&watch.output).into_owned();
    let failed = |said: String| FetchError::Failed {
        attempt: attempted.to_owned(),
        said,
    };
    match ended.exit {
        _ if watch.timed_out => Err(failed(format!(
            "it was stopped after {} minutes",
            LIMIT.as_secs() / 60
        ))),
        Exit::Code(0) => Ok(output),
        Exit::Code(code) => Err(failed(match last_lines(&output) {
            said if said.is_empty() => format!("exit code {code}"),
            said => said,
        })),
        Exit::Signal(signal) => Err(failed(format!("ended by signal {signal}"))),
    }
}

/// What a program says its trouble was: the lines that begin with `E:`, as Debian's programs mark them, else
/// the last.
fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let marked: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("E: "))
        .collect();
    let told = if marked.is_empty() { lines } else { marked };
    told[told.len().saturating_sub(QUOTED_LINES)..].join("; ")
}

struct Limited<'a> {
    deadline: Moment,
    timed_out: bool,
    output: Vec<u8>,
    channel: &'a mut dyn FnMut(&[u8]),
}

impl Watch for Limited<'_> {
    fn output(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.output.len());
        self.output
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn channel(&mut self, bytes: &[u8]) {
        (self.channel)(bytes);
    }

    fn turn(&mut self, now: Moment) -> Turn {
        self.timed_out |= now >= self.deadline;
        Turn {
            stop: self.timed_out,
            hold_channel: false,
            next: (!self.timed_out).then_some(self.deadline),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Result<String, FetchError> {
        let argv = ["/bin/sh", "-c", script].map(OsString::from);
        run("do it", &argv, Path::new("/"), &mut |_| {})
    }

    #[test]
    fn a_failure_quotes_the_end_of_the_output() {
        assert_eq!(sh("echo yes").unwrap(), "yes\n");
        let error = sh("seq 10 >&2; exit 100").unwrap_err();
        assert_eq!(error.to_string(), "do it: 7; 8; 9; 10");
        let error = sh("echo E: no; echo W: odd; echo E: way; echo bye; exit 100").unwrap_err();
        assert_eq!(error.to_string(), "do it: no; way");
        assert_eq!(sh("exit 3").unwrap_err().to_string(), "do it: exit code 3");
        let error = sh("kill -9 $$").unwrap_err();
        assert_eq!(error.to_string(), "do it: ended by signal 9");
    }

    #[test]
    fn the_channel_is_descriptor_3() {
        let argv = ["/bin/sh", "-c", "echo out; echo beside >&3"].map(OsString::from);
        let mut beside = Vec::new();
        let output = run("do it", &argv, Path::new("/"), &mut |bytes| {
            beside.extend_from_slice(bytes);
        });
        assert_eq!(output.unwrap(), "out\n");
        assert_eq!(beside, b"beside\n");
    }

    #[test]
    fn only_what_can_be_executed_is_a_program() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("tool");
        std::fs::write(&file, "").unwrap();
        let path = dir.path().as_os_str();
        assert_eq!(find_in("tool", path), None);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_in("tool", path), Some(file));
    }
}
