//! What a person sees of a job on a terminal: its state in words, a bar for the whole and one a step.

use std::io::{self, Write};
use std::time::Instant;

use chrono::Utc;

use super::cause;
use super::steps::{self, Row};
use crate::cli::bars::{Bar, Bars};
use crate::cli::error::Error;
use crate::cli::follow::Look;
use crate::cli::job_bar::{colour, state};
use crate::cli::motion::Motion;
use crate::cli::table::wrap;
use crate::cli::terminal::Colour;
use crate::cli::text::{visible, visible_lines};
use crate::cli::view::Job;
use crate::cli::wait::{Display, GONE};
use crate::model::record::StepState;
use crate::model::{JobId, State, Time};
use crate::schedule::{Past, RunTimes};

/// Lines that are no step's: the job, its state, its bar, and one for the cursor.
const OTHER_LINES: usize = 4;

/// The state takes no more lines than these.
const MOST_STATE_LINES: usize = 4;

/// How much of a step's name is shown.
const LONGEST_NAME: usize = 20;

pub struct Board {
    id: JobId,
    bars: Bars,
    title: Bar,
    /// Its state in words, on as many lines as they need.
    state: Vec<Bar>,
    whole: Bar,
    steps: Vec<Bar>,
    rows: Vec<Row>,
    motion: Motion,
    job: Option<Job>,
    /// How it stands while it does not run.
    standing: String,
    /// What past runs took, read once: it says nothing new of this one later.
    past: Option<RunTimes>,
}

impl Board {
    pub fn new(bars: Bars, id: JobId) -> Self {
        let (title, state, whole) = (bars.line(), vec![bars.line()], bars.add(""));
        Self {
            id,
            bars,
            title,
            state,
            whole,
            steps: Vec::new(),
            rows: Vec::new(),
            motion: Motion::default(),
            job: None,
            standing: String::new(),
            past: None,
        }
    }

    /// Shows the state in words.
    fn say(&mut self, words: &str) {
        let mut lines = wrap(&visible(words), self.bars.columns());
        lines.truncate(MOST_STATE_LINES);
        while self.state.len() < lines.len() {
            // Below the title and the lines there are.
            self.state.push(self.bars.line_at(1 + self.state.len()));
        }
        while self.state.len() > lines.len().max(1)
            && let Some(bar) = self.state.pop()
        {
            self.bars.remove(&bar);
        }
        for (bar, line) in self.state.iter().zip(&lines) {
            bar.say_all(line);
        }
    }

    /// The step shown first: all of them, or as many as fit around the one that runs.
    fn first(&self) -> usize {
        let begun = |row: &Row| row.state != StepState::Waiting;
        let last = self.rows.iter().rposition(begun).unwrap_or(0);
        let fit = self.steps.len();
        let hidden = self.rows.len().saturating_sub(fit);
        last.saturating_sub(fit / 2).min(hidden)
    }
}

impl Display for Board {
    fn show(&mut self, look: &Look) -> Result<(), Error> {
        if self.past.is_none() {
            let now = Time::new(Utc::now());
            let add = |past: &mut Past, record: &_| past.add(record, now);
            let past = look.seen.reader.fold(Past::FILE, add)?;
            self.past = Some(past.runs);
        }
        let Some(job) = look.jobs.get(&self.id) else {
            self.say(GONE);
            return Ok(());
        };
        self.motion.follow(job, look.lease_s());
        self.rows = steps::rows(job, self.past.as_ref());
        let room = self.bars.rows().saturating_sub(OTHER_LINES);
        while self.steps.len() < self.rows.len().min(room) {
            self.steps.push(self.bars.part());
        }
        let on = job.on().map(|board| format!(" on {board}"));
        self.title.dress(Colour::Strong);
        self.title.say(&format!(
            "{} {}{}",
            job.record.id.short(),
            job.record.job_name,
            on.unwrap_or_default()
        ));
        self.standing = state(job, &look.outlook);
        self.job = Some(job.clone());
        self.tick();
        Ok(())
    }

    fn tick(&mut self) {
        let Some(job) = self.job.clone() else { return };
        let now = Instant::now();
        let percent = self.motion.percent(now);
        let elapsed_s = self.motion.elapsed_s(now).unwrap_or_default();
        match job.record.state {
            State::Finished => {
                self.whole.dress(colour(&job));
                self.whole.show(100, "");
                let took = job.record.started_at.zip(job.record.finished_at);
                let took = took.map(|(from, to)| {
                    format!(
                        " · took {}",
                        crate::cli::moment::length(to.seconds_since(from))
                    )
                });
                let state = format!("{}{}", job.standing(), took.unwrap_or_default());
                self.say(&state);
            }
            State::Running => {
                self.whole.dress_for(self.motion.pace_at(now));
                let words = self.motion.words(now);
                match words.split_once(" · ") {
                    // The bar's own line has room for the first half.
                    Some((so_far, ends)) if self.bars.is_narrow() => {
                        self.whole.show(percent, so_far);
                        self.say(ends);
                    }
                    _ => {
                        self.whole.show(percent, "");
                        self.say(&format!("running {percent} % · {words}"));
                    }
                }
            }
            State::Submitted | State::Canceling => {
                self.whole.show(percent, "");
                let standing = self.standing.clone();
                self.say(&standing);
            }
        }
        let first = self.first();
        let shown = self.rows.iter().enumerate().skip(first);
        let widest = self.rows.iter().map(|row| row.name.chars().count()).max();
        let widest = widest.unwrap_or(0).min(LONGEST_NAME);
        for (bar, (n, row)) in self.steps.iter().zip(shown) {
            let name: String = row.name.chars().take(LONGEST_NAME).collect();
            bar.name(&format!("{:>2} {name:<widest$}", n + 1));
            bar.dress(match row.state {
                StepState::Waiting => Colour::Faint,
                StepState::Running => Colour::Active,
                StepState::Done => Colour::Plain,
            });
            bar.show(row.percent(elapsed_s), &row.words(elapsed_s));
        }
    }

    fn note(&self, text: &str) {
        // A terminal that is gone shows no bars either.
        let _ = self.bars.say(&visible_lines(text));
    }

    fn end(&mut self) {
        for bar in [&self.title, &self.whole]
            .into_iter()
            .chain(&self.state)
            .chain(&self.steps)
        {
            bar.rest();
        }
        self.bars.leave();
        if let Some(job) = self
            .job
            .as_ref()
            .filter(|job| job.record.finished_at.is_some())
        {
            for line in cause::lines(job) {
                // A terminal that is gone needs no words.
                let _ = writeln!(io::stderr(), "{line}");
            }
        }
    }
}
