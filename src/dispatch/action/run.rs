//! The action `run`, which every built-in dispatcher understands in the same way.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::JobError;

/// A `run` whose parameters are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAction {
    /// Each is one line for a fresh shell.
    pub commands: Vec<String>,
    /// The job's name when absent.
    pub suite: Option<String>,
    /// The names of the first commands' results.
    pub cases: Vec<String>,
    pub parse: Option<Parse>,
}

/// How a command's output gives results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parse {
    Tap,
    Ktap,
    Junit { report: String },
    LavaSignals,
}

impl Parse {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::Ktap => "ktap",
            Self::Junit { .. } => "junit",
            Self::LavaSignals => "lava-signals",
        }
    }
}

/// The parameters that `run` knows.
const KNOWN: [&str; 5] = ["commands", "suite", "cases", "parse", "report"];

impl RunAction {
    /// Reads the parameters of an action at `place`, such as `actions[0]`; `supported` are the
    /// values of `parse` that the dispatcher can do.
    pub fn from_parameters(
        place: &str,
        parameters: &Map<String, Value>,
        supported: &[&str],
    ) -> Result<Self, JobError> {
        let at = |key: &str| format!("{place}.parameters.{key}");
        if let Some(key) = parameters.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return Err(JobError::new(
                at(key),
                format!("not a parameter of `run`; it takes {}", KNOWN.join(", ")),
            ));
        }
        let given = |key: &str| parameters.get(key).filter(|value| !value.is_null());
        let text = |key: &str| -> Result<Option<String>, JobError> {
            given(key)
                .map(|value| {
                    value
                        .as_str()
                        .filter(|text| !text.trim().is_empty())
                        .map(str::to_owned)
                        .ok_or_else(|| JobError::new(at(key), "must be a text"))
                })
                .transpose()
        };
        let list = |key: &str| -> Result<Option<Vec<String>>, JobError> {
            let Some(value) = given(key) else {
                return Ok(None);
            };
            let values = value
                .as_array()
                .ok_or_else(|| JobError::new(at(key), "must be an array of texts"))?;
            let texts = values.iter().enumerate().map(|(i, value)| {
                value
                    .as_str()
                    .filter(|text| !text.trim().is_empty() && !text.contains('\0'))
                    .map(str::to_owned)
                    .ok_or_else(|| JobError::new(format!("{}[{i}]", at(key)), "must be a text"))
            });
            texts.collect::<Result<_, _>>().map(Some)
        };
        let commands = list("commands")?
            .filter(|commands| !commands.is_empty())
            .ok_or_else(|| {
                JobError::new(at("commands"), "must name at least one command to run")
            })?;
        let cases = list("cases")?.unwrap_or_default();
        if cases.len() > commands.len() {
            return Err(JobError::new(
                at("cases"),
                format!("{} names for {} commands", cases.len(), commands.len()),
            ));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = cases.iter().find(|case| !seen.insert(case.as_str())) {
            return Err(JobError::new(
                at("cases"),
                format!("`{twice}` stands there twice: one result would hide the other"),
            ));
        }
        let report = text("report")?;
        let parse = match text("parse")?.as_deref() {
            None => None,
            Some(name) if !supported.contains(&name) => {
                return Err(JobError::new(
                    at("parse"),
                    format!(
                        "`{name}` is not supported by this dispatcher; it knows {}",
                        supported.join(", ")
                    ),
                ));
            }
            Some("tap") => Some(Parse::Tap),
            Some("ktap") => Some(Parse::Ktap),
            Some("lava-signals") => Some(Parse::LavaSignals),
            Some("junit") => Some(Parse::Junit {
                report: report.clone().ok_or_else(|| {
                    JobError::new(at("report"), "`parse: junit` needs the path of the report")
                })?,
            }),
            Some(name) => return Err(JobError::new(at("parse"), format!("`{name}` is unknown"))),
        };
        if report.is_some() && !matches!(parse, Some(Parse::Junit { .. })) {
            return Err(JobError::new(
                at("report"),
                "only `parse: junit` has a report",
            ));
        }
        Ok(Self {
            commands,
            suite: text("suite")?,
            cases,
            parse,
        })
    }
}

