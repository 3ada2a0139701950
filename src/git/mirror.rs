//! The bare mirror of a lab: opened or made, fetched, pushed from, repacked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::{self, Output, Place, git, run};
use super::error::{GitError, GitErrorKind};
use super::location::{Location, without_password};
use super::push::{Push, Pushed};
use super::repo::Repo;
use super::{look, porcelain, sound};
use crate::model::ObjectId;

/// A push or fetch that takes longer is ended. A log of 64 MiB takes three minutes at 3 Mbit/s.
const NETWORK_LIMIT: Duration = Duration::from_secs(300);

/// Tries of a fetch whose references another process of this mirror holds locked.
const LOCKED_TRIES: u32 = 6;

/// A bare repository of our own with the lab's objects and references.
#[derive(Debug, Clone)]
pub struct Mirror {
    path: PathBuf,
    url: String,
    limit: Duration,
}

/// A reference that a fetch changed in the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefChange {
    pub name: String,
    /// What it was; `None` when it is new.
    pub old: Option<ObjectId>,
    /// What it is; `None` when it is gone.
    pub new: Option<ObjectId>,
}

impl Mirror {
    /// Opens the bare mirror at `path` of `url`, or makes it, without asking the server for anything.
    /// A damaged one is made anew: everything in it can be fetched again.
    pub fn open(path: &Path, url: &str) -> Result<Self, GitError> {
        let location = Location::of(url)?;
        let attempt = || format!("open the mirror {}", path.display());
        if let Some(server) = location.local()
            && git2::Repository::open(server).is_ok_and(|server| server.is_shallow())
        {
            let shown = without_password(url);
            return Err(GitError::new(
                format!("use the repository {shown}"),
                GitErrorKind::Shallow,
            ));
        }
        sound::open_or_make(path, &attempt)?;
        let path = path.canonicalize().map_err(|error| {
            GitError::new(attempt(), GitErrorKind::File(path.to_owned(), error))
        })?;
        Ok(Self {
            path,
            url: url.to_owned(),
            limit: NETWORK_LIMIT,
        })
    }

    /// This mirror with another limit on the time of a fetch or push.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The objects and references, opened anew: a long-lived one would keep deleted packs open.
    pub fn repo(&self) -> Result<Repo, GitError> {
        Repo::open(&self.path)
    }

    /// Brings the references that match the patterns (full names, at most one `*` each) to what the server
    /// has, under the same names; those gone there go here. What the server does not have is no error.
    /// Gives what this fetch changed, which is nothing where another process was faster.
    pub fn fetch(&self, patterns: &[String]) -> Result<Vec<RefChange>, GitError> {
        for pattern in patterns {
            check_pattern(pattern)?;
        }
        let location = Location::of(&self.url)?;
        let mut changes = Vec::new();
        let mut wanted = patterns.to_vec();
        let mut tries = 0;
        loop {
            if let Some(server) = location.local()
                && look::is_current(&self.path, server, patterns)
            {
                return Ok(changes);
            }
            if wanted.is_empty() {
                return Ok(changes);
            }
            let output = self.run_fetch(&wanted)?;
            let lines = porcelain::parse_fetch(&output.stdout);
            let refused = lines.iter().any(|line| !line.done);
            changes.extend(
                lines
                    .into_iter()
                    .filter(|line| line.done)
                    .map(|line| line.change),
            );
            if output.ok() && !refused {
                self.refuse_shallow()?;
                return Ok(changes);
            }
            let message = output.message();
            if let Some(missing) = porcelain::parse_missing_ref(&message)
                && let Some(at) = wanted.iter().position(|pattern| pattern == missing)
            {
                changes.extend(self.forget(&wanted.swap_remove(at))?);
                continue;
            }
            tries += 1;
            let locked =
                refused || message.contains("cannot lock ref") || message.contains(".lock'");
            if !locked || output.timed_out || tries >= LOCKED_TRIES {
                let failed = output.success(&self.attempt("fetch from"), self.limit);
                return failed.and_then(|_| {
                    let why = "a reference stayed locked by another process";
                    Err(GitError::corrupt(self.attempt("fetch from"), why))
                });
            }
            sound::remove_dead_locks(&self.path);
            std::thread::sleep(jitter(tries));
        }
    }

    /// Changes references on the server. A refusal is a value, and so is no answer; an error means that
    /// git was not started.
    pub fn push(&self, push: &Push) -> Result<Pushed, GitError> {
        for update in &push.updates {
            check_pattern(&update.name)?;
        }
        if push.updates.is_empty() {
            return Ok(Pushed::new(push, Default::default(), String::new()));
        }
        let mut command = self.network_command()?;
        push.add_to(&mut command, &self.url);
        let output = run(command, &self.attempt("push to"), self.limit)?;
        let said = porcelain::parse_push(&output.stdout);
        Ok(Pushed::new(push, said, output.message()))
    }

