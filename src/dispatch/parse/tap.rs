//! Reads the Test Anything Protocol, versions 12 to 14.
//!
//! Tests, plan, `# SKIP`, `# TODO`, `Bail out!` and indented subtests count; diagnostics and YAML
//! blocks are passed over. A test that the plan promises and nobody saw is unknown, so output that
//! was cut off cannot pass. Any bytes are accepted.

use super::outline::{Case, DEPTH, Outline};
use super::tap_line::{Dialect, Test, read_plan};
use crate::dispatch::protocol::event::NAME;
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// How long a line may be; what is longer is diagnostic output.
pub const LONGEST: usize = 16 << 10;

/// A parser of one stream, fed as bytes come in.
pub struct Tap {
    lines: Lines,
    state: State,
}

#[derive(Default)]
struct State {
    outline: Outline,
    /// The indentation of an open YAML block.
    yaml: Option<usize>,
}

impl Default for Tap {
    fn default() -> Self {
        Self::new()
    }
}

impl Tap {
    pub fn new() -> Self {
        Self {
            lines: Lines::new(LONGEST),
            state: State::default(),
        }
    }

    /// Takes a piece of the stream and gives the tests that are complete.
    pub fn feed(&mut self, bytes: &[u8], give: &mut dyn FnMut(Case)) {
        let state = &mut self.state;
        self.lines.feed(bytes, |line| state.line(line, give));
    }

    /// Ends the stream and gives what is missing or unfinished.
    pub fn finish(&mut self, give: &mut dyn FnMut(Case)) {
        let state = &mut self.state;
        self.lines.finish(|line| state.line(line, give));
        let outline = &mut state.outline;
        outline.finish(give);
        if outline.is_empty() {
            let why = "no test and no plan in the output".to_owned();
            outline.give(Case::new("tap", CaseResult::Unknown, why), give);
        }
    }
}

impl State {
    fn line(&mut self, line: Line<'_>, give: &mut dyn FnMut(Case)) {
        let Line::Whole(bytes) = line else { return };
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        let body = text.trim_start_matches([' ', '\t']);
        let indent = columns(&text[..text.len() - body.len()]);
        let outline = &mut self.outline;
        if outline.bailed_out() || body.is_empty() {
            return;
        }
        // A block is open until `...`, or until something stands further left: one that is never
        // closed must not swallow the tests after it.
        if let Some(opened) = self.yaml {
            if indent >= opened && body != "..." {
                return;
            }
            self.yaml = None;
            if indent >= opened {
                return;
            }
        }
        if body == "---" && indent > 0 {
            self.yaml = Some(indent);
            return;
        }
        let depth = indent / 4;
        if let Some(reason) = body.strip_prefix("Bail out!") {
            outline.bail_out(0, reason.trim(), give);
        } else if depth >= DEPTH || !indent.is_multiple_of(4) {
            // Diagnostics of some kind.
        } else if let Some(test) = Test::read(body, Dialect::Tap) {
            outline.test(depth, test, give);
        } else if let Some((count, skip)) = read_plan(body) {
            outline.plan(depth, count, skip, give);
        } else if let Some(name) = body.strip_prefix("# Subtest:") {
            // The comment stands at its parent's depth or at its own.
            let own = if depth < outline.depth() {
                depth + 1
            } else {
                depth
            };
            if own < DEPTH {
                outline.begin(own, Some(clean(name, NAME)), give);
            }
        }
    }
}

