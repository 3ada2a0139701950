//! The events of the protocol: one JSON object a line on descriptor 3, `t` names the kind.
//!
//! Reading is lenient, so that version 1 can grow: unknown kinds and unknown fields are passed
//! over, and a missing optional field is no mistake.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::text::clean;
use crate::model::Span;
use crate::model::record::{BoardHealth, CaseResult};

/// The longest line, in bytes.
pub const LONGEST: usize = 64 << 10;

/// The longest name of a step, suite, case or unit, in characters.
pub const NAME: usize = 200;

/// The longest reason or message, in characters.
pub const TEXT: usize = 1000;

/// The highest `n` of a step, plus one.
pub const STEPS: u32 = 1000;

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Step(StepEvent),
    Result(ResultEvent),
    Attach(AttachEvent),
    Note {
        level: Option<String>,
        msg: String,
    },
    Alive,
    Board {
        health: BoardHealth,
        reason: Option<String>,
    },
    End {
        result: Option<CaseResult>,
        reason: Option<String>,
    },
    /// Of a later version.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepPhase {
    Start,
    Progress,
    End,
}

/// What happened to the step `n`, counted from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct StepEvent {
    pub n: u32,
    pub phase: StepPhase,
    /// How many steps there are.
    pub of: Option<u32>,
    pub name: Option<String>,
    /// Percent, at most 100.
    pub pct: Option<u8>,
    pub msg: Option<String>,
    pub timeout: Option<Duration>,
    pub result: Option<CaseResult>,
    pub reason: Option<String>,
}

