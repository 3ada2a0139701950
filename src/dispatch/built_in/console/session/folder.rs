//! A folder of ours on the board, and files that are sent into it.

use std::collections::BTreeSet;

use super::{Session, encode};
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::testdef::{Files, install_helpers, quoted};
use crate::dispatch::protocol::text::clean;

/// Where a folder may be made, the best first.
const PLACES: [&str; 6] = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/root", "/"];

impl Session<'_> {
    /// The folder, made at its first use; files in it can be started.
    pub fn folder(&mut self) -> Result<String, Halt> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        for place in PLACES {
            let folder = format!("{}/pumice-{}", place.trim_end_matches('/'), self.word.0);
            let probe = format!("{folder}/probe");
            let code = self.line(&format!(
                "mkdir -p {folder}/bin&&echo '#!/bin/sh'>{probe}&&chmod +x {probe}&&{probe}"
            ))?;
            if code == 0 {
                self.folder = Some(folder.clone());
                return Ok(folder);
            }
        }
        Err(Halt::Board(
            "the board has no folder where files can be put and started".into(),
        ))
    }

    /// LAVA's helpers as programs of the board; gives their folder.
    pub fn helpers(&mut self) -> Result<String, Halt> {
        let folder = format!("{}/bin", self.folder()?);
        if !self.has_helpers {
            let mut install = install_helpers(&folder);
            if self.in_group {
                install.push_str(&super::meet::install(&folder));
            }
            self.run_in("", &install, &mut |_| {})?;
            self.has_helpers = true;
        }
        Ok(folder)
    }

    /// Sends a test's files below a folder of the board.
    pub fn send_files(&mut self, folder: &str, files: &Files) -> Result<(), Halt> {
        self.line(&format!("mkdir -p {folder}"))?;
        let mut made = BTreeSet::new();
        for file in &files.0 {
            let path = format!("{folder}/{}", file.path);
            if let Some((parent, _)) = path.rsplit_once('/')
                && made.insert(parent.to_owned())
            {
                self.line(&format!("mkdir -p {}", quoted(parent)))?;
            }
            let path = quoted(&path);
            self.put(&path, &file.content)?;
            if file.executable {
                self.line(&format!("chmod +x {path}"))?;
            }
        }
        Ok(())
    }

    /// Brings a text file from the board, at most `most` bytes of it.
    pub fn get(&mut self, path: &str, most: usize) -> Result<Result<Vec<u8>, String>, Halt> {
        let mut text = Vec::new();
        let code = self.run(&format!("cat {}", quoted(path)), &mut |bytes| {
            let room = most.saturating_sub(text.len());
            // The terminal's line ends are not the file's.
            text.extend(bytes.iter().filter(|&&byte| byte != b'\r').take(room));
        })?;
        if code != 0 {
            return Ok(Err(String::from_utf8_lossy(&text)
                .lines()
                .next()
                .map_or("cannot be read".into(), |line| clean(line, 200))));
        }
        // What the shell says behind the last line is ours.
        if let Some(end) = text
            .windows(2 + self.word.0.len())
            .rposition(|part| part[0] == b'\n' && part[1..].starts_with(self.word.0.as_bytes()))
        {
            text.truncate(end);
        }
        Ok(Ok(text))
    }

    /// Sends a file to a path, which is one word of the shell. What comes over a console is checked
    /// by its length: what is typed too fast loses characters.
    pub fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), Halt> {
        let mut lines = vec![format!(":>{path}")];
        let formats = encode::formats(bytes).into_iter();
        lines.extend(formats.map(|format| format!("printf '{format}'>>{path}")));
        self.type_lines(&lines)?;
        match self.line(&format!("[ $(wc -c <{path}) -eq {} ]", bytes.len()))? {
            0 => Ok(()),
            _ => Err(Halt::Infrastructure(format!(
                "a file of {} bytes did not come through the console whole: is it too fast, or the board's disk full?",
                bytes.len()
            ))),
        }
    }
}