/// How far right something stands after these spaces and tabs.
pub fn columns(indentation: &str) -> usize {
    indentation
        .chars()
        .map(|c| if c == '\t' { 4 } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::dispatch::parse::outline::MISSING;

    fn read_in(stream: &[u8], size: usize) -> Vec<Case> {
        let mut cases = Vec::new();
        let mut tap = Tap::new();
        for chunk in stream.chunks(size) {
            tap.feed(chunk, &mut |case| cases.push(case));
        }
        tap.finish(&mut |case| cases.push(case));
        cases
    }

    fn read(stream: &str) -> Vec<String> {
        read_in(stream.as_bytes(), 4096)
            .into_iter()
            .map(|case| match case.why {
                Some(why) => format!("{}: {} ({why})", case.name, case.result),
                None => format!("{}: {}", case.name, case.result),
            })
            .collect()
    }

    #[test]
    fn reads_tests_with_and_without_numbers_and_names() {
        let stream = "TAP version 13\n1..5\nok 1 - open\nnot ok 2 - read\n# because\nok 3\nok\nok - 5 alive\n";
        assert_eq!(
            read(stream),
            [
                "open: pass",
                "read: fail",
                "test-3: pass",
                "test-4: pass",
                "5 alive: pass"
            ]
        );
    }

    #[test]
    fn directives_excuse() {
        let stream = "ok 1 - a # SKIP no net\nnot ok 2 - b # TODO not yet\nok 3 - c # todo done\n\
                      ok 4 # skip\nok 5 - issue \\#7 is gone\nok 6 - d # skipped: why\n1..6\n";
        assert_eq!(
            read(stream),
            [
                "a: skip (no net)",
                "b: skip (TODO not yet)",
                "c: pass",
                "test-4: skip",
                "issue #7 is gone: pass",
                "d: skip (why)"
            ]
        );
    }

    #[test]
    fn what_the_plan_promised_is_missed() {
        assert_eq!(
            read("1..3\nok 1 - a\n"),
            [
                "a: pass",
                "test-2: unknown (planned but not seen)",
                "test-3: unknown (planned but not seen)"
            ]
        );
        assert_eq!(
            read("ok 1 - a\nok 2 - b\n1..1\n").last().unwrap(),
            "plan: unknown (1 tests are beyond the plan of 1)"
        );
        let huge = read("1..18446744073709551615\n");
        assert_eq!(huge.len(), MISSING as usize + 1);
        assert!(huge.last().unwrap().starts_with("missing: unknown"));
    }

    #[test]
    fn nothing_at_all_is_unknown_and_an_empty_plan_is_skipped() {
        assert_eq!(
            read("Segmentation fault\n"),
            ["tap: unknown (no test and no plan in the output)"]
        );
        assert_eq!(read("1..0 # SKIP no device\n"), ["plan: skip (no device)"]);
        assert_eq!(
            read("    1..0\n").len(),
            1,
            "a plan of a subtest alone is none"
        );
    }

    #[test]
    fn bailing_out_fails_and_ends() {
        assert_eq!(
            read("1..3\nok 1 - a\nBail out! disk on fire\nok 2 - b\n"),
            [
                "a: pass",
                "bail-out: fail (disk on fire)",
                "test-2: unknown (planned but not seen)",
                "test-3: unknown (planned but not seen)"
            ]
        );
    }

    #[test]
    fn subtests_are_named_after_their_parent() {
        let stream = "1..2\n# Subtest: net\n    1..2\n    ok 1 - ping\n    not ok 2 - dns\n\
                      not ok 1 - net\n    ok 1 - x\n    1..2\nok 2 - rest # TODO later\n";
        assert_eq!(
            read(stream),
            [
                "net / ping: pass",
                "net / dns: fail",
                "net: fail",
                "rest / x: pass",
                "rest / test-2: skip (planned but not seen)",
                "rest: pass"
            ]
        );
        assert_eq!(
            read("1..1\n    # Subtest: cut\n    1..2\n    ok 1 - a\n"),
            [
                "cut / a: pass",
                "cut / test-2: unknown (planned but not seen)",
                "test-1: unknown (planned but not seen)"
            ]
        );
    }

    #[test]
    fn yaml_blocks_and_diagnostics_are_passed_over() {
        let stream = "TAP version 14\n1..2\nnot ok 1 - a\n  ---\n  message: ok 7\n  ok 9 - no\n  ...\n\
                      # ok 3 - no\npragma +strict\nokay then\nok 2 - b\n  ---\n  open: end\n";
        assert_eq!(read(stream), ["a: fail", "b: pass"]);
        assert_eq!(
            read("1..2\nok 1 - a\n  ---\n  never closed\nnot ok 2 - b\n"),
            ["a: pass", "b: fail"]
        );
    }

    #[test]
    fn tests_of_one_name_do_not_hide_each_other() {
        assert_eq!(
            read("not ok 1 - same\nok 2 - same\n1..2\n"),
            ["same: fail", "same #2: pass"]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_give_the_same_cases(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            size in 1_usize..40,
        ) {
            prop_assert_eq!(read_in(&bytes, size), read_in(&bytes, 1000));
        }

        #[test]
        fn any_lines_of_the_protocol_give_bounded_cases_of_distinct_names(
            lines in proptest::collection::vec(
                "( {4}){0,3}(ok|not ok)( [0-9]{1,3})?( - [ab]{1,2})?( # (SKIP|TODO) x)?|( {4}){0,2}1\\.\\.[0-9]{1,3}|# Subtest: [ab]| {2}(---|\\.\\.\\.)|Bail out!|\\PC{0,20}",
                0..40,
            ),
        ) {
            let cases = read_in(lines.join("\n").as_bytes(), 17);
            prop_assert!(!cases.is_empty());
            prop_assert!(cases.len() <= lines.len() + 1 + lines.len() * (MISSING as usize + 2));
            let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
            prop_assert_eq!(names.len(), cases.len());
        }
    }
}
