//! What a plain YAML scalar is: the core schema of YAML 1.2, as the deserialiser reads it.

use serde_json::{Number, Value};

/// The value of a scalar without quotes; `None` for numbers that JSON cannot hold.
pub(super) fn resolve(text: &str) -> Option<Value> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => {
            let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
            match unsigned {
                ".inf" | ".Inf" | ".INF" => return None,
                ".nan" | ".NaN" | ".NAN" if unsigned == text => return None,
                _ => {}
            }
            if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                return Some(Value::String(text.to_owned()));
            }
            if let Some(number) = integer(text, unsigned) {
                return Some(Value::Number(number));
            }
            match float(text, unsigned) {
                Some(float) => Value::Number(Number::from_f64(float)?),
                None => Value::String(text.to_owned()),
            }
        }
    })
}

fn integer(text: &str, unsigned: &str) -> Option<Number> {
    let negative = text.starts_with('-');
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            let number = u64::from_str_radix(digits, radix)
                .ok()
                .filter(|_| digits.bytes().all(|b| b.is_ascii_alphanumeric()))?;
            return if negative {
                Some(i64::try_from(number).ok()?.checked_neg()?.into())
            } else {
                Some(number.into())
            };
        }
    }
    // Leading zeros make a text: 007 is a name, and older YAML would read it as octal.
    if unsigned.len() > 1 && unsigned.starts_with('0') {
        return None;
    }
    if negative {
        text.parse::<i64>().ok().map(Number::from)
    } else {
        unsigned.parse::<u64>().ok().map(Number::from)
    }
}

fn float(text: &str, unsigned: &str) -> Option<f64> {
    let bytes = unsigned.as_bytes();
    let leading_zeros = bytes.len() > 1 && bytes[0] == b'0' && bytes.iter().all(u8::is_ascii_digit);
    let looks_right = bytes
        .iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if leading_zeros || !looks_right {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::from_yaml;

    #[test]
    fn reads_scalars_as_the_deserialiser_does() {
        for text in [
            "null",
            "~",
            "true",
            "False",
            "yes",
            "on",
            "off",
            "0",
            "-1",
            "+1",
            "12",
            "007",
            "0x1F",
            "0o17",
            "1.5",
            ".5",
            "5.",
            "1e3",
            "-1e-3",
            "1_000",
            "1h",
            "15m",
            "2026-11-24",
            "1.2.3",
            "18446744073709551615",
            "-9223372036854775808",
            "0x",
            "0xzz",
            ".",
            "1e",
            "00",
            "-0",
            "0.0",
            "00.5",
            "0b11",
            "nan",
            "inf",
            "e3",
            "12:30:45",
            "NULL",
            "-0x1F",
        ] {
            let theirs: Value = from_yaml(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(resolve(text), Some(theirs), "{text}");
        }
        for text in [".inf", "-.inf", ".nan", "1e999"] {
            assert_eq!(resolve(text), None, "{text}");
        }
    }
}
