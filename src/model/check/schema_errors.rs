//! Judges a tree by its schema and puts every error into our own words.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as E};
use jsonschema::{JsonType, JsonTypeSet};
use serde_json::Value;

use super::problems::Problems;
use super::schema::{Compiled, SchemaKind, compiled};
use super::tree::{Node, pointer_parts};
use super::words::{any_of, describe, did_you_mean, join, nearest, quote};

/// The most keys that a hint lists.
const MOST_KEYS: usize = 12;

/// A key that gets words of its own when it is unknown: code, message, hint.
pub(super) type SpecialKey = (&'static str, &'static str, &'static str);

/// Judges `root` by the schema of its kind. `special` knows the keys of the whole file that are
/// refused for a reason of their own.
pub(super) fn judge(
    kind: SchemaKind,
    root: &Node,
    special: fn(&str) -> Option<SpecialKey>,
    problems: &mut Problems,
) {
    let compiled = compiled(kind);
    let value = root.to_value();
    let mut judge = Judge {
        compiled,
        root,
        special,
        problems,
    };
    for error in compiled.validator.iter_errors(&value) {
        judge.explain(&error);
    }
}

struct Judge<'a> {
    compiled: &'static Compiled,
    root: &'a Node,
    special: fn(&str) -> Option<SpecialKey>,
    problems: &'a mut Problems,
}

