//! A person's clone, worked on by the git program with that person's settings and hooks.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::command::{Output, Place, git, run};
use super::error::{GitError, GitErrorKind};
use super::location::{Location, without_password};
use super::porcelain;
use super::push::{Lease, Push, Pushed, Update};
use super::repo::Repo;
use crate::model::ObjectId;

/// For commands that only read.
pub(super) const LOCAL_LIMIT: Duration = Duration::from_secs(60);

/// For commands during which a person's hooks run, a passphrase is asked, or the network is slow.
pub(super) const LONG_LIMIT: Duration = Duration::from_secs(1800);

/// A folder with a checked-out branch.
#[derive(Debug, Clone)]
pub struct WorkTree {
    root: PathBuf,
    /// Name and address, where it is not whom git knows.
    person: Option<(String, String)>,
}

impl WorkTree {
    /// The work tree that `dir` lies in; `None` in a bare repository or outside any.
    pub fn discover(dir: &Path) -> Result<Option<Self>, GitError> {
        let attempt = format!("find the work tree of {}", dir.display());
        let mut command = git(Place::Person(dir));
        command.args(["rev-parse", "--show-toplevel"]);
        let output = run(command, &attempt, LOCAL_LIMIT)?;
        let message = output.message();
        let outside = ["not a git repository", "must be run in a work tree"];
        if !output.ok() && outside.iter().any(|sign| message.contains(sign)) {
            return Ok(None);
        }
        let root = output.success(&attempt, LOCAL_LIMIT)?.path();
        Ok(Some(Self { root, person: None }))
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// This work tree in the hands of somebody: their commits bear this name and address.
    #[must_use]
    pub fn acting_as(&self, name: &str, email: &str) -> Self {
        Self {
            person: Some((name.to_owned(), email.to_owned())),
            ..self.clone()
        }
    }

    /// The clone's objects and references.
    pub fn repo(&self) -> Result<Repo, GitError> {
        Repo::open(&self.root)
    }

    /// Where the lab is: the URL of `origin`, relative paths made absolute, else this repository itself.
    pub fn lab_url(&self) -> Result<String, GitError> {
        let here = || self.root.to_string_lossy().into_owned();
        let Some(url) = self.origin()? else {
            return Ok(here());
        };
        Ok(match Location::of(&url)? {
            // Git reads a relative path from the top of the work tree.
            Location::Local(path) if !url.starts_with("file://") => {
                let path = self.root.join(path);
                let path = path.canonicalize().unwrap_or(path);
                path.to_string_lossy().into_owned()
            }
            _ => url,
        })
    }

    pub fn has_origin(&self) -> Result<bool, GitError> {
        Ok(self.origin()?.is_some())
    }

    fn origin(&self) -> Result<Option<String>, GitError> {
        self.ask(
            &["config", "--get", "remote.origin.url"],
            "read the URL of origin",
        )
    }

    /// The branch checked out; `None` when the head is detached.
    pub fn branch(&self) -> Result<Option<String>, GitError> {
        self.ask(
            &["symbolic-ref", "-q", "--short", "HEAD"],
            "read the branch",
        )
    }

    /// The commit that a revision names, as a person writes it (`HEAD~2`, `origin/main`).
    pub fn resolve(&self, revision: &str) -> Result<ObjectId, GitError> {
        let attempt = format!("resolve the revision `{}`", revision.escape_debug());
        let mut command = self.git();
        command.args(["rev-parse", "--verify", "--quiet", "--end-of-options"]);
        command.arg(format!("{revision}^{{commit}}"));
        let output = run(command, &attempt, LOCAL_LIMIT)?;
        let not_found = || {
            let what = format!("there is no such commit in {}", self.root.display());
            GitError::new(&attempt, GitErrorKind::NotFound(what))
        };
        output.line().parse().map_err(|_| not_found())
    }

    /// The paths (relative to the root) below `under` that are changed and not committed, tracked or not;
    /// ignored files are not among them.
    pub fn uncommitted(&self, under: &str) -> Result<Vec<String>, GitError> {
        let attempt = "list uncommitted files";
        let mut command = self.git();
        command.args([
            "status",
            "--porcelain",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--",
        ]);
        command.arg(literal(under));
        let output = run(command, attempt, LOCAL_LIMIT)?.success(attempt, LOCAL_LIMIT)?;
        Ok(porcelain::parse_status(&output.stdout))
    }

    /// Commits these paths (relative to the root) as they are in the work tree, removals too, and leaves
    /// alone what else is staged. The person's hooks run.
    pub fn commit_paths(&self, paths: &[String], message: &str) -> Result<ObjectId, GitError> {
        let attempt = format!("commit in {}", self.root.display());
        let mut command = self.git();
        command
            .args(["add", "-A", "--"])
            .args(paths.iter().map(literal));
        run(command, &attempt, LONG_LIMIT)?.success(&attempt, LONG_LIMIT)?;
        let mut command = self.git();
        command.arg("commit").args(["--quiet", "--only"]);
        command
            .arg(format!("--message={message}"))
            .arg("--")
            .args(paths.iter().map(literal));
        let output = run(command, &attempt, LONG_LIMIT)?;
        // Git says on its standard output that there is nothing to commit.
        if !output.ok() && output.stderr.is_empty() && !output.timed_out {
            let what = "these files are already committed as they are".to_owned();
            return Err(GitError::new(attempt, GitErrorKind::NotFound(what)));
        }
        output.success(&attempt, LONG_LIMIT)?;
        self.resolve("HEAD")
    }

    /// Pushes the head to a branch of `origin`, as a person does: hooks run, and nothing is forced.
    pub fn push_branch(&self, branch: &str) -> Result<Pushed, GitError> {
        let name = self.branch_ref(branch)?;
        let mut command = self.git();
        command
            .args(["push", "--porcelain", "--", "origin"])
            .arg(format!("HEAD:{name}"));
        let output = run(command, "push to origin", LONG_LIMIT)?;
        let push = Push {
            atomic: false,
            updates: vec![Update {
                name,
                target: None,
                lease: Lease::FastForward,
            }],
        };
        let said = porcelain::parse_push(&output.stdout);
        Ok(Pushed::new(&push, said, output.message()))
    }

    /// Brings the branch of `origin` in below the commits of this clone; uncommitted changes are kept. On a
    /// conflict everything is put back as it was.
    pub fn pull_rebase(&self, branch: &str) -> Result<(), GitError> {
        let name = self.branch_ref(branch)?;
        let attempt = format!("rebase on {branch} of origin");
        let mut command = self.git();
        command
            .args(["pull", "--quiet", "--rebase", "--autostash", "--", "origin"])
            .arg(name);
        let result = run(command, &attempt, LONG_LIMIT)?.success(&attempt, LONG_LIMIT);
        let Err(failed) = result else { return Ok(()) };
        let mut command = self.git();
        command.args(["rebase", "--abort"]);
        if !run(command, &attempt, LOCAL_LIMIT)?.ok() {
            // No rebase was begun, so the network or the work tree is the cause.
            return Err(failed);
        }
        let advice = format!(
            "the changes conflict with {branch}, and were left as they are: run `git pull --rebase origin {branch}` \
             in {} and resolve the conflict",
            self.root.display()
        );
        Err(GitError::new(attempt, GitErrorKind::Refused(advice)))
    }

    fn branch_ref(&self, branch: &str) -> Result<String, GitError> {
        let name = format!("refs/heads/{branch}");
        if git2::Reference::is_valid_name(&name) {
            return Ok(name);
        }
        Err(GitError::new(
            format!("use the branch `{}`", branch.escape_debug()),
            GitErrorKind::Refused("it is not a branch name".to_owned()),
        ))
    }

    pub(super) fn git(&self) -> Command {
        let mut command = git(Place::Person(&self.root));
        if let Some((name, email)) = &self.person {
            command
                .env("GIT_AUTHOR_NAME", name)
                .env("GIT_AUTHOR_EMAIL", email)
                .env("GIT_COMMITTER_NAME", name)
                .env("GIT_COMMITTER_EMAIL", email);
        }
        command
    }

    /// A line that git prints, or `None` when it ends with 1, its sign for "there is none".
    fn ask(&self, args: &[&str], attempt: &str) -> Result<Option<String>, GitError> {
        let mut command = self.git();
        command.args(args);
        let output = run(command, attempt, LOCAL_LIMIT)?;
        if !output.timed_out && output.status.code() == Some(1) {
            return Ok(None);
        }
        Ok(Some(output.success(attempt, LOCAL_LIMIT)?.line()))
    }
}

impl Output {
    /// Standard output as one path, of whatever bytes.
    fn path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        let path = self.stdout.strip_suffix(b"\n").unwrap_or(&self.stdout);
        PathBuf::from(std::ffi::OsStr::from_bytes(path))
    }
}

