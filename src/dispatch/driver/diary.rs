//! What the runner did in an attempt and why, with times since its start: `runner.txt`, for admins.
//! Whoever reads a log sees what the board said; here stands what was done to it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::dispatch::protocol::text;
use crate::process::Moment;

/// How large it may get.
const MOST: u64 = 256 << 10;

/// The longest line, in characters.
const LINE: usize = 1000;

/// A text of short lines, written through: it is not lost with the process. Who cannot write it goes
/// on without: an attempt does not fail for want of a diary.
#[derive(Debug)]
pub struct Diary {
    path: PathBuf,
    file: io::Result<File>,
    started: Moment,
    bytes: u64,
    full: bool,
}

impl Diary {
    /// Begins the diary; the attempt starts at this moment.
    pub fn begin(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: File::create_new(path),
            started: Moment::now(),
            bytes: 0,
            full: false,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was done or met.
    pub fn note(&mut self, line: &str) {
        let at = Moment::now().since(self.started).as_secs_f64();
        self.write(&format!("{at:10.3}  {}\n", text::clean(line, LINE)));
    }

    /// What a program printed, as far as it says something.
    pub fn quote(&mut self, output: &[u8]) {
        for line in String::from_utf8_lossy(output).lines() {
            let line = text::clean(line, LINE);
            if !line.is_empty() {
                self.write(&format!("            | {line}\n"));
            }
        }
    }

    fn write(&mut self, line: &str) {
        const END: &str = "            (more was not kept)\n";
        if self.full {
            return;
        }
        self.bytes += line.len() as u64;
        self.full = self.bytes > MOST - END.len() as u64;
        let line = if self.full { END } else { line };
        if let Ok(file) = &mut self.file
            && let Err(error) = file.write_all(line.as_bytes())
        {
            self.file = Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_stamped_harmless_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runner.txt");
        let mut diary = Diary::begin(&path);
        diary.note("power off: /bin/pdu\x1b[2J off 7\nforged line");
        diary.quote(b"one\x07\n\n two\xff\n");
        let written = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 3, "{written}");
        assert!(lines[0].starts_with("     0.0"), "{written}");
        assert!(lines[0].ends_with("  power off: /bin/pdu\u{fffd}[2J off 7 forged line"));
        assert_eq!(lines[1], "            | one\u{fffd}");
        assert_eq!(lines[2], "            | two\u{fffd}");
        for _ in 0..2000 {
            diary.note(&"x".repeat(900));
        }
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.len() as u64 <= MOST && written.len() as u64 > MOST - 2000);
        assert!(written.ends_with("(more was not kept)\n"));
    }
}
