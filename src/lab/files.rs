//! `lab.yaml` and the files under `boards/`.

use super::{LabError, Reader};
use crate::model::{Board, BoardName, Diagnostic, ObjectId, check, lab::LabFiles};

/// What the lab's files were read from: equal keys, equal files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilesKey {
    lab: Option<ObjectId>,
    boards: Option<ObjectId>,
}

impl Reader {
    /// The key of the lab's files on `main`, which costs two look-ups.
    pub fn lab_files_key(&self, main: ObjectId) -> Result<FilesKey, LabError> {
        let id = |path| Ok::<_, LabError>(self.repo().entry(main, path)?.map(|entry| entry.id));
        Ok(FilesKey {
            lab: id("lab.yaml")?,
            boards: id("boards")?,
        })
    }

    /// The lab's files on `main`. A file with an error is left out, with its diagnostics; a
    /// `lab.yaml` with an error counts as an empty one.
    pub fn lab_files(&self, main: ObjectId) -> Result<LabFiles, LabError> {
        let repo = self.repo();
        let mut files = LabFiles::default();
        if let Some(bytes) = repo.file(main, "lab.yaml")? {
            let checked = check::lab_config("lab.yaml", &bytes);
            files.config = checked.value.unwrap_or_default();
            files.diagnostics.extend(checked.diagnostics);
        }
        let mut boards = Vec::new();
        for (path, entry) in repo.files(main, "boards")? {
            let Some(stem) = path.strip_suffix(".yaml").filter(|_| entry.is_file()) else {
                continue;
            };
            if let Some(name) = stem.strip_prefix("boards/types/") {
                let checked = check::device_type(&path, &repo.blob(entry.id)?);
                files.diagnostics.extend(checked.diagnostics);
                if let Some(device_type) = checked.value {
                    files.types.insert(name.to_owned(), device_type);
                }
            } else if let Some(name) = stem.strip_prefix("boards/")
                && !name.contains('/')
            {
                boards.push((path.clone(), name.to_owned(), entry.id));
            }
        }
        for (path, stem, blob) in boards {
            let name: BoardName = match stem.parse() {
                Ok(name) => name,
                Err(cause) => {
                    files.diagnostics.push(bad_name(&path, &format!("{cause}")));
                    continue;
                }
            };
            let checked = check::board(&path, &repo.blob(blob)?, None);
            files.diagnostics.extend(checked.diagnostics);
            if let Some(file) = checked.value {
                files
                    .boards
                    .insert(name.clone(), Board::new(name.clone(), file, &files.types));
                files.board_blobs.insert(name, blob);
            }
        }
        Ok(files)
    }
}

fn bad_name(path: &str, cause: &str) -> Diagnostic {
    Diagnostic {
        path: path.to_owned(),
        line: 1,
        column: 1,
        severity: crate::model::Severity::Error,
        code: "bad-name".to_owned(),
        message: format!("the file's name names no board: {cause}"),
        hint: Some("rename the file".to_owned()),
    }
}
