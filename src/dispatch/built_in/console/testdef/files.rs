//! The files of a test repository.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How much may be sent to a board, all files together: a serial console takes a minute for it.
pub const MOST: u64 = 256 << 10;

/// Regular files below a folder.
#[derive(Debug, Default)]
pub struct Files(pub Vec<File>);

#[derive(Debug)]
pub struct File {
    /// Relative, with `/` between its parts.
    pub path: String,
    pub content: Vec<u8>,
    pub executable: bool,
}

impl Files {
    /// Reads a checkout without its `.git`. Links are passed over: they may lead anywhere.
    ///
    /// # Errors
    /// In words: a file cannot be read, or all are together too large.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let walk = walkdir::WalkDir::new(folder)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| entry.file_name() != ".git");
        let mut files = Vec::new();
        let mut bytes = 0;
        for entry in walk {
            let entry = entry.map_err(|error| error.to_string())?;
            if !entry.file_type().is_file() {
                continue;
            }
            let unreadable = |error: io::Error| format!("{}: {error}", entry.path().display());
            let metadata = fs::symlink_metadata(entry.path()).map_err(unreadable)?;
            bytes += metadata.len();
            if bytes > MOST {
                return Err(format!(
                    "its files are larger than the {} KiB that are sent over a console",
                    MOST >> 10
                ));
            }
            let path = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            files.push(File {
                path: path
                    .to_str()
                    .ok_or("a file's name is not UTF-8")?
                    .to_owned(),
                content: fs::read(entry.path()).map_err(unreadable)?,
                executable: metadata.permissions().mode() & 0o100 != 0,
            });
        }
        Ok(Self(files))
    }
}
