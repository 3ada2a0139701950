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
    rows: Vec<Row>,
}

struct Row {
    cells: Vec<Cell>,
    /// Below the row, under its second column.
    note: Option<String>,
}

struct Column {
    title: &'static str,
    align: Align,
    /// Whether long cells are cut where the terminal is narrow.
    cut: bool,
    /// Whether it is left out where cutting is not enough.
    spare: bool,
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
        self.columns.push(Column {
            title,
            align,
            cut,
            spare: false,
        });
    }

    /// The last column may be left out where the terminal is too narrow; of several the last one goes first.
    #[must_use]
    pub fn spare(mut self) -> Self {
        if let Some(last) = self.columns.last_mut() {
            last.spare = true;
        }
        self
    }

    /// Cells in the order of the columns; missing ones are empty, more are dropped.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.rows.push(Row {
            cells: cells.into(),
            note: None,
        });
    }

    /// A text of any length below the last row.
    pub fn note(&mut self, text: &str) {
        if let Some(row) = self.rows.last_mut() {
            row.note = Some(visible(text));
        }
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
        let indent = widths.first().copied().flatten().unwrap_or(0) + GAP.len();
        for row in &self.rows {
            let cells = row.cells.iter();
            let cells = cells.map(|cell| (cell.text.as_str(), cell.colour));
            self.line(&mut text, cells, &widths, terminal);
            let room = terminal.width.map(|width| width.saturating_sub(indent));
            for line in row.note.iter().flat_map(|note| wrap(note, room)) {
                let line = terminal.paint(Colour::Faint, &line);
                text.push_str(&format!("{}{line}\n", " ".repeat(indent)));
            }
        }
        text
    }

    fn line<'a>(
        &self,
        text: &mut String,
        cells: impl Iterator<Item = (&'a str, Colour)>,
        widths: &[Option<usize>],
        terminal: Terminal,
    ) {
        let mut line = String::new();
        // Blanks wait until something follows them, so that no line ends in blanks.
        let mut blanks = 0;
        for ((cell, colour), (column, width)) in cells.zip(self.columns.iter().zip(widths)) {
            let Some(width) = width else { continue };
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

    /// Each column as wide as its widest cell; where that is too much, the widest cut column gives first,
    /// and if that is not enough spare columns are left out: they have no width.
    fn widths(&self, limit: Option<usize>) -> Vec<Option<usize>> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| c.title.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.text.width());
            }
        }
        let mut widths: Vec<Option<usize>> = widths.into_iter().map(Some).collect();
        let Some(limit) = limit else {
            return widths;
        };
        let over = |widths: &[Option<usize>]| {
            let shown = widths.iter().flatten();
            let gaps = GAP.len() * shown.clone().count().saturating_sub(1);
            (shown.sum::<usize>() + gaps).saturating_sub(limit)
        };
        let gives = |at: usize, width: &Option<usize>| match width {
            Some(width) if self.columns[at].cut => width.saturating_sub(NARROWEST),
            _ => 0,
        };
        loop {
            let shown = widths.iter().enumerate();
            let most: usize = shown.map(|(at, width)| gives(at, width)).sum();
            let spare = |at: &usize| self.columns[*at].spare && widths[*at].is_some();
            match (0..widths.len()).rev().find(spare) {
                Some(at) if over(&widths) > most => widths[at] = None,
                _ => break,
            }
        }
        for _ in 0..over(&widths) {
            let widest = (0..widths.len())
                .filter(|at| gives(*at, &widths[*at]) > 0)
                .max_by_key(|at| widths[*at]);
            let Some(width) = widest.and_then(|at| widths[at].as_mut()) else {
                break;
            };
            *width -= 1;
        }
        widths
    }
}

/// A text in lines of at most so many columns, broken between words.
pub fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let room = room.unwrap_or(usize::MAX);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
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
    fn a_narrower_one_leaves_spare_columns_out_and_wraps_notes() {
        let mut table = Table::new()
            .column("ID")
            .cut("NAME")
            .column("STARTS")
            .right("AGE")
            .spare()
            .right("TOOK")
            .spare();
        table.row(["a1", "kernel boot", "in 5m", "10m", "3m05s"].map(Cell::from));
        table.note("both `panda` boards are busy; 2 jobs\tare ahead");
        let at = |width| {
            let width = Some(width);
            table.render(Terminal {
                width,
                ..Terminal::PLAIN
            })
        };
        let all = [40, 30, 24].map(at).join("\n");
        insta::assert_snapshot!(all, @r"
        ID  NAME         STARTS  AGE   TOOK
        a1  kernel boot  in 5m   10m  3m05s
            both `panda` boards are busy; 2
            jobs\tare ahead

        ID  NAME         STARTS  AGE
        a1  kernel boot  in 5m   10m
            both `panda` boards are
            busy; 2 jobs\tare ahead

        ID  NAME         STARTS
        a1  kernel boot  in 5m
            both `panda` boards
            are busy; 2
            jobs\tare ahead
        ");
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
