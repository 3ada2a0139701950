//! A runner as the program that it is: its own process, to be killed and stopped.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{Lab, until};

/// A runner that does not outlive a test that fails.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        // KILL to this process alone: its git and its dispatchers are left to themselves.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Program {
    /// Starts the runner `name`; its own lines go to a file in the lab's folder.
    pub fn start(lab: &Lab, name: &str, more: &[&str]) -> Self {
        Self::start_at(lab, &lab.url().to_string_lossy(), name, more, &[])
    }

    /// The same on another URL of the lab, with more in its environment.
    pub fn start_at(
        lab: &Lab,
        url: &str,
        name: &str,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let log = lab.root().join(format!("{name}.log"));
        let lines = File::options().create(true).append(true).open(&log);
        let child = Command::new(env!("CARGO_BIN_EXE_pumice"))
            .args(["-C", url, "runner", "--name", name, "--allow", "exec"])
            .arg("--state")
            .arg(lab.state(name))
            .args(more)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null")])
            .envs(environment.iter().copied())
            .env("HOME", lab.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(lines.unwrap())
            .spawn();
        Self {
            child: child.unwrap(),
            log,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far, and what earlier ones of its name said.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// How it has ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub fn end(&mut self) -> ExitStatus {
        let mut status = None;
        until("the runner ends", || {
            status = self.ended();
            status.is_some()
        });
        status.unwrap()
    }
}