impl Judge<'_> {
    fn explain(&mut self, error: &ValidationError<'_>) {
        let pointer = error.instance_path().as_str();
        let node = self.root.at(pointer);
        match error.kind() {
            E::AdditionalProperties { unexpected } => {
                return self.unknown_keys(error, node, unexpected);
            }
            E::Required { property } => return self.missing_key(error, node, property),
            _ => {}
        }
        // A placeholder or a broken number has been refused where it stands.
        if self.problems.error_at(node.place) {
            return;
        }
        let value = error.instance();
        if let Some(expected) = definition(error).and_then(expected) {
            return self.unlike(expected, node, pointer, value);
        }
        let it = subject(pointer);
        let is = describe(value);
        let (code, message, hint) = match error.kind() {
            E::AnyOf { context }
            | E::OneOfNotValid { context }
            | E::OneOfMultipleValid { context } => {
                return self.branches(error, context);
            }
            E::Type { kind } => return self.wrong_type(type_set(kind), node, pointer, value),
            E::Enum { options } => {
                let known: Vec<&str> = options
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                return self.not_among(&known, node, pointer, value);
            }
            E::Minimum { limit } if limit.as_f64() == Some(0.0) => (
                "out-of-range",
                format!("{it} must not be negative, but is {is}"),
                String::new(),
            ),
            E::Minimum { limit } => (
                "out-of-range",
                format!("{it} must be at least {limit}, but is {is}"),
                String::new(),
            ),
            E::Maximum { limit } => (
                "out-of-range",
                format!("{it} must be at most {limit}, but is {is}"),
                String::new(),
            ),
            E::MinItems { .. } | E::MinLength { .. } | E::MinProperties { .. } => {
                ("empty", format!("{it} must not be empty"), String::new())
            }
            _ => (
                "bad-value",
                format!("{it} cannot be {is}"),
                "the manual's page on file formats says what may stand here".to_owned(),
            ),
        };
        self.problems.error(node.place, code, message, &hint);
    }

    fn unknown_keys(&mut self, error: &ValidationError<'_>, node: &Node, unexpected: &[String]) {
        let schema_path = error.schema_path().as_str();
        let of = schema_path.rsplit_once('/').map_or("", |(of, _)| of);
        let known: Vec<&str> = self
            .compiled
            .schema
            .pointer(&format!("{of}/properties"))
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(|keys| keys.keys().map(String::as_str))
            .collect();
        let at_root = error.instance_path().as_str().is_empty();
        for key in unexpected {
            let Some(entry) = node.entry(key) else {
                continue;
            };
            if let Some((code, message, hint)) = (self.special)(key).filter(|_| at_root) {
                self.problems.error(entry.key_place, code, message, hint);
                continue;
            }
            let mut hint = did_you_mean(key, known.iter().copied());
            if hint.is_empty() && !known.is_empty() && known.len() <= MOST_KEYS {
                hint = format!("the keys here are {}", joined(&known));
            }
            let within = match subject(error.instance_path().as_str()) {
                _ if at_root => String::new(),
                within => format!(" in {within}"),
            };
            self.problems.error(
                entry.key_place,
                "unknown-key",
                format!("unknown key {}{within}", quote(key)),
                &hint,
            );
        }
    }

    fn missing_key(&mut self, error: &ValidationError<'_>, node: &Node, property: &Value) {
        let key = property.as_str().unwrap_or_default();
        // A slip of the pen has been told already, with this key as what was meant.
        let meant = |entry: &super::tree::Entry| nearest(&entry.key, [key]).is_some();
        if node.entries().iter().any(meant) {
            return;
        }
        let pointer = error.instance_path().as_str();
        let message = if pointer.is_empty() {
            format!("the key {} is missing", quote(key))
        } else {
            format!("{} lacks the key {}", subject(pointer), quote(key))
        };
        self.problems
            .error(node.place, "missing-key", message, missing_hint(key));
    }

    /// Of several shapes the one that the value's type fits is judged; if none or many fit, all are named.
    fn branches(&mut self, error: &ValidationError<'_>, context: &[Vec<ValidationError<'static>>]) {
        let at_root = |inner: &&ValidationError<'static>| {
            inner.instance_path().as_str() == error.instance_path().as_str()
        };
        let types = |branch: &[ValidationError<'static>]| {
            branch
                .iter()
                .filter(at_root)
                .find_map(|inner| match inner.kind() {
                    E::Type { kind } => Some(type_set(kind)),
                    _ => None,
                })
        };
        let fitting: Vec<_> = context
            .iter()
            .filter(|branch| types(branch).is_none())
            .collect();
        if let [branch] = fitting[..] {
            for inner in branch {
                self.explain(inner);
            }
            return;
        }
        let pointer = error.instance_path().as_str();
        let node = self.root.at(pointer);
        let value = error.instance();
        if fitting.is_empty() {
            // An optional duration refuses a list as "duration or null": the duration has the words.
            let named = context
                .iter()
                .flatten()
                .find_map(definition)
                .and_then(expected);
            if let Some(expected) = named {
                return self.unlike(expected, node, pointer, value);
            }
            let all = context
                .iter()
                .filter_map(|branch| types(branch))
                .fold(JsonTypeSet::empty(), |all, one| {
                    one.iter().fold(all, JsonTypeSet::insert)
                });
            return self.wrong_type(all, node, pointer, value);
        }
        // Documented variants of an enum: each branch is one constant.
        let constants: Vec<&str> = fitting
            .iter()
            .flat_map(|branch| branch.iter())
            .flat_map(|inner| match inner.kind() {
                E::Constant { expected_value } => expected_value.as_str().into_iter().collect(),
                E::Enum { options } => options
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>(),
                _ => Vec::new(),
            })
            .collect();
        self.not_among(&constants, node, pointer, value);
    }

    fn wrong_type(&mut self, wanted: JsonTypeSet, node: &Node, pointer: &str, value: &Value) {
        let words: Vec<String> = wanted
            .iter()
            .filter_map(type_word)
            .map(str::to_owned)
            .collect();
        let message = format!(
            "{} must be {}, but is {}",
            subject(pointer),
            join(&words, "or"),
            describe(value)
        );
        let has = |kind| wanted.contains(kind);
        let number = has(JsonType::Integer) || has(JsonType::Number);
        let hint = match value {
            Value::String(text) if number && text.trim().parse::<f64>().is_ok() => {
                "remove the quotes".to_owned()
            }
            Value::String(text)
                if has(JsonType::Boolean) && matches!(text.as_str(), "true" | "false") =>
            {
                "remove the quotes".to_owned()
            }
            Value::String(_) if has(JsonType::Boolean) => "write `true` or `false`".to_owned(),
            Value::Number(_) | Value::Bool(_) if has(JsonType::String) => {
                "put it in double quotes".to_owned()
            }
            Value::String(_) if has(JsonType::Array) => {
                "put it in square brackets, as a list of one".to_owned()
            }
            Value::Null => "give it a value, or remove the key".to_owned(),
            _ => String::new(),
        };
        self.problems
            .error(node.place, "wrong-type", message, &hint);
    }

    fn not_among(&mut self, known: &[&str], node: &Node, pointer: &str, value: &Value) {
        let it = subject(pointer);
        let is = describe(value);
        if known.is_empty() {
            self.problems
                .error(node.place, "bad-value", format!("{it} cannot be {is}"), "");
            return;
        }
        let hint = value.as_str().map_or_else(String::new, |word| {
            did_you_mean(word, known.iter().copied())
        });
        self.problems.error(
            node.place,
            "bad-value",
            format!("{it} must be {}, but is {is}", any_of(known)),
            &hint,
        );
    }

    /// A value that is not what one of our own types is.
    fn unlike(&mut self, expected: &Expected, node: &Node, pointer: &str, value: &Value) {
        let right_type = (expected.takes)(value);
        let code = if right_type {
            "bad-value"
        } else {
            "wrong-type"
        };
        let mut hint = value.as_str().map_or_else(String::new, |word| {
            did_you_mean(word, expected.words.iter().copied())
        });
        if hint.is_empty() {
            expected.hint.clone_into(&mut hint);
        }
        let message = format!(
            "{} must be {}, but is {}",
            subject(pointer),
            expected.what,
            describe(value)
        );
        self.problems.error(node.place, code, message, &hint);
    }
}

