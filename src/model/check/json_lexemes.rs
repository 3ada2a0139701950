//! The lexemes of a JSON text: their nesting, and what strict JSON forbids in each.

use jsonc_parser::tokens::Token;
use jsonc_parser::{Scanner, ScannerOptions};
use serde_json::Number;

use super::place::Places;
use super::problems::Problems;
use super::tree::DEEPEST;
use super::words::quote;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexeme {
    Comma,
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub start: usize,
    pub lexeme: Lexeme,
}

/// All lexemes but comments, in order.
pub(super) struct Lexemes(Vec<At>);

impl Lexemes {
    /// Reads lexemes until the end or one that is none. `None` when the nesting is too deep for
    /// any recursive reader, or when nothing after a mistake can be trusted: a text that runs over its
    /// line, brackets that do not match.
    pub(super) fn scan(text: &str, places: &Places<'_>, problems: &mut Problems) -> Option<Self> {
        let mut scanner = Scanner::new(text, &ScannerOptions::default());
        let mut all = Vec::new();
        let mut open: Vec<(u8, usize)> = Vec::new();
        let mut zero = None;
        // The parser meets the same broken lexeme and says what is wrong with it.
        while let Ok(Some(token)) = scanner.scan() {
            let start = scanner.token_start();
            let raw = &text[start..scanner.token_end()];
            let mut lexeme = Lexeme::Other;
            match token {
                Token::OpenBrace | Token::OpenBracket => {
                    open.push((text.as_bytes()[start], start));
                    if open.len() > DEEPEST {
                        problems.error(
                            places.at(start),
                            "too-deep",
                            format!("lists and objects are nested more than {DEEPEST} deep"),
                            "",
                        );
                        return None;
                    }
                }
                Token::CloseBrace | Token::CloseBracket => {
                    let closes = if raw == "}" { b'{' } else { b'[' };
                    if let Some((bracket, at)) =
                        open.pop().filter(|(bracket, _)| *bracket != closes)
                    {
                        let bracket = char::from(bracket);
                        let line = places.at(at).line;
                        problems.error(
                            places.at(start),
                            "syntax",
                            format!(
                                "`{raw}` stands here, but the `{bracket}` of line {line} is open"
                            ),
                            "close the inner bracket first",
                        );
                        return None;
                    }
                }
                Token::Comma => lexeme = Lexeme::Comma,
                Token::CommentLine(_) | Token::CommentBlock(_) => {
                    problems.error(
                        places.at(start),
                        "comment",
                        "JSON has no comments",
                        "remove it, or keep the remark in `metadata`",
                    );
                    continue;
                }
                Token::String(_) => {
                    if let Some(newline) = raw.find('\n') {
                        let shown = quote(raw[..newline].trim_end());
                        problems.error(
                            places.at(start),
                            "syntax",
                            format!("the text {shown} is not closed on its line"),
                            "add the missing quote; a line break inside a text is written \\n",
                        );
                        return None;
                    }
                    string(raw, start, places, problems);
                }
                Token::Number(_) => {
                    // `007` is read as three numbers in a row.
                    if let Some(first) = zero.filter(|first| first + 1 == start) {
                        problems.error(
                            places.at(first),
                            "syntax",
                            "a number begins with a zero here",
                            "remove the leading zeros, or put it in double quotes",
                        );
                        return None;
                    }
                    if raw.trim_start_matches('-') == "0" {
                        zero = Some(scanner.token_end() - 1);
                    }
                    number(raw, start, places, problems);
                }
                _ => {}
            }
            all.push(At { start, lexeme });
        }
        Some(Self(all))
    }

    /// The last lexeme that begins before the byte.
    pub(super) fn before(&self, offset: usize) -> Option<At> {
        let n = self.0.partition_point(|at| at.start < offset);
        n.checked_sub(1).map(|n| self.0[n])
    }
}

fn string(raw: &str, start: usize, places: &Places<'_>, problems: &mut Problems) {
    if raw.starts_with('\'') {
        problems.error(
            places.at(start),
            "quotes",
            "this text stands in single quotes",
            "JSON has only double quotes",
        );
        return;
    }
    let mut chars = raw.char_indices();
    while let Some((at, c)) = chars.next() {
        let place = || places.at(start + at);
        if c == '\\' {
            let escaped = chars.next().map_or(' ', |(_, escaped)| escaped);
            let digits = raw.get(at + 2..at + 6).unwrap_or_default();
            let good = match escaped {
                'u' => digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
                other => "\"\\/bfnrt".contains(other),
            };
            if !good {
                problems.error(
                    place(),
                    "bad-escape",
                    format!(
                        "{} is not an escape of JSON",
                        quote(&format!("\\{escaped}"))
                    ),
                    r#"the escapes are \" \\ \/ \b \f \n \r \t and \u with four hex digits"#,
                );
            }
        } else if c < ' ' {
            problems.error(
                place(),
                "control-character",
                format!("the control character U+{:04X} stands in a text", c as u32),
                "write it as an escape such as \\t",
            );
        }
    }
}

fn number(raw: &str, start: usize, places: &Places<'_>, problems: &mut Problems) {
    if raw.parse::<Number>().is_ok() {
        return;
    }
    let digits = raw.trim_start_matches(['+', '-']);
    let (code, message, hint) = if raw.ends_with("Infinity") || raw.ends_with("NaN") {
        ("syntax", "is not a number of JSON", "write a finite number")
    } else if digits.starts_with("0x") || digits.starts_with("0X") {
        (
            "syntax",
            "is not a number of JSON",
            "write it in decimal digits",
        )
    } else if raw.starts_with('+') {
        ("syntax", "is not a number of JSON", "remove the `+`")
    } else if digits.starts_with('.') || digits.ends_with('.') || digits.contains(".e") {
        (
            "syntax",
            "is not a number of JSON",
            "write digits on both sides of the point",
        )
    } else if digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit()) {
        (
            "syntax",
            "is not a number of JSON",
            "remove the leading zeros",
        )
    } else {
        ("out-of-range", "is too large a number", "")
    };
    problems.error(
        places.at(start),
        code,
        format!("{} {message}", quote(raw)),
        hint,
    );
}
