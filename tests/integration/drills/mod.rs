//! Faults on purpose: what Pumice promises when a board, a job or a host misbehaves. Each drill prints
//! a line of its own: `drill`, tab, what was measured, tab, its value, tab, the unit.

mod containment;
mod mirror;
mod power;
mod server;
mod takeover;
mod twins;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Sender;
use std::thread;

use pumice::runner::{Options, Signal};

use crate::harness::Lab;

/// One figure of a drill.
pub fn figure(what: &str, value: f64, unit: &str) {
    println!("drill\t{what}\t{value:.3}\t{unit}");
}

/// A drill that this host does not allow, and why.
pub fn skipped(what: &str, why: &str) {
    println!("drill\t{what}\tskipped: {why}\t-");
}

/// A runner in a thread of its own, stopped and joined at the end of `story`.
pub fn beside(lab: &Lab, name: &str, story: impl FnOnce(&Sender<Signal>)) -> Vec<String> {
    let (daemon, said) = lab.daemon(Options {
        until_idle: false,
        ..lab.options(name)
    });
    let signals = daemon.sender();
    let thread = thread::spawn(move || daemon.run());
    story(&signals);
    signals.send(Signal::Stop).ok();
    let result = thread.join().expect("the runner does not panic");
    let said = said.lock().unwrap().clone();
    assert!(result.is_ok(), "{result:?}\n{}", said.join("\n"));
    said
}

/// A runner as a process, which a drill may kill; it does not outlive a drill that fails.
pub struct Host {
    child: Child,
    log: PathBuf,
}

impl Host {
    pub fn start(lab: &Lab, name: &str, more: &[&str]) -> Self {
        let log = lab.root().join(format!("{name}.log"));
        let lines = File::options().create(true).append(true).open(&log);
        let child = Command::new(env!("CARGO_BIN_EXE_pumice"))
            .args(["-C".as_ref(), lab.url().as_os_str()])
            .args(["runner", "--name", name, "--allow", "any", "--state"])
            .arg(lab.state(name))
            .args(more)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null")])
            .env("HOME", lab.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(lines.unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// KILL to this process alone: what it started is left to itself.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end of a runner that was started to end by itself.
    pub fn finish(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}", self.said());
    }

    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
