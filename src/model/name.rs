//! Names that become parts of paths and of ref names, so their alphabet is narrow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// The longest name accepted, in bytes; with it every path and ref stays far below git's limits.
const LONGEST: usize = 100;

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadName(String);

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a name: letters, digits, `_`, `-` and `.` are, beginning with a letter, a digit or `_`, \
             not ending in `.` or `.lock`, at most {LONGEST} characters",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for BadName {}

/// Whether `text` may stand as one part of a path under `queue/`, and in a ref name.
pub fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|c| c.is_ascii_alphanumeric() || c == b'_')
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b"_-.".contains(&c))
        && text.len() <= LONGEST
        && !text.contains("..")
        && !text.ends_with('.')
        && !text.ends_with(".lock")
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
        #[serde(transparent)]
        pub struct $type(
            // The checker knows the format: the pattern alone would let `a..b` and `a.lock` pass.
            #[schemars(regex(pattern = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"), extend("format" = "pumice-name"))]
            String,
        );

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                if is_name(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(BadName(text.chars().take(60).collect()))
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

name!(
    /// A board's name: the stem of its file under `boards/`.
    BoardName
);
name!(
    /// A runner's name: a part of its refs.
    RunnerName
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_paths_and_refs() {
        for good in ["a", "qemu-01", "_x", "9.1", "A_b.c"] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            ".a",
            "-a",
            "a/b",
            "a b",
            "ä",
            "a..b",
            "a.",
            "a.lock",
            &"x".repeat(101),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
