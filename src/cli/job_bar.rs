//! A bar that follows one job.

use std::time::Instant;

use chrono::Utc;

use super::bars::Bar;
use super::motion::Motion;
use super::outlook;
use super::terminal::Colour;
use super::view::Job;
use super::wait::GONE;
use crate::model::{Health, State, Time};
use crate::schedule::outlook::Outlook;

pub struct JobBar {
    bar: Bar,
    motion: Motion,
    /// What stands before the words of the time: `boot on b1`.
    about: String,
}

impl JobBar {
    pub fn new(bar: Bar) -> Self {
        Self {
            bar,
            motion: Motion::default(),
            about: String::new(),
        }
    }

    /// Takes in what the lab says of the job; `None` if it has left the lab without a record.
    pub fn hear(&mut self, job: Option<&Job>, outlook: &Outlook, lease_s: f64) {
        let Some(job) = job else {
            self.about = GONE.to_owned();
            self.tick();
            return;
        };
        self.motion.follow(job, lease_s);
        let on = job.on().map(|board| format!(" on {board}"));
        let on = on.unwrap_or_default();
        let name = &job.record.job_name;
        self.about = match job.record.state {
            State::Running => format!("{name}{on}"),
            _ => format!("{name} {}{on}", state(job, outlook)),
        };
        match job.record.state {
            State::Finished => {
                self.bar.dress(colour(job));
                self.bar.show(100, &self.about);
                self.bar.rest();
            }
            _ => self.tick(),
        }
    }

    /// Moves on with the time.
    pub fn tick(&mut self) {
        if self.bar.rests() {
            return;
        }
        let now = Instant::now();
        self.bar.dress_for(self.motion.pace_at(now));
        let words = match self.motion.words(now) {
            words if words.is_empty() => self.about.clone(),
            // The first field is never left out.
            words if self.motion.is_silent(now) => format!("{words} · {}", self.about),
            words => format!("{} · {words}", self.about),
        };
        self.bar.show(self.motion.percent(now), &words);
    }

    pub fn rest(&self) {
        self.bar.rest();
    }
}

/// How a job stands that does not run, with what is expected of it while it waits.
pub fn state(job: &Job, outlook: &Outlook) -> String {
    match job.record.state {
        State::Submitted => {
            let expected = outlook::expectation(job, outlook, Time::new(Utc::now()));
            format!("{}, {expected}", State::Submitted)
        }
        _ => job.standing(),
    }
}

/// The colour of a finished job.
pub fn colour(job: &Job) -> Colour {
    match job.record.health {
        _ if job.passed() => Colour::Good,
        Some(Health::Canceled) => Colour::Doubtful,
        _ => Colour::Bad,
    }
}
