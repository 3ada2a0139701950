//! Gathers test results: the last one of a suite and case wins unless it
//! would hide a failure, and there are only so many.

use std::collections::HashMap;

use crate::dispatch::protocol::event::ResultEvent;
use crate::model::record::{Case, CaseResult, Suite};

/// How many cases one attempt may have.
const CASES: usize = 20_000;

/// How many bytes their names and reasons may take together: a record is read as a whole.
const BYTES: usize = 4 << 20;

/// How many results of one name are told apart by a number.
const NUMBERS: u32 = 100;

#[derive(Default)]
pub struct Results {
    suites: Vec<Suite>,
    index: HashMap<String, SuiteIndex>,
    cases: usize,
    bytes: usize,
    refused: u64,
}

#[derive(Default)]
struct SuiteIndex {
    at: usize,
    cases: HashMap<String, usize>,
}

impl Results {
    /// Takes a result; `false` when there are too many already.
    pub fn add(&mut self, event: ResultEvent, default_suite: &str) -> bool {
        let suite = event.suite.unwrap_or_else(|| default_suite.to_owned());
        let Some(name) = self.place(&suite, event.case, event.result) else {
            self.refused += 1;
            return false;
        };
        let case = Case {
            name,
            result: event.result,
            value: event.value,
            units: event.units,
            seconds: event.seconds,
            why: event.why,
        };
        let known = self
            .index
            .get(&suite)
            .and_then(|index| Some((index.at, *index.cases.get(&case.name)?)));
        let new_suite = if self.index.contains_key(&suite) {
            0
        } else {
            suite.len()
        };
        let bytes = size(&case) + new_suite;
        let (cases, freed) = match known {
            Some((suite, at)) => (0, size(&self.suites[suite].cases[at])),
            None => (1, 0),
        };
        if self.cases + cases > CASES || self.bytes + bytes > BYTES + freed {
            self.refused += 1;
            return false;
        }
        self.cases += cases;
        self.bytes = self.bytes + bytes - freed;
        if let Some((suite, at)) = known {
            self.suites[suite].cases[at] = case;
            return true;
        }
        let index = self.index.entry(suite).or_insert_with_key(|name| {
            self.suites.push(Suite {
                name: name.clone(),
                cases: Vec::new(),
            });
            SuiteIndex {
                at: self.suites.len() - 1,
                cases: HashMap::new(),
            }
        });
        let cases = &mut self.suites[index.at].cases;
        index.cases.insert(case.name.clone(), cases.len());
        cases.push(case);
        true
    }

    /// The name under which a result hides no failure: `NAME`, else `NAME #2` and so on.
    fn place(&self, suite: &str, name: String, result: CaseResult) -> Option<String> {
        let Some(index) = self.index.get(suite) else {
            return Some(name);
        };
        let hides = |name: &str| {
            let earlier = index.cases.get(name);
            result != CaseResult::Fail
                && earlier
                    .is_some_and(|&at| self.suites[index.at].cases[at].result == CaseResult::Fail)
        };
        if !hides(&name) {
            return Some(name);
        }
        (2..=NUMBERS)
            .map(|n| format!("{name} #{n}"))
            .find(|numbered| !hides(numbered))
    }

    /// The suites in the order of their first result. Results that found no place, and events that
    /// were never looked at, show as a case that is unknown: any of them may have been a failure,
    /// so the job must not pass.
    pub fn finish(mut self, unseen_events: u64) -> Vec<Suite> {
        let lost = self.refused + unseen_events;
        if lost > 0 {
            self.suites.push(Suite {
                name: "pumice".into(),
                cases: vec![Case {
                    name: "limits".into(),
                    result: CaseResult::Unknown,
                    value: Some(lost as f64),
                    units: None,
                    seconds: None,
                    why: Some(format!(
                        "{} results beyond {CASES} cases or {} MiB, {unseen_events} events too many",
                        self.refused,
                        BYTES >> 20
                    )),
                }],
            });
        }
        self.suites
    }
}

fn size(case: &Case) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    case.name.len() + length(&case.units) + length(&case.why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verdict;
    use crate::model::record::verdict;

    fn result(suite: Option<&str>, case: &str, result: CaseResult) -> ResultEvent {
        ResultEvent {
            suite: suite.map(str::to_owned),
            case: case.to_owned(),
            result,
            value: None,
            units: None,
            seconds: None,
            why: None,
        }
    }

    #[test]
    fn the_last_result_of_a_case_wins_and_hides_no_failure() {
        let mut results = Results::default();
        for (suite, case, outcome) in [
            (Some("net"), "ping", CaseResult::Fail),
            (None, "ping", CaseResult::Skip),
            (Some("net"), "dns", CaseResult::Pass),
            (Some("net"), "ping", CaseResult::Pass),
            (Some("net"), "ping", CaseResult::Unknown),
        ] {
            assert!(results.add(result(suite, case, outcome), "job"));
        }
        let suites = results.finish(0);
        let shown: Vec<_> = suites
            .iter()
            .flat_map(|suite| {
                suite
                    .cases
                    .iter()
                    .map(|case| (&*suite.name, &*case.name, case.result))
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("net", "ping", CaseResult::Fail),
                ("net", "dns", CaseResult::Pass),
                ("net", "ping #2", CaseResult::Unknown),
                ("job", "ping", CaseResult::Skip)
            ]
        );
    }

    #[test]
    fn only_so_many_results_of_a_name_are_told_apart() {
        let mut results = Results::default();
        let numbered = (2..=NUMBERS).map(|n| format!("x #{n}"));
        for name in ["x".to_owned()].into_iter().chain(numbered) {
            assert!(results.add(result(None, &name, CaseResult::Fail), "job"));
        }
        assert!(!results.add(result(None, "x", CaseResult::Pass), "job"));
        assert!(results.add(result(None, "x", CaseResult::Fail), "job"));
        assert_eq!(results.finish(0)[1].cases[0].value, Some(1.0));
    }

    #[test]
    fn too_many_results_cannot_pass() {
        let mut results = Results::default();
        for n in 0..CASES {
            assert!(results.add(result(None, &n.to_string(), CaseResult::Pass), "job"));
        }
        assert!(!results.add(result(None, "one more", CaseResult::Fail), "job"));
        assert!(
            results.add(result(None, "7", CaseResult::Pass), "job"),
            "no new case"
        );
        let suites = results.finish(0);
        assert_eq!(verdict(&suites), Verdict::Fail);
        assert_eq!(suites[1].cases[0].value, Some(1.0));

        let mut results = Results::default();
        results.add(result(None, "a", CaseResult::Pass), "job");
        assert_eq!(verdict(&results.finish(3)), Verdict::Fail);
    }
}
