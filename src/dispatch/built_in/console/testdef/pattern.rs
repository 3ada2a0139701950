//! Results out of a line of output, by a pattern with named groups.

use std::collections::BTreeMap;

use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::dispatch::protocol::event::{NAME, ResultEvent, TEXT};
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// The most memory that a pattern may take.
const LARGEST: usize = 4 << 20;

/// A pattern with the groups `test_case_id`, `result`, `measurement`, `units` and `message`.
#[derive(Debug, Clone)]
pub struct ResultPattern {
    regex: Regex,
    /// What stands for a result in the output, and the result.
    replacements: BTreeMap<String, String>,
}

impl ResultPattern {
    /// # Errors
    /// Why it is no pattern: Python's look-around and back references cannot be.
    pub fn new(pattern: &str, replacements: BTreeMap<String, String>) -> Result<Self, String> {
        let regex = RegexBuilder::new(&from_python(pattern))
            .size_limit(LARGEST)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "the regular expression is too complex".into(),
                error => {
                    let text = error.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                }
            })?;
        if !regex.capture_names().flatten().any(|n| n == "test_case_id") {
            return Err("the regular expression has no group `(?P<test_case_id>…)`".into());
        }
        Ok(Self {
            regex,
            replacements,
        })
    }

    /// The result in a line, if there is one.
    pub fn read(&self, line: &[u8]) -> Option<ResultEvent> {
        let groups = self.regex.captures(line)?;
        let case = group(&groups, "test_case_id", NAME)?;
        let value = group(&groups, "measurement", NAME)
            .and_then(|value| value.parse::<f64>().ok())
            .filter(|value| value.is_finite());
        let result = match group(&groups, "result", NAME) {
            Some(word) => self.result(&word),
            // A measurement that could be taken is a success, as in v1.
            None if value.is_some() => CaseResult::Pass,
            None => CaseResult::Unknown,
        };
        Some(ResultEvent {
            suite: None,
            case,
            result,
            value,
            units: group(&groups, "units", NAME),
            seconds: None,
            why: group(&groups, "message", TEXT),
        })
    }

    fn result(&self, word: &str) -> CaseResult {
        let word = self.replacements.get(word).map_or(word, String::as_str);
        word.to_lowercase().parse().unwrap_or(CaseResult::Unknown)
    }
}

/// Patterns are written for Python, where `[`, `&` and `~` mean nothing inside of a class.
fn from_python(pattern: &str) -> String {
    let mut rust = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                rust.push(c);
                rust.extend(chars.next());
            }
            '[' if !in_class => {
                in_class = true;
                rust.push(c);
                rust.extend(chars.next_if_eq(&'^'));
                // Here it does not close the class.
                if chars.next_if_eq(&']').is_some() {
                    rust.push_str("\\]");
                }
            }
            '[' | '&' | '~' if in_class => {
                rust.push('\\');
                rust.push(c);
            }
            c => {
                in_class &= c != ']';
                rust.push(c);
            }
        }
    }
    rust
}

fn group(groups: &Captures<'_>, name: &str, most: usize) -> Option<String> {
    let text = String::from_utf8_lossy(groups.name(name)?.as_bytes());
    Some(clean(&text, most)).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(pattern: &str) -> ResultPattern {
        let fixup = [("PASSED", "pass"), ("BROKEN", "fail")];
        let fixup = fixup.map(|(from, to)| (from.to_owned(), to.to_owned()));
        ResultPattern::new(pattern, fixup.into()).unwrap()
    }

    #[test]
    fn reads_real_patterns() {
        let kselftest =
            pattern(r"^selftests:\s(?P<test_case_id>\S+)\s[[](?P<result>(FAIL|PASS|SKIP))[]]");
        let found = kselftest
            .read(b"selftests: breakpoint_test [PASS]")
            .unwrap();
        assert_eq!(found.case, "breakpoint_test");
        assert_eq!(found.result, CaseResult::Pass);
        assert_eq!(kselftest.read(b"selftests: x [OK]"), None);

        let measured = pattern(
            r"^test_case_id:(?P<test_case_id>.+)\s+result:(?P<result>\w+)\s+measurement:(?P<measurement>.+)\s+units:(?P<units>.+)",
        );
        let line = b"test_case_id:copy result:BROKEN measurement:12.5 units:MB/s";
        let found = measured.read(line).unwrap();
        assert_eq!(
            (found.value, found.units.as_deref()),
            (Some(12.5), Some("MB/s"))
        );
        assert_eq!(found.result, CaseResult::Fail);
    }

    #[test]
    fn classes_are_those_of_python() {
        assert_eq!(
            from_python(r"[[]a[]]b[^]\]&][x]["),
            r"[\[]a[\]]b[^\]\]\&][x]["
        );
        assert_eq!(from_python(r"\[(a)\]&[a-z]+"), r"\[(a)\]&[a-z]+");
    }

    #[test]
    fn a_measurement_alone_passes_and_strange_words_are_unknown() {
        let time = pattern(r"(?P<test_case_id>\w+) took (?P<measurement>[0-9.]+)");
        assert_eq!(
            time.read(b"boot took 1.5").unwrap().result,
            CaseResult::Pass
        );
        let word = pattern(r"(?P<test_case_id>\w+): (?P<result>\w+)");
        assert_eq!(word.read(b"a: PASSED").unwrap().result, CaseResult::Pass);
        assert_eq!(word.read(b"a: soso").unwrap().result, CaseResult::Unknown);
    }

    #[test]
    fn says_why_a_pattern_cannot_be() {
        let why = |pattern: &str| ResultPattern::new(pattern, BTreeMap::new()).unwrap_err();
        assert!(why("(?P<test_case_id>a(?=b))").contains("look-around"));
        assert!(why("(a").contains("unclosed group"));
        assert!(why("(?P<result>x)").contains("no group"));
    }
}
