//! Moving bars on a terminal, drawn in one way by every command that has some.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::terminal::{Colour, Terminal};
use super::text::visible;
use crate::model::status::Pace;

/// How often bars move: more often than a second's digits change.
pub const TICK: Duration = Duration::from_millis(200);

/// Columns below which the words beside a bar are few.
const NARROW: usize = 72;

/// Columns below which bars are short, so that the words beside them have room.
const SHORT: usize = 110;

/// The bars of a command, below one another on standard error.
pub struct Bars {
    all: MultiProgress,
    terminal: Terminal,
    rows: usize,
}

impl Bars {
    /// None where nobody looks, or the terminal cannot draw them.
    pub fn on_terminal() -> Option<Self> {
        let (terminal, rows) = Terminal::of_stderr()?;
        Some(Self {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            terminal,
            rows,
        })
    }

    /// A bar below the others, with its name before it.
    pub fn add(&self, name: &str) -> Bar {
        self.below(Kind::Percent, name, Colour::Active)
    }

    /// The same, at a place among the others, counted from 0.
    pub fn insert(&self, at: usize, name: &str) -> Bar {
        let bar = self.new_bar(Kind::Percent, name, Colour::Active);
        self.all.insert(at, bar.bar.clone());
        bar
    }

    /// One of several that belong to another: its words tell how far it is.
    pub fn part(&self) -> Bar {
        self.below(Kind::Part, "", Colour::Faint)
    }

    /// A line of text at a place among the others, counted from 0.
    pub fn line_at(&self, at: usize) -> Bar {
        let bar = self.new_bar(Kind::Words, "", Colour::Plain);
        self.all.insert(at, bar.bar.clone());
        bar
    }

    /// How many columns a line has.
    pub fn columns(&self) -> Option<usize> {
        self.terminal.width
    }

    /// A line of text below the others.
    pub fn line(&self) -> Bar {
        self.below(Kind::Words, "", Colour::Plain)
    }

    fn below(&self, kind: Kind, name: &str, colour: Colour) -> Bar {
        let bar = self.new_bar(kind, name, colour);
        self.all.add(bar.bar.clone());
        bar
    }

    fn new_bar(&self, kind: Kind, name: &str, colour: Colour) -> Bar {
        let bar = Bar {
            terminal: self.terminal,
            bar: ProgressBar::hidden().with_prefix(visible(name)),
            kind,
        };
        bar.bar.set_length(100);
        // Before it is drawn for the first time.
        bar.dress(colour);
        bar
    }

    /// Whether there is room for few words.
    pub fn is_narrow(&self) -> bool {
        is_narrow(self.terminal)
    }

    /// Takes a bar away, so that what follows stands in its place.
    pub fn remove(&self, bar: &Bar) {
        bar.remove();
        self.all.remove(&bar.bar);
    }

    /// Says something above the bars.
    pub fn say(&self, line: &str) -> io::Result<()> {
        self.all.println(line)
    }

    /// Leaves the bars, which rest, as they are; what follows stands below them.
    pub fn leave(&self) {
        // Drawing ends behind the last bar. A terminal that is gone needs no new line.
        let _ = writeln!(io::stderr());
    }

    /// How many lines fit on the terminal.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// One bar or line.
pub struct Bar {
    terminal: Terminal,
    bar: ProgressBar,
    kind: Kind,
}

/// What a line shows beside its words.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Name, bar and percentage.
    Percent,
    /// Name and bar.
    Part,
    Words,
}

fn is_narrow(terminal: Terminal) -> bool {
    terminal.width.is_some_and(|width| width < NARROW)
}

/// As many of the words as fit, without the last fields rather than with a part of a time: fields stand
/// between ` · ` and before `, 9 in 10` and ` of about`.
fn fit(words: &str, room: usize) -> String {
    let mut words = words;
    while words.width() > room {
        let ends = [
            " · ",
            ", 9 in 10 ",
            ", done by ",
            ", nine times ",
            " of about ",
        ];
        let last = ends.iter().filter_map(|end| words.rfind(end)).max();
        let Some(last) = last else { break };
        words = &words[..last];
    }
    words.to_owned()
}

impl Bar {
    pub fn name(&self, name: &str) {
        self.bar.set_prefix(visible(name));
    }

    /// Percent, and the words after the bar.
    pub fn show(&self, percent: u8, words: &str) {
        self.bar.set_position(percent.into());
        self.say(words);
    }

    pub fn say(&self, words: &str) {
        let words = visible(words);
        let Some(width) = self.terminal.width else {
            return self.bar.set_message(words);
        };
        let name = self.bar.prefix().width();
        let before = match self.kind {
            Kind::Words => 0,
            // A blank after the name, one after the bar, and one after the percentage.
            Kind::Part => name + 1 + self.columns() + 1,
            Kind::Percent => name + 1 + self.columns() + " 100 % ".len(),
        };
        self.bar
            .set_message(fit(&words, width.saturating_sub(before)));
    }

    /// The same of words that may be cut anywhere.
    pub fn say_all(&self, words: &str) {
        self.bar.set_message(visible(words));
    }

    /// How long the bar is.
    fn columns(&self) -> usize {
        let short = self.terminal.width.is_some_and(|width| width < SHORT);
        if short { 10 } else { 24 }
    }

    /// Gives it a colour that means something.
    pub fn dress(&self, colour: Colour) {
        let columns = self.columns();
        let colour = match (self.terminal.colour, colour) {
            (false, _) | (_, Colour::Plain | Colour::Strong) => "",
            (_, Colour::Good) => ".green",
            (_, Colour::Bad) => ".red",
            (_, Colour::Doubtful) => ".yellow",
            (_, Colour::Active) => ".cyan",
            (_, Colour::Faint) => ".dim",
        };
        let name = if self.bar.prefix().is_empty() {
            ""
        } else {
            "{prefix} "
        };
        let template = match self.kind {
            Kind::Percent => format!("{name}{{bar:{columns}{colour}}} {{pos:>3}} % {{wide_msg}}"),
            Kind::Part => format!("{name}{{bar:{columns}{colour}}} {{wide_msg}}"),
            Kind::Words => format!("{{wide_msg:{colour}}}"),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            self.bar.set_style(style.progress_chars("█▌░"));
        }
    }

    pub fn dress_for(&self, pace: Pace) {
        self.dress(match pace {
            Pace::Usual => Colour::Active,
            Pace::Overdue => Colour::Doubtful,
            Pace::Hanging => Colour::Bad,
        });
    }

    /// It will not move again, and stays.
    pub fn rest(&self) {
        if !self.bar.is_finished() {
            self.bar.abandon();
        }
    }

    pub fn rests(&self) -> bool {
        self.bar.is_finished()
    }

    pub fn remove(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn whole_fields_are_left_out_and_no_time_is_cut() {
        let words = "boot on b1 · 1m10s of about 1m39s · ends 14:05:11, 9 in 10 by 14:05:44";
        let ends = "boot on b1 · 1m10s of about 1m39s · ends 14:05:11";
        let cases = [
            (80, words),
            (70, words),
            (69, ends),
            (48, "boot on b1 · 1m10s of about 1m39s"),
            (32, "boot on b1 · 1m10s"),
            (12, "boot on b1"),
            (4, "boot on b1"),
        ];
        for (room, shown) in cases {
            assert_eq!(fit(words, room), shown, "{room}");
        }
    }
}
