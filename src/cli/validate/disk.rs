//! Files of a work tree, with the modes that git would give them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use walkdir::WalkDir;

use super::{Error, Judged};
use crate::model::check::{
    self, EXECUTABLE, File, FileKind, LARGEST_YAML, REGULAR, SUBMODULE, SYMLINK,
};
use crate::model::lab::LabFiles;
use crate::model::{Diagnostic, Severity};

/// The nearest folder, this one or one above it, with a lab.yaml.
pub(super) fn find_lab(dir: &Path) -> Option<PathBuf> {
    let dir = dir.canonicalize().ok()?;
    dir.ancestors()
        .find(|dir| dir.join("lab.yaml").symlink_metadata().is_ok())
        .map(Path::to_owned)
}

/// All files that Pumice reads in a lab's work tree: lab.yaml, then boards/ and queue/ by their paths.
pub(super) fn lab_tree(root: &Path) -> Result<Vec<File>, Error> {
    let mut files = lab_itself(root)?;
    files.extend(walk(root, "queue")?);
    Ok(files)
}

fn lab_itself(root: &Path) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for name in ["lab.yaml", "lab.yml"] {
        let path = root.join(name);
        if path.symlink_metadata().is_ok() {
            let read = read(&path, name.to_owned());
            files.extend(read.map_err(|error| Error::Read(path, error))?);
        }
    }
    files.extend(walk(root, "boards")?);
    Ok(files)
}

fn walk(root: &Path, folder: &str) -> Result<Vec<File>, Error> {
    let top = root.join(folder);
    if !top.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    let mut entries = WalkDir::new(&top).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(&top).to_owned();
            Error::Read(path, error.into())
        })?;
        let path = entry.path();
        let inside = path.strip_prefix(root).unwrap_or(path);
        let name = inside.to_string_lossy().into_owned();
        if !entry.file_type().is_dir() {
            let read = read(path, name);
            files.extend(read.map_err(|error| Error::Read(path.to_owned(), error))?);
        } else if path != top && path.join(".git").symlink_metadata().is_ok() {
            entries.skip_current_dir();
            files.push(File {
                path: name,
                mode: SUBMODULE,
                bytes: Vec::new(),
            });
        }
    }
    Ok(files)
}

/// The file as git would keep it; `None` for what git does not keep, such as sockets.
fn read(path: &Path, name: String) -> io::Result<Option<File>> {
    let data = path.symlink_metadata()?;
    let mode = if data.is_symlink() {
        SYMLINK
    } else if !data.is_file() {
        return Ok(None);
    } else if data.permissions().mode() & 0o111 != 0 {
        EXECUTABLE
    } else {
        REGULAR
    };
    let wanted = mode != SYMLINK && FileKind::of_named(&name).is_some();
    let bytes = if wanted { contents(path)? } else { Vec::new() };
    Ok(Some(File {
        path: name,
        mode,
        bytes,
    }))
}

/// At most one byte more than any file may have.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = LARGEST_YAML as u64 + 1;
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Judges files that a person named, each by the lab it lies in, if any.
pub(super) fn judge_named(
    named: &[PathBuf],
    dir: &Path,
    standard_input: &mut dyn FnMut() -> io::Result<Vec<u8>>,
) -> Vec<Judged> {
    let mut labs = Labs::default();
    let mut judged = Vec::new();
    for path in named {
        let shown = path.to_string_lossy().into_owned();
        if shown == "-" {
            judged.push(match standard_input() {
                Ok(source) => Judged {
                    diagnostics: check::job("-", &source, labs.of(dir)).diagnostics,
                    source,
                },
                Err(error) => unreadable(&shown, &error),
            });
            continue;
        }
        // As the other commands: from where one stands, else from where `-C` says.
        let there = dir.join(path);
        let path = if path.symlink_metadata().is_err() && there.symlink_metadata().is_ok() {
            &there
        } else {
            path
        };
        if path.is_dir() {
            // A lab holds other JSON files too, such as its site's.
            if path.join("lab.yaml").is_file()
                && let Ok(files) = lab_tree(path)
            {
                let mut whole = super::validate_tree(files, &|file| path.join(file).is_file());
                let all = whole.iter_mut().flat_map(|one| &mut one.diagnostics);
                for one in all {
                    one.path = path.join(&one.path).to_string_lossy().into_owned();
                }
                judged.extend(whole);
                continue;
            }
            let files = WalkDir::new(path).sort_by_file_name();
            let files = files.into_iter().filter_map(Result::ok);
            for entry in files.filter(|entry| !entry.file_type().is_dir()) {
                let shown = entry.path().to_string_lossy().into_owned();
                judged.extend(judge_one(entry.path(), &shown, false, &mut labs));
            }
        } else {
            judged.extend(judge_one(path, &shown, true, &mut labs));
        }
    }
    judged
}

