//! Cuts a stream of bytes into lines of bounded length.

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Whole(&'a [u8]),
    /// Longer than the limit: its beginning. The rest was skipped.
    Cut(&'a [u8]),
}

/// Gives the same lines however the stream is cut, and never holds more than one of them.
pub struct Lines {
    limit: usize,
    begun: Vec<u8>,
    overlong: bool,
}

impl Lines {
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            begun: Vec::new(),
            overlong: false,
        }
    }

    pub fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(Line<'_>)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            // A line that came in one piece, as nearly all do, is not copied.
            if self.begun.is_empty() && !self.overlong && line.len() <= self.limit {
                take(Line::Whole(line));
            } else {
                self.hold(line);
                self.release(&mut take);
            }
        }
        self.hold(rest);
    }

    /// Gives the last line if it has no end.
    pub fn finish(&mut self, mut take: impl FnMut(Line<'_>)) {
        if !self.begun.is_empty() {
            self.release(&mut take);
        }
    }

    fn hold(&mut self, part: &[u8]) {
        let room = self.limit - self.begun.len();
        self.overlong |= part.len() > room;
        self.begun.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn release(&mut self, take: &mut impl FnMut(Line<'_>)) {
        if self.overlong {
            take(Line::Cut(&self.begun));
        } else {
            take(Line::Whole(&self.begun));
        }
        self.begun.clear();
        self.overlong = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(bytes: &[u8], size: usize) -> Vec<(bool, Vec<u8>)> {
        let mut found = Vec::new();
        let mut take = |line: Line<'_>| {
            found.push(match line {
                Line::Whole(bytes) => (true, bytes.to_vec()),
                Line::Cut(bytes) => (false, bytes.to_vec()),
            });
        };
        let mut lines = Lines::new(4);
        bytes
            .chunks(size)
            .for_each(|chunk| lines.feed(chunk, &mut take));
        lines.finish(&mut take);
        found
    }

    #[test]
    fn long_lines_are_cut_and_the_next_is_whole() {
        assert_eq!(
            cut(b"abcd\nabcde\n\nx", 3),
            [
                (true, b"abcd".to_vec()),
                (false, b"abcd".to_vec()),
                (true, b"".to_vec()),
                (true, b"x".to_vec())
            ]
        );
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_lines(bytes in "[ab\n]{0,60}", size in 1_usize..20) {
            prop_assert_eq!(cut(bytes.as_bytes(), size), cut(bytes.as_bytes(), 1000));
        }
    }
}