impl StepEvent {
    pub fn new(n: u32, phase: StepPhase) -> Self {
        Self {
            n,
            phase,
            of: None,
            name: None,
            pct: None,
            msg: None,
            timeout: None,
            result: None,
            reason: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct ResultEvent {
    /// The job's name when absent.
    pub suite: Option<String>,
    pub case: String,
    pub result: CaseResult,
    pub value: Option<f64>,
    pub units: Option<String>,
    pub seconds: Option<f64>,
    pub why: Option<String>,
}

impl ResultEvent {
    pub fn new(case: impl Into<String>, result: CaseResult) -> Self {
        Self {
            suite: None,
            case: case.into(),
            result,
            value: None,
            units: None,
            seconds: None,
            why: None,
        }
    }
}

/// How a file below `out/` is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachEvent {
    pub path: String,
    pub name: Option<String>,
    pub media_type: Option<String>,
}

/// Why a line is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEvent(String);

impl fmt::Display for BadEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadEvent {}

fn bad(why: impl Into<String>) -> BadEvent {
    BadEvent(why.into())
}

/// Reads one line. Gives the object as well, to be kept as it was written.
pub fn decode(line: &[u8]) -> Result<(Event, Map<String, Value>), BadEvent> {
    let object = match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err(bad("not a JSON object")),
        Err(error) => return Err(bad(format!("not JSON: {error}"))),
    };
    Ok((Event::from_object(&object)?, object))
}

impl Event {
    /// Whether it only tells that the dispatcher is at work.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Alive => true,
            Self::Step(step) => step.phase == StepPhase::Progress,
            _ => false,
        }
    }

    fn from_object(object: &Map<String, Value>) -> Result<Self, BadEvent> {
        let fields = Fields(object);
        match fields.text("t", NAME)?.as_deref() {
            None => Err(bad("`t` is missing")),
            Some("step") => Ok(Self::Step(StepEvent {
                n: fields
                    .count("n")?
                    .filter(|&n| n < STEPS)
                    .ok_or_else(|| bad(format!("`n` must be below {STEPS}")))?,
                phase: match fields.text("state", NAME)?.as_deref() {
                    Some("start") => StepPhase::Start,
                    Some("progress") => StepPhase::Progress,
                    Some("end") => StepPhase::End,
                    _ => return Err(bad("`state` must be start, progress or end")),
                },
                of: fields.count("of")?,
                name: fields.text("name", NAME)?,
                pct: fields.number("pct")?.map(|pct| pct.clamp(0.0, 100.0) as u8),
                msg: fields.text("msg", TEXT)?,
                timeout: fields.span("timeout")?,
                result: fields.result("result")?,
                reason: fields.text("reason", TEXT)?,
            })),
            Some("result") => Ok(Self::Result(ResultEvent {
                suite: fields.text("suite", NAME)?,
                case: fields
                    .text("case", NAME)?
                    .ok_or_else(|| bad("`case` is missing"))?,
                result: fields
                    .result("result")?
                    .ok_or_else(|| bad("`result` is missing"))?,
                value: fields.number("value")?,
                units: fields.text("units", NAME)?,
                seconds: fields.number("seconds")?.filter(|&seconds| seconds >= 0.0),
                why: fields.text("why", TEXT)?,
            })),
            Some("attach") => Ok(Self::Attach(AttachEvent {
                path: fields
                    .raw("path")?
                    .ok_or_else(|| bad("`path` is missing"))?
                    .to_owned(),
                name: fields.text("name", NAME)?,
                media_type: fields.text("type", NAME)?,
            })),
            Some("note") => Ok(Self::Note {
                level: fields.text("level", NAME)?,
                msg: fields.text("msg", TEXT)?.unwrap_or_default(),
            }),
            Some("alive") => Ok(Self::Alive),
            Some("board") => Ok(Self::Board {
                health: match fields.text("health", NAME)?.as_deref() {
                    Some("good") => BoardHealth::Good,
                    Some("bad") => BoardHealth::Bad,
                    Some("unknown") => BoardHealth::Unknown,
                    _ => return Err(bad("`health` must be good, bad or unknown")),
                },
                reason: fields.text("reason", TEXT)?,
            }),
            Some("end") => Ok(Self::End {
                result: fields.result("result")?,
                reason: fields.text("reason", TEXT)?,
            }),
            Some(_) => Ok(Self::Unknown),
        }
    }

    /// The object that [`decode`] reads back; `Unknown` gives one without a kind.
    pub fn to_object(&self) -> Map<String, Value> {
        let mut object = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(key.to_owned(), value);
            }
        };
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let word = |result: &Option<CaseResult>| result.map(|result| result.as_str().into());
        match self {
            Self::Step(step) => {
                put("t", Some("step".into()));
                put("n", Some(step.n.into()));
                put("of", step.of.map(Value::from));
                put("name", text(&step.name));
                let phase = match step.phase {
                    StepPhase::Start => "start",
                    StepPhase::Progress => "progress",
                    StepPhase::End => "end",
                };
                put("state", Some(phase.into()));
                put("pct", step.pct.map(Value::from));
                put("msg", text(&step.msg));
                put("timeout", step.timeout.map(|t| t.as_secs_f64().into()));
                put("result", word(&step.result));
                put("reason", text(&step.reason));
            }
            Self::Result(result) => {
                put("t", Some("result".into()));
                put("suite", text(&result.suite));
                put("case", Some(result.case.clone().into()));
                put("result", Some(result.result.as_str().into()));
                put("value", result.value.map(Value::from));
                put("units", text(&result.units));
                put("seconds", result.seconds.map(Value::from));
                put("why", text(&result.why));
            }
            Self::Attach(attach) => {
                put("t", Some("attach".into()));
                put("path", Some(attach.path.clone().into()));
                put("name", text(&attach.name));
                put("type", text(&attach.media_type));
            }
            Self::Note { level, msg } => {
                put("t", Some("note".into()));
                put("level", text(level));
                put("msg", Some(msg.clone().into()));
            }
            Self::Alive => put("t", Some("alive".into())),
            Self::Board { health, reason } => {
                put("t", Some("board".into()));
                put("health", Some(health.as_str().into()));
                put("reason", text(reason));
            }
            Self::End { result, reason } => {
                put("t", Some("end".into()));
                put("result", word(result));
                put("reason", text(reason));
            }
            Self::Unknown => {}
        }
        object
    }
}

