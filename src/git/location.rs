//! What a lab's URL means: a folder of this machine, or a server.

use std::path::{Path, PathBuf};

use super::error::{GitError, GitErrorKind};

/// A URL as git understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A path or a `file://` URL.
    Local(PathBuf),
    Remote {
        ssh: bool,
    },
}

impl Location {
    /// Refuses what git would take for an option or for a command to run.
    pub fn of(url: &str) -> Result<Self, GitError> {
        let refuse = |why: &str| {
            let shown = without_password(url);
            Err(GitError::new(
                format!("use the URL `{shown}`"),
                GitErrorKind::Refused(why.to_owned()),
            ))
        };
        if url.is_empty() || url.starts_with('-') || url.chars().any(char::is_control) {
            return refuse("it is empty, begins with `-` or holds a control character");
        }
        if let Some(path) = url.strip_prefix("file://") {
            return Ok(Self::Local(PathBuf::from(unescaped(path))));
        }
        if let Some((scheme, _)) = url.split_once("://") {
            return match scheme {
                "ssh" | "git+ssh" | "ssh+git" => Ok(Self::Remote { ssh: true }),
                "http" | "https" => Ok(Self::Remote { ssh: false }),
                _ => refuse("only paths, file, ssh, http and https are supported"),
            };
        }
        // `host:path` is ssh unless a slash comes first; `word::rest` would start a helper program.
        match url.split_once(':') {
            Some((host, rest)) if !host.contains('/') => {
                if rest.starts_with(':') {
                    return refuse("only paths, file, ssh, http and https are supported");
                }
                Ok(Self::Remote { ssh: true })
            }
            _ => Ok(Self::Local(PathBuf::from(url))),
        }
    }

    pub fn local(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::Remote { .. } => None,
        }
    }

    pub fn is_ssh(&self) -> bool {
        matches!(self, Self::Remote { ssh: true })
    }
}

/// The path of a `file://` URL, with its `%20` and the like read, as git does.
fn unescaped(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |c: &u8| char::from(*c).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                let digits = hex(high).zip(hex(low));
                bytes.extend(digits.map(|(high, low)| (high << 4 | low) as u8));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The URL as it may be shown and logged.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let host = rest.split('/').next().unwrap_or(rest);
    match host.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            let name = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{name}:***{}", &rest[user.len()..])
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_local_and_the_rest_is_not() {
        for (url, path) in [
            ("/srv/lab.git", "/srv/lab.git"),
            ("file:///srv/a%20lab.git", "/srv/a lab.git"),
            ("../lab.git", "../lab.git"),
            ("./a:b", "./a:b"),
        ] {
            assert_eq!(
                Location::of(url).unwrap().local(),
                Some(Path::new(path)),
                "{url}"
            );
        }
        for (url, ssh) in [
            ("ssh://git@host/lab.git", true),
            ("git@host:lab.git", true),
            ("https://host/lab.git", false),
        ] {
            assert_eq!(
                Location::of(url).unwrap(),
                Location::Remote { ssh },
                "{url}"
            );
        }
        for url in [
            "",
            "-u",
            "--upload-pack=x",
            "ext::sh -c x",
            "ftp://host/",
            "a\nb",
        ] {
            assert!(Location::of(url).is_err(), "{url}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(
            without_password("https://me:secret@host/lab.git"),
            "https://me:***@host/lab.git"
        );
        assert_eq!(without_password("ssh://git@host/x"), "ssh://git@host/x");
    }
}