    /// Packs loose objects and drops what nothing refers to for a day. For a quiet moment: after a day of
    /// many jobs it takes seconds.
    pub fn repack(&self) -> Result<(), GitError> {
        const LIMIT: Duration = Duration::from_secs(3600);
        const FULL_EVERY: Duration = Duration::from_secs(86_400);
        let mark = self.path.join("pumice-repacked");
        let attempt = format!("repack the mirror {}", self.path.display());
        let age = std::fs::metadata(&mark)
            .and_then(|data| data.modified())
            .ok()
            .and_then(|at| at.elapsed().ok());
        let mut command = git(Place::Mirror(&self.path));
        // Geometric packing touches only small packs, but keeps what is unreachable: heartbeats and claims
        // come and go all day, so once a day they are dropped. Objects not yet pushed are younger than that.
        let full = age.is_none_or(|age| age > FULL_EVERY);
        if full {
            command.args(["gc", "--quiet", "--prune=1.day.ago", "--no-detach"]);
        } else {
            command.args(["repack", "-d", "-l", "-q", "--geometric=2"]);
        }
        run(command, &attempt, LIMIT)?.success(&attempt, LIMIT)?;
        if full {
            std::fs::write(&mark, b"")
                .map_err(|error| GitError::new(attempt, GitErrorKind::File(mark, error)))?;
        }
        Ok(())
    }

    /// Reads every object, and makes the mirror anew if one is damaged or missing. Says whether it did.
    pub fn mend(&self) -> Result<bool, GitError> {
        const LIMIT: Duration = Duration::from_secs(3600);
        let attempt = || format!("look for damage in the mirror {}", self.path.display());
        let whole = |path: &Path| {
            let mut command = git(Place::Mirror(path));
            command.args(["fsck", "--no-dangling", "--no-progress"]);
            let output = run(command, &attempt(), LIMIT);
            // A check that was not made shows no damage.
            output.map_or(true, |output| output.ok() || output.timed_out)
        };
        if whole(&self.path) {
            return Ok(false);
        }
        sound::make_anew(&self.path, &whole, &attempt)?;
        Ok(true)
    }

    fn run_fetch(&self, patterns: &[String]) -> Result<Output, GitError> {
        let mut command = self.network_command()?;
        command.args([
            "fetch",
            "--prune",
            "--porcelain",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            // Whether an update was forced would cost a walk of the history.
            "--no-show-forced-updates",
            "--",
            &self.url,
        ]);
        command.args(patterns.iter().map(|name| format!("+{name}:{name}")));
        run(command, &self.attempt("fetch from"), self.limit)
    }

    fn network_command(&self) -> Result<std::process::Command, GitError> {
        let place = Place::Mirror(&self.path);
        let mut command = git(place);
        if Location::of(&self.url)?.is_ssh() {
            command::set_ssh(&mut command, place);
        }
        Ok(command)
    }

    /// Removes a reference that the server does not have.
    fn forget(&self, name: &str) -> Result<Option<RefChange>, GitError> {
        let repo = self.repo()?;
        let old = repo.reference(name)?;
        repo.set_reference(name, None)?;
        Ok(old.map(|old| RefChange {
            name: name.to_owned(),
            old: Some(old),
            new: None,
        }))
    }

    fn refuse_shallow(&self) -> Result<(), GitError> {
        if self.path.join("shallow").exists() {
            return Err(GitError::new(
                self.attempt("fetch from"),
                GitErrorKind::Shallow,
            ));
        }
        Ok(())
    }

    fn attempt(&self, verb: &str) -> String {
        format!("{verb} {}", without_password(&self.url))
    }
}

/// A pause before the n-th new try, different in every process: 0 to 20, 40, 80, … ms.
fn jitter(tries: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(tries);
    Duration::from_millis(random % (10 << tries.min(6)).max(1))
}

/// Refuses names that git would take for something else than a full reference name or pattern.
fn check_pattern(name: &str) -> Result<(), GitError> {
    let plain = name.replacen('*', "x", 1);
    if name.starts_with("refs/") && git2::Reference::is_valid_name(&plain) {
        return Ok(());
    }
    Err(GitError::new(
        format!("use the reference `{}`", name.escape_debug()),
        GitErrorKind::Refused("it is not a full reference name".to_owned()),
    ))
}
