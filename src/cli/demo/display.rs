//! What a person sees of the demo: a bar for each board on a terminal, a line for each event everywhere.

use std::collections::BTreeMap;
use std::io::Write;

use crate::cli::board_bars::BoardBars;
use crate::cli::error::Error;
use crate::cli::follow::Look;
use crate::cli::motion::News;
use crate::cli::text::visible_lines;
use crate::cli::view::Job;
use crate::lab::BoardView;
use crate::model::{JobId, ServiceState, State, job};

pub struct Display {
    bars: Option<BoardBars>,
    /// What was last said of each job.
    said: BTreeMap<JobId, String>,
}

impl Display {
    pub fn new() -> Self {
        Self {
            bars: BoardBars::on_terminal(),
            said: BTreeMap::new(),
        }
    }

    /// Says something above the bars.
    pub fn say(&self, text: &str) -> Result<(), Error> {
        let text = visible_lines(text);
        match &self.bars {
            Some(bars) => bars.say(&text)?,
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
                show(bars, view, look);
            }
        }
        Ok(())
    }

    /// Time has passed.
    pub fn tick(&mut self) {
        if let Some(bars) = &mut self.bars {
            bars.tick();
        }
    }

    /// Removes the bars, so that what follows stands on clean lines.
    pub fn end(&mut self) {
        if let Some(mut bars) = self.bars.take() {
            bars.keep(|_| false);
        }
    }
}

fn show(bars: &mut BoardBars, view: &BoardView, look: &Look) {
    if view.board.service.state != ServiceState::Active {
        return;
    }
    let job = view.job.and_then(|id| look.jobs.get(&id));
    match job.and_then(|job| Some((job, News::of(job)?))) {
        Some((job, news)) => bars.show(&view.board.name, &job.record.job_name, Some(news)),
        None => bars.show(&view.board.name, "idle", None),
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
