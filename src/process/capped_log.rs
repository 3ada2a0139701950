//! A log that keeps its first and its last half and forgets the middle.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A log file of opaque bytes. While it is written, the first half of the file grows and stays, the
/// second half is a ring; in the end the ring is put in order.
pub struct CappedLog {
    file: File,
    path: PathBuf,
    layout: Arc<Layout>,
    /// Bytes that could not be written.
    lost: u64,
    last_error: Option<io::Error>,
}

struct Layout {
    head_size: u64,
    ring_size: u64,
    head: AtomicU64,
    /// All bytes that were ever given to the ring.
    ring: AtomicU64,
}

/// What became of a log.
#[derive(Debug)]
pub struct LogEnd {
    /// The length of the file.
    pub bytes: u64,
    /// Bytes that are not in the file: cut out of the middle, or lost to a full disk.
    pub dropped: u64,
    /// Why some could not be written.
    pub error: Option<io::Error>,
}

impl CappedLog {
    /// Makes the file, which keeps at most `cap` bytes and a line that says how many are missing.
    pub fn create(path: &Path, cap: u64) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let head_size = cap / 2;
        Ok(Self {
            file,
            path: path.to_owned(),
            layout: Arc::new(Layout {
                head_size,
                ring_size: (cap - head_size).max(1),
                head: AtomicU64::new(0),
                ring: AtomicU64::new(0),
            }),
            lost: 0,
            last_error: None,
        })
    }

    /// A view of the last bytes for another thread.
    pub fn tail(&self) -> LogTail {
        LogTail {
            path: self.path.clone(),
            layout: Arc::clone(&self.layout),
        }
    }

    /// Appends. What cannot be written is counted as lost: the process that gives it must not be
    /// stopped by a full disk.
    pub fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (at, room) = self.layout.next();
            let part = &bytes[..bytes.len().min(room as usize)];
            match self.file.write_at(part, at) {
                Ok(0) => return self.lose(bytes.len(), io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.layout.advance(written as u64);
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.lose(bytes.len(), error),
            }
        }
    }

    fn lose(&mut self, bytes: usize, error: io::Error) {
        self.lost += bytes as u64;
        self.last_error = Some(error);
    }

    /// Joins head and tail. Should that fail for want of space, the head alone is kept.
    pub fn finish(mut self) -> LogEnd {
        let overrun = self.layout.overrun();
        let mut dropped = overrun + self.lost;
        if overrun > 0
            && let Err(error) = self.join(dropped)
        {
            dropped = self.layout.ring.load(Ordering::Relaxed) + self.lost;
            self.last_error = Some(error);
            let _ = self.keep_head(dropped);
        } else if overrun == 0 && self.lost > 0 {
            let _ = self.file.seek(SeekFrom::End(0));
            let _ = self.file.write_all(&gap(dropped));
        }
        LogEnd {
            bytes: fs::metadata(&self.path).map_or(0, |data| data.len()),
            dropped,
            error: self.last_error,
        }
    }

    fn join(&mut self, dropped: u64) -> io::Result<()> {
        let joined = self.path.with_extension("joined");
        let result = self
            .copy_in_order(&joined, dropped)
            .and_then(|()| fs::rename(&joined, &self.path));
        if result.is_err() {
            let _ = fs::remove_file(&joined);
        }
        result
    }

    fn copy_in_order(&mut self, to: &Path, dropped: u64) -> io::Result<()> {
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)?;
        let (head, ring) = (self.layout.head_size, self.layout.ring_size);
        let oldest = self.layout.ring.load(Ordering::Relaxed) % ring;
        let mut copy = |from: u64, length: u64, out: &mut File| -> io::Result<()> {
            self.file.seek(SeekFrom::Start(from))?;
            let copied = io::copy(&mut (&self.file).take(length), out)?;
            if copied == length {
                Ok(())
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        };
        copy(0, head, &mut out)?;
        out.write_all(&gap(dropped))?;
        copy(head + oldest, ring - oldest, &mut out)?;
        copy(head, oldest, &mut out)
    }

    fn keep_head(&mut self, dropped: u64) -> io::Result<()> {
        self.file.set_len(self.layout.head_size)?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(&gap(dropped))
    }
}

/// The line that stands where bytes are missing.
fn gap(bytes: u64) -> Vec<u8> {
    format!("\n[pumice: {bytes} bytes dropped here]\n").into_bytes()
}

impl Layout {
    /// Where the next byte belongs, and how many fit there.
    fn next(&self) -> (u64, u64) {
        let head = self.head.load(Ordering::Relaxed);
        if head < self.head_size {
            return (head, self.head_size - head);
        }
        let at = self.ring.load(Ordering::Relaxed) % self.ring_size;
        (self.head_size + at, self.ring_size - at)
    }

