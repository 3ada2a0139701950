//! Reads the Test Anything Protocol, versions 12 to 14.
//!
//! Tests, plan, `# SKIP`, `# TODO`, `Bail out!` and indented subtests count; diagnostics and YAML
//! blocks are passed over. A test that the plan promises and nobody saw is unknown, so output that
//! was cut off cannot pass. Any bytes are accepted.

use std::collections::HashSet;

use super::tap_line::{Test, read_plan};
use crate::dispatch::protocol::event::{NAME, TEXT};
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// How long a line may be; what is longer is diagnostic output.
const LONGEST: usize = 16 << 10;

/// How deep subtests are told apart; deeper ones count as diagnostics.
const DEPTH: usize = 8;

/// How many tests are kept of one stream; results beyond are the protocol's limit to refuse.
const TESTS: usize = 25_000;

/// How many missing tests are named one by one.
const MISSING: u64 = 100;

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapCase {
    /// The description, with those of the tests it is a part of before it: `parent / child`.
    pub name: String,
    pub result: CaseResult,
    pub why: Option<String>,
}

impl TapCase {
    fn new(name: impl Into<String>, result: CaseResult, why: impl Into<Option<String>>) -> Self {
        Self {
            name: name.into(),
            result,
            why: why.into(),
        }
    }
}

/// A parser of one stream, fed as bytes come in.
pub struct Tap {
    lines: Lines,
    state: State,
}

struct State {
    /// The open levels: the stream itself, then subtests.
    levels: Vec<Level>,
    /// The indentation of an open YAML block.
    yaml: Option<usize>,
    /// The names given so far: two tests of one name must not hide each other.
    names: HashSet<String>,
    bailed_out: bool,
    kept: usize,
}

#[derive(Default)]
struct Level {
    /// From a `# Subtest: NAME` comment.
    name: Option<String>,
    plan: Option<u64>,
    seen: HashSet<u64>,
    last: u64,
    /// Tests whose parent is not known yet.
    waiting: Vec<TapCase>,
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
            state: State {
                levels: vec![Level::default()],
                yaml: None,
                names: HashSet::new(),
                bailed_out: false,
                kept: 0,
            },
        }
    }

    /// Takes a piece of the stream and gives the tests that are complete.
    pub fn feed(&mut self, bytes: &[u8], mut give: impl FnMut(TapCase)) {
        let state = &mut self.state;
        self.lines.feed(bytes, |line| state.line(line, &mut give));
    }

    /// Ends the stream and gives what is missing or unfinished.
    pub fn finish(mut self, mut give: impl FnMut(TapCase)) {
        let state = &mut self.state;
        self.lines.finish(|line| state.line(line, &mut give));
        state.close_to(1, None, &mut give);
        let Some(level) = state.levels.pop() else {
            return;
        };
        for case in level.missing() {
            state.give(case, &mut give);
        }
        if state.names.is_empty() {
            let why = "no test and no plan in the output".to_owned();
            state.give(TapCase::new("tap", CaseResult::Unknown, why), &mut give);
        }
    }
}

impl State {
    fn line(&mut self, line: Line<'_>, give: &mut impl FnMut(TapCase)) {
        let Line::Whole(bytes) = line else { return };
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        let body = text.trim_start_matches([' ', '\t']);
        let indent: usize = text[..text.len() - body.len()]
            .chars()
            .map(|c| if c == '\t' { 4 } else { 1 })
            .sum();
        if self.bailed_out || body.is_empty() {
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
            self.bail_out(reason.trim(), give);
        } else if depth >= DEPTH || !indent.is_multiple_of(4) {
            // Diagnostics of some kind.
        } else if let Some(test) = Test::read(body) {
            self.test(depth, test, give);
        } else if let Some((count, skip)) = read_plan(body) {
            self.plan(depth, count, skip, give);
        } else if let Some(name) = body.strip_prefix("# Subtest:") {
            // The comment stands at its parent's depth or at its own.
            let own = if depth < self.levels.len() {
                depth + 1
            } else {
                depth
            };
            if own < DEPTH {
                self.close_to(own, None, give);
                self.open(own);
                if let Some(level) = self.levels.last_mut() {
                    level.name = Some(clean(name, NAME));
                }
            }
        }
    }

    fn open(&mut self, depth: usize) {
        while self.levels.len() <= depth {
            self.levels.push(Level::default());
        }
    }

    fn plan(
        &mut self,
        depth: usize,
        count: u64,
        skip: Option<String>,
        give: &mut impl FnMut(TapCase),
    ) {
        self.close_to(depth + 1, None, give);
        self.open(depth);
        let level = &mut self.levels[depth];
        level.plan.get_or_insert(count);
        if count == 0 && depth == 0 && level.seen.is_empty() {
            let why = skip.filter(|why| !why.is_empty());
            self.give(TapCase::new("plan", CaseResult::Skip, why), give);
        }
    }