/// What a type of ours, that has several shapes, is called.
struct Expected {
    what: &'static str,
    takes: fn(&Value) -> bool,
    words: &'static [&'static str],
    hint: &'static str,
}

fn expected(definition: &str) -> Option<&'static Expected> {
    match definition {
        "Duration" => Some(&Expected {
            what: "a duration",
            takes: |value| value.is_string() || value.is_number(),
            words: &[],
            hint: "write seconds (90) or a text such as \"15m\" or \"1h30m\"; the units are d, h, m, s and ms",
        }),
        "Priority" => Some(&Expected {
            what: "`low`, `medium`, `high`, `urgent` or a whole number from 0 to 100",
            takes: |value| value.is_string() || value.is_number(),
            words: &crate::model::Priority::NAMES,
            hint: "",
        }),
        "Time" => Some(&Expected {
            what: "a moment",
            takes: Value::is_string,
            words: &[],
            hint: "write it such as \"2026-11-24T01:02:03Z\"",
        }),
        "JobId" => Some(&Expected {
            what: "a job's id",
            takes: Value::is_string,
            words: &[],
            hint: "write the whole id, 36 characters, as `pumice show` prints it",
        }),
        "BoardName" | "RunnerName" => Some(&Expected {
            what: "a name",
            takes: Value::is_string,
            words: &[],
            hint: "names have letters, digits, `_`, `-` and `.`, and begin with a letter, a digit or `_`",
        }),
        _ => None,
    }
}

/// The name of the type whose schema refused the value.
fn definition<'e>(error: &'e ValidationError<'_>) -> Option<&'e str> {
    error
        .schema_path()
        .as_str()
        .strip_prefix("/$defs/")?
        .split('/')
        .next()
}

/// How a message calls the value at a JSON pointer.
fn subject(pointer: &str) -> String {
    let parts: Vec<String> = pointer_parts(pointer).collect();
    let index = |part: &String| part.parse::<usize>().ok();
    match parts.as_slice() {
        [] => "the file".to_owned(),
        [.., list, last] if index(last).is_some() => {
            let number = index(last).unwrap_or_default() + 1;
            format!("entry {number} of {}", quote(list))
        }
        [.., last] => quote(last),
    }
}

fn missing_hint(key: &str) -> &'static str {
    match key {
        "device_type" => "name a device type, a file's stem under boards/types/",
        _ => "",
    }
}

fn joined(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    join(&quoted, "and")
}

fn type_set(kind: &TypeKind) -> JsonTypeSet {
    match kind {
        TypeKind::Single(one) => JsonTypeSet::empty().insert(*one),
        TypeKind::Multiple(set) => *set,
    }
}

fn type_word(kind: JsonType) -> Option<&'static str> {
    Some(match kind {
        // That a key may be null is no advice.
        JsonType::Null => return None,
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Number => "a number",
        JsonType::String => "a text",
        JsonType::Array => "a list",
        JsonType::Object => "a map",
    })
}
