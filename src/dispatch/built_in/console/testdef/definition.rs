//! A test definition, read from YAML or from the job itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ResultPattern;
use crate::dispatch::protocol::event::NAME;
use crate::dispatch::protocol::text::clean;
use crate::model::check::from_yaml;

/// The largest test definition, in bytes.
const LARGEST: usize = 256 << 10;

#[derive(Debug, Clone)]
pub struct TestDef {
    /// Its suite.
    pub name: String,
    /// Its parameters with their defaults.
    pub parameters: Vec<(String, String)>,
    pub install: Install,
    /// Lines of one shell script.
    pub steps: Vec<String>,
    pub pattern: Option<ResultPattern>,
}

/// What a definition wants to be there before it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Install {
    pub packages: Vec<String>,
    pub repositories: Vec<String>,
    pub steps: Vec<String>,
}

impl Install {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl TestDef {
    pub fn from_yaml(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > LARGEST {
            return Err(format!("it is larger than {} KiB", LARGEST >> 10));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
        let value: Value = from_yaml(text).map_err(|(line, column, why)| {
            if line == 0 {
                why
            } else {
                format!("line {line}, column {column}: {why}")
            }
        })?;
        Self::read(&value)
    }

    pub fn read(value: &Value) -> Result<Self, String> {
        let root = value.as_object().ok_or("it is not a map")?;
        let name = map(root, "metadata")?
            .and_then(|metadata| metadata.get("name"))
            .and_then(Value::as_str)
            .map(|name| clean(name, NAME))
            .filter(|name| !name.is_empty())
            .ok_or("`metadata.name` is missing")?;
        let mut parameters = Vec::new();
        for key in ["params", "parameters"] {
            if let Some(values) = map(root, key)? {
                let values = Value::Object(values.clone());
                let texts = texts_of(&values).ok_or(format!("`{key}` must be a map of texts"))?;
                parameters.extend(texts);
            }
        }
        let install = match map(root, "install")? {
            None => Install::default(),
            Some(install) => Install {
                packages: lines(install, "install", "deps")?,
                repositories: [
                    lines(install, "install", "git-repos")?,
                    lines(install, "install", "bzr-repos")?,
                ]
                .concat(),
                steps: lines(install, "install", "steps")?,
            },
        };
        let run = map(root, "run")?.ok_or("`run` is missing")?;
        let steps = lines(run, "run", "steps")?;
        if steps.is_empty() {
            return Err("`run.steps` names no step".into());
        }
        Ok(Self {
            name,
            parameters,
            install,
            steps,
            pattern: map(root, "parse")?.map_or(Ok(None), pattern)?,
        })
    }
}

fn pattern(parse: &Map<String, Value>) -> Result<Option<ResultPattern>, String> {
    let Some(text) = parse.get("pattern").and_then(Value::as_str) else {
        return Ok(None);
    };
    let fixup = match parse.get("fixupdict") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(value) => replacements(value).ok_or("`parse.fixupdict` must be a map of texts")?,
    };
    ResultPattern::new(text, fixup)
        .map(Some)
        .map_err(|why| format!("`parse.pattern`: {why}"))
}

fn map<'a>(
    object: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<&'a Map<String, Value>>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(format!("`{key}` must be a map")),
    }
}

fn lines(object: &Map<String, Value>, of: &str, key: &str) -> Result<Vec<String>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(values)) => (0..)
            .zip(values)
            .map(|(i, value)| {
                let why = |()| format!("`{of}.{key}[{i}]` {}", no_text(value));
                scalar(value).ok_or(()).map_err(why)
            })
            .collect(),
        Some(_) => Err(format!("`{of}.{key}` must be a list of texts")),
    }
}

/// What is in the place of a line, and how that is mended.
fn no_text(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => {
            "is a map: put the whole line in quotes, for a `: ` in it makes YAML see a map"
        }
        Value::Array(_) => {
            "is a list: put the whole line in quotes, for a `[` before it makes YAML see a list"
        }
        _ => "has a character NUL, which no shell takes",
    }
}

/// A map's values as texts, whose keys a shell takes as names of variables.
pub fn texts_of(value: &Value) -> Option<Vec<(String, String)>> {
    let is_variable = |name: &str| {
        let first = name.chars().next();
        first.is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    value
        .as_object()?
        .iter()
        .map(|(key, value)| Some((key.clone(), scalar(value)?)))
        .map(|pair| pair.filter(|(key, _)| is_variable(key)))
        .collect()
}

/// A map of texts, or v1's list of `FROM:to`.
pub fn replacements(value: &Value) -> Option<BTreeMap<String, String>> {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(from, to)| Some((from.clone(), scalar(to)?)))
            .collect(),
        Value::Array(pairs) => pairs
            .iter()
            .map(|pair| pair.as_str()?.split_once(':'))
            .map(|pair| pair.map(|(from, to)| (from.to_owned(), to.to_owned())))
            .collect(),
        _ => None,
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) if text.contains('\0') => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_definition_as_labs_write_them() {
        let testdef = TestDef::from_yaml(
            br#"
metadata:
    format: Lava-Test-Shell Test Definition 1.0
    name: smoke-tests-basic
    version: 1.0
params:
    ROUNDS: 3
install:
    deps: [curl]
    steps: ["apt-get -y upgrade"]
run:
    steps:
        - lava-test-case linux-linaro-ubuntu-pwd --shell pwd
        - 'echo "test: PASS"'
parse:
    pattern: "(?P<test_case_id>.*-*):\\s+(?P<result>(PASS|FAIL))"
    fixupdict: {PASS: pass, FAIL: fail}
"#,
        )
        .unwrap();
        assert_eq!(testdef.name, "smoke-tests-basic");
        assert_eq!(testdef.parameters, [("ROUNDS".into(), "3".into())]);
        assert_eq!(testdef.install.packages, ["curl"]);
        assert_eq!(testdef.steps.len(), 2);
        let result = testdef.pattern.unwrap().read(b"test: PASS").unwrap();
        assert_eq!(result.case, "test");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, why) in [
            ("[]", "not a map"),
            ("a: [", "line"),
            ("run: {steps: [a]}", "`metadata.name` is missing"),
            ("metadata: {name: x}", "`run` is missing"),
            ("metadata: {name: x}\nrun: {steps: []}", "names no step"),
            (
                "metadata: {name: x}\nrun: {steps: [[a]]}",
                "`run.steps[0]` is a list: put the whole line in quotes",
            ),
            (
                "metadata: {name: x}\nrun:\n  steps:\n    - date\n    - echo test: PASS",
                "`run.steps[1]` is a map: put the whole line in quotes, for a `: ` in it",
            ),
            (
                "metadata: {name: x}\nrun: {steps: date}",
                "`run.steps` must be a list of texts",
            ),
            (
                "metadata: {name: x}\nparams: {'a b': 1}\nrun: {steps: [a]}",
                "`params` must be a map",
            ),
            (
                "metadata: {name: x}\nrun: {steps: [a]}\nparse: {pattern: '('}",
                "`parse.pattern`: unclosed group",
            ),
        ] {
            let said = TestDef::from_yaml(text.as_bytes()).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
