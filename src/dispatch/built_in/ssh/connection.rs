//! The one connection that all commands of an attempt share.

use std::io::Read;
use std::process::{Child, ChildStderr, ChildStdin, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::command::SshCommand;
use super::remote;
use crate::dispatch::built_in::output;
use crate::dispatch::protocol::text::last_words;

/// How many of the last bytes that `ssh` said are kept for the reason.
const WORDS: usize = 1000;

/// A connection that stands, or did. It is a child like any other: what ends the group ends it.
pub struct Connection {
    master: Child,
    /// As long as it is open the connection is wanted.
    wanted: Option<ChildStdin>,
    said: Arc<Mutex<Vec<u8>>>,
    listener: Option<JoinHandle<()>>,
}

impl Connection {
    /// Connects; the reason why not is in the words of `ssh`.
    pub fn open(ssh: &SshCommand) -> Result<Self, String> {
        let word = format!("pumice-{}", uuid::Uuid::new_v4().simple());
        let mut master = ssh
            .master(&remote::announced(&word))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start ssh: {error}"))?;
        let said = Arc::new(Mutex::new(Vec::new()));
        let listener = master
            .stderr
            .take()
            .map(|stderr| listen(stderr, Arc::clone(&said)));
        let stdout = master.stdout.take();
        let mut connection = Self {
            wanted: master.stdin.take(),
            master,
            said,
            listener,
        };
        // What the login shell says before it is passed over.
        if stdout.is_some_and(|stdout| has_word(stdout, word.as_bytes())) {
            return Ok(connection);
        }
        Err(format!("no connection: {}", connection.last_words()))
    }

    /// Ends the connection and gives the last that `ssh` said about it.
    pub fn last_words(&mut self) -> String {
        let status = self.close();
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        last_words(&said).unwrap_or_else(|| format!("ssh ended with {status}"))
    }

    /// Ends the connection.
    pub fn close(&mut self) -> String {
        self.wanted = None;
        let status = self
            .master
            .wait()
            .map_or_else(|error| error.to_string(), |status| status.to_string());
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        status
    }
}

/// Copies what `ssh` says to the log and remembers the end of it.
fn listen(mut stderr: ChildStderr, said: Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = stderr.read(&mut buffer) {
            output::log(&buffer[..read]);
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.extend_from_slice(&buffer[..read]);
            let surplus = said.len().saturating_sub(WORDS);
            said.drain(..surplus);
        }
    })
}

/// Reads until the word has come; false when the stream ends before.
fn has_word(mut stream: impl Read, word: &[u8]) -> bool {
    let mut window = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return false,
            Ok(read) => window.extend_from_slice(&buffer[..read]),
        }
        if window.windows(word.len()).any(|part| part == word) {
            return true;
        }
        let surplus = window.len().saturating_sub(word.len());
        window.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_after_any_greeting() {
        let greeted = [b"x".repeat(2000), b"the word".to_vec()].concat();
        assert!(has_word(&greeted[..], b"the word"));
        assert!(!has_word(&greeted[..2007], b"the word"));
        assert!(has_word((&b"the w"[..]).chain(&b"ord"[..]), b"the word"));
    }
}
