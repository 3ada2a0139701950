//! Text that somebody else wrote, made harmless for a terminal.

use std::fmt::Write;

/// The text on one line: control characters, and those that reorder or hide text, are written as escapes.
pub fn visible(text: &str) -> String {
    escape(text, |_| false)
}

/// A text of several lines, such as a message with the end of a log, on one; not yet harmless.
pub fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" | ")
}

/// As [`visible`], but lines stay lines and tabs stay tabs.
pub fn visible_lines(text: &str) -> String {
    escape(text, |c| c == '\n' || c == '\t')
}

/// A piece of a log for a terminal. Colours and cursor movements are dropped, since logs are full of them;
/// what else could steer a terminal is written as an escape.
pub fn harmless_log(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(at) = rest.find('\u{1b}') {
        shown.push_str(&visible_lines(&rest[..at].replace("\r\n", "\n")));
        rest = skip_escape(&rest[at..]);
    }
    shown.push_str(&visible_lines(&rest.replace("\r\n", "\n")));
    shown
}

/// What follows the escape sequence at the beginning of `text`.
fn skip_escape(text: &str) -> &str {
    let after = &text[1..];
    let mut chars = after.char_indices();
    match chars.next() {
        // CSI: parameters, then one letter or sign from `@` to `~`.
        Some((_, '[')) => after[1..]
            .find(|c| ('@'..='~').contains(&c))
            .map_or("", |end| &after[end + 2..]),
        // OSC and its like: to BEL or ESC \.
        Some((_, ']' | 'P' | '_' | '^' | 'X')) => {
            let bell = after.find('\u{7}').map(|at| at + 1);
            let terminator = after.find("\u{1b}\\").map(|at| at + 2);
            let end = match (bell, terminator) {
                (Some(a), Some(b)) => a.min(b),
                (a, b) => a.or(b).unwrap_or(after.len()),
            };
            &after[end..]
        }
        // Blanks and signs up to `/` come before the letter that ends a short sequence.
        Some(_) => after.find(|c| !(' '..='/').contains(&c)).map_or("", |end| {
            let last = after[end..].chars().next().map_or(0, char::len_utf8);
            &after[end + last..]
        }),
        None => "",
    }
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if keep(c) || !is_hostile(c) {
            shown.push(c);
        } else {
            match c {
                '\n' => shown.push_str("\\n"),
                '\r' => shown.push_str("\\r"),
                '\t' => shown.push_str("\\t"),
                // Writing to a String cannot fail.
                _ => drop(write!(shown, "\\u{{{:x}}}", u32::from(c))),
            }
        }
    }
    shown
}

/// Control characters, and format characters that reorder or hide what is beside them.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(
            visible("a\tb\nc\u{1b}[31m\u{202e}x"),
            "a\\tb\\nc\\u{1b}[31m\\u{202e}x"
        );
        assert_eq!(visible_lines("a\tb\n\r"), "a\tb\n\\r");
        assert_eq!(visible("grün 漢字"), "grün 漢字");
    }

    #[test]
    fn logs_lose_colours_and_keep_words() {
        let log = b"\x1b[32mok\x1b[0m\r\n\x1b]0;title\x07next\x1b(B \x1b]8;;x\x1b\\link\xff\x1b[";
        assert_eq!(harmless_log(log), "ok\nnext link\u{fffd}");
    }

    proptest! {
        #[test]
        fn nothing_shown_steers_a_terminal(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let shown = harmless_log(&bytes);
            prop_assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !is_hostile(c)));
        }
    }
}
