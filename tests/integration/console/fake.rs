//! Boards that are scripts of this host's shell, and jobs for them.

use pumice::dispatch::{AttemptSpec, Exit};
use serde_json::{Value, json};

use crate::dispatch::harness::{Attempt, Ended, program};

/// A shell that asks with a prompt, as on a board.
pub const SHELL: &str = "PS1='board# ' exec /bin/sh +m -i";

/// A board whose console is the process of a script, with further keys of `console`.
pub fn script(script: &str, keys: Value) -> Value {
    let mut console = json!({
        "command": ["/bin/sh", "-c", script], "prompt": "board# ", "boot_timeout": "30s",
    });
    merge(&mut console, keys);
    board(console)
}

pub fn board(console: Value) -> Value {
    json!({"name": "b", "device_type": "t", "tags": ["t"], "console": console,
           "host": {"images": [], "cache": "cache"}})
}

pub fn merge(into: &mut Value, keys: Value) {
    for (key, value) in keys.as_object().unwrap() {
        into[key] = value.clone();
    }
}

/// An attempt at a job on a board.
pub fn attempt(board: Value, actions: Value) -> Attempt {
    let mut attempt = program(&[env!("CARGO_BIN_EXE_pumice"), "dispatch", "console"]);
    let limit = |action: &Value| {
        action["timeout"]
            .as_u64()
            .map(std::time::Duration::from_secs)
    };
    let listed = actions.as_array().unwrap().iter();
    let spec: &mut AttemptSpec = &mut attempt.spec;
    spec.actions = listed
        .map(|action| {
            (
                action["command"].as_str().unwrap().to_owned(),
                limit(action),
            )
        })
        .collect();
    spec.job = json!({"device_type": "t", "actions": actions});
    spec.board_file = board;
    attempt
}

pub fn run(board: Value, actions: Value) -> Ended {
    attempt(board, actions).run()
}

/// Runs on a board that is nothing but a shell, and demands a proper end.
pub fn on_shell(actions: Value) -> Ended {
    let ended = run(script(SHELL, json!({})), actions);
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(ended.end.leaked, 0);
    ended
}

pub fn commands(commands: &[&str]) -> Value {
    json!([{"command": "run", "parameters": {"commands": commands, "suite": "s"}}])
}
