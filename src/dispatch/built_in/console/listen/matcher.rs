//! Looks for patterns in a stream, byte by byte.
//!
//! There is no window that would be searched again and again: an automaton goes on where it stood,
//! so the time is linear, the memory constant, and a stream gives the same matches however it is
//! cut. A match ends as early as it can. Only `$` and `\z` also match where the console has nothing
//! more to say at the moment.

use regex_automata::dfa::Automaton;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;

use crate::model::pattern::{PatternError, Patterns};

/// Patterns that are waited for together. A matcher serves one wait.
pub struct Matcher<'a> {
    patterns: &'a Patterns,
    state: StateID,
}

impl<'a> Matcher<'a> {
    /// Begins after the byte `before`, or at the beginning of the stream.
    pub fn new(patterns: &'a Patterns, before: Option<u8>) -> Result<Self, PatternError> {
        let config = start::Config::new().look_behind(before);
        let state = patterns
            .automaton()
            .start_state(&config)
            .map_err(|error| PatternError::new(error.to_string()))?;
        Ok(Self { patterns, state })
    }

    /// Takes the next piece of the stream; at the first match gives which pattern it was and where
    /// in the piece it ends. With `pause` nothing more is there to be read at the moment.
    pub fn feed(&mut self, bytes: &[u8], pause: bool) -> Option<(usize, usize)> {
        let dfa = self.patterns.automaton();
        // The automaton tells a match one byte late.
        for (i, &byte) in bytes.iter().enumerate() {
            self.state = dfa.next_state(self.state, byte);
            if dfa.is_match_state(self.state) {
                return Some((self.pattern(self.state), i));
            }
        }
        // At the end of the piece it is a match if it will be one whatever comes next.
        let next = NEXT.map(|byte| dfa.next_state(self.state, byte));
        if next.iter().all(|&state| dfa.is_match_state(state)) {
            return Some((self.pattern(next[0]), bytes.len()));
        }
        let end = dfa.next_eoi_state(self.state);
        (pause && dfa.is_match_state(end)).then(|| (self.pattern(end), bytes.len()))
    }

    fn pattern(&self, state: StateID) -> usize {
        self.patterns.automaton().match_pattern(state, 0).as_usize()
    }
}

/// One byte of each kind that `$` and `\b` tell apart.
const NEXT: [u8; 4] = *b"x \r\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns(patterns: &[&str]) -> Patterns {
        Patterns::new(patterns).unwrap()
    }

    /// Every match in a stream that comes in these parts: which, and where it ends.
    fn all(patterns: &Patterns, parts: &[&[u8]]) -> Vec<(usize, usize)> {
        let (mut found, mut offset, mut before) = (Vec::new(), 0, None);
        let mut matcher = Matcher::new(patterns, None).unwrap();
        for part in parts {
            let mut rest = *part;
            while let Some((which, end)) = matcher.feed(rest, false) {
                offset += end;
                found.push((which, offset));
                before = end.checked_sub(1).map_or(before, |last| Some(rest[last]));
                rest = &rest[end..];
                matcher = Matcher::new(patterns, before).unwrap();
            }
            offset += rest.len();
            before = rest.last().copied().or(before);
        }
        found
    }

    #[test]
    fn finds_the_earliest_end() {
        let patterns = patterns(&["login:", "# ", "^board# $"]);
        let mut matcher = Matcher::new(&patterns, None).unwrap();
        assert_eq!(matcher.feed(b"Debian lo", true), None);
        assert_eq!(matcher.feed(b"gin: ", true), Some((0, 4)));
    }

    #[test]
    fn lines_begin_and_end_as_people_expect() {
        let prompt = patterns(&["^board# $"]);
        let mut matcher = Matcher::new(&prompt, None).unwrap();
        assert_eq!(matcher.feed(b"my board# board# ls\r\nboard# ", false), None);
        assert_eq!(matcher.feed(b"", true), Some((0, 0)), "the console pauses");
        assert_eq!(all(&prompt, &[b"board# ls\r\nboard# ", b"x"]), []);
        assert_eq!(all(&prompt, &[b"a\r\nboard# \r"]), [(0, 10)]);
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_matches(
            text in "[ab#: \r\n]{0,120}",
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let patterns = patterns(&["ab+#", "^b: ", "a\\b", "(a|b)*::", "^a$"]);
            let bytes = text.as_bytes();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.sort_unstable();
            let (mut parts, mut from) = (Vec::new(), 0);
            for to in places {
                parts.push(&bytes[from..to]);
                from = to;
            }
            parts.push(&bytes[from..]);
            prop_assert_eq!(all(&patterns, &parts), all(&patterns, &[bytes]));
        }
    }
}
