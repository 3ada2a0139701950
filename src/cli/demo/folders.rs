//! Where the demo keeps what: `lab.git`, `work`, `public` and `state` in one folder.

use std::path::{Path, PathBuf};

use crate::cli::error::{Attempt, Error, Kind};
use crate::git::{self, WorkTree};

/// The branch that is the queue, whatever the user's settings say about new repositories.
pub const MAIN: &str = "main";

/// Settings of a user that would change what the demo's clone does, and what they are there.
const SETTINGS: [(&str, &str); 15] = [
    // Neither a template's nor other hooks shall judge the demo's commits.
    ("core.hooksPath", "/dev/null"),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("merge.verifySignatures", "false"),
    ("merge.ff", "true"),
    ("pull.rebase", "true"),
    ("push.default", "simple"),
    ("core.autocrlf", "false"),
    ("core.excludesFile", "/dev/null"),
    ("core.attributesFile", "/dev/null"),
    ("core.fsmonitor", "false"),
    // Who pushes from this clone by hand is one of the example lab's people.
    ("user.name", "Alice"),
    ("user.email", "alice@example.org"),
    ("user.useConfigOnly", "false"),
];

/// The same for the repository that stands for the git server.
const SERVER_SETTINGS: [(&str, &str); 3] = [
    ("core.hooksPath", "/dev/null"),
    // Runners replace heartbeats in place and delete claims.
    ("receive.denyNonFastForwards", "false"),
    ("receive.denyDeletes", "false"),
];

/// The demo's folder.
#[derive(Debug, Clone)]
pub struct Folders {
    root: PathBuf,
}

impl Folders {
    /// Makes the repository, the clone and the rest: in `dir`, which must be empty or not there yet, or in
    /// a new temporary folder.
    pub fn make(dir: Option<&Path>) -> Result<(Self, WorkTree), Error> {
        let root = match dir {
            Some(dir) => named(dir)?,
            None => tempfile::Builder::new()
                .prefix("pumice-demo-")
                .tempdir()
                .attempt(Kind::Failed, || "make a temporary folder".to_owned())?
                .keep(),
        };
        let folders = Self { root };
        for folder in [folders.site(), folders.state(), folders.cache()] {
            std::fs::create_dir_all(&folder)
                .attempt(Kind::Failed, || format!("make {}", folder.display()))?;
        }
        git::init_bare(&folders.server(), MAIN)?;
        git::clone(&folders.server().to_string_lossy(), &folders.work())?;
        let tree = WorkTree::discover(&folders.work())?.ok_or_else(|| {
            Error::new(Kind::Git, "use the demo's clone").because("git does not see it")
        })?;
        for (key, value) in SETTINGS {
            git::set(&folders.work(), key, value)?;
        }
        for (key, value) in SERVER_SETTINGS {
            git::set(&folders.server(), key, value)?;
        }
        if tree.branch()?.as_deref() != Some(MAIN) {
            tree.start_branch(MAIN)?;
        }
        git::set(&folders.work(), &format!("branch.{MAIN}.remote"), "origin")?;
        let merge = format!("refs/heads/{MAIN}");
        git::set(&folders.work(), &format!("branch.{MAIN}.merge"), &merge)?;
        Ok((folders, tree))
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The bare repository that stands for the git server.
    pub fn server(&self) -> PathBuf {
        self.root.join("lab.git")
    }

    /// The clone from which people push.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    pub fn site(&self) -> PathBuf {
        self.root.join("public")
    }

    pub fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    /// The mirrors of the demo's own command lines, which leave nothing in the user's cache.
    pub fn cache(&self) -> PathBuf {
        self.state().join("cache")
    }
}

/// The folder a person named, made and as an absolute path.
fn named(dir: &Path) -> Result<PathBuf, Error> {
    let attempt = || format!("use the folder {}", dir.display());
    std::fs::create_dir_all(dir).attempt(Kind::Failed, attempt)?;
    let mut entries = std::fs::read_dir(dir).attempt(Kind::Failed, attempt)?;
    if entries.next().is_some() {
        return Err(Error::new(Kind::Usage, attempt())
            .because("it is not empty")
            .hint("name a folder that is empty or not there yet"));
    }
    dir.canonicalize().attempt(Kind::Failed, attempt)
}
