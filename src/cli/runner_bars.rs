//! What a person sees of a runner: its lines, and on a terminal a bar for each board that works.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::bars::TICK;
use super::board_bars::BoardBars;
use super::motion::News;
use super::text::visible_lines;
use crate::model::BoardName;
use crate::runner::Shown;

/// The lines and the bars, shared by the runner's loop and by what moves the bars.
#[derive(Clone)]
pub struct RunnerBars(Option<Arc<Mutex<BoardBars>>>);

impl RunnerBars {
    pub fn new() -> Self {
        let bars = BoardBars::on_terminal().map(|bars| Arc::new(Mutex::new(bars)));
        if let Some(bars) = &bars {
            let bars = Arc::downgrade(bars);
            // Until nobody has the bars any more; without the thread they move when something happens.
            let _ = thread::Builder::new()
                .name("bars".to_owned())
                .spawn(move || {
                    while let Some(bars) = bars.upgrade() {
                        lock(&bars).tick();
                        drop(bars);
                        thread::sleep(TICK);
                    }
                });
        }
        Self(bars)
    }

    /// Whether there are bars.
    pub fn are_drawn(&self) -> bool {
        self.0.is_some()
    }

    /// A line for the lab's admin, on standard error, where a service manager keeps it with the time.
    pub fn say(&self, line: &str) {
        let line = visible_lines(line);
        // Where standard error is closed there is nobody to tell, and the runner goes on.
        let _ = match &self.0 {
            Some(bars) => lock(bars).say(&line),
            None => writeln!(std::io::stderr(), "{line}"),
        };
    }

    /// Shows what runs.
    pub fn show(&self, running: &[Shown]) {
        let Some(bars) = &self.0 else { return };
        let mut bars = lock(bars);
        let busy: BTreeSet<&BoardName> = running.iter().flat_map(|shown| &shown.boards).collect();
        bars.keep(|board| busy.contains(board));
        for shown in running {
            let news = News {
                id: shown.id,
                attempt: shown.attempt,
                progress: shown.progress,
                started_at: shown.started_at,
                underway: Some(shown.underway),
            };
            for board in &shown.boards {
                bars.show(board, &shown.job_name, Some(news));
            }
        }
    }

    /// Removes the bars, so that what follows stands on clean lines.
    pub fn end(&self) {
        if let Some(bars) = &self.0 {
            lock(bars).keep(|_| false);
        }
    }
}

fn lock(bars: &Mutex<BoardBars>) -> MutexGuard<'_, BoardBars> {
    // Whoever panicked has at most left a bar as it was.
    bars.lock().unwrap_or_else(PoisonError::into_inner)
}
