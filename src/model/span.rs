//! Durations as people write them: a number of seconds, or a text such as `15m` or `1h30m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest span: a hundred years. Sums of a few stay far from any overflow.
const LONGEST_S: f64 = 100.0 * 366.0 * 86_400.0;

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

impl Span {
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn duration(self) -> Duration {
        self.0
    }

    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }
}

/// A text or number that is not a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSpan(String);

impl fmt::Display for BadSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a duration: write seconds (90) or a text such as \"15m\" or \"1h30m\"",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for BadSpan {}

fn from_seconds(seconds: f64, written: &str) -> Result<Span, BadSpan> {
    if (0.0..=LONGEST_S).contains(&seconds) {
        Ok(Span(Duration::from_millis(
            (seconds * 1000.0).round() as u64
        )))
    } else {
        Err(BadSpan(written.chars().take(40).collect()))
    }
}

impl FromStr for Span {
    type Err = BadSpan;

    /// Reads `90`, `1.5`, `15m`, `1h30m`, `500ms`; the units are `d`, `h`, `m`, `s`, `ms`.
    fn from_str(text: &str) -> Result<Self, BadSpan> {
        let bad = || BadSpan(text.chars().take(40).collect());
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(bad());
        }
        let mut total = 0.0;
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
            rest = &rest[digits..];
            let letters = rest
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let unit = match &rest[..letters] {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" | "min" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                // A bare number is seconds, but only when nothing else is written.
                "" if digits == text.trim().len() => 1.0,
                _ => return Err(bad()),
            };
            total += number * unit;
            rest = rest[letters..].trim_start();
        }
        from_seconds(total, text)
    }
}

impl fmt::Display for Span {
    /// As people write it: `1h30m`, `45s`, `500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = millis;
        for (unit, length) in [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1000),
            ("ms", 1),
        ] {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpanVisitor;

        impl Visitor<'_> for SpanVisitor {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration: seconds (90) or a text such as \"15m\"")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
                self.visit_f64(seconds as f64)
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
                self.visit_f64(seconds as f64)
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Span, E> {
                from_seconds(seconds, &seconds.to_string()).map_err(de::Error::custom)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_any(SpanVisitor)
    }
}

impl schemars::JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "a duration: a number of seconds, or a text such as \"15m\" or \"1h30m\"",
            "oneOf": [
                {"type": "number", "minimum": 0, "maximum": LONGEST_S},
                {
                    "type": "string",
                    "pattern": "^\\s*([0-9.]+|([0-9.]+(d|h|m|min|s|ms)\\s*)+)\\s*$",
                    // The checker knows this format: the pattern alone would let too long ones pass.
                    "format": "pumice-duration"
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_people_write() {
        for (text, millis, shown) in [
            ("90", 90_000, "1m30s"),
            ("15m", 900_000, "15m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1.5", 1500, "1s500ms"),
            ("500ms", 500, "500ms"),
            ("0s", 0, "0s"),
            ("2d 3h", 183_600_000, "2d3h"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.duration().as_millis(), millis, "{text}");
            assert_eq!(span.to_string(), shown);
            assert_eq!(shown.parse::<Span>().unwrap(), span);
        }
        for bad in [
            "",
            "x",
            "15 parsecs",
            "-3",
            "1h30",
            "1e400",
            "999999999999d",
            ".",
            "nan",
        ] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
