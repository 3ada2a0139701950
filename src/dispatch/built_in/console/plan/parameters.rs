//! Typed looks at an action's parameters, which remember what was never looked at.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::dispatch::action::JobError;
use crate::model::Span;

pub struct Parameters<'a> {
    place: &'a str,
    map: &'a Map<String, Value>,
    read: BTreeSet<String>,
}

impl<'a> Parameters<'a> {
    pub fn new(place: &'a str, map: &'a Map<String, Value>) -> Self {
        Self {
            place,
            map,
            read: BTreeSet::new(),
        }
    }

    /// The place of a parameter, such as `actions[0].parameters.kernel`.
    pub fn at(&self, key: &str) -> String {
        format!("{}.parameters.{key}", self.place)
    }

    /// What nobody asked for and is given, in the order of the job.
    pub fn unread(&self) -> Vec<&'a str> {
        let is_unread = |key: &&str| !self.read.contains(*key);
        self.map
            .iter()
            .filter(|(_, value)| !is_nothing(value))
            .map(|(key, _)| key.as_str())
            .filter(is_unread)
            .collect()
    }

    pub fn ignore(&mut self, key: &str) {
        self.read.insert(key.to_owned());
    }

    pub fn ignore_all(&mut self) {
        self.read.extend(self.map.keys().cloned());
    }

    /// A value that says something: v1 jobs are full of empty texts.
    pub fn given(&mut self, key: &str) -> Option<&'a Value> {
        self.read.insert(key.to_owned());
        self.map.get(key).filter(|value| !is_nothing(value))
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>, JobError> {
        self.given(key)
            .map(|value| {
                value
                    .as_str()
                    .filter(|text| !text.contains('\0'))
                    .map(str::to_owned)
                    .ok_or_else(|| JobError::new(self.at(key), "must be a text"))
            })
            .transpose()
    }

    pub fn list(&mut self, key: &str) -> Result<&'a [Value], JobError> {
        match self.given(key) {
            None => Ok(&[]),
            Some(Value::Array(values)) => Ok(values),
            Some(_) => Err(JobError::new(self.at(key), "must be an array")),
        }
    }

    pub fn texts(&mut self, key: &str) -> Result<Vec<String>, JobError> {
        let texts = self.list(key)?.iter().enumerate().map(|(i, value)| {
            value
                .as_str()
                .filter(|text| !text.contains('\0'))
                .map(str::to_owned)
                .ok_or_else(|| JobError::new(format!("{}[{i}]", self.at(key)), "must be a text"))
        });
        texts.collect()
    }

    /// A whole number from 1 to `most`.
    pub fn count(&mut self, key: &str, most: u64) -> Result<Option<u64>, JobError> {
        self.given(key)
            .map(|value| {
                value
                    .as_u64()
                    .filter(|count| (1..=most).contains(count))
                    .ok_or_else(|| {
                        JobError::new(self.at(key), format!("must be a number from 1 to {most}"))
                    })
            })
            .transpose()
    }

    /// A duration. Zero and v1's -1 stand for none.
    pub fn seconds(&mut self, key: &str) -> Result<Option<Duration>, JobError> {
        let Some(value) = self.given(key) else {
            return Ok(None);
        };
        if value.as_f64().is_some_and(|seconds| seconds <= 0.0) {
            return Ok(None);
        }
        serde_json::from_value::<Span>(value.clone())
            .map(|span| Some(span.duration()))
            .map_err(|error| JobError::new(self.at(key), error.to_string()))
    }

    /// A pattern's replacements of results: a map, or v1's list of `FROM:to`.
    pub fn replacements(&mut self, key: &str) -> Result<BTreeMap<String, String>, JobError> {
        let wrong = |at: String| JobError::new(at, "must be a map of texts or a list of `FROM:to`");
        match self.given(key) {
            None => Ok(BTreeMap::new()),
            Some(value) => crate::dispatch::built_in::console::testdef::replacements(value)
                .ok_or_else(|| wrong(self.at(key))),
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}
