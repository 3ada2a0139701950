//! A bar for each board, with the job that runs on it.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::Utc;

use super::bars::{Bar, Bars};
use super::motion::{Motion, News};
use crate::model::{BoardName, Time};

pub struct BoardBars {
    bars: Bars,
    boards: BTreeMap<BoardName, BoardBar>,
}

struct BoardBar {
    bar: Bar,
    motion: Motion,
    /// The job's name, or what the board does instead.
    about: String,
}

impl BoardBars {
    /// None where nobody looks.
    pub fn on_terminal() -> Option<Self> {
        Some(Self {
            bars: Bars::on_terminal()?,
            boards: BTreeMap::new(),
        })
    }

    /// Says something above the bars; it fails if the terminal is gone.
    pub fn say(&self, text: &str) -> std::io::Result<()> {
        self.bars.say(text)
    }

    /// A board runs an attempt of this job, or does something else.
    pub fn show(&mut self, board: &BoardName, about: &str, news: Option<News>) {
        let above = self.boards.range(..board.clone()).count();
        let bar = self
            .boards
            .entry(board.clone())
            .or_insert_with(|| BoardBar {
                bar: self.bars.insert(above, &format!("{board:<14}")),
                motion: Motion::default(),
                about: String::new(),
            });
        about.clone_into(&mut bar.about);
        bar.motion.hear(news, Time::new(Utc::now()), Instant::now());
        bar.tick();
    }

    /// Removes the bars of all boards but these.
    pub fn keep(&mut self, wanted: impl Fn(&BoardName) -> bool) {
        self.boards.retain(|board, bar| {
            let keep = wanted(board);
            if !keep {
                self.bars.remove(&bar.bar);
            }
            keep
        });
    }

    /// Moves on with the time.
    pub fn tick(&mut self) {
        self.boards.values_mut().for_each(BoardBar::tick);
    }
}

impl BoardBar {
    fn tick(&mut self) {
        let now = Instant::now();
        self.bar.dress_for(self.motion.pace());
        let words = match self.motion.words(now) {
            words if words.is_empty() => self.about.clone(),
            words => format!("{} · {words}", self.about),
        };
        self.bar.show(self.motion.percent(now), &words);
    }
}
