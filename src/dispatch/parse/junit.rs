//! Reads a JUnit report: the XML file that test programs leave at their end.
//!
//! Suites may be nested, and every writer has its own attributes; what is not known is passed over.
//! No entity but XML's own is expanded and nothing is fetched, so a report costs no more than its
//! size. The results before the place where a report is broken are kept.

use std::collections::HashMap;
use std::fmt;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::names::Names;
use crate::dispatch::protocol::event::{NAME, ResultEvent, TEXT};
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// The largest report, in bytes.
pub const LARGEST: usize = 32 << 20;

/// How deep elements may be nested.
const DEEPEST: usize = 64;

/// How much of the text inside a failure is kept until it is made a reason, in bytes.
const KEPT: usize = 4 * TEXT;

/// Why a report, or its rest, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadReport(String);

impl fmt::Display for BadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadReport {}

/// Gives the results of a report in their order. The suite of a result is what the report calls it,
/// nested ones joined by dots; none where it has no name.
pub fn read(bytes: &[u8], give: &mut dyn FnMut(ResultEvent)) -> Result<(), BadReport> {
    if bytes.len() > LARGEST {
        return Err(BadReport(format!("larger than {} MiB", LARGEST >> 20)));
    }
    let text = String::from_utf8_lossy(bytes);
    let mut xml = Reader::from_str(&text);
    xml.config_mut().expand_empty_elements = true;
    let mut report = Report::default();
    loop {
        let at = xml.error_position();
        match xml.read_event() {
            Ok(Event::Start(element)) => report.begin(&element)?,
            Ok(Event::End(element)) => report.end(element.local_name().as_ref(), give),
            Ok(Event::Text(text)) => report.text(&text.xml10_content()),
            Ok(Event::CData(text)) => report.text(&text.xml10_content()),
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => {
                let at = xml.error_position().max(at);
                return Err(BadReport(format!("broken at byte {at}: {error}")));
            }
        }
    }
    match (report.depth, report.cases) {
        (0, 0) => Err(BadReport("has no test".to_owned())),
        (0, _) => Ok(()),
        _ => Err(BadReport("ends in the middle".to_owned())),
    }
}

/// What is open at a place of a report.
#[derive(Default)]
struct Report {
    depth: usize,
    /// The names of the open suites.
    suites: Vec<Option<String>>,
    case: Option<Case>,
    cases: usize,
    names: HashMap<Option<String>, Names>,
}

struct Case {
    name: String,
    seconds: Option<f64>,
    result: CaseResult,
    why: Option<String>,
    /// The text of the failure that is open.
    text: Option<String>,
}

impl Report {
    fn begin(&mut self, element: &BytesStart<'_>) -> Result<(), BadReport> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(BadReport(format!("nested deeper than {DEEPEST}")));
        }
        match element.local_name().as_ref() {
            "testsuite" => self.suites.push(attribute(element, "name")),
            "testcase" => self.case = Some(self.case(element)),
            kind @ ("failure" | "error" | "skipped") => {
                if let Some(case) = &mut self.case {
                    case.judge(kind, element);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn case(&self, element: &BytesStart<'_>) -> Case {
        let name = attribute(element, "name").unwrap_or_else(|| "test".to_owned());
        // Most writers put the file or class there, without which names are not distinct.
        let class = attribute(element, "classname").filter(|class| {
            let suite = self.suites.last().and_then(Option::as_ref);
            suite != Some(class) && !name.starts_with(class.as_str())
        });
        let not_run = ["status", "result"].iter().any(|key| {
            let word = attribute(element, key).unwrap_or_default();
            ["skipped", "notrun", "disabled", "suppressed"].contains(&word.as_str())
        });
        let time = attribute(element, "time").map(|time| time.replace(',', ""));
        Case {
            name: class.map_or(name.clone(), |class| format!("{class}.{name}")),
            seconds: time
                .and_then(|time| time.parse().ok())
                .filter(|seconds: &f64| seconds.is_finite() && *seconds >= 0.0),
            result: if not_run {
                CaseResult::Skip
            } else {
                CaseResult::Pass
            },
            why: None,
            text: None,
        }
    }

    fn text(&mut self, more: &str) {
        if let Some(text) = self.case.as_mut().and_then(|case| case.text.as_mut())
            && text.len() < KEPT
        {
            text.extend(more.chars().take(KEPT));
        }
    }

    fn end(&mut self, element: &str, give: &mut dyn FnMut(ResultEvent)) {
        self.depth = self.depth.saturating_sub(1);
        match element {
            "testsuite" => {
                self.suites.pop();
            }
            "testcase" => {
                if let Some(case) = self.case.take() {
                    self.give(case, give);
                }
            }
            "failure" | "error" | "skipped" => {
                if let Some(case) = &mut self.case {
                    case.close_text();
                }
            }
            _ => {}
        }
    }

    fn give(&mut self, case: Case, give: &mut dyn FnMut(ResultEvent)) {
        self.cases += 1;
        let named: Vec<&str> = self.suites.iter().flatten().map(String::as_str).collect();
        let suite = (!named.is_empty()).then(|| clean(&named.join("."), NAME));
        let names = self.names.entry(suite.clone()).or_default();
        give(ResultEvent {
            suite,
            seconds: case.seconds,
            why: case.why,
            ..ResultEvent::new(names.distinct(clean(&case.name, NAME - 10)), case.result)
        });
    }
}

impl Case {
    /// The first failure counts; a skip counts only where nothing failed.
    fn judge(&mut self, kind: &str, element: &BytesStart<'_>) {
        if self.result == CaseResult::Fail {
            return;
        }
        self.result = match kind {
            "skipped" => CaseResult::Skip,
            _ => CaseResult::Fail,
        };
        let said = attribute(element, "message");
        self.text = said.is_none().then(String::new);
        let prefix = if kind == "error" { "error: " } else { "" };
        self.why = said
            .or_else(|| attribute(element, "type"))
            .map(|why| clean(&format!("{prefix}{why}"), TEXT));
    }

    /// Without a message, the first line of the text says why.
    fn close_text(&mut self) {
        let text = self.text.take().unwrap_or_default();
        if let Some(line) = text.lines().find(|line| !line.trim().is_empty()) {
            self.why = Some(clean(line, TEXT));
        }
    }
}

/// An attribute that says something, made harmless. What cannot be read is as if absent.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok().flatten()?;
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
    Some(clean(&value, TEXT)).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
