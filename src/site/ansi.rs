//! Console output made harmless: colours become classes, everything else a terminal would obey goes.
//!
//! The state is carried over lines and calls, as terminals do. Bytes that are not UTF-8 are shown as
//! the replacement character.

use super::text::{is_deceptive, push_escaped};

/// The longest line that is shown, in characters.
pub const LONGEST_LINE: usize = 2000;

/// What the last colour sequences left switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    /// 0 to 15, one more than the number, 0 for the default.
    foreground: u8,
    background: u8,
    bold: bool,
    dim: bool,
    underline: bool,
}

impl Style {
    /// Takes one SGR sequence's parameters; unknown ones change nothing.
    fn apply(&mut self, parameters: &[u16]) {
        let mut rest = parameters.iter().copied();
        while let Some(code) = rest.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                4 => self.underline = true,
                22 => (self.bold, self.dim) = (false, false),
                24 => self.underline = false,
                30..=37 => self.foreground = (code - 29) as u8,
                39 => self.foreground = 0,
                40..=47 => self.background = (code - 39) as u8,
                49 => self.background = 0,
                90..=97 => self.foreground = (code - 81) as u8,
                100..=107 => self.background = (code - 91) as u8,
                38 | 48 => {
                    let colour = extended(&mut rest);
                    match code {
                        38 => self.foreground = colour,
                        _ => self.background = colour,
                    }
                }
                _ => {}
            }
        }
    }

    fn open(self, out: &mut String) {
        out.push_str("<i class=\"");
        let start = out.len();
        let mut class = |name: &str, number: Option<u8>| {
            if out.len() > start {
                out.push(' ');
            }
            out.push_str(name);
            if let Some(number) = number {
                out.push_str(&number.to_string());
            }
        };
        if self.foreground > 0 {
            class("f", Some(self.foreground - 1));
        }
        if self.background > 0 {
            class("g", Some(self.background - 1));
        }
        for (on, name) in [(self.bold, "B"), (self.dim, "D"), (self.underline, "U")] {
            if on {
                class(name, None);
            }
        }
        out.push_str("\">");
    }
}

/// The nearest of the sixteen colours for `5;n` and `2;r;g;b`.
fn extended(rest: &mut impl Iterator<Item = u16>) -> u8 {
    match rest.next() {
        Some(5) => match rest.next().unwrap_or(0) {
            n @ 0..=15 => n as u8 + 1,
            n @ 16..=231 => {
                let n = n - 16;
                nearest(n / 36 * 51, n / 6 % 6 * 51, n % 6 * 51)
            }
            232..=243 => 9,
            _ => 8,
        },
        Some(2) => {
            let mut next = || rest.next().unwrap_or(0);
            nearest(next(), next(), next())
        }
        _ => 0,
    }
}

fn nearest(red: u16, green: u16, blue: u16) -> u8 {
    let on = |part: u16| u8::from(part > 95);
    let bright = if red.max(green).max(blue) > 215 { 8 } else { 0 };
    (on(red) | on(green) << 1 | on(blue) << 2) + bright + 1
}

/// One character of a line with its style.
type Cell = (char, Style);

/// Turns lines of console output into HTML, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Painter {
    style: Style,
}

impl Painter {
    /// Appends one line, without its line feed, as HTML.
    pub fn line(&mut self, line: &[u8], out: &mut String) {
        let plain = line.strip_suffix(b"\r").unwrap_or(line);
        let simple = plain.len() <= LONGEST_LINE
            && self.style == Style::default()
            && plain.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'));
        if simple && let Ok(text) = std::str::from_utf8(plain) {
            // Nearly every line: nothing to obey.
            push_escaped(out, text);
            return;
        }
        let (cells, more) = self.cells(line);
        let mut open = Style::default();
        let mut run = String::new();
        for (c, style) in cells {
            if style != open {
                flush(out, open, &mut run);
                open = style;
            }
            run.push(c);
        }
        flush(out, open, &mut run);
        if more > 0 {
            out.push_str(&format!("<em> … {more} more characters</em>"));
        }
    }

    /// The line's text alone.
    pub fn text(&mut self, line: &[u8]) -> String {
        self.cells(line).0.into_iter().map(|(c, _)| c).collect()
    }

