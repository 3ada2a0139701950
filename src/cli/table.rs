//! Aligned tables of plain text.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::terminal::{Colour, Terminal};
use super::text::visible;

/// Between two columns.
const GAP: &str = "  ";

/// A column is not cut below this many columns of the terminal.
const NARROWEST: usize = 8;

/// A table with a title line. Cells hold text of any origin: control characters are made visible.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

struct Column {
    title: &'static str,
    align: Align,
    /// Whether long cells are cut where the terminal is narrow.
    cut: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

/// A cell: its text and what its colour says.
pub struct Cell {
    text: String,
    colour: Colour,
}

impl Cell {
    pub fn new(text: impl AsRef<str>, colour: Colour) -> Self {
        Self {
            text: visible(text.as_ref()),
            colour,
        }
    }

    /// An absent fact is `-`.
    pub fn opt(text: Option<impl AsRef<str>>) -> Self {
        match text {
            Some(text) => Self::new(text, Colour::Plain),
            None => Self::new("-", Colour::Faint),
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Colour::Plain)
    }
}

impl Table {
    pub fn new() -> Self {
        Self {
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    #[must_use]
    pub fn column(mut self, title: &'static str) -> Self {
        self.push(title, Align::Left, false);
        self
    }

    /// For numbers.
    #[must_use]
    pub fn right(mut self, title: &'static str) -> Self {
        self.push(title, Align::Right, false);
        self
    }

    /// Its cells are cut, with `…`, where the terminal is narrow.
    #[must_use]
    pub fn cut(mut self, title: &'static str) -> Self {
        self.push(title, Align::Left, true);
        self
    }

    fn push(&mut self, title: &'static str, align: Align, cut: bool) {
        self.columns.push(Column { title, align, cut });
    }

    /// Cells in the order of the columns; missing ones are empty, more are dropped.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, each ended, none with trailing blanks.
    pub fn render(&self, terminal: Terminal) -> String {
        let widths = self.widths(terminal.width);
        let mut text = String::new();
        let titles = self
            .columns
            .iter()
            .map(|column| (column.title, Colour::Strong));
        self.line(&mut text, titles, &widths, terminal);
        for row in &self.rows {
            let cells = row.iter().map(|cell| (cell.text.as_str(), cell.colour));
            self.line(&mut text, cells, &widths, terminal);
        }
        text
    }

    fn line<'a>(
        &self,
        text: &mut String,
        cells: impl Iterator<Item = (&'a str, Colour)>,
        widths: &[usize],
        terminal: Terminal,
    ) {
        let mut line = String::new();
        // Blanks wait until something follows them, so that no line ends in blanks.
        let mut blanks = 0;
        for ((cell, colour), (column, width)) in cells.zip(self.columns.iter().zip(widths)) {
            let shown = cut(cell, *width);
            let fill = width.saturating_sub(shown.width());
            let (before, after) = match column.align {
                Align::Left => (0, fill),
                Align::Right => (fill, 0),
            };
            if !shown.is_empty() {
                line.extend(std::iter::repeat_n(' ', blanks + before));
                line.push_str(&terminal.paint(colour, &shown));
                blanks = 0;
            } else {
                blanks += before;
            }
            blanks += after + GAP.len();
        }
        text.push_str(&line);
        text.push('\n');
    }

    /// Each column as wide as its widest cell; where that is too much, the widest cut column gives first.
    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| c.title.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        let Some(limit) = limit else {
            return widths;
        };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let mut over = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
        while over > 0 {
            let widest = (0..widths.len())
                .filter(|at| self.columns[*at].cut && widths[*at] > NARROWEST)
                .max_by_key(|at| widths[*at]);
            let Some(at) = widest else { break };
            widths[at] -= 1;
            over -= 1;
        }
        widths
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}

/// The text in at most so many columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        let next = used + c.width().unwrap_or(0);
        if next + 1 > width {
            break;
        }
        kept.push(c);
        used = next;
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new()
            .column("ID")
            .cut("NAME")
            .right("JOBS")
            .column("NOTE");
        table.row([
            "a1".into(),
            "kernel boot of the night".into(),
            "7".into(),
            "".into(),
        ]);
        table.row([
            "b2".into(),
            "漢字\u{1b}[2J".into(),
            "120".into(),
            "x".into(),
        ]);
        table
    }

    #[test]
    fn columns_align_and_controls_are_visible() {
        let text = table().render(Terminal::PLAIN);
        insta::assert_snapshot!(text, @r"
        ID  NAME                      JOBS  NOTE
        a1  kernel boot of the night     7
        b2  漢字\u{1b}[2J              120  x
        ");
        assert!(text.lines().all(|line| !line.ends_with(' ')));
    }

    #[test]
    fn a_narrow_terminal_cuts_the_wide_column() {
        let narrow = Terminal {
            width: Some(30),
            ..Terminal::PLAIN
        };
        let text = table().render(narrow);
        assert!(text.lines().all(|line| line.width() <= 30), "{text}");
        assert!(text.contains('…'));
    }

    #[test]
    fn colours_do_not_move_columns() {
        let painted = Terminal {
            colour: true,
            ..Terminal::PLAIN
        };
        let mut table = Table::new().column("A").column("B");
        table.row([Cell::new("x", Colour::Bad), "y".into()]);
        assert!(table.render(painted).ends_with("\u{1b}[31mx\u{1b}[0m  y\n"));
    }
}
