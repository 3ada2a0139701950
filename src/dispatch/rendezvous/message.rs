//! Requests and replies, with their limits.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest line of a request. LAVA's messages are a few keys; files go other ways.
pub const LONGEST: usize = 16 << 10;

/// The longest id of a message and the longest name of a key.
const ID: usize = 100;

/// What a member asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Leaves a message for the others; answered at once.
    Send {
        id: String,
        #[serde(default)]
        data: Map<String, Value>,
    },
    /// Waits until another member has sent it; answered with the first.
    Wait { id: String },
    /// Waits until all others, or all others in a role, have sent it.
    WaitAll {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    },
    /// Sends it and waits until all others have sent it.
    Sync { id: String },
}

/// What one member sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The member's name.
    pub from: String,
    pub board: String,
    pub data: Map<String, Value>,
}

/// The answer to a request: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// What was waited for; empty for a message that was sent.
    Messages(Vec<Message>),
    Error(String),
}

impl Request {
    /// Reads a line. What is wrong with it is said in words.
    pub fn read(line: &[u8]) -> Result<Self, String> {
        let request: Self =
            serde_json::from_slice(line).map_err(|error| format!("not a request: {error}"))?;
        request.judge()?;
        Ok(request)
    }

    pub fn id(&self) -> &str {
        match self {
            Self::Send { id, .. }
            | Self::Wait { id }
            | Self::WaitAll { id, .. }
            | Self::Sync { id } => id,
        }
    }

    fn judge(&self) -> Result<(), String> {
        word("the id", self.id())?;
        let Self::Send { data, .. } = self else {
            return Ok(());
        };
        for (key, value) in data {
            word("a key", key)?;
            let Some(value) = value.as_str() else {
                return Err(format!("the value of `{key}` is no text"));
            };
            // They are printed one on a line, so a line break would forge another.
            if key.contains('=') || value.contains(char::is_control) {
                return Err(format!(
                    "`{key}` has a character that a line `key=value` cannot have"
                ));
            }
        }
        Ok(())
    }
}

fn word(what: &str, text: &str) -> Result<(), String> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if text.is_empty() || text.len() > ID || text.contains(odd) {
        return Err(format!(
            "{what} must be one word of at most {ID} bytes, but is `{}`",
            text.chars().take(ID).collect::<String>().escape_debug()
        ));
    }
    Ok(())
}

/// A reply or a request as its line.
pub fn line<T: Serialize>(what: &T) -> Vec<u8> {
    // Serialising our own types to memory does not fail.
    let mut line = serde_json::to_vec(what).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_lines() {
        for (text, request) in [
            (
                r#"{"do":"wait-all","id":"x","role":"client"}"#,
                Request::WaitAll {
                    id: "x".into(),
                    role: Some("client".into()),
                },
            ),
            (
                r#"{"do":"sync","id":"x"}"#,
                Request::Sync { id: "x".into() },
            ),
        ] {
            assert_eq!(Request::read(text.as_bytes()).unwrap(), request);
            assert_eq!(line(&request), format!("{text}\n").as_bytes());
        }
        let reply = Reply::Error("no".into());
        assert_eq!(line(&reply), b"{\"error\":\"no\"}\n");
    }

    #[test]
    fn what_would_forge_a_line_is_refused() {
        for bad in [
            r#"{"do":"send","id":"a b"}"#,
            r#"{"do":"send","id":""}"#,
            r#"{"do":"send","id":"x","data":{"k":"a\nb"}}"#,
            r#"{"do":"send","id":"x","data":{"k=v":"a"}}"#,
            r#"{"do":"send","id":"x","data":{"k":1}}"#,
            r#"{"do":"sync","id":"x","data":{}}"#,
            r#"{"do":"steal","id":"x"}"#,
            "sync x",
        ] {
            assert!(Request::read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
