//! A job in plain lines: one when its state changes, when a step begins or ends, when it is late.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Instant;

use chrono::Utc;

use super::{cause, steps};
use crate::cli::context::Context;
use crate::cli::error::Error;
use crate::cli::follow::Look;
use crate::cli::motion::Motion;
use crate::cli::text::visible;
use crate::cli::wait::{Display, line, prospect};
use crate::model::status::Pace;
use crate::model::{JobId, Time};
use crate::schedule::Past;

pub struct Lines<'a> {
    id: JobId,
    context: &'a Context,
    motion: Motion,
    attempt: u32,
    said: BTreeSet<String>,
    last: String,
    /// Whether it was said that its runner is silent.
    silent: bool,
    /// What was last said of when it starts.
    prospects: BTreeMap<JobId, String>,
}

impl<'a> Lines<'a> {
    pub fn new(id: JobId, context: &'a Context) -> Self {
        Self {
            id,
            context,
            motion: Motion::default(),
            attempt: 0,
            said: BTreeSet::new(),
            last: String::new(),
            silent: false,
            prospects: BTreeMap::new(),
        }
    }
}

impl Display for Lines<'_> {
    fn show(&mut self, look: &Look) -> Result<(), Error> {
        let mut out = self.context.out();
        let job = look.jobs.get(&self.id);
        if let Some(job) = job {
            if self.attempt != job.attempts {
                self.attempt = job.attempts;
                self.said.clear();
            }
            self.motion.follow(job, look.lease_s());
        }
        let state = line(self.id, job);
        let ended = job.is_some_and(|job| job.record.finished_at.is_some());
        let mut lines = Vec::new();
        if state != self.last && !ended {
            lines.push(state.clone());
        }
        lines.extend(prospect(self.id, look, &mut self.prospects));
        if let Some(job) = job {
            let now = Time::new(Utc::now());
            let add = |past: &mut Past, record: &_| past.add(record, now);
            let past = look.seen.reader.fold(Past::FILE, add)?;
            let rows = steps::rows(job, Some(&past.runs));
            let of = rows.len();
            let mut events: Vec<String> = Vec::new();
            for (n, row) in rows.iter().enumerate() {
                events.extend(
                    row.event()
                        .map(|event| format!("step {} of {of}, {event}", n + 1)),
                );
            }
            if self.motion.pace() != Pace::Usual {
                events.push(self.motion.pace().in_words().to_owned());
            }
            for event in events {
                if self.said.insert(event.clone()) {
                    lines.push(format!("{} {}", self.id, visible(&event)));
                }
            }
        }
        if state != self.last && ended {
            lines.push(state.clone());
            lines.extend(job.map(cause::lines).unwrap_or_default());
        }
        self.last = state;
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        Ok(())
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if !self.motion.is_silent(now) {
            self.silent = false;
        } else if !self.silent {
            self.silent = true;
            let words = self.motion.words(now);
            let mut out = self.context.out();
            // Where nobody reads the output any more, the next change of the job tells.
            let _ = writeln!(out, "{} {}", self.id, visible(&words)).and_then(|()| out.flush());
        }
    }

    fn note(&self, text: &str) {
        self.context.note(text);
    }
}
