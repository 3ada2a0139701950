//! The loop around the turns: events in, turns out.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::RunnerError;
use super::core::{Runner, Turn};
use super::env::Environment;
use super::options::Options;
use super::progress::Shown;
use super::state::StateFolder;
use super::upkeep::Upkeep;
use crate::git;
use crate::lab::Lab;
use crate::process::Orphans;

/// What wakes the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The server may hold something new.
    Changed,
    /// An attempt has reported.
    Report,
    /// The admin asks for the end; a second time, at once.
    Stop,
}

/// A runner with the events that drive it.
pub struct Daemon {
    runner: Runner,
    signals: (Sender<Signal>, Receiver<Signal>),
    /// Watches the refs of a local repository as long as it lives.
    _watch: Option<git::Watch>,
    orphans: Orphans,
    upkeep: Upkeep,
    show: Option<Show>,
}

/// Is told after every turn what runs.
type Show = Box<dyn FnMut(&[Shown]) + Send>;

/// How often dead strays that came to this process are looked for.
const BURIAL: Duration = Duration::from_secs(5);

impl Daemon {
    pub fn new(
        lab: Lab,
        options: Options,
        env: Environment,
        state: StateFolder,
    ) -> Result<Self, RunnerError> {
        let signals = channel();
        let changed: Sender<Signal> = signals.0.clone();
        // Where watching fails, as on network file systems, polling goes on beside it.
        let watch = git::watch(lab.url(), move || {
            let _ = changed.send(Signal::Changed);
        });
        let watch = watch.unwrap_or_else(|error| {
            (env.say)(&format!(
                "cannot watch the repository, polling only: {error}"
            ));
            None
        });
        let reported: Sender<Signal> = signals.0.clone();
        let wake = move || -> Box<dyn Fn() + Send> {
            let reported = reported.clone();
            Box::new(move || {
                let _ = reported.send(Signal::Report);
            })
        };
        let upkeep = Upkeep::new(lab.mirror().clone());
        let runner = Runner::new(lab, options, env, state, Box::new(wake))?;
        Ok(Self {
            upkeep,
            runner,
            signals,
            _watch: watch,
            orphans: Orphans::default(),
            show: None,
        })
    }

    /// Shows after every turn what runs.
    pub fn show(&mut self, show: impl FnMut(&[Shown]) + Send + 'static) {
        self.show = Some(Box::new(show));
    }

    /// Where signals come in from outside: the operating system's, or a test's.
    pub fn sender(&self) -> Sender<Signal> {
        self.signals.0.clone()
    }

    /// Runs until the end: idle where that was asked for, or stopped.
    pub fn run(mut self) -> Result<(), RunnerError> {
        let mut buried = Instant::now();
        loop {
            if buried.elapsed() >= BURIAL {
                self.orphans.bury();
                buried = Instant::now();
            }
            let turn = match self.runner.tick() {
                Ok(turn) => turn,
                // A test's death is as sudden as a real one.
                Err(error @ RunnerError::Died(_)) => return Err(error),
                Err(error) => {
                    self.runner.abandon();
                    return Err(error);
                }
            };
            self.upkeep.after(self.runner.published());
            if let Some(show) = &mut self.show {
                show(&self.runner.shown());
            }
            let first = match turn {
                Turn::Done => return Ok(()),
                Turn::Again => None,
                Turn::Wait(longest) => self.signals.1.recv_timeout(longest).ok(),
            };
            for signal in first
                .into_iter()
                .chain(self.signals.1.try_iter().collect::<Vec<_>>())
            {
                match signal {
                    Signal::Changed => self.runner.poke(),
                    Signal::Report => {}
                    Signal::Stop => self.runner.stop(),
                }
            }
        }
    }
}
