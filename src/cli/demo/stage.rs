//! What the demo watches while it goes on: the lab, the runner, and whether somebody pressed Ctrl-C.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::display::Display;
use super::runner_process::RunnerProcess;
use crate::cli::error::{Attempt, Error, Kind};
use crate::cli::follow::Follow;
use crate::cli::open::Opened;
use crate::cli::view::Job;
use crate::model::lab::LabFiles;
use crate::model::{JobId, State};

/// The longest that anything in the story may take; on a slow machine it takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// How soon Ctrl-C is heard.
const HEAR_EVERY: Duration = Duration::from_millis(200);

/// All jobs at one moment.
#[derive(Debug, Clone, Default)]
pub struct Jobs(BTreeMap<JobId, Job>);

impl Jobs {
    /// The latest job of a path.
    pub fn at(&self, path: &str) -> Option<&Job> {
        self.all()
            .filter(|job| job.record.path == path)
            .max_by_key(|job| job.record.submitted_at)
    }

    pub fn all(&self) -> impl Iterator<Item = &Job> {
        self.0.values()
    }

    /// Whether the latest job of a path has ended.
    pub fn has_ended(&self, path: &str) -> bool {
        self.at(path)
            .is_some_and(|job| job.record.state == State::Finished)
    }
}

/// The lab as it goes on.
pub struct Stage<'a> {
    follow: Follow<'a>,
    pub display: Display,
    runner: Option<RunnerProcess>,
    interrupted: Arc<AtomicBool>,
    pub jobs: Jobs,
    pub files: LabFiles,
}

impl<'a> Stage<'a> {
    pub fn new(opened: &'a Opened, display: Display) -> Result<Self, Error> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [
            signal_hook::consts::SIGINT,
            signal_hook::consts::SIGTERM,
            signal_hook::consts::SIGHUP,
        ] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))
                .attempt(Kind::Failed, || "listen to Ctrl-C".to_owned())?;
        }
        Ok(Self {
            // The pause between two looks where nothing calls.
            follow: Follow::new(opened, Duration::from_secs(2), None)?,
            display,
            runner: None,
            interrupted,
            jobs: Jobs::default(),
            files: LabFiles::default(),
        })
    }

    /// From now on the demo needs this runner.
    pub fn keep(&mut self, runner: RunnerProcess) {
        self.runner = Some(runner);
    }

    /// Ends the runner in order.
    pub fn finish(&mut self) {
        if let Some(runner) = self.runner.take() {
            runner.finish();
        }
    }

    /// Shows what happens until the jobs are as wanted; `what` fits after "see".
    pub fn until(&mut self, what: &str, wanted: impl Fn(&Jobs) -> bool) -> Result<(), Error> {
        let begun = Instant::now();
        while !wanted(&self.jobs) {
            if !self.turn()? {
                return Err(
                    Error::new(Kind::Failed, "finish the demo").because("it was interrupted")
                );
            }
            if begun.elapsed() > PATIENCE {
                return Err(Error::new(Kind::Failed, format!("see {what}"))
                    .because(format!("it did not happen within {} s", PATIENCE.as_secs())));
            }
        }
        Ok(())
    }

    /// Shows what happens until Ctrl-C.
    pub fn until_interrupted(&mut self) -> Result<(), Error> {
        while self.turn()? {}
        Ok(())
    }

    /// One look; `false` after Ctrl-C.
    fn turn(&mut self) -> Result<bool, Error> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Ok(false);
        }
        if let Some(runner) = &mut self.runner {
            runner.require_alive()?;
        }
        if let Some(look) = self.follow.look()? {
            self.display.show(&look)?;
            self.jobs = Jobs(look.jobs);
            self.files = look.seen.snapshot.files;
        } else {
            self.follow.rest(HEAR_EVERY);
        }
        self.display.tick();
        Ok(true)
    }
}
