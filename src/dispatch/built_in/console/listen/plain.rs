//! Takes the terminal sequences out of a stream, with its state kept from one read to the next.

use std::str::Utf8Error;

use vte::{Parser, Perform};

/// Gives a console's text: printable characters, tabs and line ends. Bytes that are no UTF-8 become
/// U+FFFD. A line end closes any sequence: random bytes may open one that nothing ever closes.
pub struct Plain {
    parser: Parser,
    /// The beginning of a character whose other bytes have not come yet. The parser is given whole
    /// ones only, for it tells a broken one differently when a cut goes through it.
    held: Vec<u8>,
    /// Nothing since the last line end needed the parser.
    untouched: bool,
}

impl Default for Plain {
    fn default() -> Self {
        Self {
            parser: Parser::new(),
            held: Vec::new(),
            untouched: true,
        }
    }
}

impl Plain {
    /// Adds the text in `bytes` to `text`.
    pub fn feed(&mut self, bytes: &[u8], text: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            self.part(&rest[..end], text);
            if !self.untouched {
                if !self.held.is_empty() {
                    self.parser.advance(&mut Printer(text), BROKEN);
                }
                *self = Self::default();
            }
            text.push(b'\n');
            rest = &rest[end + 1..];
        }
        self.part(rest, text);
    }

    fn part(&mut self, part: &[u8], text: &mut Vec<u8>) {
        // Nearly every line is plain text, which is copied as a whole.
        let is_plain = |&byte: &u8| matches!(byte, b'\t' | b'\r' | b' '..=b'~');
        if self.untouched && part.iter().all(is_plain) {
            text.extend_from_slice(part);
        } else {
            self.untouched = false;
            self.parse(part, text);
        }
    }

    fn parse(&mut self, part: &[u8], text: &mut Vec<u8>) {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(part);
        let mut rest = bytes.len();
        for chunk in bytes.utf8_chunks() {
            let (valid, broken) = (chunk.valid(), chunk.invalid());
            rest -= valid.len() + broken.len();
            self.parser.advance(&mut Printer(text), valid.as_bytes());
            let could_go_on = |error: Utf8Error| error.error_len().is_none();
            if rest == 0 && std::str::from_utf8(broken).is_err_and(could_go_on) {
                self.held = broken.to_vec();
            } else if !broken.is_empty() {
                self.parser.advance(&mut Printer(text), BROKEN);
            }
        }
    }
}

/// What stands for bytes that are no character.
const BROKEN: &[u8] = "\u{fffd}".as_bytes();

struct Printer<'a>(&'a mut Vec<u8>);

impl Perform for Printer<'_> {
    fn print(&mut self, c: char) {
        // DEL prints nothing.
        if c != '\u{7f}' {
            self.0
                .extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn execute(&mut self, byte: u8) {
        if matches!(byte, b'\t' | b'\r') {
            self.0.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(parts: &[&[u8]]) -> String {
        let (mut plain, mut text) = (Plain::default(), Vec::new());
        for part in parts {
            plain.feed(part, &mut text);
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn sequences_vanish_however_they_are_cut() {
        assert_eq!(plain(&[b"a\x1b[1;3", b"1mb\x1b", b"[0mc\r\n"]), "abc\r\n");
        assert_eq!(plain(&[b"\x1b]0;ti", b"tle\x07x\x1b[6n"]), "x");
        assert_eq!(plain(&[b"\xc3", b"\xa4\x00\x07 \xff!"]), "ä \u{fffd}!");
        assert_eq!(plain(&[b"\xd1", b"m\xe2\x82\n"]), "\u{fffd}m\u{fffd}\n");
    }

    #[test]
    fn a_sequence_that_nothing_closes_ends_with_its_line() {
        assert_eq!(plain(&[b"\x1b]never", b" closed\nok\n"]), "\nok\n");
        assert_eq!(plain(&[b"\x1bPx\n", b"\x1bXy\nok"]), "\n\nok");
    }

    /// Its place is a part of the parser, and so does not grow.
    #[test]
    fn a_sequence_without_an_end_takes_no_memory() {
        assert!(size_of::<Parser>() > 1024 && size_of::<Parser>() < 64 << 10);
        let (mut plain, mut text) = (Plain::default(), Vec::new());
        plain.feed(b"\x1b]", &mut text);
        for _ in 0..160 {
            plain.feed(&[b'x'; 64 << 10], &mut text);
        }
        assert!(text.is_empty() && text.capacity() == 0);
        plain.feed(b"\x07ok", &mut text);
        assert_eq!(text, b"ok");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_text(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b'\x1b'), Just(b'['), Just(b'\n'), Just(b'm')], 0..300),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.sort_unstable();
            let (mut parts, mut from) = (Vec::new(), 0);
            for to in places {
                parts.push(&bytes[from..to]);
                from = to;
            }
            parts.push(&bytes[from..]);
            prop_assert_eq!(plain(&parts), plain(&[&bytes]));
        }
    }
}