/// A path from the top of the work tree as git's pathspec: never a pattern. (An environment variable says
/// that too, but would reach the person's hooks.)
fn literal(path: impl AsRef<str>) -> String {
    format!(":(top,literal){}", path.as_ref())
}

/// A user's settings may ask for formats that libgit2 cannot read, or with other object ids.
const FORMATS: [&str; 4] = [
    "-c",
    "init.defaultObjectFormat=sha1",
    "-c",
    "init.defaultRefFormat=files",
];

/// Makes a bare repository whose head is `branch`.
pub fn init_bare(path: &Path, branch: &str) -> Result<(), GitError> {
    init_with(path, branch, &["--bare"])
}

/// Makes a repository with a work tree; one that is there already is left as it is.
pub fn init(dir: &Path, branch: &str) -> Result<(), GitError> {
    init_with(dir, branch, &[])
}

fn init_with(path: &Path, branch: &str, options: &[&str]) -> Result<(), GitError> {
    let attempt = format!("make a repository in {}", path.display());
    std::fs::create_dir_all(path)
        .map_err(|error| GitError::new(&attempt, GitErrorKind::File(path.to_owned(), error)))?;
    let mut command = git(Place::Person(path));
    command
        .args(FORMATS)
        .args(["init", "--quiet"])
        .args(options);
    command.arg(format!("--initial-branch={branch}"));
    run(command, &attempt, LOCAL_LIMIT)?
        .success(&attempt, LOCAL_LIMIT)
        .map(drop)
}

/// Clones a lab into a new folder, as a person would.
pub fn clone(url: &str, dir: &Path) -> Result<(), GitError> {
    Location::of(url)?;
    let attempt = format!("clone {}", without_password(url));
    let mut command = git(Place::Person(Path::new(".")));
    command
        .args(FORMATS)
        .args(["clone", "--quiet", "--", url])
        .arg(dir);
    run(command, &attempt, LONG_LIMIT)?
        .success(&attempt, LONG_LIMIT)
        .map(drop)
}