    fn test(&mut self, depth: usize, test: Test, give: &mut impl FnMut(TapCase)) {
        self.close_to(depth + 2, None, give);
        self.open(depth);
        let level = &mut self.levels[depth];
        let number = test.number.unwrap_or(level.last.saturating_add(1));
        level.last = number;
        if level.seen.len() < TESTS {
            level.seen.insert(number);
        }
        let name = if test.description.is_empty() {
            format!("test-{number}")
        } else {
            test.description
        };
        // The subtest just before belongs to this test.
        self.close_to(depth + 1, Some((&name, test.excused)), give);
        self.keep(depth, TapCase::new(name, test.result, test.why), give);
    }

    /// Ends all levels from `depth` on; their tests go up one level. `parent` is the test they are
    /// a part of, and whether it is excused, which then excuses them too.
    fn close_to(
        &mut self,
        depth: usize,
        parent: Option<(&str, bool)>,
        give: &mut impl FnMut(TapCase),
    ) {
        while self.levels.len() > depth.max(1) {
            let Some(mut level) = self.levels.pop() else {
                return;
            };
            let at = self.levels.len();
            let direct = parent.filter(|_| at == depth);
            let name = direct
                .map(|(name, _)| name.to_owned())
                .or_else(|| level.name.clone())
                .unwrap_or_else(|| "subtest".to_owned());
            let excused = direct.is_some_and(|(_, excused)| excused);
            let missing = level.missing();
            for mut case in std::mem::take(&mut level.waiting)
                .into_iter()
                .chain(missing)
            {
                case.name = format!("{name} / {}", case.name);
                if excused && case.result != CaseResult::Pass {
                    case.result = CaseResult::Skip;
                }
                self.keep(at - 1, case, give);
            }
        }
    }

    fn keep(&mut self, depth: usize, case: TapCase, give: &mut impl FnMut(TapCase)) {
        if depth == 0 {
            self.give(case, give);
        } else if let Some(level) = self.levels.get_mut(depth)
            && self.kept < TESTS
        {
            self.kept += 1;
            level.waiting.push(case);
        }
    }

    fn give(&mut self, mut case: TapCase, give: &mut impl FnMut(TapCase)) {
        case.name = clean(&case.name, NAME - 10);
        case.why = case
            .why
            .map(|why| clean(&why, TEXT))
            .filter(|why| !why.is_empty());
        if self.names.len() < TESTS {
            let plain = case.name.clone();
            let mut n = 1;
            while !self.names.insert(case.name.clone()) {
                n += 1;
                case.name = format!("{plain} #{n}");
            }
        }
        give(case);
    }

    fn bail_out(&mut self, reason: &str, give: &mut impl FnMut(TapCase)) {
        self.close_to(1, None, give);
        self.bailed_out = true;
        let why = (!reason.is_empty()).then(|| reason.to_owned());
        self.give(TapCase::new("bail-out", CaseResult::Fail, why), give);
    }
}

impl Level {
    /// What the plan promised and nobody saw, and what nobody promised.
    fn missing(&self) -> Vec<TapCase> {
        let Some(plan) = self.plan else {
            return Vec::new();
        };
        let unknown =
            |name: String, why: &str| TapCase::new(name, CaseResult::Unknown, why.to_owned());
        let seen = self
            .seen
            .iter()
            .filter(|&&n| (1..=plan).contains(&n))
            .count() as u64;
        let mut cases: Vec<TapCase> = Vec::new();
        if seen < plan {
            // At most as many numbers are tried as were seen and as may be named.
            cases.extend(
                (1..=plan)
                    .filter(|n| !self.seen.contains(n))
                    .take(MISSING as usize)
                    .map(|n| unknown(format!("test-{n}"), "planned but not seen")),
            );
            let more = (plan - seen).saturating_sub(MISSING);
            if more > 0 {
                cases.push(unknown(
                    "missing".into(),
                    &format!("{more} more tests were planned but not seen"),
                ));
            }
        }
        let unplanned = self.seen.len() as u64 - seen;
        if unplanned > 0 {
            cases.push(unknown(
                "plan".into(),
                &format!("{unplanned} tests are beyond the plan of {plan}"),
            ));
        }
        cases
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_in(stream: &[u8], size: usize) -> Vec<TapCase> {
        let mut cases = Vec::new();
        let mut tap = Tap::new();
        for chunk in stream.chunks(size) {
            tap.feed(chunk, |case| cases.push(case));
        }
        tap.finish(|case| cases.push(case));
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