/// Judges one file. One that was not `named` itself, but lies in a named folder, may be none of ours.
fn judge_one(path: &Path, shown: &str, named: bool, labs: &mut Labs) -> Option<Judged> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().map(Path::new).unwrap_or(path);
    let root = find_lab(folder);
    let within = root.as_ref().and_then(|root| {
        let folder = folder.canonicalize().ok()?;
        Some(folder.strip_prefix(root).ok()?.join(name))
    });
    let place = match &within {
        Some(within) => within.to_string_lossy().into_owned(),
        None => place_outside(path),
    };
    let mut file = match read(path, place) {
        Ok(Some(file)) => file,
        Ok(None) => return named.then(|| unreadable(shown, &io::ErrorKind::InvalidInput.into())),
        Err(error) => return Some(unreadable(shown, &error)),
    };
    let in_queue = file.path.starts_with("queue/");
    let kind = FileKind::of_named(&file.path);
    match kind {
        None if !named => return None,
        None if !in_queue => return Some(unknown(shown)),
        // Only a lab's own files must be regular; elsewhere a link stands for its file.
        Some(FileKind::Job) if file.mode == SYMLINK && !in_queue => match contents(path) {
            Ok(bytes) => {
                file.bytes = bytes;
                file.mode = REGULAR;
            }
            Err(error) => return Some(unreadable(shown, &error)),
        },
        _ => {}
    }
    let lab = root.and_then(|root| labs.of(&root));
    let mut diagnostics = check::validate_as(kind, &file, lab);
    for one in &mut diagnostics {
        shown.clone_into(&mut one.path);
    }
    Some(Judged {
        diagnostics,
        source: file.bytes,
    })
}

/// Where a file outside any lab would stand: from its last folder with a name that means something.
fn place_outside(path: &Path) -> String {
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        })
        .collect();
    let folders = &parts[..parts.len().saturating_sub(1)];
    let from = folders
        .iter()
        .rposition(|part| part == "queue" || part == "boards")
        .unwrap_or(folders.len());
    parts[from..].join("/")
}

/// The labs that named files lie in, read once each.
#[derive(Default)]
struct Labs(BTreeMap<PathBuf, Option<LabFiles>>);

impl Labs {
    fn of(&mut self, dir: &Path) -> Option<&LabFiles> {
        let root = find_lab(dir)?;
        self.0
            .entry(root)
            .or_insert_with_key(|root| Some(check::lab_files(&lab_itself(root).ok()?)))
            .as_ref()
    }
}

fn unreadable(shown: &str, error: &io::Error) -> Judged {
    let (code, message, hint) = match error.kind() {
        io::ErrorKind::NotFound => (
            "no-file",
            "there is no such file".to_owned(),
            "check the path; without any file the lab's whole work tree is judged",
        ),
        io::ErrorKind::InvalidInput => (
            "no-file",
            "this is not a regular file".to_owned(),
            "name a file, or `-` for standard input",
        ),
        _ => (
            "cannot-read",
            format!("the file cannot be read: {error}"),
            "check its permissions",
        ),
    };
    whole_file(shown, code, message, hint)
}

fn unknown(shown: &str) -> Judged {
    whole_file(
        shown,
        "unknown-file",
        "Pumice reads no file of this name".to_owned(),
        "job definitions end in .json; boards are boards/*.yaml, device types boards/types/*.yaml, \
         the lab is lab.yaml",
    )
}

fn whole_file(shown: &str, code: &str, message: String, hint: &str) -> Judged {
    Judged {
        diagnostics: vec![Diagnostic {
            path: shown.to_owned(),
            line: 1,
            column: 1,
            severity: Severity::Error,
            code: code.to_owned(),
            message,
            hint: Some(hint.to_owned()),
        }],
        source: Vec::new(),
    }
}
