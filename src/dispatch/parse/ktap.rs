//! Reads the kernel's test protocol, KTAP version 1, and the TAP 13 of older self tests.
//!
//! Subtests are told by indentation of any width, or by the `# ` before the output of a self test.
//! Lines of the kernel's log may stand between the lines of the tests, and its prefix before them.
//! A stream must have a plan: without one nobody knows whether it is whole. Any bytes are accepted.

use super::ktap_line::{is_version, without_hashes, without_log_prefix};
use super::outline::{Case, DEPTH, Outline};
use super::tap::{LONGEST, columns};
use super::tap_line::{Dialect, Test, read_plan};
use crate::dispatch::protocol::event::NAME;
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// A parser of one stream, fed as bytes come in.
pub struct Ktap {
    lines: Lines,
    state: State,
}

struct State {
    outline: Outline,
    /// The columns at which the open levels stand, the leftmost first.
    columns: Vec<usize>,
    /// How many `# ` may stand before a line: as many as version lines have shown.
    hashes: usize,
}

impl Default for Ktap {
    fn default() -> Self {
        Self::new()
    }
}

impl Ktap {
    pub fn new() -> Self {
        Self {
            lines: Lines::new(LONGEST),
            state: State {
                outline: Outline::default(),
                columns: vec![0],
                hashes: 0,
            },
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
        state.end_stream(give);
        if state.outline.is_empty() {
            let why = "no test and no plan in the output".to_owned();
            let case = Case::new("ktap", CaseResult::Unknown, why);
            state.outline.give(case, give);
        }
    }
}

impl State {
    fn line(&mut self, line: Line<'_>, give: &mut dyn FnMut(Case)) {
        let Line::Whole(bytes) = line else { return };
        if self.outline.bailed_out() {
            return;
        }
        let text = String::from_utf8_lossy(bytes);
        let text = without_log_prefix(text.trim_end().trim_start_matches('\r'));
        let (hashes, text) = without_hashes(text, self.hashes);
        if hashes == self.hashes && text.strip_prefix("# ").is_some_and(is_version) {
            // The output of a self test begins.
            self.hashes += 1;
            return self.statement(hashes + 1, &text[2..], give);
        }
        self.statement(hashes, text, give);
    }

    /// A line without its prefixes.
    fn statement(&mut self, hashes: usize, text: &str, give: &mut dyn FnMut(Case)) {
        let body = text.trim_start_matches([' ', '\t']);
        let column = 2 * hashes + columns(&text[..text.len() - body.len()]);
        if is_version(body) {
            let depth = self.depth(hashes, column);
            if depth == 0 {
                self.end_stream(give);
            } else if depth < DEPTH {
                self.outline.begin(depth, None, give);
            }
        } else if let Some(test) = Test::read(body, Dialect::Ktap).filter(|t| t.number.is_some()) {
            let depth = self.depth(hashes, column);
            if depth < DEPTH {
                self.outline.test(depth, test, give);
            }
        } else if let Some((count, skip)) = read_plan(body) {
            let depth = self.depth(hashes, column);
            if depth < DEPTH {
                self.outline.plan(depth, count, skip, give);
            }
        } else if let Some(name) = body.strip_prefix("# Subtest:") {
            let depth = self.depth(hashes, column);
            if depth < DEPTH {
                self.outline.name(depth, clean(name, NAME), give);
            }
        } else if let Some(reason) = body.strip_prefix("Bail out!") {
            let depth = self.depth(hashes, column);
            if depth < DEPTH {
                self.outline.bail_out(depth, reason.trim(), give);
            }
        }
    }

    /// How deep something stands, which ends what is deeper.
    fn depth(&mut self, hashes: usize, column: usize) -> usize {
        self.hashes = hashes;
        while self.columns.len() > 1 && self.columns.last().is_some_and(|&last| last > column) {
            self.columns.pop();
        }
        if self.columns.last().is_some_and(|&last| last < column) && self.columns.len() <= DEPTH {
            self.columns.push(column);
        }
        self.columns.len() - 1
    }

    /// What came so far is a stream of its own.
    fn end_stream(&mut self, give: &mut dyn FnMut(Case)) {
        let unplanned = self.outline.unplanned();
        self.outline.finish(give);
        if unplanned && !self.outline.bailed_out() {
            let why = "no plan, so nobody knows whether these are all tests".to_owned();
            let case = Case::new("plan", CaseResult::Unknown, why);
            self.outline.give(case, give);
        }
    }
}

#[cfg(test)]
mod tests;
