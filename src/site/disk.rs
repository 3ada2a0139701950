//! The one place that changes the output folder.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::SiteError;

/// Writes and removes files below one folder, and counts what it did.
pub struct Output {
    root: PathBuf,
    written: AtomicUsize,
    removed: AtomicUsize,
}

impl Output {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            written: AtomicUsize::new(0),
            removed: AtomicUsize::new(0),
        }
    }

    pub fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    pub fn removed(&self) -> usize {
        self.removed.load(Ordering::Relaxed)
    }

    /// The place of a page; a path that would leave the folder is kept inside it.
    fn place(&self, path: &str) -> PathBuf {
        let inside = Path::new(path)
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        self.root.join(inside.collect::<PathBuf>())
    }

    /// Writes a file in place unless it holds these bytes already: an inode costs far more than a look.
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<(), SiteError> {
        let place = self.place(path);
        if holds(&place, bytes) {
            return Ok(());
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        let first = fs::write(&place, bytes);
        match first {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(folder) = place.parent() {
                    fs::create_dir_all(folder).map_err(SiteError::file("create", folder))?;
                }
                fs::write(&place, bytes).map_err(SiteError::file("write", &place))
            }
            other => other.map_err(SiteError::file("write", &place)),
        }
    }

    /// The same for what browsers ask for again and again: they never see half of it.
    pub fn put_whole(&self, path: &str, bytes: &[u8]) -> Result<(), SiteError> {
        let place = self.place(path);
        if holds(&place, bytes) {
            return Ok(());
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(SiteError::file("create", folder))?;
        }
        replace(&place, bytes)
    }

    /// Removes a page, and its folder when nothing else is in it.
    pub fn remove(&self, path: &str) -> Result<(), SiteError> {
        let place = self.place(path);
        match fs::remove_file(&place) {
            Ok(()) => {
                self.removed.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(SiteError::file("remove", &place)(error)),
        }
        if let Some(folder) = place.parent().filter(|folder| *folder != self.root) {
            // It fails while other pages are in it, which is right.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }

    /// Removes a folder that holds nothing but ours, such as a dropped job's.
    pub fn remove_folder(&self, path: &str) -> Result<(), SiteError> {
        let place = self.place(path);
        match fs::remove_dir_all(&place) {
            Ok(()) => {
                self.removed.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(SiteError::file("remove", &place)(error)),
        }
    }
}

/// Whether a file holds exactly these bytes.
fn holds(place: &Path, bytes: &[u8]) -> bool {
    let Ok(mut file) = File::open(place) else {
        return false;
    };
    let same_length = file
        .metadata()
        .is_ok_and(|meta| meta.len() == bytes.len() as u64);
    let mut old = Vec::with_capacity(if same_length { bytes.len() } else { 0 });
    same_length && file.read_to_end(&mut old).is_ok() && old == bytes
}

/// Puts a new file in an old one's place at once.
pub fn replace(place: &Path, bytes: &[u8]) -> Result<(), SiteError> {
    let mut name = place.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = place.with_file_name(name);
    let write = || {
        File::create(&new)?.write_all(bytes)?;
        fs::rename(&new, place)
    };
    write().map_err(SiteError::file("write", place))
}
