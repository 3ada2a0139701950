//! A fresh shell on the board for each command.

use std::convert::Infallible;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};

use super::command::SshCommand;
use super::connection::Connection;
use super::remote;
use crate::dispatch::built_in::commands::{Commands, Halt, Shell};
use crate::dispatch::parse::junit;

/// What `ssh` gives when it failed itself. A command may give it too.
const OWN_FAILURE: i32 = 255;

/// Connects when the first command is to run.
pub struct BoardShell {
    ssh: SshCommand,
    connection: Option<Connection>,
    /// The input of the running command, which ends it when it is closed.
    wanted: Option<ChildStdin>,
}

impl BoardShell {
    pub fn new(ssh: SshCommand) -> Self {
        Self {
            ssh,
            connection: None,
            wanted: None,
        }
    }

    /// Ends the running command and the connection.
    pub fn close(&mut self) {
        self.wanted = None;
        if let Some(mut connection) = self.connection.take() {
            connection.close();
        }
    }

    fn session(&mut self, command: &str, output: Stdio) -> Result<Child, String> {
        if self.connection.is_none() {
            self.connection = Some(Connection::open(&self.ssh)?);
        }
        let mut child = self
            .ssh
            .session(command)
            .stdin(Stdio::piped())
            .stdout(output)
            .spawn()
            .map_err(|error| format!("cannot start ssh: {error}"))?;
        self.wanted = child.stdin.take();
        Ok(child)
    }

    fn stands(&self) -> bool {
        let check = self
            .ssh
            .check()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        check.is_ok_and(|status| status.success())
    }
}

impl Shell for BoardShell {
    type Own = Infallible;

    fn own(&mut self, own: &Infallible, _: u32, _: &mut Commands<'_>) -> Result<(), Halt> {
        match *own {}
    }

    fn start(&mut self, command: &str, output: Stdio) -> Result<Child, String> {
        self.session(&remote::kept(command), output)
    }

    fn judge(&mut self, status: ExitStatus) -> Result<(), String> {
        if let Some(signal) = status.signal() {
            return Err(format!("ssh was killed by signal {signal}"));
        }
        if status.code() != Some(OWN_FAILURE) || self.stands() {
            return Ok(());
        }
        let words = self
            .connection
            .take()
            .map(|mut connection| connection.last_words());
        Err(format!(
            "the connection was lost: {}",
            words.unwrap_or_default()
        ))
    }

    fn report(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let mut child = self
            .session(&remote::report(path), Stdio::piped())
            .map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        if let Some(output) = child.stdout.take() {
            output
                .take(junit::LARGEST as u64 + 1)
                .read_to_end(&mut bytes)?;
        }
        // What is left of a report that is too large is not waited for.
        self.wanted = None;
        let status = child.wait()?;
        match status.code() {
            _ if bytes.len() > junit::LARGEST => Ok(bytes),
            Some(0) => Ok(bytes),
            _ => Err(io::Error::other("cannot be read on the board")),
        }
    }
}
