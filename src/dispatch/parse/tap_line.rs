//! The two kinds of TAP lines that say something by themselves: tests and plans.

use crate::dispatch::protocol::event::NAME;
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// A test point.
pub struct Test {
    pub number: Option<u64>,
    pub description: String,
    pub result: CaseResult,
    pub why: Option<String>,
    /// Marked as SKIP or TODO.
    pub excused: bool,
}

impl Test {
    /// Reads `ok` or `not ok`, perhaps with number, description and directive.
    pub fn read(body: &str) -> Option<Self> {
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
        let (description, directive) = split_directive(rest);
        let description = unescape(description.trim());
        let description = description.strip_prefix("- ").unwrap_or(&description);
        let (result, why) = match (&directive, ok) {
            (Some(Directive::Skip(why)), _) => (CaseResult::Skip, Some(why.clone())),
            // A failure that is expected for now.
            (Some(Directive::Todo(why)), false) => (
                CaseResult::Skip,
                Some(format!("TODO {why}").trim().to_owned()),
            ),
            (_, true) => (CaseResult::Pass, None),
            (_, false) => (CaseResult::Fail, None),
        };
        Some(Self {
            number,
            description: clean(description.trim_start_matches("- "), NAME),
            result,
            why,
            excused: directive.is_some(),
        })
    }
}

enum Directive {
    Skip(String),
    Todo(String),
}

/// Splits at the last unescaped `#` that is followed by SKIP or TODO, in any case.
fn split_directive(text: &str) -> (&str, Option<Directive>) {
    for (at, _) in text.rmatch_indices('#') {
        let escapes = text[..at].len() - text[..at].trim_end_matches('\\').len();
        if escapes % 2 == 1 {
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
