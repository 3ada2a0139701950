//! `lava-send` and its like: links to this program in the `bin` of a member's job folder, so that a
//! test written for LAVA's MultiNode finds its tools on the path.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Client, GROUP_FILE, GroupFile, Message, RendezvousError, Request};

/// The names under which this program is a tool.
pub const NAMES: [&str; 7] = [
    "lava-send",
    "lava-wait",
    "lava-wait-all",
    "lava-sync",
    "lava-role",
    "lava-group",
    "lava-self",
];

/// The exit codes: what was asked for came, did not come, was asked for wrongly.
const DONE: i32 = 0;
const FAILED: i32 = 1;
const USAGE: i32 = 2;

/// Why a tool fails.
enum Failure {
    Usage(&'static str),
    Other(String),
}

impl From<RendezvousError> for Failure {
    fn from(error: RendezvousError) -> Self {
        Self::Other(error.to_string())
    }
}

/// Runs the tool under whose name this program was called and returns its exit code; `None` when
/// the name is no tool's.
pub fn run(called: &Path, arguments: impl Iterator<Item = OsString>) -> Option<i32> {
    let name = called.file_name()?.to_str()?;
    let name = NAMES.into_iter().find(|known| *known == name)?;
    let words: Option<Vec<String>> = arguments.map(|word| word.into_string().ok()).collect();
    let done = match words {
        Some(words) => tool(name, &words.iter().map(String::as_str).collect::<Vec<_>>()),
        None => Err(Failure::Usage("what is sent must be UTF-8")),
    };
    Some(match done {
        Ok(lines) => {
            print!("{lines}");
            DONE
        }
        Err(Failure::Usage(usage)) => {
            eprintln!("usage: {usage}");
            USAGE
        }
        Err(Failure::Other(why)) => {
            eprintln!("{name}: {why}");
            FAILED
        }
    })
}

/// What a tool would print, for whoever asks in a member's name: a board over its console.
pub fn answer(name: &str, words: &[&str]) -> Result<String, String> {
    tool(name, words).map_err(|failure| match failure {
        Failure::Usage(usage) => format!("usage: {usage}"),
        Failure::Other(why) => why,
    })
}

fn tool(name: &str, words: &[&str]) -> Result<String, Failure> {
    match (name, words) {
        ("lava-send", [id, pairs @ ..]) => {
            let data = pairs.iter().map(|pair| {
                let (key, value) = pair
                    .split_once('=')
                    .ok_or(Failure::Usage("lava-send ID [KEY=VALUE]…"))?;
                Ok::<_, Failure>((key.to_owned(), Value::from(value)))
            });
            let data = data.collect::<Result<Map<_, _>, Failure>>()?;
            let id = (*id).to_owned();
            ask(&Request::Send { id, data })?;
            Ok(String::new())
        }
        ("lava-send", _) => Err(Failure::Usage("lava-send ID [KEY=VALUE]…")),
        ("lava-wait", [id]) => {
            let id = (*id).to_owned();
            let messages = ask(&Request::Wait { id })?;
            Ok(messages.iter().flat_map(|one| pairs(one, "")).collect())
        }
        ("lava-wait", _) => Err(Failure::Usage("lava-wait ID")),
        ("lava-wait-all", [id] | [id, _]) => {
            let messages = ask(&Request::WaitAll {
                id: (*id).to_owned(),
                role: words.get(1).map(|role| (*role).to_owned()),
            })?;
            let lines = messages
                .iter()
                .flat_map(|one| pairs(one, &format!("{} ", one.board)));
            Ok(lines.collect())
        }
        ("lava-wait-all", _) => Err(Failure::Usage("lava-wait-all ID [ROLE]")),
        ("lava-sync", [id]) => {
            let id = (*id).to_owned();
            ask(&Request::Sync { id })?;
            Ok(String::new())
        }
        ("lava-sync", _) => Err(Failure::Usage("lava-sync ID")),
        ("lava-role", []) => Ok(format!("{}\n", group()?.role)),
        ("lava-role", ["list"]) => {
            let mut roles: Vec<String> = Vec::new();
            for member in group()?.members {
                let line = format!("{}\n", member.role);
                if !roles.contains(&line) {
                    roles.push(line);
                }
            }
            Ok(roles.concat())
        }
        ("lava-role", _) => Err(Failure::Usage("lava-role [list]")),
        ("lava-group", []) => {
            let members = group()?.members.into_iter();
            let line = |member: super::Party| format!("{}\t{}\n", member.board, member.role);
            Ok(members.map(line).collect())
        }
        ("lava-group", [role]) => {
            let members = group()?.members.into_iter();
            let playing = members.filter(|member| member.role == *role);
            Ok(playing
                .map(|member| format!("{}\n", member.board))
                .collect())
        }
        ("lava-group", _) => Err(Failure::Usage("lava-group [ROLE]")),
        ("lava-self", []) => Ok(format!("{}\n", group()?.board)),
        _ => Err(Failure::Usage("lava-self")),
    }
}

fn pairs(message: &Message, prefix: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let data = message.data.iter();
    data.map(|(key, value)| format!("{prefix}{key}={}\n", text(value)))
        .collect()
}

fn ask(request: &Request) -> Result<Vec<Message>, Failure> {
    let client = Client::from_environment().ok_or_else(outside)?;
    Ok(client.ask(request)?)
}

fn group() -> Result<GroupFile, Failure> {
    let path = std::env::var_os(GROUP_FILE).ok_or_else(outside)?;
    let wrong = |why: String| Failure::Other(format!("cannot read {}: {why}", path.display()));
    let bytes = fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}

fn outside() -> Failure {
    Failure::Other("only the members of a group job (device_group) can meet".to_owned())
}
