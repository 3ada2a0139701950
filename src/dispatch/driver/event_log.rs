//! Keeps the events as they came, with our own stamps: `events.jsonl`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use serde_json::{Map, Value};

use crate::model::Time;

/// How large the file may get.
const MOST: u64 = 8 << 20;

/// The file is made with the first event, so that a silent dispatcher costs none. Writing stops at
/// the first failure: the events themselves are worked on in any case.
pub struct EventLog {
    file: io::Result<Option<File>>,
    waiting: Vec<u8>,
    bytes: u64,
    full: bool,
}

impl EventLog {
    pub fn new() -> Self {
        Self {
            file: Ok(None),
            waiting: Vec::new(),
            bytes: 0,
            full: false,
        }
    }

    /// Adds an event with the wall time and the seconds since the attempt's start. A dispatcher's
    /// own clock is not trusted: its stamps are overwritten.
    pub fn add(&mut self, mut event: Map<String, Value>, at: Duration) {
        if self.full || self.file.is_err() {
            return;
        }
        event.shift_insert(0, "at".into(), Time::new(Utc::now()).to_string().into());
        event.shift_insert(1, "s".into(), (at.as_millis() as f64 / 1000.0).into());
        let before = self.waiting.len();
        if serde_json::to_writer(&mut self.waiting, &event).is_err() {
            self.waiting.truncate(before);
            return;
        }
        self.waiting.push(b'\n');
        self.bytes += (self.waiting.len() - before) as u64;
        if self.bytes > MOST {
            self.full = true;
            self.waiting.truncate(before);
        }
    }

    /// Writes what was added since the last call.
    pub fn flush(&mut self, path: &Path) {
        if self.waiting.is_empty() {
            return;
        }
        if let Ok(None) = self.file {
            self.file = File::create_new(path).map(Some);
        }
        if let Ok(Some(file)) = &mut self.file
            && let Err(error) = file.write_all(&self.waiting)
        {
            self.file = Err(error);
        }
        self.waiting.clear();
    }

    /// What went wrong, in words.
    pub fn finish(mut self, path: &Path) -> Option<String> {
        self.flush(path);
        match self.file {
            Err(error) => Some(format!("events.jsonl is not complete: {error}")),
            Ok(_) if self.full => Some(format!("events.jsonl ends after {} MiB", MOST >> 20)),
            Ok(_) => None,
        }
    }
}
