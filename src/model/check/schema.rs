//! The JSON Schemas of Pumice's files, generated from the model's types.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::model::name::is_name;
use crate::model::{BoardFile, DeviceType, HostConfig, Job, JobId, LabConfig, Record, Span, Time};

/// The kinds of file that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SchemaKind {
    Job,
    Board,
    DeviceType,
    Lab,
    Record,
    Host,
}

impl SchemaKind {
    pub const ALL: [Self; 6] = [
        Self::Job,
        Self::Board,
        Self::DeviceType,
        Self::Lab,
        Self::Record,
        Self::Host,
    ];

    /// The word on the command line, and the stem of the published schema.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Board => "board",
            Self::DeviceType => "device-type",
            Self::Lab => "lab",
            Self::Record => "record",
            Self::Host => "host",
        }
    }
}

/// The schema of a kind of file.
pub fn schema(kind: SchemaKind) -> Value {
    let schema = match kind {
        SchemaKind::Job => schemars::schema_for!(Job),
        SchemaKind::Board => schemars::schema_for!(BoardFile),
        SchemaKind::DeviceType => schemars::schema_for!(DeviceType),
        SchemaKind::Lab => schemars::schema_for!(LabConfig),
        SchemaKind::Record => schemars::schema_for!(Record),
        SchemaKind::Host => schemars::schema_for!(HostConfig),
    };
    schema.to_value()
}

/// A schema with the program that judges by it.
pub(super) struct Compiled {
    pub schema: Value,
    pub validator: Validator,
}

/// The compiled schema of a kind of file; compiled once.
pub(super) fn compiled(kind: SchemaKind) -> &'static Compiled {
    static COMPILED: [OnceLock<Compiled>; SchemaKind::ALL.len()] =
        [const { OnceLock::new() }; SchemaKind::ALL.len()];
    COMPILED[kind as usize].get_or_init(|| {
        let schema = schema(kind);
        #[expect(
            clippy::expect_used,
            reason = "the schema comes from our types alone; a test compiles each kind"
        )]
        let validator = jsonschema::options()
            .with_format("date-time", |text: &str| text.parse::<Time>().is_ok())
            .with_format("uuid", |text: &str| text.parse::<JobId>().is_ok())
            .with_format("pumice-duration", |text: &str| text.parse::<Span>().is_ok())
            .with_format("pumice-name", is_name)
            .should_validate_formats(true)
            .build(&schema)
            .expect("a schema generated from a type compiles");
        Compiled { schema, validator }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_compiles() {
        for kind in SchemaKind::ALL {
            assert!(compiled(kind).schema["title"].is_string(), "{kind:?}");
        }
    }
}
