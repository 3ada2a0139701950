//! A job's priority level.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The four levels, lowest first, so that `Ord` says which goes ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    Low,
    #[default]
    Medium,
    High,
    Urgent,
}

impl Priority {
    pub const NAMES: [&'static str; 4] = ["low", "medium", "high", "urgent"];

    pub fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The level of a number from 0 to 100.
    pub fn from_number(number: u64) -> Option<Self> {
        match number {
            0..=33 => Some(Self::Low),
            34..=66 => Some(Self::Medium),
            67..=100 => Some(Self::High),
            _ => None,
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "low" => Ok(Self::Low),
            "medium" => Ok(Self::Medium),
            "high" => Ok(Self::High),
            "urgent" => Ok(Self::Urgent),
            _ => Err(format!(
                "`{}` is not a priority: low, medium, high, urgent or a number from 0 to 100 is",
                text.escape_debug()
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PriorityVisitor;

        impl Visitor<'_> for PriorityVisitor {
            type Value = Priority;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("low, medium, high, urgent or a number from 0 to 100")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Priority, E> {
                Priority::from_number(number)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Priority, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(PriorityVisitor)
    }
}

impl schemars::JsonSchema for Priority {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Priority".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "low, medium, high, urgent (any case), or a number: 0-33 low, 34-66 medium, 67-100 high",
            "oneOf": [
                {"type": "string", "pattern": "^([Ll][Oo][Ww]|[Mm][Ee][Dd][Ii][Uu][Mm]|[Hh][Ii][Gg][Hh]|[Uu][Rr][Gg][Ee][Nn][Tt])$"},
                {"type": "integer", "minimum": 0, "maximum": 100}
            ]
        })
    }
}
