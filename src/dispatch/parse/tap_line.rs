//! The two kinds of TAP lines that say something by themselves, tests and plans, in both dialects.

use crate::dispatch::protocol::event::NAME;
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// A test point.
pub struct Test {
    pub number: Option<u64>,
    pub description: String,
    pub result: CaseResult,
    pub why: Option<String>,
    /// Marked as one whose failure does not count.
    pub excused: bool,
}

/// Which words may stand behind `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SKIP and TODO; any other `#` is part of the description.
    Tap,
    /// The kernel's, which has more words, and no `#` in a description.
    Ktap,
}

impl Test {
    /// Reads `ok` or `not ok`, perhaps with number, description and directive.
    pub fn read(body: &str, dialect: Dialect) -> Option<Self> {
        let (ok, rest) = match body.strip_prefix("not ok") {
            Some(rest) => (false, rest),
            None => (true, body.strip_prefix("ok")?),
        };
        // `okay` and `ok-ish` are no tests.
        if !rest.is_empty() && !rest.starts_with([' ', '\t', '#']) {
            return None;
        }
        let rest = rest.trim_start();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let after = &rest[digits..];
        let numbered = digits > 0 && (after.is_empty() || after.starts_with([' ', '\t', '#']));
        let (number, rest) = match rest[..digits].parse() {
            Ok(number) if numbered => (Some(number), after.trim_start()),
            _ => (None, rest),
        };
        let (description, directive) = match dialect {
            Dialect::Tap => split_directive(rest),
            Dialect::Ktap => split_ktap_directive(rest),
        };
        let description = unescape(description.trim());
        let description = description.strip_prefix("- ").unwrap_or(&description);
        let (result, why) = match (&directive, ok) {
            (Some(Directive::Skip(why)), _) => (CaseResult::Skip, Some(why.clone())),
            // A failure that is expected for now.
            (Some(Directive::Todo(why)), false) => (CaseResult::Skip, Some(joined("TODO", why))),
            // A failure that is expected for good, whatever the line begins with.
            (Some(Directive::Xfail(why)), _) => (CaseResult::Skip, Some(joined("XFAIL", why))),
            (Some(Directive::Broken(word, why)), _) => (CaseResult::Fail, Some(joined(word, why))),
            (Some(Directive::Remark(why)), false) => (CaseResult::Fail, Some(why.clone())),
            (_, true) => (CaseResult::Pass, None),
            (_, false) => (CaseResult::Fail, None),
        };
        Some(Self {
            number,
            description: clean(description.trim_start_matches("- "), NAME),
            result,
            why,
            excused: matches!(
                directive,
                Some(Directive::Skip(_) | Directive::Todo(_) | Directive::Xfail(_))
            ),
        })
    }
}

fn joined(word: &str, why: &str) -> String {
    format!("{word} {why}").trim().to_owned()
}

enum Directive {
    Skip(String),
    Todo(String),
    Xfail(String),
    /// TIMEOUT and ERROR: the test did not come to an end of its own.
    Broken(&'static str, String),
    /// No directive, but what the kernel's tests say beside a failure.
    Remark(String),
}

/// Splits at the last unescaped `#` that is followed by SKIP or TODO, in any case.
fn split_directive(text: &str) -> (&str, Option<Directive>) {
    for (at, _) in text.rmatch_indices('#') {
        if is_escaped(text, at) {
            continue;
        }
        let words = text[at + 1..].trim_start();
        let Some(word) = words.get(..4) else { continue };
        let after = words[4..].trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let why = after.trim_start_matches(':').trim().to_owned();
        if word.eq_ignore_ascii_case("skip") {
            return (&text[..at], Some(Directive::Skip(why)));
        }
        if word.eq_ignore_ascii_case("todo") {
            return (&text[..at], Some(Directive::Todo(why)));
        }
    }
    (text, None)
}

/// Splits at the first unescaped `#`.
fn split_ktap_directive(text: &str) -> (&str, Option<Directive>) {
    let Some((at, _)) = text
        .match_indices('#')
        .find(|&(at, _)| !is_escaped(text, at))
    else {
        return (text, None);
    };
    let words = text[at + 1..].trim();
    let letters = words.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let word = &words[..words.len() - letters.len()];
    let why = letters.trim_start_matches(':').trim().to_owned();
    let directive = match word {
        "SKIP" => Directive::Skip(why),
        "TODO" => Directive::Todo(why),
        "XFAIL" => Directive::Xfail(why),
        "TIMEOUT" => Directive::Broken("TIMEOUT", why),
        "ERROR" => Directive::Broken("ERROR", why),
        _ => Directive::Remark(words.to_owned()),
    };
    (&text[..at], Some(directive))
}

fn is_escaped(text: &str, at: usize) -> bool {
    let before = &text[..at];
    (before.len() - before.trim_end_matches('\\').len()) % 2 == 1
}

/// Version 14 writes `\#` and `\\` for `#` and `\`.
fn unescape(text: &str) -> String {
    text.replace("\\\\", "\u{0}")
        .replace("\\#", "#")
        .replace('\u{0}', "\\")
}

/// Reads `1..N`, perhaps with `# SKIP reason`.
pub fn read_plan(body: &str) -> Option<(u64, Option<String>)> {
    let rest = body.strip_prefix("1..")?;
    let (count, directive) = split_directive(rest);
    let count = count.split('#').next().unwrap_or_default().trim();
    let skip = match directive {
        Some(Directive::Skip(why)) => Some(why),
        _ => None,
    };
    Some((count.parse().ok()?, skip))
}