    fn advance(&self, bytes: u64) {
        let count = if self.head.load(Ordering::Relaxed) < self.head_size {
            &self.head
        } else {
            &self.ring
        };
        count.fetch_add(bytes, Ordering::Release);
    }

    /// How many bytes the ring has forgotten.
    fn overrun(&self) -> u64 {
        self.ring
            .load(Ordering::Acquire)
            .saturating_sub(self.ring_size)
    }
}

/// Reads the end of a log that is still being written.
#[derive(Clone)]
pub struct LogTail {
    path: PathBuf,
    layout: Arc<Layout>,
}

impl LogTail {
    /// The log's last bytes, at most `most`; what is overwritten meanwhile may be torn.
    pub fn read(&self, most: u64) -> io::Result<Vec<u8>> {
        let file = File::open(&self.path)?;
        let ring = self.layout.ring.load(Ordering::Acquire);
        let head = self.layout.head.load(Ordering::Acquire);
        if self.layout.overrun() == 0 {
            let end = head + ring;
            return read_at(&file, end.saturating_sub(most), end.min(most));
        }
        let size = self.layout.ring_size;
        let newest = ring % size;
        let most = most.min(size);
        let before = most.saturating_sub(newest);
        let mut bytes = read_at(&file, self.layout.head_size + size - before, before)?;
        let after = most - before;
        bytes.extend(read_at(
            &file,
            self.layout.head_size + newest - after,
            after,
        )?);
        Ok(bytes)
    }

    /// How many bytes were written so far, dropped ones included.
    pub fn written(&self) -> u64 {
        self.layout.head.load(Ordering::Acquire) + self.layout.ring.load(Ordering::Acquire)
    }
}

fn read_at(file: &File, from: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(path: &Path) -> String {
        String::from_utf8(fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn keeps_all_that_fits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = CappedLog::create(&path, 10).unwrap();
        log.write(b"0123");
        log.write(b"456789");
        assert_eq!(log.tail().read(4).unwrap(), b"6789");
        let ended = log.finish();
        assert_eq!((ended.bytes, ended.dropped), (10, 0));
        assert_eq!(end(&path), "0123456789");
    }

    #[test]
    fn keeps_head_and_tail_and_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = CappedLog::create(&path, 10).unwrap();
        log.write(b"0123456789abcdefg");
        assert_eq!(log.tail().read(3).unwrap(), b"efg");
        assert_eq!(log.tail().read(100).unwrap(), b"cdefg");
        assert_eq!(log.tail().written(), 17);
        let ended = log.finish();
        assert_eq!(ended.dropped, 7);
        assert_eq!(end(&path), "01234\n[pumice: 7 bytes dropped here]\ncdefg");
        assert_eq!(ended.bytes, end(&path).len() as u64);
    }

    #[test]
    fn a_full_disk_is_counted_not_fatal() {
        let mut log = CappedLog {
            file: OpenOptions::new().write(true).open("/dev/full").unwrap(),
            path: "/dev/full".into(),
            layout: Arc::new(Layout {
                head_size: 5,
                ring_size: 5,
                head: AtomicU64::new(0),
                ring: AtomicU64::new(0),
            }),
            lost: 0,
            last_error: None,
        };
        log.write(b"0123456789");
        log.write(b"x");
        let ended = log.finish();
        assert_eq!(ended.dropped, 11);
        assert_eq!(ended.error.unwrap().kind(), io::ErrorKind::StorageFull);
    }

    proptest! {
        #[test]
        fn any_cut_of_a_stream_gives_the_same_log(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            cap in 2_u64..40,
            cut in 1_usize..50,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log");
            let mut log = CappedLog::create(&path, cap).unwrap();
            bytes.chunks(cut).for_each(|chunk| log.write(chunk));
            let tail = log.tail().read(cap / 2).unwrap();
            prop_assert!(bytes.ends_with(&tail));
            let ended = log.finish();
            let kept = fs::read(&path).unwrap();
            let (cap, half) = (cap as usize, cap as usize / 2);
            if bytes.len() <= cap {
                prop_assert_eq!(kept, bytes);
                prop_assert_eq!(ended.dropped, 0);
            } else {
                prop_assert_eq!(ended.dropped as usize, bytes.len() - cap);
                prop_assert!(kept.starts_with(&bytes[..half]));
                prop_assert!(kept.ends_with(&bytes[bytes.len() - (cap - half)..]));
            }
        }
    }
}
