//! `--set KEY=VALUE`: one change of a job definition.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// The deepest key that is followed; a job definition itself may be this deep.
const DEEPEST: usize = 32;

/// A change: the value at a dotted key, such as `actions.0.timeout=2m`.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    key: Vec<String>,
    value: Value,
}

/// A text that is no change, or a change that does not fit the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadSet {
    /// No `=`, or nothing before it.
    NoKey(String),
    /// An empty part, as in `a..b`.
    EmptyPart(String),
    TooDeep,
    /// A list is there, and the part is not the number of one of its entries or of the next one.
    NotAnIndex {
        at: String,
        part: String,
        length: usize,
    },
    /// Neither a list nor an object is there.
    NotAContainer {
        at: String,
    },
}

impl fmt::Display for BadSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey(text) => write!(f, "`{text}` is not KEY=VALUE, such as priority=high"),
            Self::EmptyPart(key) => write!(f, "the key `{key}` has an empty part"),
            Self::TooDeep => write!(f, "the key has more than {DEEPEST} parts"),
            Self::NotAnIndex { at, part, length } => write!(
                f,
                "`{at}` is a list of {length}: `{part}` is not a number from 0 to {length}"
            ),
            Self::NotAContainer { at } => {
                write!(
                    f,
                    "`{at}` is neither a list nor an object, so nothing can be set in it"
                )
            }
        }
    }
}

impl std::error::Error for BadSet {}

impl FromStr for Set {
    type Err = BadSet;

    /// The value is JSON if it parses as JSON, else the text itself.
    fn from_str(text: &str) -> Result<Self, BadSet> {
        let (key, value) = text
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| BadSet::NoKey(text.to_owned()))?;
        let parts: Vec<String> = key.split('.').map(str::to_owned).collect();
        if parts.iter().any(String::is_empty) {
            return Err(BadSet::EmptyPart(key.to_owned()));
        }
        if parts.len() > DEEPEST {
            return Err(BadSet::TooDeep);
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(Self { key: parts, value })
    }
}

impl Set {
    pub fn new(key: &str, value: Value) -> Self {
        Self {
            key: vec![key.to_owned()],
            value,
        }
    }

    /// Sets the value; objects on the way are made, lists grow by at most one entry.
    pub fn apply(&self, definition: &mut Value) -> Result<(), BadSet> {
        let mut at = definition;
        for (depth, part) in self.key.iter().enumerate() {
            let walked = || match depth {
                0 => "the definition".to_owned(),
                _ => self.key[..depth].join("."),
            };
            if at.is_null() && depth > 0 {
                *at = Value::Object(Map::new());
            }
            at = match at {
                Value::Object(map) => map.entry(part.as_str()).or_insert(Value::Null),
                Value::Array(list) => {
                    let length = list.len();
                    let index: Option<usize> = part.parse().ok().filter(|index| *index <= length);
                    let index = index.ok_or_else(|| BadSet::NotAnIndex {
                        at: walked(),
                        part: part.clone(),
                        length,
                    })?;
                    if index == length {
                        list.push(Value::Null);
                    }
                    &mut list[index]
                }
                _ => return Err(BadSet::NotAContainer { at: walked() }),
            };
        }
        *at = self.value.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn set(mut definition: Value, text: &str) -> Result<Value, BadSet> {
        text.parse::<Set>()?.apply(&mut definition)?;
        Ok(definition)
    }

    #[test]
    fn values_are_json_or_text() {
        let job = json!({"priority": "low", "actions": [{"command": "run", "timeout": "1m"}]});
        let cases = [
            ("priority=high", "/priority", json!("high")),
            ("actions.0.timeout=2m", "/actions/0/timeout", json!("2m")),
            (
                "actions.1={\"command\": \"run\"}",
                "/actions/1/command",
                json!("run"),
            ),
            ("tags=[\"a\"]", "/tags", json!(["a"])),
            ("retries=3", "/retries", json!(3)),
            ("metadata.note=a=b", "/metadata/note", json!("a=b")),
            ("job_name=", "/job_name", json!("")),
        ];
        for (text, pointer, value) in cases {
            assert_eq!(
                set(job.clone(), text).unwrap().pointer(pointer),
                Some(&value),
                "{text}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let job = json!({"priority": "low", "actions": [{}]});
        for (text, said) in [
            ("priority", "is not KEY=VALUE"),
            ("=x", "is not KEY=VALUE"),
            ("a..b=1", "empty part"),
            ("actions.2.x=1", "not a number from 0 to 1"),
            ("actions.first=1", "`actions` is a list of 1"),
            ("priority.x=1", "`priority` is neither a list nor an object"),
        ] {
            let error = set(job.clone(), text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert!(set(json!("x"), "a=1").is_err());
    }

    proptest! {
        #[test]
        fn what_was_set_is_there(key in "[a-z]{1,4}(\\.[a-z]{1,4}){0,4}", number in any::<i64>()) {
            let definition = set(json!({}), &format!("{key}={number}")).unwrap();
            let pointer = format!("/{}", key.replace('.', "/"));
            prop_assert_eq!(definition.pointer(&pointer), Some(&json!(number)));
        }

        #[test]
        fn no_text_breaks_it(text in ".{0,60}") {
            let _ = set(json!({"actions": [{"a": 1}], "b": {"c": []}}), &text);
        }

        #[test]
        fn other_keys_stay(key in "[c-z]{1,4}", value in "[a-z ]{0,8}") {
            let changed = set(json!({"a": 1, "b": [2]}), &format!("{key}={value}")).unwrap();
            prop_assert_eq!(&changed["a"], &json!(1));
            prop_assert_eq!(&changed["b"], &json!([2]));
        }
    }
}
