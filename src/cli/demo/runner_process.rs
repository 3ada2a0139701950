//! The demo's runner: a process of its own, as on a lab host.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::folders::Folders;
use crate::cli::error::{Attempt, Error, Kind};

/// How long a runner that was asked to end may take for its last site and for ending attempts, before it
/// is asked again, and more urgently.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long one that was asked twice may take.
const LAST_PATIENCE: Duration = Duration::from_secs(40);

/// Ends with its owner.
pub struct RunnerProcess {
    child: Child,
    log: PathBuf,
}

impl RunnerProcess {
    /// Starts it; beside `exec` it is allowed what `allow` says.
    pub fn start(folders: &Folders, program: &Path, allow: Option<&str>) -> Result<Self, Error> {
        let attempt = || "start the demo's runner".to_owned();
        let log = folders.state().join("runner.log");
        // Appended to, since the programs that it starts write there, too.
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .attempt(Kind::Failed, attempt)?;
        let err = out.try_clone().attempt(Kind::Failed, attempt)?;
        let mut command = Command::new(program);
        command
            .arg("-C")
            .arg(folders.server())
            .args(["runner", "--name", "demo", "--allow", "exec", "--state"])
            .arg(folders.state())
            .args(allow.iter().flat_map(|allow| ["--allow", allow]))
            .arg("--site")
            .arg(folders.site())
            .env("PUMICE_CACHE", folders.cache())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // Ctrl-C is for the demo, which then ends the runner in order.
            .process_group(0);
        let child = command.spawn().attempt(Kind::Failed, attempt)?;
        Ok(Self { child, log })
    }

    /// An error, with the end of what it wrote, if it has ended by itself.
    pub fn require_alive(&mut self) -> Result<(), Error> {
        let attempt = || "keep the demo's runner running".to_owned();
        match self.child.try_wait().attempt(Kind::Failed, attempt)? {
            None => Ok(()),
            Some(status) => {
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(10).collect();
                let last: Vec<&str> = last.into_iter().rev().collect();
                Err(Error::new(Kind::Failed, attempt())
                    .because(format!("it ended with {status}:\n{}", last.join("\n")))
                    .hint(format!("all it wrote is in {}", self.log.display())))
            }
        }
    }

    /// Lets running jobs end and the site be built a last time, then ends it.
    pub fn finish(mut self) {
        self.end(PATIENCE);
    }

    fn end(&mut self, patience: Duration) {
        for patience in [patience, LAST_PATIENCE] {
            self.signal(Signal::TERM);
            if self.ended_within(patience) {
                return;
            }
        }
        self.signal(Signal::KILL);
        // It cannot refuse; without this it stayed a zombie.
        let _ = self.child.wait();
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended just now.
            let _ = kill_process(pid, signal);
        }
    }

    fn ended_within(&mut self, patience: Duration) -> bool {
        /// Ending takes some tenths of a second.
        const LOOK_EVERY: Duration = Duration::from_millis(20);
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        false
    }
}

impl Drop for RunnerProcess {
    /// After an error or Ctrl-C: at once, so running jobs are given back.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end(Duration::from_secs(1));
        }
    }
}
