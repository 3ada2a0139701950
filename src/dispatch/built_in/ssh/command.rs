//! The argument arrays of `ssh`.
//!
//! Everything that is not here is in the host's own ssh configuration, of which the home folder in
//! the password file counts and not `HOME`.

use std::process::{Command, Stdio};

use crate::dispatch::protocol::text::last_words;
use crate::model::board::{Ssh, is_ssh_name};

/// The socket of the shared connection, in the job folder. The path is relative because a socket's
/// path may have 108 bytes, and the folder's may be longer.
const SOCKET: &str = "ssh";

/// What is said for the options that the host's configuration leaves at their defaults: the name in
/// `ssh -G`, its default there, and our argument.
///
/// A dead connection is noticed within a minute, in which a board may well be silent. The first key
/// of a host is trusted, as nobody could be asked; one that changed is not.
const UNLESS_CONFIGURED: [(&str, &str, &str); 4] = [
    ("serveraliveinterval", "0", "ServerAliveInterval=15"),
    ("serveralivecountmax", "3", "ServerAliveCountMax=4"),
    (
        "stricthostkeychecking",
        "ask",
        "StrictHostKeyChecking=accept-new",
    ),
    ("connecttimeout", "none", "ConnectTimeout=30"),
];

/// How a board is reached.
pub struct SshCommand {
    ssh: Ssh,
    options: Vec<&'static str>,
}

impl SshCommand {
    /// Looks at what the host's configuration says of this board.
    pub fn new(ssh: Ssh) -> Result<Self, String> {
        if !is_ssh_name(&ssh.host) {
            return Err("`ssh.host` in the board's file is no host's name".to_owned());
        }
        if !ssh.user.as_deref().is_none_or(is_ssh_name) {
            return Err("`ssh.user` in the board's file is no user's name".to_owned());
        }
        let mut new = Self {
            ssh,
            options: Vec::new(),
        };
        let asked = new
            .with(&["-G"], None)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .output()
            .map_err(|error| format!("cannot start ssh: {error}"))?;
        if !asked.status.success() {
            let words = last_words(&asked.stderr).unwrap_or_default();
            return Err(format!("ssh refuses its configuration: {words}"));
        }
        let configured = String::from_utf8_lossy(&asked.stdout);
        let is_default = |(name, default, _): &&(&str, &str, &str)| {
            configured
                .lines()
                .any(|line| line.split_once(' ') == Some((name, default)))
        };
        new.options = UNLESS_CONFIGURED
            .iter()
            .filter(is_default)
            .map(|(_, _, option)| *option)
            .collect();
        Ok(new)
    }

    /// The connection that the commands share. It runs `command` itself.
    pub fn master(&self, command: &str) -> Command {
        self.with(
            &["-o", "ControlMaster=yes", "-o", "ControlPersist=no"],
            Some(command),
        )
    }

    /// A command on the shared connection.
    pub fn session(&self, command: &str) -> Command {
        self.with(&["-o", "ControlMaster=no"], Some(command))
    }

    /// Asks whether the shared connection stands.
    pub fn check(&self) -> Command {
        self.with(&["-O", "check"], None)
    }

    fn with(&self, first: &[&str], command: Option<&str>) -> Command {
        let mut ssh = Command::new("ssh");
        // No pty, no forwarding of anything, nobody to ask, and no command from a configuration.
        ssh.args(["-T", "-a", "-x", "-o", "BatchMode=yes"])
            .args(["-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none"])
            .arg("-o")
            .arg(format!("ControlPath={SOCKET}"))
            .args(first);
        for option in &self.options {
            ssh.args(["-o", option]);
        }
        if let Some(port) = self.ssh.port {
            ssh.args(["-p", &port.to_string()]);
        }
        if let Some(user) = &self.ssh.user {
            ssh.args(["-l", user]);
        }
        if let Some(identity) = &self.ssh.identity {
            ssh.args(["-o", "IdentitiesOnly=yes", "-i", identity]);
        }
        ssh.args(["--", &self.ssh.host]).args(command);
        ssh.stdin(Stdio::null());
        ssh
    }
}
