//! The one error of the command line: its kind fixes the exit code, and it carries what helps.

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::git::GitError;
use crate::lab::LabError;

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Done,
    /// Exit code 1: the job or the check failed; the command has said so itself.
    Failed,
}

impl Outcome {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
        }
    }
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The job or the check failed: 1.
    Failed,
    /// The command line was wrong: 2.
    Usage,
    /// The lab or the configuration is wrong: 3.
    Lab,
    /// Git or the network failed: 4.
    Git,
    /// Refused by policy: 5.
    Refused,
    /// Nobody reads the output any more, as with `| head`: nothing to say, 0.
    Closed,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Lab => 3,
            Self::Git => 4,
            Self::Refused => 5,
        }
    }
}

/// A failure as a person reads it: `error: failed to …`, then a `hint: …` a line.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    /// A lowercase fragment that fits "failed to …".
    attempt: String,
    cause: Option<String>,
    hints: Vec<String>,
}

impl Error {
    /// `attempt` fits after "failed to": "open the lab `x`".
    pub fn new(kind: Kind, attempt: impl Into<String>) -> Self {
        Self {
            kind,
            attempt: attempt.into(),
            cause: None,
            hints: Vec::new(),
        }
    }

    /// Adds why: a text or an error, whose own sources follow it unless it has named them already.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Cause>) -> Self {
        let Cause(text) = cause.into();
        self.cause = Some(text);
        self
    }

    /// Adds something that a person can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Writes the error to standard error, unless there is nothing to say, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        if self.kind != Kind::Closed {
            // Where standard error is closed there is nobody left to tell.
            let _ = io::Write::write_all(&mut io::stderr(), self.rendered().as_bytes());
        }
        ExitCode::from(self.kind.exit_code())
    }

    /// The lines that a person sees, each ended; hostile characters are made visible.
    pub fn rendered(&self) -> String {
        let mut text = format!(
            "error: failed to {}\n",
            super::text::visible_lines(&self.to_string())
        );
        for hint in &self.hints {
            text.push_str(&format!("hint: {}\n", super::text::visible_lines(hint)));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempt)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Why something failed, in words.
pub struct Cause(String);

impl From<&str> for Cause {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl<E: std::error::Error> From<&E> for Cause {
    fn from(error: &E) -> Self {
        Self(chain(error))
    }
}

/// An error with all its sources. Many errors print their source themselves, so what has been said is not
/// said again.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = source.source();
    }
    text
}

impl From<GitError> for Error {
    fn from(error: GitError) -> Self {
        let failed = Self::new(Kind::Git, chain(&error));
        match error.hint() {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}

impl From<LabError> for Error {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Git(error) => error.into(),
            error => Self::new(Kind::Lab, chain(&error)),
        }
    }
}

/// Only writing to standard output is converted without words of its own.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(Kind::Closed, "write the output");
        }
        Self::new(Kind::Failed, "write the output").because(&error)
    }
}

/// Gives a failure its kind and words.
pub trait Attempt<T> {
    /// `what` fits after "failed to".
    fn attempt(self, kind: Kind, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: std::error::Error> Attempt<T> for Result<T, E> {
    fn attempt(self, kind: Kind, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| Error::new(kind, what()).because(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_fixes_the_exit_code() {
        let codes = [
            (Kind::Closed, 0),
            (Kind::Failed, 1),
            (Kind::Usage, 2),
            (Kind::Lab, 3),
            (Kind::Git, 4),
            (Kind::Refused, 5),
        ];
        for (kind, code) in codes {
            assert_eq!(kind.exit_code(), code, "{kind:?}");
        }
    }

    #[test]
    fn errors_read_as_one_sentence_with_hints() {
        let error = Error::new(Kind::Lab, "open the lab `x\u{1b}[2J`")
            .because(&io::Error::other("it is on fire"))
            .hint("use water");
        insta::assert_snapshot!(error.rendered(), @r"
        error: failed to open the lab `x\u{1b}[2J`: it is on fire
        hint: use water
        ");
    }

    #[test]
    fn a_closed_output_is_quiet() {
        let error = Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind(), Kind::Closed);
    }
}
