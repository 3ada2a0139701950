//! Files of this host.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::{Missing, hash};

/// The real path of a file or folder that a job names, which must lie below one of `folders`. Links
/// are followed first: one inside a shared folder may lead out of it.
pub fn below(path: &Path, folders: &[PathBuf]) -> Result<PathBuf, String> {
    let shown = path.display();
    if folders.is_empty() {
        return Err(format!(
            "`{shown}` cannot be used: this host shares no folder with jobs; its admin may add one \
             to `images:` in runner.yaml"
        ));
    }
    // What lies outside is refused alike whether it exists or not: a job must not look around.
    let refused = || {
        let names: Vec<String> = folders
            .iter()
            .map(|f| format!("`{}`", f.display()))
            .collect();
        format!(
            "`{shown}` is not there or not in a folder that this host shares with jobs: {}",
            names.join(", ")
        )
    };
    let real = path.canonicalize().map_err(|_| refused())?;
    let shared = |folder: &PathBuf| {
        folder
            .canonicalize()
            .is_ok_and(|folder| real.starts_with(folder))
    };
    if folders.iter().any(shared) {
        Ok(real)
    } else {
        Err(refused())
    }
}

/// Whether an image is there, and what it should be.
pub(super) fn check(path: &Path, sha256: Option<&str>) -> Result<PathBuf, Missing> {
    let shown = path.display();
    let gone = |error: io::Error| Missing::ForGood(format!("`{shown}`: {error}"));
    let file = File::open(path).map_err(gone)?;
    if !file.metadata().map_err(gone)?.is_file() {
        return Err(Missing::ForGood(format!("`{shown}` is not a regular file")));
    }
    if let Some(wanted) = sha256 {
        let failed = |error: io::Error| Missing::ForNow(format!("`{shown}`: {error}"));
        let found = hash::of_reader(file).map_err(failed)?;
        if found != wanted {
            return Err(Missing::ForGood(format!(
                "the sha256 of `{shown}` is {found}, not {wanted}"
            )));
        }
    }
    Ok(path.to_owned())
}

/// Whether two files are the same, byte for byte.
pub fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let count = one.read(&mut left)?;
        if count == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..count])?;
        if left[..count] != right[..count] {
            return Ok(false);
        }
    }
}
