//! Where a board's images come from: the host's files and the web.
//!
//! A job may name files only below the folders that the host shares, and those that its board's own
//! file names. That file is trusted, for whoever writes it decides what runs on the host anyway.

mod cache;
mod fetch;
mod hash;
mod local;

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::event::{PollFd, PollFlags};
use serde_json::Value;

pub use self::local::{below, same_content};
use super::halt::Halt;
use crate::dispatch::action::JobError;
use crate::dispatch::built_in::terminated::Bell;
use crate::dispatch::built_in::wait::ready;
use crate::dispatch::protocol::text::clean;

/// A file that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where it is named.
    place: String,
    source: Source,
    /// What its content must be: 64 hex digits.
    sha256: Option<String>,
}

/// The files of this host that a job may name.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    /// Whatever lies below these.
    pub folders: &'a [PathBuf],
    /// The images of the board's own file, each by exactly that path: the board boots them anyway.
    pub own: &'a BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Path(PathBuf),
    Url(String),
}

/// Why there is no image.
#[derive(Debug, PartialEq, Eq)]
enum Missing {
    /// It is not there, or not what it should be: another attempt finds the same.
    ForGood(String),
    /// The network or the host failed.
    ForNow(String),
}

/// Removes from the cache what is old or too much, if there is a cache.
pub fn prune(cache: &Path) {
    if cache.is_dir() {
        // Opening does it; what fails here shows at a fetch.
        let _ = cache::Cache::open(cache);
    }
}

impl Image {
    /// An image that a job names: a text, or `{url, sha256}`.
    pub fn of_job(place: &str, value: &Value, shared: Shared<'_>) -> Result<Self, JobError> {
        let text = |key: &str, value: Option<&Value>| match value {
            Some(Value::String(text)) if !text.contains('\0') => Ok(text.clone()),
            _ => Err(JobError::new(format!("{place}{key}"), "must be a text")),
        };
        let (url, sha256) = match value {
            Value::Object(keys) => {
                if let Some(key) = keys
                    .keys()
                    .find(|key| !["url", "sha256"].contains(&key.as_str()))
                {
                    return Err(JobError::new(
                        format!("{place}.{}", clean(key, 100)),
                        "an image is a text or has the keys `url` and `sha256`",
                    ));
                }
                let sha256 = keys.get("sha256");
                let sha256 = sha256
                    .map(|value| text(".sha256", Some(value)))
                    .transpose()?;
                (text(".url", keys.get("url"))?, sha256)
            }
            value => (text("", Some(value))?, None),
        };
        let mut image = Self::parse(place, &url).map_err(|why| JobError::new(place, why))?;
        if let Some(sha256) = sha256 {
            let sum =
                checksum(&sha256).map_err(|why| JobError::new(format!("{place}.sha256"), why))?;
            image.sha256 = Some(sum);
        }
        let is_own = shared.own.values().any(|own| image.is_at(own));
        if let Source::Path(path) = &mut image.source
            && !is_own
        {
            *path = below(path, shared.folders).map_err(|why| JobError::new(place, why))?;
        }
        Ok(image)
    }

    /// An image that a board's file names.
    pub fn of_board(name: &str, text: &str) -> Result<Self, String> {
        let place = format!("console.images.{name}");
        Self::parse(&place, text).map_err(|why| format!("{place}: {why}"))
    }

    /// Whether a board's file names this very place.
    fn is_at(&self, text: &str) -> bool {
        Self::parse("", text).is_ok_and(|image| image.source == self.source)
    }

    fn parse(place: &str, text: &str) -> Result<Self, String> {
        let (url, sha256) = match text.split_once("#sha256=") {
            Some((url, sum)) => (url, Some(checksum(sum)?)),
            None => (text, None),
        };
        let source = if url.starts_with("http://") || url.starts_with("https://") {
            Source::Url(url.to_owned())
        } else {
            let path = url.strip_prefix("file://").unwrap_or(url);
            if !path.starts_with('/') {
                return Err(format!(
                    "`{}` is neither an absolute path nor a URL of file, http or https",
                    clean(text, 200)
                ));
            }
            Source::Path(path.into())
        };
        Ok(Self {
            place: place.to_owned(),
            source,
            sha256,
        })
    }

    /// The image as a file of this host. A fetch ends early when the runner wants so.
    pub fn get(&self, cache: &Path, bell: &Bell) -> Result<PathBuf, Halt> {
        let found = match &self.source {
            Source::Path(path) => local::check(path, self.sha256.as_deref()),
            Source::Url(url) => {
                let (url, cache) = (url.clone(), cache.to_owned());
                let sha256 = self.sha256.clone();
                in_background(bell, move || fetch::fetch(&url, sha256.as_deref(), &cache))?
            }
        };
        found.map_err(|missing| match missing {
            Missing::ForGood(why) => Halt::Job(format!("{}: {why}", self.place)),
            Missing::ForNow(why) => Halt::Infrastructure(format!("{}: {why}", self.place)),
        })
    }
}

fn checksum(text: &str) -> Result<String, String> {
    let is_sum = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
    is_sum
        .then(|| text.to_ascii_lowercase())
        .ok_or_else(|| "a sha256 sum has 64 hex digits".to_owned())
}

/// Does work that cannot be woken in a thread of its own, so that TERM need not wait for it.
fn in_background<T: Send + 'static>(
    bell: &Bell,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Halt> {
    let (done, at_work) = UnixStream::pair()?;
    let thread = thread::Builder::new().name("fetch".into()).spawn(move || {
        let result = work();
        drop(at_work);
        result
    })?;
    loop {
        let mut fds = [
            PollFd::new(&done, PollFlags::IN),
            PollFd::from_borrowed_fd(bell.fd(), PollFlags::IN),
        ];
        ready(&mut fds, None)?;
        if !fds[1].revents().is_empty() {
            return Err(Halt::Terminated);
        }
        if !fds[0].revents().is_empty() {
            let failed = |_| Halt::Infrastructure("the fetching thread panicked".into());
            return thread.join().map_err(failed);
        }
    }
}

#[cfg(test)]
mod tests;
