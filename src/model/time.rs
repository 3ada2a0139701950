//! A moment in UTC, to the millisecond: how every file and record writes it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `0000-01-01T00:00:00.000Z` in milliseconds since 1970.
const FIRST_MS: i64 = -62_167_219_200_000;

/// `9999-12-31T23:59:59.999Z` in milliseconds since 1970.
const LAST_MS: i64 = 253_402_300_799_999;

/// A moment in UTC, written as RFC 3339 with milliseconds (`2026-11-24T01:02:03.004Z`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// To the millisecond; what lies outside the years 0 to 9999, which RFC 3339 can show, becomes the first
    /// or the last moment of these.
    pub fn new(at: DateTime<Utc>) -> Self {
        let millis = at.timestamp_millis().clamp(FIRST_MS, LAST_MS);
        Self(DateTime::from_timestamp_millis(millis).unwrap_or_default())
    }

    /// From seconds since 1970, as git keeps them; what chrono cannot hold becomes 1970.
    pub fn from_unix(seconds: i64) -> Self {
        Self::new(DateTime::from_timestamp(seconds, 0).unwrap_or_default())
    }

    pub fn unix(self) -> i64 {
        self.0.timestamp()
    }

    pub fn utc(self) -> DateTime<Utc> {
        self.0
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is later.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0).num_milliseconds() as f64 / 1000.0
    }

    /// This moment moved by so many seconds, at most to the first or the last one that can be shown.
    pub fn plus_seconds(self, seconds: f64) -> Self {
        let millis = self.0.timestamp_millis();
        let millis = millis.saturating_add((seconds * 1000.0) as i64);
        let millis = millis.clamp(FIRST_MS, LAST_MS);
        DateTime::from_timestamp_millis(millis).map_or(self, Self)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%Y-%m-%dT%H:%M:%S%.3fZ").fmt(f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Time {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(DateTime::parse_from_rfc3339(text)?.to_utc()))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "format": "date-time", "description": "a moment in UTC"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_added_can_be_read_again() {
        for seconds in [
            0.0,
            1.5,
            -1.5,
            1e12,
            -1e12,
            1e300,
            -1e300,
            f64::INFINITY,
            f64::NAN,
        ] {
            let at = Time::from_unix(1_800_000_000).plus_seconds(seconds);
            assert_eq!(at.to_string().parse(), Ok(at), "{seconds}");
        }
        let first = Time::from_unix(-90_000_000_000).to_string();
        assert_eq!(first, "0000-01-01T00:00:00.000Z");
        let last: Time = "9999-12-31T23:59:59.999-01:00".parse().unwrap();
        assert_eq!(last.to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(last.plus_seconds(1.0), last);
    }
}
