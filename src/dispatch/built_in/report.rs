//! A report that a command left on this host.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use crate::dispatch::parse::junit;

/// Reads a regular file, at most one byte more than a report may have, so that the rest is told.
/// A pipe or a device would keep us for ever.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(junit::LARGEST as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
