//! Virtual boards in a lab on a real bare upstream.

use std::fs;
use std::path::Path;

use pumice::fetch::{Kit, board_files};
use serde_json::{Value, json};

use crate::harness::Lab;

/// Adds a board that boots this kit; nothing is committed yet. `more` are lines of its file.
pub fn add_board(lab: &Lab, kit: &Kit, name: &str, more: &str) {
    let type_file = pumice::fetch::type_path(kit.kind);
    let present = fs::read(lab.work().join(type_file)).ok();
    let files = board_files(kit, &name.parse().unwrap(), present.as_deref()).unwrap();
    let (path, text) = files.board;
    lab.write(&path, &format!("{text}runner: r1\n{more}"));
    if let Some((path, text)) = files.device_type {
        lab.write(&path, &text);
    }
}

/// Writes a job that boots a board and runs commands on it.
pub fn boot_job(lab: &Lab, path: &str, kit: &Kit, commands: &[&str]) {
    let job = json!({
        "device_type": kit.kind.device_type(),
        "timeout": "10m",
        // A kill of the runner costs an attempt.
        "retries": 5,
        "actions": [
            {"command": "boot", "timeout": "5m"},
            {"command": "run", "parameters": {"commands": commands}},
        ],
    });
    write(lab, path, &job);
}

pub fn write(lab: &Lab, path: &str, job: &Value) {
    lab.write(path, &serde_json::to_string_pretty(job).unwrap());
}

/// The processes that anything in a lab's folder started: they have a path below it in their environment.
pub fn processes_of(root: &Path) -> Vec<String> {
    let root = root.to_str().unwrap().as_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let process = entry.unwrap().path();
        let Ok(environment) = fs::read(process.join("environ")) else {
            continue;
        };
        if environment.windows(root.len()).any(|part| part == root) {
            let command = fs::read(process.join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            found.push(format!("{}: {command}", process.display()));
        }
    }
    found
}
