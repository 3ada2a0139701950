//! The levels of a TAP stream, which KTAP has as well: plans, tests, and the subtests they are made of.
//!
//! It knows no syntax: a dialect says at which depth a test, a plan or a name stands, and gets the
//! cases as they become known. What a plan promised and nobody saw is unknown.

use std::collections::HashSet;

use super::names::Names;
use super::tap_line::Test;
use crate::dispatch::protocol::event::{NAME, TEXT};
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// How deep subtests are told apart; deeper ones count as diagnostics.
pub const DEPTH: usize = 8;

/// How many tests are kept of one stream; results beyond are the protocol's limit to refuse.
const TESTS: usize = Names::MOST;

/// How many missing tests are named one by one.
pub const MISSING: u64 = 100;

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The description, with those of the tests it is a part of before it: `parent / child`.
    pub name: String,
    pub result: CaseResult,
    pub why: Option<String>,
}

impl Case {
    pub fn new(
        name: impl Into<String>,
        result: CaseResult,
        why: impl Into<Option<String>>,
    ) -> Self {
        Self {
            name: name.into(),
            result,
            why: why.into(),
        }
    }
}

/// What is known of one stream.
pub struct Outline {
    /// The open levels: the stream itself, then subtests.
    levels: Vec<Level>,
    names: Names,
    bailed_out: bool,
    kept: usize,
}

#[derive(Default)]
struct Level {
    /// What the stream calls it.
    name: Option<String>,
    plan: Option<u64>,
    seen: HashSet<u64>,
    last: u64,
    /// Tests whose parent is not known yet.
    waiting: Vec<Case>,
}

impl Default for Outline {
    fn default() -> Self {
        Self {
            levels: vec![Level::default()],
            names: Names::default(),
            bailed_out: false,
            kept: 0,
        }
    }
}

impl Outline {
    /// How many levels are open; never 0.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    pub fn bailed_out(&self) -> bool {
        self.bailed_out
    }

    /// Whether there was any test or plan.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether the stream has tests, but never said how many.
    pub fn unplanned(&self) -> bool {
        let [level, ..] = &self.levels[..] else {
            return false;
        };
        level.plan.is_none() && !level.seen.is_empty()
    }

    /// A new level begins at `depth`; one that is open there has ended.
    pub fn begin(&mut self, depth: usize, name: Option<String>, give: &mut dyn FnMut(Case)) {
        self.close_to(depth, None, give);
        if depth == 0 {
            self.finish(give);
        }
        self.open(depth);
        if let Some(level) = self.levels.last_mut() {
            level.name = name;
        }
    }

    /// Gives a name to the level at `depth`, open already or not.
    pub fn name(&mut self, depth: usize, name: String, give: &mut dyn FnMut(Case)) {
        self.close_to(depth + 1, None, give);
        self.open(depth);
        self.levels[depth].name = Some(name);
    }

    /// Ends all levels and gives what is missing. A new stream may begin.
    pub fn finish(&mut self, give: &mut dyn FnMut(Case)) {
        self.close_to(1, None, give);
        let missing = self.levels.pop().map(|level| level.missing());
        self.levels.push(Level::default());
        for case in missing.into_iter().flatten() {
            self.give(case, give);
        }
    }

    fn open(&mut self, depth: usize) {
        while self.levels.len() <= depth {
            self.levels.push(Level::default());
        }
    }

    pub fn plan(
        &mut self,
        depth: usize,
        count: u64,
        skip: Option<String>,
        give: &mut dyn FnMut(Case),
    ) {
        self.close_to(depth + 1, None, give);
        self.open(depth);
        let level = &mut self.levels[depth];
        level.plan.get_or_insert(count);
        if count == 0 && depth == 0 && level.seen.is_empty() {
            let why = skip.filter(|why| !why.is_empty());
            self.give(Case::new("plan", CaseResult::Skip, why), give);
        }
    }

    pub fn test(&mut self, depth: usize, test: Test, give: &mut dyn FnMut(Case)) {
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
        self.keep(depth, Case::new(name, test.result, test.why), give);
    }

    /// Ends all levels from `depth` on; their tests go up one level. `parent` is the test they are
    /// a part of, and whether it is excused, which then excuses them too.
    fn close_to(&mut self, depth: usize, parent: Option<(&str, bool)>, give: &mut dyn FnMut(Case)) {
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

    fn keep(&mut self, depth: usize, case: Case, give: &mut dyn FnMut(Case)) {
        if depth == 0 {
            self.give(case, give);
        } else if let Some(level) = self.levels.get_mut(depth)
            && self.kept < TESTS
        {
            self.kept += 1;
            level.waiting.push(case);
        }
    }

    pub fn give(&mut self, mut case: Case, give: &mut dyn FnMut(Case)) {
        case.name = clean(&case.name, NAME - 10);
        case.why = case
            .why
            .map(|why| clean(&why, TEXT))
            .filter(|why| !why.is_empty());
        case.name = self.names.distinct(case.name);
        give(case);
    }

    /// The level at `depth` gives up; at 0 nothing counts after that.
    pub fn bail_out(&mut self, depth: usize, reason: &str, give: &mut dyn FnMut(Case)) {
        self.close_to(depth + 1, None, give);
        self.bailed_out = depth == 0;
        let why = (!reason.is_empty()).then(|| reason.to_owned());
        self.keep(depth, Case::new("bail-out", CaseResult::Fail, why), give);
    }
}

impl Level {
    /// What the plan promised and nobody saw, and what nobody promised.
    fn missing(&self) -> Vec<Case> {
        let Some(plan) = self.plan else {
            return Vec::new();
        };
        let unknown =
            |name: String, why: &str| Case::new(name, CaseResult::Unknown, why.to_owned());
        let seen = self
            .seen
            .iter()
            .filter(|&&n| (1..=plan).contains(&n))
            .count() as u64;
        let mut cases: Vec<Case> = Vec::new();
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
