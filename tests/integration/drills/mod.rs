//! Faults on purpose: what Pumice promises when a board, a job or a host misbehaves. Each drill prints
//! a line of its own: `drill`, tab, what was measured, tab, its value, tab, the unit.

mod clock;
mod containment;
mod disk;
mod events;
mod flood;
mod mirror;
mod power;
mod progress;
mod server;
mod takeover;
mod twins;

use std::sync::mpsc::Sender;
use std::thread;

use pumice::runner::{Options, Signal};

use crate::harness::{Lab, tell};
use crate::program::Program;

/// One figure of a drill.
pub fn figure(what: &str, value: f64, unit: &str) {
    tell(&format!("drill\t{what}\t{value:.3}\t{unit}"));
}

/// A drill that this host does not allow, and why.
pub fn skipped(what: &str, why: &str) {
    tell(&format!("drill\t{what}\tskipped: {why}\t-"));
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

/// The runner `r1` as a process of its own, which may start anything.
pub fn host(lab: &Lab, more: &[&str]) -> Program {
    Program::start(lab, "r1", &[&["--allow", "any"], more].concat())
}

/// Runs it until it is idle.
pub fn finish(mut host: Program) {
    let status = host.end();
    assert!(status.success(), "{}", host.said());
}
