//! A JSON text to a tree with places: all that strict JSON forbids is told, and as much as can be is read on.

use jsonc_parser::ast::{ObjectPropName, Value as Ast};
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind, parse_to_ast};
use serde_json::{Number, Value};

use super::json_lexemes::{Lexeme, Lexemes};
use super::place::{Place, Places};
use super::problems::Problems;
use super::tree::{Entry, Kind, Node};
use super::words::quote;

/// The tree of a text; `None` when its shape cannot be made out, which then is among the problems.
///
/// The parser is asked to forgive what people often write (comments, trailing commas, …), so that
/// the rest of the file is judged too; what it forgave is reported here.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let places = Places::new(text);
    if text.trim().is_empty() {
        problems.error(Place::START, "empty", "the file is empty", "");
        return None;
    }
    // The parser recurses, so nothing deep may reach it: the lexemes are counted first.
    let lexemes = Lexemes::scan(text, &places, problems)?;
    let ast = match read(text) {
        Ok(ast) => ast,
        Err(error) => {
            explain(&error, text, &places, problems);
            if !matches!(error.kind(), ParseErrorKind::MultipleRootJsonValues) {
                return None;
            }
            read(&text[..error.range().start]).ok()?
        }
    };
    let mut builder = Builder {
        places: &places,
        lexemes: &lexemes,
        problems,
    };
    Some(builder.node(&ast?))
}

fn read(text: &str) -> Result<Option<Ast<'_>>, ParseError> {
    parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default())
        .map(|result| result.value)
}

struct Builder<'a> {
    places: &'a Places<'a>,
    lexemes: &'a Lexemes,
    problems: &'a mut Problems,
}

impl Builder<'_> {
    fn node(&mut self, ast: &Ast<'_>) -> Node {
        let place = self.places.at(ast.start());
        let kind = match ast {
            Ast::NullKeyword(_) => Kind::Scalar(Value::Null),
            Ast::BooleanLit(literal) => Kind::Scalar(Value::Bool(literal.value)),
            Ast::StringLit(literal) => Kind::Scalar(Value::String(literal.value.to_string())),
            // What is no JSON number was reported with the lexemes.
            Ast::NumberLit(literal) => Kind::Scalar(Value::Number(
                literal
                    .value
                    .parse::<Number>()
                    .unwrap_or_else(|_| Number::from(0)),
            )),
            Ast::Array(array) => {
                let mut nodes = Vec::with_capacity(array.elements.len());
                for (n, element) in array.elements.iter().enumerate() {
                    self.comma_before(n, element.start());
                    nodes.push(self.node(element));
                }
                self.no_comma_before_end(array.end());
                Kind::List(nodes)
            }
            Ast::Object(object) => {
                let mut entries = Vec::with_capacity(object.properties.len());
                for (n, property) in object.properties.iter().enumerate() {
                    self.comma_before(n, property.start());
                    let key_place = self.places.at(property.start());
                    if let ObjectPropName::Word(word) = &property.name {
                        self.problems.error(
                            key_place,
                            "quotes",
                            format!("the key {} stands without quotes", quote(word.value)),
                            &format!("write it as \"{}\"", word.value.escape_default()),
                        );
                    }
                    entries.push(Entry {
                        key: property.name.as_str().to_owned(),
                        key_place,
                        value: self.node(&property.value),
                    });
                }
                self.no_comma_before_end(object.end());
                Kind::Map(entries)
            }
        };
        Node { place, kind }
    }

    fn comma_before(&mut self, n: usize, start: usize) {
        if n > 0
            && self
                .lexemes
                .before(start)
                .is_some_and(|before| before.lexeme != Lexeme::Comma)
        {
            self.problems.error(
                self.places.at(start),
                "missing-comma",
                "a comma is missing before this",
                "put a `,` after the value that stands before it",
            );
        }
    }

    fn no_comma_before_end(&mut self, end: usize) {
        if let Some(before) = self.lexemes.before(end.saturating_sub(1))
            && before.lexeme == Lexeme::Comma
        {
            self.problems.error(
                self.places.at(before.start),
                "trailing-comma",
                "a comma stands after the last entry",
                "remove it: strict JSON has commas only between entries",
            );
        }
    }
}

/// Puts into words why a text cannot be read.
fn explain(error: &ParseError, text: &str, places: &Places<'_>, problems: &mut Problems) {
    use ParseErrorKind as E;
    let range = error.range();
    let rest = text.get(range.start..).unwrap_or_default();
    let found = if rest.is_empty() {
        "the file's end".to_owned()
    } else {
        let word = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|end| *end > 0)
            .unwrap_or_else(|| rest.chars().next().map_or(0, char::len_utf8));
        quote(&rest[..word])
    };
    let (code, message, hint): (&str, String, &str) = match error.kind() {
        E::MultipleRootJsonValues => (
            "trailing-text",
            format!("{found} stands after the end of the definition"),
            "remove what follows the last closing bracket",
        ),
        E::UnterminatedObject => (
            "syntax",
            "this `{` is never closed".to_owned(),
            "add the missing `}`",
        ),
        E::UnterminatedArray => (
            "syntax",
            "this `[` is never closed".to_owned(),
            "add the missing `]`",
        ),
        E::UnterminatedCommentBlock => (
            "comment",
            "this comment is never closed".to_owned(),
            "remove it: JSON has no comments",
        ),
        E::String(ParseStringErrorKind::UnterminatedStringLiteral) => (
            "syntax",
            "this text is never closed".to_owned(),
            "add the missing quote",
        ),
        E::String(_) => (
            "bad-escape",
            "this text holds an escape that JSON does not have".to_owned(),
            r#"the escapes are \" \\ \/ \b \f \n \r \t and \u with four hex digits"#,
        ),
        E::ExpectedColonAfterObjectKey => (
            "syntax",
            format!("a `:` is missing after the key, before {found}"),
            "",
        ),
        E::ExpectedObjectValue => ("syntax", "a value is missing after the `:`".to_owned(), ""),
        E::ExpectedDigit
        | E::ExpectedDigitFollowingNegativeSign
        | E::ExpectedPlusMinusOrDigitInNumberLiteral => {
            ("syntax", format!("{found} is not a number"), "")
        }
        E::UnexpectedWord => (
            "syntax",
            format!("{found} is not JSON"),
            match found.trim_matches('`') {
                "True" | "TRUE" => "write `true`",
                "False" | "FALSE" => "write `false`",
                "None" | "Null" | "NULL" | "undefined" | "nil" => "write `null`",
                _ if range.start == text.len() - text.trim_start().len() => {
                    "a job definition begins with `{`"
                }
                _ => "put texts in double quotes",
            },
        ),
        _ => (
            "syntax",
            format!("{found} does not belong here"),
            match found.as_str() {
                "`,`" => "remove the comma, or add what is missing before it",
                "`}`" | "`]`" => "the brackets do not match",
                _ => "",
            },
        ),
    };
    let place = places.at(range.start);
    if !problems.error_at(place) {
        problems.error(place, code, message, hint);
    }
}
