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
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::hash;

/// What nobody used for so long is removed.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// How much the contents may take together, in bytes.
const MOST: u64 = 20 << 30;

/// How much must be free before a fetch, in bytes: the largest image there may be.
const FREE: u64 = 2 << 30;

/// What the names of files begin with that are being written.
const PASSING: &str = ".writing-";

/// How long a file may be written: whoever wrote an older one has been killed.
const PASSES: Duration = Duration::from_secs(3600);

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
        cache.prune(MOST);
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
        self.demand_room(FREE)?;
        passing(&self.contents)
    }

    /// A disk that fills up under a download takes everybody else with it.
    fn demand_room(&self, bytes: u64) -> io::Result<()> {
        let disk = rustix::fs::statvfs(&self.contents)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < bytes {
            return Err(io::Error::other(format!(
                "{} MiB free, of which a fetch needs {}",
                free >> 20,
                bytes >> 20
            )));
        }
        Ok(())
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
        let file = passing(&self.urls)?;
        serde_json::to_writer(&file, known)?;
        file.persist(self.url(&known.url))
            .map_err(|error| error.error)?;
        Ok(())
    }

    fn url(&self, url: &str) -> PathBuf {
        let name = hash::of_bytes(url.as_bytes());
        self.urls.join(format!("{name}.json"))
    }

    /// Removes what is old, and the oldest contents until the others take no more than `most`. Best
    /// effort: a full disk shows at the next write.
    fn prune(&self, most: u64) {
        let mut contents = Vec::new();
        for folder in [&self.contents, &self.urls] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(data) = entry.metadata() else { continue };
                let Ok(at) = data.modified() else { continue };
                let is_passing = entry.file_name().as_bytes().starts_with(PASSING.as_bytes());
                let kept = if is_passing { PASSES } else { KEPT };
                if at.elapsed().is_ok_and(|age| age > kept) {
                    let _ = fs::remove_file(entry.path());
                } else if folder == &self.contents && !is_passing {
                    contents.push((at, data.len(), entry.path()));
                }
            }
        }
        contents.sort();
        let mut total: u64 = contents.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in contents {
            if total <= most {
                break;
            }
            // A board that has it open keeps it.
            if fs::remove_file(path).is_ok() {
                total -= bytes;
            }
        }
    }
}

fn passing(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(PASSING).tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first_and_so_does_what_was_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let write = |name: &str, hours: u64| {
            let path = cache.contents.join(name);
            fs::write(&path, [0; 100]).unwrap();
            let at = SystemTime::now() - Duration::from_secs(hours * 3600);
            File::open(&path).unwrap().set_modified(at).unwrap();
        };
        for (name, hours) in [("b", 2), ("c", 3), ("a", 1), ("d", 24 * 31)] {
            write(name, hours);
        }
        write(&format!("{PASSING}old"), 2);
        write(&format!("{PASSING}new"), 0);
        let names = || {
            let mut names: Vec<_> = fs::read_dir(&cache.contents)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        cache.prune(1000);
        assert_eq!(names(), [&format!("{PASSING}new"), "a", "b", "c"]);
        cache.prune(250);
        assert_eq!(names(), [&format!("{PASSING}new"), "a", "b"]);
    }

    #[test]
    fn a_full_disk_is_told_before_a_fetch() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let why = cache.demand_room(u64::MAX).unwrap_err().to_string();
        assert!(why.contains("MiB free, of which a fetch needs"), "{why}");
        cache.demand_room(0).unwrap();
    }
}
