//! The actions of a definition, one by one.

use serde_json::{Map, Value};

use super::JobError;
use crate::dispatch::protocol::text::clean;

/// One action with its place in the definition, such as `actions[0]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    pub place: String,
    /// Its `command`.
    pub name: String,
    pub parameters: Map<String, Value>,
}

impl Action {
    /// `submit_results` and its like: the runner does that anyway.
    pub fn is_submit(&self) -> bool {
        self.name.starts_with("submit_results")
    }

    /// The dispatcher does not know it; `known` are those it does.
    pub fn unknown(&self, dispatcher: &str, known: &str) -> JobError {
        JobError::new(
            format!("{}.command", self.place),
            format!(
                "`{}` is unknown to the dispatcher `{dispatcher}`; it knows {known}",
                clean(&self.name, 100)
            ),
        )
    }
}

/// The actions of a definition, in their order.
pub fn actions(job: &Value) -> Result<Vec<Action>, JobError> {
    let actions = job
        .get("actions")
        .and_then(Value::as_array)
        .filter(|actions| !actions.is_empty())
        .ok_or_else(|| JobError::new("actions", "must be an array with at least one action"))?;
    actions.iter().enumerate().map(read).collect()
}

fn read((i, action): (usize, &Value)) -> Result<Action, JobError> {
    let place = format!("actions[{i}]");
    let name = action
        .get("command")
        .and_then(Value::as_str)
        .ok_or_else(|| JobError::new(format!("{place}.command"), "must be a text"))?
        .to_owned();
    let parameters = match action.get("parameters") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(parameters)) => parameters.clone(),
        Some(_) => {
            return Err(JobError::new(
                format!("{place}.parameters"),
                "must be an object",
            ));
        }
    };
    Ok(Action {
        place,
        name,
        parameters,
    })
}
