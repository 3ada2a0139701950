//! What can go wrong while the site is built or served.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A fragment that fits "failed to …".
#[derive(Debug)]
pub enum SiteError {
    /// Reading from the lab: what was read, and why it could not be.
    Read { what: String, why: String },
    /// A template does not parse, or does not fit its view.
    Template { name: String, why: String },
    /// A file of the output.
    File {
        verb: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The address to serve at.
    Listen { address: String, why: String },
}

impl SiteError {
    pub(crate) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { verb, path, source }
    }
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { what, why } => write!(f, "read {what}: {why}"),
            Self::Template { name, why } => write!(
                f,
                "render the template `{name}`: {why}; a lab's own templates are in templates/site/"
            ),
            Self::File { verb, path, source } => write!(f, "{verb} {}: {source}", path.display()),
            Self::Listen { address, why } => write!(f, "serve at {address}: {why}"),
        }
    }
}

impl std::error::Error for SiteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            _ => None,
        }
    }
}