/// Names the results of commands that have no name: `command-1` and so on, never one twice in a
/// suite of a job, or a later result would hide an earlier one.
#[derive(Default)]
pub struct CaseNames(HashSet<(String, String)>);

impl CaseNames {
    /// The name of the command number `i`, from 0.
    pub fn name(&mut self, action: &RunAction, suite: &str, i: usize) -> String {
        if let Some(name) = action.cases.get(i) {
            self.0.insert((suite.to_owned(), name.clone()));
            return name.clone();
        }
        let mut n = i + 1;
        loop {
            let name = format!("command-{n}");
            if self.0.insert((suite.to_owned(), name.clone())) {
                return name;
            }
            n += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(parameters: Value) -> Result<RunAction, String> {
        RunAction::from_parameters(
            "actions[2]",
            parameters.as_object().unwrap(),
            &["tap", "junit"],
        )
        .map_err(|error| error.to_string())
    }

    #[test]
    fn reads_the_example() {
        let action = read(json!({
            "commands": ["uname -a", "./suite.sh"], "suite": "smoke",
            "cases": ["uname", "suite"], "parse": "tap"
        }))
        .unwrap();
        assert_eq!(action.commands, ["uname -a", "./suite.sh"]);
        assert_eq!(action.suite.as_deref(), Some("smoke"));
        assert_eq!(action.cases, ["uname", "suite"]);
        assert_eq!(action.parse, Some(Parse::Tap));
    }

    #[test]
    fn says_where_and_what_is_wrong() {
        for (parameters, error) in [
            (
                json!({}),
                "actions[2].parameters.commands: must name at least one",
            ),
            (json!({"commands": []}), "commands: must name at least one"),
            (
                json!({"commands": "ls"}),
                "commands: must be an array of texts",
            ),
            (
                json!({"commands": ["ls", 7]}),
                "commands[1]: must be a text",
            ),
            (json!({"commands": ["a\0b"]}), "commands[0]: must be a text"),
            (
                json!({"comands": ["ls"]}),
                "parameters.comands: not a parameter of `run`",
            ),
            (
                json!({"commands": ["ls"], "cases": ["a", "b"]}),
                "cases: 2 names for 1 commands",
            ),
            (
                json!({"commands": ["ls", "w"], "cases": ["a", "a"]}),
                "`a` stands there twice",
            ),
            (
                json!({"commands": ["ls"], "suite": 1}),
                "suite: must be a text",
            ),
            (
                json!({"commands": ["ls"], "parse": "ktap"}),
                "it knows tap, junit",
            ),
            (
                json!({"commands": ["ls"], "parse": "junit"}),
                "report: `parse: junit` needs",
            ),
            (
                json!({"commands": ["ls"], "report": "x.xml"}),
                "report: only `parse: junit`",
            ),
        ] {
            let said = read(parameters.clone()).unwrap_err();
            assert!(said.contains(error), "{parameters}: {said}");
        }
    }

    #[test]
    fn unnamed_results_never_hide_each_other() {
        let named = read(json!({"commands": ["a", "b"], "cases": ["first"]})).unwrap();
        let unnamed = read(json!({"commands": ["a", "b"]})).unwrap();
        let mut names = CaseNames::default();
        let mut all = |action: &RunAction, suite: &str| {
            [names.name(action, suite, 0), names.name(action, suite, 1)]
        };
        assert_eq!(all(&named, "job"), ["first", "command-2"]);
        assert_eq!(all(&unnamed, "job"), ["command-1", "command-3"]);
        assert_eq!(all(&unnamed, "other"), ["command-1", "command-2"]);
    }
}
