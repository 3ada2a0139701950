//! Diagnostics as text for people and for forges.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use crate::model::{Diagnostic, Severity};

/// The longest source line shown, in characters; of longer ones a window around the place is.
const LONGEST_LINE: usize = 110;

/// One line for each problem: `PATH:LINE:COL: error|warning: TEXT`, without a newline.
pub fn line(diagnostic: &Diagnostic) -> String {
    let severity = severity(diagnostic);
    format!(
        "{}:{}:{}: {severity}: {}",
        plain(&diagnostic.path),
        diagnostic.line,
        diagnostic.column,
        plain(&diagnostic.message)
    )
}

/// For terminals: each problem's line, then the source line with a caret, then the hint.
pub fn render(diagnostics: &[Diagnostic], source: &[u8], colour: bool) -> String {
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let text = String::from_utf8_lossy(source);
    let lines: Vec<&str> = text.split('\n').collect();
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&heading(diagnostic, colour));
        out.push('\n');
        let source = lines.get(diagnostic.line.saturating_sub(1));
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let window = source.map(|line| Window::new(line, diagnostic.column));
        let mut group = Group::with_level(level);
        if let Some(window) = window.as_ref().filter(|window| !window.text.is_empty()) {
            group = group.element(
                Snippet::source(window.text.as_str())
                    .line_start(diagnostic.line)
                    .annotation(AnnotationKind::Primary.span(window.start..window.end)),
            );
        }
        if let Some(hint) = &diagnostic.hint {
            group = group.element(Level::HELP.with_name("hint").message(plain(hint)));
        }
        if !group.is_empty() {
            out.push_str(&renderer.render(&[group]));
            out.push('\n');
        }
        out.push('\n');
    }
    out
}

fn heading(diagnostic: &Diagnostic, colour: bool) -> String {
    let plain_line = line(diagnostic);
    if !colour {
        return plain_line;
    }
    let word = severity(diagnostic);
    let style = match diagnostic.severity {
        Severity::Error => "\u{1b}[1;31m",
        Severity::Warning => "\u{1b}[1;33m",
    };
    // The path may hold the same words, so the place in front of them is looked for.
    let place = format!(":{}:{}: ", diagnostic.line, diagnostic.column);
    let styled = format!("{place}{style}{word}\u{1b}[0m: ");
    plain_line.replacen(&format!("{place}{word}: "), &styled, 1)
}

fn severity(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Text on one line and without control characters: paths and messages come from strangers.
fn plain(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let kept = (!c.is_control()).then_some(c);
            escaped.into_iter().flatten().chain(kept)
        })
        .collect()
}

/// The part of a source line that is shown, and what is underlined in it, in bytes.
struct Window {
    text: String,
    start: usize,
    end: usize,
}

impl Window {
    fn new(line: &str, column: usize) -> Self {
        let chars: Vec<char> = line.trim_end_matches('\r').chars().collect();
        let at = column.saturating_sub(1).min(chars.len());
        let length = token_length(&chars[at..]);
        let from = if chars.len() > LONGEST_LINE {
            at.saturating_sub(LONGEST_LINE / 3)
        } else {
            0
        };
        let to = (from + LONGEST_LINE).min(chars.len());
        let mut text = String::new();
        let mut start = 0;
        let mut end = 0;
        if from > 0 {
            text.push('…');
        }
        for (n, c) in chars[from..to].iter().enumerate() {
            if from + n == at {
                start = text.len();
            }
            // Each control character becomes one harmless character, so the caret stays in place.
            text.push(match *c {
                '\t' => ' ',
                c if c.is_control() => char::REPLACEMENT_CHARACTER,
                c => c,
            });
            if from + n < at + length {
                end = text.len();
            }
        }
        if to < chars.len() {
            text.push('…');
        }
        if at >= to {
            start = text.len();
        }
        Self {
            end: end.max(start),
            start,
            text,
        }
    }
}

/// How many characters belong to the value that begins here.
fn token_length(rest: &[char]) -> usize {
    match rest.first() {
        None => 0,
        Some(quote @ ('"' | '\'')) => {
            let mut escaped = false;
            for (n, c) in rest.iter().enumerate().skip(1) {
                if escaped {
                    escaped = false;
                } else if *c == '\\' {
                    escaped = true;
                } else if c == quote {
                    return n + 1;
                }
            }
            rest.len()
        }
        Some(_) => rest
            .iter()
            .take_while(|c| c.is_alphanumeric() || "_-.+*&".contains(**c))
            .count()
            .max(1),
    }
}

/// GitLab's code quality report.
pub fn to_gitlab(diagnostics: &[Diagnostic]) -> Value {
    let mut before: Vec<u128> = Vec::new();
    diagnostics
        .iter()
        .map(|diagnostic| {
            let Diagnostic {
                path,
                code,
                message,
                ..
            } = diagnostic;
            // The fingerprint leaves the line out, so that a problem stays the same one when lines
            // above it are added; equal problems of a file are told apart by their order.
            let same = xxh3_128(format!("{path}\0{code}\0{message}").as_bytes());
            let nth = before.iter().filter(|known| **known == same).count();
            before.push(same);
            let fingerprint = xxh3_128(format!("{same:032x}{nth}").as_bytes());
            let description = match &diagnostic.hint {
                Some(hint) => format!("{message} ({hint})"),
                None => message.clone(),
            };
            json!({
                "description": description,
                "check_name": code,
                "fingerprint": format!("{fingerprint:032x}"),
                "severity": if diagnostic.is_error() { "major" } else { "minor" },
                "location": {"path": path, "lines": {"begin": diagnostic.line}},
            })
        })
        .collect()
}
