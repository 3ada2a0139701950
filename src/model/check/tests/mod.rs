//! Files good and bad, and what is said of them.

mod corpus;
mod mutations;
mod rules_board;
mod rules_job;
mod rules_lab;
mod schemas;
mod snapshots;
mod trees;

use std::path::PathBuf;

use crate::model::Diagnostic;
use crate::model::lab::LabFiles;

use super::{File, REGULAR, lab_files, line};

/// The folder of data beside the project, if it is there.
fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("PUMICE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let found = folder.join("corpus").is_dir();
    if !found {
        eprintln!("no {}: this test saw no data", folder.display());
    }
    found.then_some(folder)
}

/// The problems as `LINE:COL code`.
fn codes(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics
        .iter()
        .map(|one| format!("{}:{} {}", one.line, one.column, one.code))
        .collect()
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    let all: Vec<String> = diagnostics.iter().map(line).collect();
    all.join("\n")
}

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        mode: REGULAR,
        bytes: text.as_bytes().to_vec(),
    }
}

/// A lab of two boards.
fn small_lab() -> LabFiles {
    let files = [
        file(
            "lab.yaml",
            "users: {alice: {emails: [alice@example.org]}}\n",
        ),
        file(
            "boards/types/qemu.yaml",
            "dispatchers: [console]\ntags: [virtual]\nconsole: {tcp: localhost:5555}\n",
        ),
        file("boards/types/panda.yaml", ""),
        file("boards/qemu01.yaml", "device_type: qemu\ntags: [net]\n"),
        file(
            "boards/panda01.yaml",
            "device_type: panda\ndispatchers: [ssh]\nssh: {host: panda01}\ntags: [hdmi]\n",
        ),
    ];
    let lab = lab_files(&files);
    assert_eq!(lab.diagnostics, []);
    assert_eq!(lab.boards.len(), 2);
    lab
}
