//! Regular expressions that are looked for on a console.

use std::fmt;

use regex_automata::MatchKind;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::util::syntax;

/// The most memory that the automaton of one wait may take: patterns come from files of the lab.
const LARGEST: usize = 8 << 20;

/// Patterns that are looked for together, for bytes. `^` and `$` stand for the ends of lines.
#[derive(Debug, Clone)]
pub struct Patterns(dense::DFA<Vec<u32>>);

impl Patterns {
    /// # Errors
    /// A pattern is no regular expression, takes too much memory, or matches nothing at all.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        let syntax = syntax::Config::new()
            .unicode(false)
            .utf8(false)
            .multi_line(true)
            .crlf(true);
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Unanchored)
            .dfa_size_limit(Some(LARGEST))
            .determinize_size_limit(Some(LARGEST));
        let automaton = dense::Builder::new()
            .configure(config)
            .syntax(syntax)
            .build_many(patterns)
            .map_err(|error| {
                if error.is_size_limit_exceeded() {
                    PatternError::new("the regular expression is too complex")
                } else {
                    PatternError::new(last_line(&source(&error)))
                }
            })?;
        if regex_automata::dfa::Automaton::has_empty(&automaton) {
            return Err(PatternError::new(
                "the regular expression matches where nothing stands",
            ));
        }
        Ok(Self(automaton))
    }

    pub fn automaton(&self) -> &dense::DFA<Vec<u32>> {
        &self.0
    }
}

/// The innermost cause: the outer ones only say that the automaton cannot be built.
fn source(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A syntax error is a picture of several lines, whose last says what is wrong.
fn last_line(error: &str) -> String {
    let last = error.lines().last().unwrap_or(error);
    last.trim_start_matches("error: ").to_owned()
}

/// Why something is no pattern; fits after "bad pattern: ".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternError(String);

impl PatternError {
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PatternError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_a_pattern_is_none() {
        let why = |pattern: &str| Patterns::new(&[pattern]).unwrap_err().to_string();
        assert_eq!(why("login["), "unclosed character class");
        assert_eq!(why("(a"), "unclosed group");
        assert!(why("x*").contains("matches where nothing stands"));
        assert!(why("[a-z]{200}.{500}[0-9]{300}").contains("too complex"));
    }

    #[test]
    fn every_byte_may_be_looked_for() {
        assert!(Patterns::new(&["é#", r"\xff", "(?i)LOGIN: ", r"\w+@\S+:~# "]).is_ok());
    }
}
