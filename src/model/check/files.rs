//! Whole trees of files: which file is what, what the lab says, and every problem of all of them.

use std::collections::BTreeMap;

use super::board::{board, device_type};
use super::job::job;
use super::lab_config::lab_config;
use super::place::Place;
use super::problems::Problems;
use super::queue_path::{EXECUTABLE, REGULAR, SYMLINK, is_ignored, queue_path};
use super::words::quote;
use crate::model::lab::LabFiles;
use crate::model::{Board, BoardName, Diagnostic};

/// A file of a lab: its path from the lab's root, git's mode, its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub mode: u32,
    pub bytes: Vec<u8>,
}

/// What a file is judged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    Job,
    Board,
    DeviceType,
    Lab,
}

impl FileKind {
    /// By the path from the lab's root; `None` for files that are no part of the lab.
    pub fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["queue", _, ..] if is_ignored(path) => None,
            ["queue", _, ..] => Some(Self::Job),
            ["boards", "types", file] if file.ends_with(".yaml") => Some(Self::DeviceType),
            ["boards", file] if file.ends_with(".yaml") => Some(Self::Board),
            ["lab.yaml"] => Some(Self::Lab),
            _ => None,
        }
    }

    /// Of a file that a person named: outside `queue/` too, a name that ends in .json means a job.
    pub fn of_named(path: &str) -> Option<Self> {
        let named_job = !path.starts_with("queue/") && path.ends_with(".json");
        Self::of(path).or(named_job.then_some(Self::Job))
    }
}

/// Reads a lab's own files out of all of its files. A file with an error is left out; blobs stay unknown.
pub fn lab_files<'f>(files: impl IntoIterator<Item = &'f File> + Clone) -> LabFiles {
    let mut lab = LabFiles::default();
    let of = |wanted: FileKind| {
        files.clone().into_iter().filter(move |file| {
            matches!(file.mode, REGULAR | EXECUTABLE) && FileKind::of(&file.path) == Some(wanted)
        })
    };
    for file in of(FileKind::Lab) {
        let checked = lab_config(&file.path, &file.bytes);
        lab.config = checked.value.unwrap_or_default();
        lab.diagnostics.extend(checked.diagnostics);
    }
    for file in of(FileKind::DeviceType) {
        let checked = device_type(&file.path, &file.bytes);
        lab.diagnostics.extend(checked.diagnostics);
        if let Some(value) = checked.value {
            lab.types.insert(yaml_stem(&file.path).to_owned(), value);
        }
    }
    let mut boards = BTreeMap::new();
    for file in of(FileKind::Board) {
        let checked = board(&file.path, &file.bytes, Some(&lab));
        lab.diagnostics.extend(checked.diagnostics);
        if let (Some(value), Ok(name)) = (checked.value, yaml_stem(&file.path).parse::<BoardName>())
        {
            boards.insert(name.clone(), Board::new(name, value, &lab.types));
        }
    }
    lab.boards = boards;
    lab
}

/// Every problem of a lab's files, file by file in the order given.
pub fn validate_tree(files: &[File]) -> Vec<Diagnostic> {
    let lab = lab_files(files);
    files
        .iter()
        .flat_map(|file| validate_file(file, Some(&lab)))
        .collect()
}

/// Every problem of one file, judged by where it stands; none for files that are no part of the lab.
pub fn validate_file(file: &File, lab: Option<&LabFiles>) -> Vec<Diagnostic> {
    validate_as(FileKind::of(&file.path), file, lab)
}

/// Every problem of a file that is judged as this kind.
pub fn validate_as(kind: Option<FileKind>, file: &File, lab: Option<&LabFiles>) -> Vec<Diagnostic> {
    let File { path, mode, bytes } = file;
    let mut found = Vec::new();
    if path.starts_with("queue/") {
        found = queue_path(path, *mode);
    }
    let regular = matches!(*mode, REGULAR | EXECUTABLE);
    let Some(kind) = kind else {
        found.extend(misnamed(path));
        return found;
    };
    match kind {
        FileKind::Job if regular && path.ends_with(".json") => {
            found.extend(job(path, bytes, lab).diagnostics);
        }
        FileKind::Job => {}
        _ if !regular => found.extend(not_regular(path, *mode)),
        FileKind::Lab => found.extend(lab_config(path, bytes).diagnostics),
        FileKind::DeviceType => {
            found.extend(bad_stem(path));
            found.extend(device_type(path, bytes).diagnostics);
        }
        FileKind::Board => {
            found.extend(bad_stem(path));
            found.extend(board(path, bytes, lab).diagnostics);
        }
    }
    found
}

fn yaml_stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".yaml").unwrap_or(file)
}

fn bad_stem(path: &str) -> Vec<Diagnostic> {
    let mut problems = Problems::new(path);
    let stem = yaml_stem(path);
    if stem.parse::<BoardName>().is_err() {
        problems.error(
            Place::START,
            "bad-path",
            format!("{} cannot be the name of a board or device type", quote(stem)),
            "rename the file: letters, digits, `_`, `-` and `.`, beginning with a letter, a digit or `_`",
        );
    }
    problems.into_list()
}

fn not_regular(path: &str, mode: u32) -> Vec<Diagnostic> {
    let mut problems = Problems::new(path);
    let (code, what) = if mode == SYMLINK {
        ("symlink", "a symbolic link")
    } else {
        ("submodule", "a submodule")
    };
    problems.error(
        Place::START,
        code,
        format!("this is {what}, and the lab's files are regular files"),
        "replace it by a copy",
    );
    problems.into_list()
}

/// A file that was probably meant to be read.
fn misnamed(path: &str) -> Vec<Diagnostic> {
    let mut problems = Problems::new(path);
    if path == "lab.yml" || (path.starts_with("boards/") && path.ends_with(".yml")) {
        problems.warning(
            Place::START,
            "bad-path",
            "Pumice does not read this file: its name ends in .yml",
            "rename it to end in .yaml",
        );
    }
    problems.into_list()
}
