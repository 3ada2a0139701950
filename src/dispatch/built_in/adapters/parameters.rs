//! Reads the parameters of an adapter's own action.

use serde_json::Value;

use crate::dispatch::action::{Action, JobError};

/// The parameters of one action, whose mistakes are told with their place.
pub struct Parameters<'a>(&'a Action);

impl<'a> Parameters<'a> {
    /// Refuses what is not among `known`.
    pub fn of(action: &'a Action, known: &[&str]) -> Result<Self, JobError> {
        let parameters = Self(action);
        match action
            .parameters
            .keys()
            .find(|key| !known.contains(&key.as_str()))
        {
            None => Ok(parameters),
            Some(key) => Err(parameters.wrong(
                key,
                &format!(
                    "not a parameter of `{}`; it takes {}",
                    action.name,
                    known.join(", ")
                ),
            )),
        }
    }

    pub fn wrong(&self, key: &str, what: &str) -> JobError {
        JobError::new(format!("{}.parameters.{key}", self.0.place), what)
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.parameters.get(key).filter(|value| !value.is_null())
    }

    /// A text that says something.
    pub fn text(&self, key: &str) -> Result<Option<String>, JobError> {
        self.get(key)
            .map(|value| word(value).ok_or_else(|| self.wrong(key, "must be a text")))
            .transpose()
    }

    /// Texts that say something; none when absent.
    pub fn texts(&self, key: &str) -> Result<Vec<String>, JobError> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let texts = value.as_array().map(|texts| texts.iter().map(word));
        texts
            .and_then(Iterator::collect)
            .ok_or_else(|| self.wrong(key, "must be an array of texts"))
    }
}

fn word(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.trim().is_empty() && !text.contains('\0'))
        .map(str::to_owned)
}
