//! One line of LAVA's log: `{"dt": …, "lvl": …, "msg": …}`, YAML in its flow style.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::Case;
use crate::dispatch::protocol::event::{NAME, ResultEvent};
use crate::dispatch::protocol::text::clean;
use crate::model::check::plain_yaml;
use crate::model::record::CaseResult;

/// The definition under which LAVA tells how its own actions went.
const OWN: &str = "lava";

pub struct Entry {
    level: String,
    words: String,
    pub said: Option<Said>,
}

/// What counts beside the words.
#[derive(Debug, PartialEq)]
pub enum Said {
    /// One of the job's actions begins, counted from 1.
    Begins {
        n: u32,
        name: String,
        timeout: Option<Duration>,
    },
    Ends {
        n: u32,
    },
    /// How an action of LAVA's went, at `2.1` and the like.
    Action {
        level: String,
        result: CaseResult,
    },
    Case(Case),
}

impl Entry {
    /// Reads one line; `None` when it is none of the log.
    pub fn read(line: &str) -> Option<Self> {
        if !line.starts_with('{') {
            return None;
        }
        // LAVA marks its numbers as texts by a tag.
        let value = plain_yaml(line).ok()?;
        let level = value.get("lvl")?.as_str()?.to_owned();
        let message = value.get("msg")?;
        let (words, said) = match message {
            Value::String(text) => (text.trim_end().to_owned(), boundary(text)),
            Value::Object(_) if level == "results" => result(message),
            other => (other.to_string(), None),
        };
        Some(Self { level, words, said })
    }
}

/// A line for people: what the board says as it is, all else with its level before it.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.level != "target" {
            write!(f, "{}: ", self.level)?;
        }
        f.write_str(&self.words)
    }
}

/// `start: 2 boot-image-retry (timeout 00:03:00) [common]`, and `end: 2 …`, of the job's own actions;
/// what they are made of has numbers such as 2.1.
fn boundary(text: &str) -> Option<Said> {
    let (word, rest) = text.split_once(": ")?;
    let (n, rest) = rest.split_once(' ')?;
    let n: u32 = n.parse().ok().filter(|&n| n > 0)?;
    let name = rest.split(' ').next()?;
    match word {
        "start" => Some(Said::Begins {
            n,
            name: clean(name, NAME),
            timeout: rest
                .split_once("(timeout ")
                .and_then(|(_, rest)| rest.split_once(')'))
                .and_then(|(clock, _)| duration(clock)),
        }),
        "end" => Some(Said::Ends { n }),
        _ => None,
    }
}

/// `00:03:00`.
fn duration(clock: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    Some(Duration::from_secs(seconds))
}

/// A result with its words.
fn result(message: &Value) -> (String, Option<Said>) {
    let text = |key: &str| message.get(key).and_then(Value::as_str);
    let (Some(definition), Some(case)) = (text("definition"), text("case")) else {
        return (message.to_string(), None);
    };
    let result = text("result").and_then(|word| word.parse().ok());
    let result = result.unwrap_or(CaseResult::Unknown);
    let mut words = format!("{definition}/{case} {result}");
    if let Some(why) = text("error_msg") {
        words += &format!(" ({why})");
    }
    if definition == OWN {
        let level = text("level").map(str::to_owned);
        return (words, level.map(|level| Said::Action { level, result }));
    }
    // Numbers are texts or numbers, as the part of LAVA that writes them likes.
    let number = |key: &str| {
        let value = message.get(key)?;
        let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
        number.is_finite().then_some(number)
    };
    let suite = match text("set") {
        Some(set) => format!("{definition}.{set}"),
        None => definition.to_owned(),
    };
    let event = ResultEvent {
        suite: Some(clean(&suite, NAME)),
        value: number("measurement"),
        units: text("units")
            .map(|units| clean(units, NAME))
            .filter(|units| !units.is_empty()),
        seconds: number("duration").filter(|seconds| *seconds >= 0.0),
        ..ResultEvent::new(clean(case, NAME), result)
    };
    (words, Some(Said::Case(event)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Option<Said> {
        Entry::read(line).unwrap().said
    }

    #[test]
    fn reads_what_lava_run_writes() {
        assert_eq!(
            said(
                r#"{"dt": "2026-11-24T23:45:43.616951", "lvl": "info", "msg": "start: 2 boot-image-retry (timeout 00:03:00) [common]"}"#
            ),
            Some(Said::Begins {
                n: 2,
                name: "boot-image-retry".into(),
                timeout: Some(Duration::from_secs(180))
            })
        );
        assert_eq!(
            said(
                r#"{"dt": "x", "lvl": "info", "msg": "end: 2 boot-image-retry (duration 00:00:00) [common]"}"#
            ),
            Some(Said::Ends { n: 2 })
        );
        assert_eq!(
            said(
                r#"{"dt": "x", "lvl": "debug", "msg": "start: 2.1 boot-qemu-image (timeout 00:03:00) [common]"}"#
            ),
            None
        );
        assert_eq!(
            said(
                r#"{"dt": "x", "lvl": "results", "msg": {"case": "execute-qemu", "definition": "lava", "duration": "0.04", "level": "2.1.1", "namespace": "common", "result": "pass"}}"#
            ),
            Some(Said::Action {
                level: "2.1.1".into(),
                result: CaseResult::Pass
            })
        );
        assert_eq!(
            said(
                r#"{"dt": "x", "lvl": "results", "msg": {"case": "rate", "definition": "0_net", "set": "lo", "measurement": ! "1.5", "units": "MB/s", "result": "fail", "level": "3.1"}}"#
            ),
            Some(Said::Case(ResultEvent {
                suite: Some("0_net.lo".into()),
                value: Some(1.5),
                units: Some("MB/s".into()),
                ..ResultEvent::new("rate", CaseResult::Fail)
            }))
        );
    }

    #[test]
    fn people_read_what_the_board_said_as_it_said_it() {
        let shown = |line: &str| Entry::read(line).unwrap().to_string();
        assert_eq!(
            shown(r#"{"dt": "x", "lvl": "target", "msg": "\e[1mhi\xE9"}"#),
            "\u{1b}[1mhi\u{e9}"
        );
        assert_eq!(
            shown(r#"{"dt": "x", "lvl": "error", "msg": ["a", 1]}"#),
            r#"error: ["a",1]"#
        );
    }

    #[test]
    fn what_is_none_of_the_log_is_told_apart() {
        for line in [
            "lava-run should be executed as root",
            "{",
            "{}",
            "{lvl: 7, msg: x}",
            "- {lvl: a}",
            "",
        ] {
            assert!(Entry::read(line).is_none(), "{line}");
        }
    }
}
