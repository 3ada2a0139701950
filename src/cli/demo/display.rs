//! What a person sees of the demo: a bar for each board on a terminal, a line for each event everywhere.

use std::collections::BTreeMap;
use std::io::Write;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use crate::cli::error::Error;
use crate::cli::follow::Look;
use crate::cli::terminal::Terminal;
use crate::cli::text::{visible, visible_lines};
use crate::cli::view::Job;
use crate::cli::wait::bar;
use crate::lab::BoardView;
use crate::model::{BoardName, JobId, ServiceState, State, job};

pub struct Display {
    bars: Option<Bars>,
    /// What was last said of each job.
    said: BTreeMap<JobId, String>,
}

struct Bars {
    all: MultiProgress,
    boards: BTreeMap<BoardName, ProgressBar>,
}

impl Display {
    pub fn new() -> Self {
        let bars = Terminal::bars().then(|| Bars {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            boards: BTreeMap::new(),
        });
        Self {
            bars,
            said: BTreeMap::new(),
        }
    }

    /// Says something above the bars.
    pub fn say(&self, text: &str) -> Result<(), Error> {
        let text = visible_lines(text);
        match &self.bars {
            Some(bars) => bars.all.println(text)?,
            None => {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{text}")?;
                out.flush()?;
            }
        }
        Ok(())
    }

    /// Shows what has changed.
    pub fn show(&mut self, look: &Look) -> Result<(), Error> {
        let mut jobs: Vec<&Job> = look.jobs.values().collect();
        jobs.sort_by_key(|job| job.record.submitted_at);
        for job in jobs {
            let now = event(job);
            if self.said.get(&job.record.id) != Some(&now) {
                self.say(&now)?;
                self.said.insert(job.record.id, now);
            }
        }
        if let Some(bars) = &mut self.bars {
            for view in &look.seen.snapshot.boards {
                bars.show(view, look);
            }
        }
        Ok(())
    }

    /// Removes the bars, so that what follows stands on clean lines.
    pub fn end(&mut self) {
        if let Some(bars) = self.bars.take() {
            for bar in bars.boards.values() {
                bar.finish_and_clear();
            }
        }
    }
}

impl Bars {
    fn show(&mut self, view: &BoardView, look: &Look) {
        if view.board.service.state != ServiceState::Active {
            return;
        }
        let name = &view.board.name;
        let bar = self
            .boards
            .entry(name.clone())
            .or_insert_with(|| self.all.add(bar(&format!("{name:<14}"))));
        match view.job.and_then(|id| look.jobs.get(&id)) {
            Some(job) if job.record.state != State::Finished => {
                bar.set_position(job.progress.into());
                bar.set_message(visible(&job.record.job_name));
            }
            _ => {
                bar.set_position(0);
                bar.set_message("idle");
            }
        }
    }
}

/// A job's standing without percents, which bars show.
fn event(job: &Job) -> String {
    let record = &job.record;
    let on = job
        .on()
        .map(|board| format!(" on {board}"))
        .unwrap_or_default();
    let standing = match record.state {
        // Claimed only to be closed: its record says more in a moment.
        State::Running if job.board().is_none() => State::Submitted.to_string(),
        State::Running => "running".to_owned(),
        _ => job.standing(),
    };
    format!(
        "  {} {:<18} {standing}{on}",
        record.id.short(),
        job::stem(&record.path)
    )
}
