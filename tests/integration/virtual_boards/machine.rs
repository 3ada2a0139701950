//! A board that is booted by hand: its console on pipes.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use pumice::fetch::Kit;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

/// Far more than a boot takes on a machine that does twenty other things.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Machine {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// Where User Mode Linux leaves its traces.
    _home: TempDir,
}

impl Machine {
    /// Switches it on, with words added to the kernel's command line.
    pub fn boot(kit: &Kit, words: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let argv = kit.command(words);
        let mut child = Command::new(&argv[0])
            .args(&argv[1..])
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let (sender, output) = channel();
        let mut console = child.stdout.take().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = console.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            output,
            seen: Vec::new(),
            _home: home,
        }
    }

    /// Reads until the console shows `text`; gives all up to its end.
    pub fn until(&mut self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let seen = String::from_utf8_lossy(&self.seen).into_owned();
            if let Some(at) = seen.find(text) {
                let (before, after) = seen.split_at(at + text.len());
                self.seen = after.as_bytes().to_vec();
                return before.to_owned();
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(RecvTimeoutError::Timeout) => panic!("no `{text}` in time:\n{seen}"),
                Err(RecvTimeoutError::Disconnected) => panic!("closed before `{text}`:\n{seen}"),
            }
        }
    }

    /// Whether the console stays silent for so long.
    pub fn is_silent(&mut self, how_long: Duration) -> bool {
        self.seen.is_empty() && self.output.recv_timeout(how_long).is_err()
    }

    pub fn type_line(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// Waits for its own end.
    pub fn ended(mut self) -> ExitStatus {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match self.output.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(_) => break,
            }
        }
        self.child.wait().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // User Mode Linux leaves helpers behind, so the whole group goes.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
