//! The LAVA v2 job in a definition.

use serde_json::Value;

use crate::dispatch::action::JobError;
use crate::model::check::plain_yaml;

/// What is handed to `lava-run`.
pub struct Definition {
    pub text: String,
    /// How many steps it will have, as far as that can be told before.
    pub steps: u32,
}

impl Definition {
    /// Takes the job's `definition`: YAML as a text, or the same as an object.
    pub fn of(job: &Value) -> Result<Self, JobError> {
        let wrong = |what: String| JobError::new("definition", what);
        let (text, read) = match job.get("definition") {
            Some(Value::String(text)) => {
                let read = plain_yaml(text).map_err(|(_, _, why)| wrong(why))?;
                (text.clone(), read)
            }
            // JSON is YAML too.
            Some(object @ Value::Object(_)) => (object.to_string(), object.clone()),
            _ => {
                return Err(wrong(
                    "the dispatcher `lava-run` needs a LAVA v2 job here".to_owned(),
                ));
            }
        };
        let actions = read
            .get("actions")
            .and_then(Value::as_array)
            .ok_or_else(|| wrong("has no `actions`: it is no LAVA v2 job".to_owned()))?;
        Ok(Self {
            text,
            // LAVA adds one at the end.
            steps: u32::try_from(actions.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_and_an_object_say_the_same() {
        let text = "actions:\n- deploy: {to: tmpfs}\n- boot: {method: qemu}\n";
        let object =
            json!({"actions": [{"deploy": {"to": "tmpfs"}}, {"boot": {"method": "qemu"}}]});
        for definition in [json!(text), object] {
            let definition = Definition::of(&json!({"definition": definition}))
                .ok()
                .unwrap();
            assert_eq!(definition.steps, 3);
            let read = plain_yaml(&definition.text).unwrap();
            assert_eq!(read["actions"][1]["boot"]["method"], "qemu");
        }
    }

    #[test]
    fn what_is_no_lava_job_is_refused() {
        for definition in [
            json!(null),
            json!("a: ["),
            json!("x"),
            json!({"a": 1}),
            json!(7),
        ] {
            assert!(Definition::of(&json!({"definition": definition})).is_err());
        }
    }
}
