//! From byte offsets of a text to lines and columns.

use std::cell::Cell;

/// A place in a text: both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// Finds the places of a text's bytes.
pub(super) struct Places<'t> {
    text: &'t str,
    /// The last answer: places are mostly asked for in order, so that a long line is counted once.
    last: Cell<(usize, Place)>,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            last: Cell::new((0, Place::START)),
        }
    }

    /// The place of the character that holds the byte; past the end, the end.
    pub(super) fn at(&self, offset: usize) -> Place {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let (known, mut place) = match self.last.get() {
            (known, place) if known <= offset => (known, place),
            _ => (0, Place::START),
        };
        for part in self.text[known..offset].split_inclusive('\n') {
            if part.ends_with('\n') {
                place.line += 1;
                place.column = 1;
            } else {
                place.column += part.chars().count();
            }
        }
        self.last.set((offset, place));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters() {
        let text = "äb\r\nc\n\n€x";
        let places = Places::new(text);
        let at = |offset| {
            let place = places.at(offset);
            (place.line, place.column)
        };
        for (offset, expected) in [
            (0, (1, 1)),
            (1, (1, 1)),
            (2, (1, 2)),
            (5, (2, 1)),
            (7, (3, 1)),
            (8, (4, 1)),
            (11, (4, 2)),
            (99, (4, 3)),
            (2, (1, 2)),
        ] {
            assert_eq!(at(offset), expected, "{offset}");
        }
    }
}
