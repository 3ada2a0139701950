//! Makes texts from outside short and harmless.

/// Replaces control characters and those that turn the direction of writing, and cuts after `most`
/// characters; trimmed.
pub fn clean(text: &str, most: usize) -> String {
    let harmless = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        c if c.is_control() => '\u{fffd}',
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    };
    let mut clean: String = text.trim().chars().take(most).map(harmless).collect();
    if text.trim().chars().nth(most).is_some() {
        clean.pop();
        clean.push('…');
    }
    clean
}

/// The last few lines of a log that say something, without terminal sequences; `None` when none do.
pub fn last_words(log: &[u8]) -> Option<String> {
    const LINES: usize = 5;
    const LINE: usize = 200;
    let text = without_escapes(&String::from_utf8_lossy(log));
    let mut lines: Vec<String> = text
        .lines()
        .rev()
        .map(|line| clean(line, LINE))
        .filter(|line| !line.is_empty())
        .take(LINES)
        .collect();
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Drops ANSI sequences: `ESC [ … final`, `ESC ] … BEL` and `ESC` with one character.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\u{1b}' {
            plain.push(c);
            continue;
        }
        match rest.next() {
            Some('[') => while rest.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
            Some(']') => while rest.next().is_some_and(|c| !"\u{7}\u{1b}\n".contains(c)) {},
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_and_cuts() {
        assert_eq!(clean(" a\tb\u{1b}[1m ", 20), "a b\u{fffd}[1m");
        assert_eq!(clean("abcdef", 4), "abc…");
        assert_eq!(clean("abcd", 4), "abcd");
        assert_eq!(clean("x\u{202e}y", 4), "x\u{fffd}y");
    }

    #[test]
    fn last_words_are_lines_that_say_something() {
        let log = b"one\n\x1b[31mtwo\x1b[0m\n\n\x1b]0;title\x07three\n\n";
        assert_eq!(last_words(log).unwrap(), "one\ntwo\nthree");
        assert_eq!(last_words(b"\n \r\n"), None);
        assert_eq!(last_words(b"1\n2\n3\n4\n5\n6\n").unwrap(), "2\n3\n4\n5\n6");
    }
}
