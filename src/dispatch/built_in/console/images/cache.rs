//! The host's cache of fetched images, kept by the hash of their content.
//!
//! ```text
//! sha256/<hash of the content>   the content; appears whole or not at all
//! url/<hash of the URL>.json     which content a URL had, and how to ask whether it still has
//! ```
//!
//! Several dispatchers may use it at once: a file is written under a passing name and renamed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::hash;

/// What nobody used for so long is removed.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

pub struct Cache {
    contents: PathBuf,
    urls: PathBuf,
}

/// What is known of a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Known {
    pub url: String,
    pub sha256: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl Cache {
    pub fn open(folder: &Path) -> io::Result<Self> {
        let cache = Self {
            contents: folder.join("sha256"),
            urls: folder.join("url"),
        };
        fs::create_dir_all(&cache.contents)?;
        fs::create_dir_all(&cache.urls)?;
        Ok(cache)
    }

    /// The file of a content, if it is there and sound: a board that was given a writable disk may
    /// have changed it, and then it is forgotten.
    pub fn content(&self, sha256: &str) -> Option<PathBuf> {
        let path = self.contents.join(sha256);
        let file = File::open(&path).ok()?;
        if hash::of_reader(&file).is_ok_and(|found| found == sha256) {
            // Counts as used; if that cannot be noted it is fetched anew some day.
            let _ = file.set_modified(SystemTime::now());
            Some(path)
        } else {
            let _ = fs::remove_file(&path);
            None
        }
    }

    /// A file to write a content into.
    pub fn begin(&self) -> io::Result<NamedTempFile> {
        self.remove_old();
        NamedTempFile::new_in(&self.contents)
    }

    pub fn finish(&self, file: NamedTempFile, sha256: &str) -> io::Result<PathBuf> {
        let path = self.contents.join(sha256);
        let mode = fs::Permissions::from_mode(0o444);
        file.as_file().set_permissions(mode)?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(path)
    }

    pub fn known(&self, url: &str) -> Option<Known> {
        let bytes = fs::read(self.url(url)).ok()?;
        let known: Known = serde_json::from_slice(&bytes).ok()?;
        let is_sum = known.sha256.chars().all(|c| c.is_ascii_hexdigit());
        (known.url == url && is_sum).then_some(known)
    }

    pub fn remember(&self, known: &Known) -> io::Result<()> {
        let file = NamedTempFile::new_in(&self.urls)?;
        serde_json::to_writer(&file, known)?;
        file.persist(self.url(&known.url))
            .map_err(|error| error.error)?;
        Ok(())
    }

    fn url(&self, url: &str) -> PathBuf {
        let name = hash::of_bytes(url.as_bytes());
        self.urls.join(format!("{name}.json"))
    }

    /// Best effort: a full disk shows at the next write.
    fn remove_old(&self) {
        for folder in [&self.contents, &self.urls] {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            for entry in entries {
                let age = entry
                    .metadata()
                    .and_then(|data| data.modified())
                    .ok()
                    .and_then(|at| at.elapsed().ok());
                if age.is_some_and(|age| age > KEPT) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
    }
}
