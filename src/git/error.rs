//! What went wrong with git: what was attempted, why it failed, what to do about it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A failed attempt. Displays as a fragment that fits "failed to {error}".
#[derive(Debug)]
pub struct GitError {
    /// What was attempted, with its path or URL: "fetch from /srv/lab.git".
    pub attempt: String,
    pub kind: GitErrorKind,
}

#[derive(Debug)]
pub enum GitErrorKind {
    /// The git program could not be started.
    Spawn(std::io::Error),
    /// The git program was stopped because it took longer than this.
    TimedOut(Duration),
    /// The git program failed; `status` is absent when a signal ended it.
    Failed { status: Option<i32>, stderr: String },
    /// An object, reference or repository could not be read or written.
    Object(ObjectError),
    /// A file beside the objects could not be read or written.
    File(PathBuf, std::io::Error),
    /// Something is there, but is not what git writes.
    Corrupt(String),
    /// Something that was asked for is not there.
    NotFound(String),
    /// The repository has no complete history, so jobs cannot be told apart.
    Shallow,
    /// A name, path or URL that git must not be given.
    Refused(String),
}

/// libgit2's own error, behind a type of ours so that libgit2 stays inside this module.
#[derive(Debug)]
pub struct ObjectError(git2::Error);

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message())
    }
}

impl std::error::Error for ObjectError {}

impl GitError {
    pub(super) fn new(attempt: impl Into<String>, kind: GitErrorKind) -> Self {
        Self {
            attempt: attempt.into(),
            kind,
        }
    }

    /// For `map_err`: names the attempt only when it failed.
    pub(super) fn object<A: Into<String>>(
        attempt: impl FnOnce() -> A,
    ) -> impl FnOnce(git2::Error) -> Self {
        |error| Self::new(attempt(), GitErrorKind::Object(ObjectError(error)))
    }

    pub(super) fn corrupt(attempt: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(attempt, GitErrorKind::Corrupt(what.into()))
    }

    /// Whether the object or reference is simply not there.
    pub fn is_not_found(&self) -> bool {
        match &self.kind {
            GitErrorKind::NotFound(_) => true,
            GitErrorKind::Object(error) => error.0.code() == git2::ErrorCode::NotFound,
            _ => false,
        }
    }

    /// Whether the git server or the way to it failed, rather than what was asked of it.
    pub fn is_network(&self) -> bool {
        matches!(
            self.kind,
            GitErrorKind::TimedOut(_) | GitErrorKind::Failed { .. }
        )
    }

    /// Whether damage to our own repository would explain it. Git's words alone do not tell whose
    /// objects it could not read.
    pub fn may_be_damage(&self) -> bool {
        match &self.kind {
            GitErrorKind::Object(_) | GitErrorKind::Corrupt(_) => true,
            GitErrorKind::Failed { stderr, .. } => DAMAGE.iter().any(|sign| stderr.contains(sign)),
            _ => false,
        }
    }

    /// What a person can do about it, if that is known.
    pub fn hint(&self) -> Option<&'static str> {
        let text = match &self.kind {
            GitErrorKind::Spawn(_) => {
                return Some("install git (2.41 or later) and have it in PATH");
            }
            GitErrorKind::Shallow => return Some("run `git fetch --unshallow` in that repository"),
            GitErrorKind::Corrupt(_) => return Some("run `git fsck` in that repository"),
            GitErrorKind::Object(error) if error.0.code() == git2::ErrorCode::Owner => {
                "dubious ownership"
            }
            GitErrorKind::Failed { stderr, .. } => stderr,
            _ => return None,
        };
        HINTS
            .iter()
            .find(|(sign, _)| text.contains(sign))
            .map(|(_, hint)| *hint)
    }
}

/// What git says when objects or references cannot be read.
const DAMAGE: [&str; 10] = [
    "bad config",
    "/objects/",
    "corrupt",
    "inflate",
    "bad object",
    "bad tree",
    "unable to read",
    "unable to parse",
    "unexpected line in",
    "not a git repository",
];

/// What git says (its messages are fixed by `LC_ALL=C`), and what helps.
const HINTS: [(&str, &str); 8] = [
    (
        "dubious ownership",
        "the repository belongs to another user: run `git config --global --add safe.directory PATH`",
    ),
    (
        "Permission denied (publickey",
        "the ssh server did not accept a key: add it to the account, or load it with `ssh-add`",
    ),
    (
        "Host key verification failed",
        "connect once with `ssh HOST` to accept the server's key",
    ),
    (
        "could not read Username",
        "the server asks for a password: set up a credential helper, or use ssh",
    ),
    (
        "tell me who you are",
        "run `git config --global user.name NAME` and `git config --global user.email ADDRESS`",
    ),
    (
        "does not appear to be a git repository",
        "check the URL, and that the repository exists and may be read",
    ),
    (
        "Could not resolve host",
        "check the host name and the network",
    ),
    (
        ".lock': File exists",
        "a git process died there: when none runs any more, remove that file",
    ),
];

impl fmt::Display for GitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.attempt)?;
        match &self.kind {
            GitErrorKind::Spawn(error) => write!(f, "git could not be started: {error}"),
            GitErrorKind::TimedOut(limit) => {
                write!(f, "git did not end within {} s", limit.as_secs())
            }
            GitErrorKind::Failed { status, stderr } => {
                let said = stderr.trim();
                match (said.is_empty(), status) {
                    (false, _) => f.write_str(said),
                    (true, Some(status)) => write!(f, "git ended with exit code {status}"),
                    (true, None) => f.write_str("git was killed"),
                }
            }
            GitErrorKind::Object(error) => error.fmt(f),
            GitErrorKind::File(path, error) => write!(f, "{}: {error}", path.display()),
            GitErrorKind::Corrupt(what)
            | GitErrorKind::NotFound(what)
            | GitErrorKind::Refused(what) => f.write_str(what),
            GitErrorKind::Shallow => f.write_str("the repository is shallow"),
        }
    }
}

impl std::error::Error for GitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            GitErrorKind::Spawn(error) | GitErrorKind::File(_, error) => Some(error),
            GitErrorKind::Object(error) => Some(error),
            _ => None,
        }
    }
}
