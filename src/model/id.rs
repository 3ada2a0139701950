//! The two kinds of id: git's object ids and job ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The SHA-1 name of a git object.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 20]);

impl ObjectId {
    /// The id git prints for "no object".
    pub const ZERO: Self = Self([0; 20]);

    pub const fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The first ten hex digits, as people see it.
    pub fn short(&self) -> String {
        self.to_string()[..10].to_owned()
    }
}

/// A text that is not an object id: 40 hex digits are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadObjectId(pub String);

impl fmt::Display for BadObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a git object id (40 hex digits)",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for BadObjectId {}

impl FromStr for ObjectId {
    type Err = BadObjectId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadObjectId(text.chars().take(60).collect());
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return Err(bad());
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let hex = |c: u8| (c as char).to_digit(16).ok_or_else(bad);
            *byte = (hex(pair[0])? << 4 | hex(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for ObjectId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ObjectId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9a-f]{40}$", "description": "a git object id"})
    }
}

/// A job's id: UUIDv5, in the namespace OID, of `<hex of the introducing commit>:<path>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    pub fn new(introduced_by: ObjectId, path: &str) -> Self {
        Self(Uuid::new_v5(
            &Uuid::NAMESPACE_OID,
            format!("{introduced_by}:{path}").as_bytes(),
        ))
    }

    /// The id of a job that is in no queue, from a text that cannot be one of a queue's.
    pub fn of_text(text: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()))
    }

    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The eight hex digits that people are shown.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }

    /// Whether `prefix`, as a person types it (any case, dashes or none), begins this id.
    pub fn starts_with(&self, prefix: &str) -> bool {
        let typed: String = prefix.chars().filter(|c| *c != '-').collect();
        !typed.is_empty()
            && self
                .0
                .simple()
                .to_string()
                .starts_with(&typed.to_ascii_lowercase())
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse()?))
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl schemars::JsonSchema for JobId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JobId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "uuid", "description": "a job's id"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_ids_are_forty_hex_digits() {
        let text = "0123456789abcdef0123456789ABCDEF01234567";
        assert_eq!(
            text.parse::<ObjectId>().unwrap().to_string(),
            text.to_lowercase()
        );
        for bad in ["", "0123", &"g".repeat(40), &"é".repeat(20)] {
            assert!(bad.parse::<ObjectId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn job_ids_are_uuid_version_5_of_commit_and_path() {
        let commit = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
        let id = JobId::new(commit, "queue/a.json");
        assert_eq!(id.to_string(), "256a926b-190b-51d2-a05a-69894a329abb");
        assert!(id.starts_with(&id.short()));
        assert!(!id.starts_with(""));
    }
}