/// Typed looks at an object's fields; `null` is the same as absent.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn raw(&self, key: &str) -> Result<Option<&'a str>, BadEvent> {
        self.get(key)
            .map(|value| {
                value
                    .as_str()
                    .ok_or_else(|| bad(format!("`{key}` must be a text")))
            })
            .transpose()
    }

    /// A text that says something, made harmless.
    fn text(&self, key: &str, most: usize) -> Result<Option<String>, BadEvent> {
        Ok(self
            .raw(key)?
            .map(|text| clean(text, most))
            .filter(|text| !text.is_empty()))
    }

    fn number(&self, key: &str) -> Result<Option<f64>, BadEvent> {
        self.get(key)
            .map(|value| {
                value
                    .as_f64()
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| bad(format!("`{key}` must be a number")))
            })
            .transpose()
    }

    fn count(&self, key: &str) -> Result<Option<u32>, BadEvent> {
        let Some(number) = self.number(key)? else {
            return Ok(None);
        };
        if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
            Ok(Some(number as u32))
        } else {
            Err(bad(format!("`{key}` must be a whole number from 0")))
        }
    }

    fn span(&self, key: &str) -> Result<Option<Duration>, BadEvent> {
        self.get(key)
            .map(|value| {
                serde_json::from_value::<Span>(value.clone())
                    .map(Span::duration)
                    .map_err(|error| bad(format!("`{key}`: {error}")))
            })
            .transpose()
    }

    fn result(&self, key: &str) -> Result<Option<CaseResult>, BadEvent> {
        self.raw(key)?
            .map(|word| {
                word.parse()
                    .map_err(|error| bad(format!("`{key}`: {error}")))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Result<Event, String> {
        decode(line.as_bytes())
            .map(|(event, _)| event)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn reads_the_examples_of_the_protocol() {
        let step = read(r#"{"t":"step","n":0,"of":2,"name":"boot","state":"start"}"#).unwrap();
        assert_eq!(
            step,
            Event::Step(StepEvent {
                of: Some(2),
                name: Some("boot".into()),
                ..StepEvent::new(0, StepPhase::Start)
            })
        );
        let result = read(
            r#"{"t":"result","suite":"net","case":"ping","result":"pass","value":1.2,"units":"ms"}"#,
        );
        let Ok(Event::Result(result)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(
            (result.value, result.units.as_deref()),
            (Some(1.2), Some("ms"))
        );
    }

    #[test]
    fn passes_over_what_a_later_version_may_add() {
        assert_eq!(read(r#"{"t":"picture","x":1}"#), Ok(Event::Unknown));
        assert_eq!(read(r#"{"t":"alive","mood":["fine"]}"#), Ok(Event::Alive));
        assert_eq!(
            read(r#"{"t":"end","reason":null,"result":"skip"}"#),
            Ok(Event::End {
                result: Some(CaseResult::Skip),
                reason: None
            })
        );
    }

    #[test]
    fn says_what_is_wrong_with_a_line() {
        for (line, why) in [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            (r#"{"n":1}"#, "`t` is missing"),
            (r#"{"t":7}"#, "`t` must be a text"),
            (r#"{"t":"step","state":"start"}"#, "`n` must be below 1000"),
            (r#"{"t":"step","n":-1,"state":"start"}"#, "whole number"),
            (r#"{"t":"step","n":1000,"state":"start"}"#, "below 1000"),
            (r#"{"t":"step","n":1,"state":"begun"}"#, "`state` must be"),
            (r#"{"t":"result","result":"pass"}"#, "`case` is missing"),
            (
                r#"{"t":"result","case":"\n","result":"pass"}"#,
                "`case` is missing",
            ),
            (
                r#"{"t":"result","case":"a","result":"ok"}"#,
                "`ok` is none of",
            ),
            (
                r#"{"t":"result","case":"a","result":"pass","value":1e999}"#,
                "not JSON",
            ),
            (r#"{"t":"board","health":"retired"}"#, "`health` must be"),
        ] {
            let error = read(line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    fn case_result() -> impl Strategy<Value = CaseResult> {
        prop_oneof![
            Just(CaseResult::Pass),
            Just(CaseResult::Fail),
            Just(CaseResult::Skip),
            Just(CaseResult::Unknown)
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_event_or_a_reason(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(
            n in 0..STEPS,
            name in proptest::option::of("[a-z]{1,20}"),
            pct in proptest::option::of(0_u8..=100),
            seconds in proptest::option::of(0.0..1e6),
            result in case_result(),
        ) {
            let step = Event::Step(StepEvent {
                name: name.clone(),
                pct,
                result: Some(result),
                timeout: Some(Duration::from_secs(u64::from(n))),
                ..StepEvent::new(n, StepPhase::Progress)
            });
            let case = Event::Result(ResultEvent {
                suite: name.clone(),
                case: "é \" \\ 日".into(),
                result,
                value: seconds,
                units: name.clone(),
                seconds,
                why: name,
            });
            for event in [step, case] {
                let line = serde_json::to_vec(&event.to_object()).unwrap();
                prop_assert_eq!(decode(&line).unwrap().0, event);
            }
        }
    }
}