    /// What stands on the line once a terminal has obeyed returns and backspaces, and how many
    /// characters were too many.
    fn cells(&mut self, line: &[u8]) -> (Vec<Cell>, usize) {
        let decoded = String::from_utf8_lossy(line);
        let mut cells: Vec<Cell> = Vec::new();
        let mut column = 0;
        let mut more = 0;
        let mut chars = decoded.trim_end_matches('\r').chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\x1b' => match chars.next() {
                    Some('[') => self.control(&mut chars, &mut cells, &mut column),
                    Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut chars),
                    // A character set takes one more character.
                    Some('(' | ')' | '*' | '+' | '#' | ' ' | '%') => drop(chars.next()),
                    _ => {}
                },
                '\u{9b}' => self.control(&mut chars, &mut cells, &mut column),
                '\r' => column = 0,
                '\x08' => column = column.saturating_sub(1),
                '\x07' | '\0' => {}
                _ if column >= LONGEST_LINE => more += 1,
                _ => {
                    let cell = (c, self.style);
                    match cells.get_mut(column) {
                        Some(old) => *old = cell,
                        None => cells.push(cell),
                    }
                    column += 1;
                }
            }
        }
        (cells, more)
    }

    /// A control sequence after its introducer: colours are taken, erasing the line is obeyed, the rest dropped.
    fn control(
        &mut self,
        chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
        cells: &mut Vec<Cell>,
        column: &mut usize,
    ) {
        let mut parameters: Vec<u16> = vec![0];
        let mut private = false;
        while let Some(&c) = chars.peek() {
            match c {
                '0'..='9' => {
                    if let Some(last) = parameters.last_mut() {
                        *last = last.saturating_mul(10).saturating_add(c as u16 - 48);
                    }
                }
                ';' | ':' if parameters.len() < 32 => parameters.push(0),
                ';' | ':' | ' '..='/' => {}
                '<'..='?' => private = true,
                '@'..='~' => {
                    chars.next();
                    match (c, private) {
                        ('m', false) => self.style.apply(&parameters),
                        ('K', false) => match parameters[0] {
                            0 => cells.truncate(*column),
                            2 => {
                                cells.clear();
                                *column = 0;
                            }
                            _ => {}
                        },
                        _ => {}
                    }
                    return;
                }
                // Not a control sequence after all; the character is for the line.
                _ => return,
            }
            chars.next();
        }
    }
}

/// Skips an operating-system command up to BEL or ESC \. One that is never closed ends with its line,
/// lest it hide the rest of the log.
fn skip_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next() {
        match c {
            '\x07' | '\u{9c}' => return,
            '\x1b' if chars.next_if_eq(&'\\').is_some() => return,
            _ => {}
        }
    }
}

fn flush(out: &mut String, style: Style, run: &mut String) {
    if run.is_empty() {
        return;
    }
    if style == Style::default() {
        push_escaped(out, run);
    } else {
        style.open(out);
        push_escaped(out, run);
        out.push_str("</i>");
    }
    run.clear();
}

/// The whole text without colours or anything a terminal or a reader could mistake.
pub fn plain(line: &[u8]) -> String {
    let text = Painter::default().text(line);
    text.chars()
        .map(|c| if is_deceptive(c) { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paint(lines: &[&str]) -> Vec<String> {
        let mut painter = Painter::default();
        let paint = |line: &&str| {
            let mut html = String::new();
            painter.line(line.as_bytes(), &mut html);
            html
        };
        lines.iter().map(paint).collect()
    }

    #[test]
    fn colours_are_classes_and_go_on_over_lines() {
        assert_eq!(
            paint(&[
                "\x1b[1;31mred",
                "still\x1b[0m plain",
                "\x1b[38;5;196mx\x1b[48;2;0;0;255my"
            ]),
            [
                "<i class=\"f1 B\">red</i>",
                "<i class=\"f1 B\">still</i> plain",
                "<i class=\"f9\">x</i><i class=\"f9 g12\">y</i>",
            ]
        );
    }

    #[test]
    fn nothing_is_obeyed_and_nothing_is_html() {
        assert_eq!(
            paint(&[
                "<script>\x1b]0;title\x07alert(1)</script>",
                "50%\r100% done\r",
                "ab\x08c\x1b[2J\x1b[10;10H\x1b(B.",
                "old text\r\x1b[Knew",
                "\x1b[31",
                "\x1bPq#0;2\x1b\\end \u{202e}txt\x01",
            ]),
            [
                "&lt;script&gt;alert(1)&lt;/script&gt;",
                "100% done",
                "ac.",
                "new",
                "",
                "end \u{fffd}txt\u{2401}",
            ]
        );
    }

    #[test]
    fn long_lines_and_broken_bytes_are_shown_as_such() {
        let long = "x".repeat(LONGEST_LINE + 5);
        assert!(paint(&[&long])[0].ends_with("<em> … 5 more characters</em>"));
        assert_eq!(plain(b"a\xffb\x1b[31mc"), "a\u{fffd}bc");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_text_without_controls(bytes: Vec<u8>) {
            let mut painter = Painter::default();
            for line in bytes.split(|byte| *byte == b'\n') {
                let mut html = String::new();
                painter.line(line, &mut html);
                assert!(!html.chars().any(|c| c.is_control() && c != '\t'));
            }
        }
    }
}
