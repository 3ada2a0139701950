//! From `-C` to a lab: which repository is meant, and where its mirror lies.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::error::{Attempt, Error, Kind};
use crate::fetch;
use crate::git::{self, WorkTree};
use crate::lab::{Lab, Reader, Scope, Snapshot};
use crate::model::ObjectId;

/// A lab, and the work tree one stands in, if any.
#[derive(Debug)]
pub struct Opened {
    pub lab: Lab,
    pub tree: Option<WorkTree>,
}

/// Opens the lab that `at` means: a URL, a folder inside a work tree, or a bare repository.
pub fn open(at: &str) -> Result<Opened, Error> {
    open_with_cache(at, &cache()?)
}

/// As [`open`], with the mirror below another folder than the user's cache.
pub fn open_with_cache(at: &str, cache: &Path) -> Result<Opened, Error> {
    let (url, tree) = meant(at)?;
    let lab = Lab::open(&url, &cache.join(mirror_name(&url)))?;
    Ok(Opened { lab, tree })
}

/// The repository's URL, and the work tree if `at` is in one.
fn meant(at: &str) -> Result<(String, Option<WorkTree>), Error> {
    let path = Path::new(at);
    if !path.exists() && is_url(at) {
        return Ok((at.to_owned(), None));
    }
    let attempt = || format!("find a lab at `{at}`");
    let path = path.canonicalize().attempt(Kind::Lab, attempt)?;
    if !path.is_dir() {
        return Err(Error::new(Kind::Lab, attempt()).because("it is not a folder"));
    }
    if let Some(bare) = path.ancestors().find(|dir| is_bare_repository(dir)) {
        let url = bare
            .to_str()
            .ok_or_else(|| Error::new(Kind::Lab, attempt()).because("its path is not UTF-8"))?;
        return Ok((url.to_owned(), None));
    }
    match WorkTree::discover(&path)? {
        Some(tree) => Ok((tree.lab_url()?, Some(tree))),
        None => Err(Error::new(Kind::Lab, attempt())
            .because("it is not inside a git repository")
            .hint("`pumice init DIR` makes a lab; `-C DIR|URL` names one that is elsewhere")),
    }
}

/// `scheme://…`, or `host:path` as ssh has it.
fn is_url(text: &str) -> bool {
    text.contains("://")
        || text
            .split_once(':')
            .is_some_and(|(host, path)| !host.is_empty() && !host.contains('/') && !path.is_empty())
}

/// A folder that git itself would take for a repository, and that is not the `.git` of a work tree.
fn is_bare_repository(dir: &Path) -> bool {
    dir.join("HEAD").is_file()
        && dir.join("objects").is_dir()
        && dir.join("refs").is_dir()
        && dir.file_name().is_none_or(|name| name != ".git")
}

/// The folder of all that can be fetched or made again.
pub fn cache() -> Result<PathBuf, Error> {
    fetch::cache_folder().ok_or_else(|| {
        Error::new(Kind::Lab, "find a folder for what is fetched")
            .because("neither PUMICE_CACHE nor XDG_CACHE_HOME nor HOME is an absolute path")
            .hint("set PUMICE_CACHE to a folder of yours")
    })
}

/// A readable name that no other URL has: `lab-0123456789abcdef.git`.
fn mirror_name(url: &str) -> String {
    let last = url
        .trim_end_matches('/')
        .rsplit(['/', ':'])
        .next()
        .unwrap_or_default();
    let stem: String = last
        .strip_suffix(".git")
        .unwrap_or(last)
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .take(40)
        .collect();
    let hash = xxh3_64(url.as_bytes());
    format!("{stem}-{hash:016x}.git")
}

impl Opened {
    /// Brings the mirror up to date and reads all that is not history.
    pub fn fetch(&self) -> Result<Seen, Error> {
        self.lab.fetch(Scope::Main)?;
        self.seen()
    }

    /// The lab as last fetched.
    pub fn seen(&self) -> Result<Seen, Error> {
        let reader = self.lab.reader()?;
        if let Some(main) = reader.main()? {
            self.require_lab(&reader, main)?;
        }
        let snapshot = Snapshot::load(&reader)?;
        Ok(Seen { reader, snapshot })
    }

    fn require_lab(&self, reader: &Reader, main: ObjectId) -> Result<(), Error> {
        if reader.repo().entry(main, "lab.yaml")?.is_some() {
            return Ok(());
        }
        let branch = self.lab.refs().branch();
        Err(
            Error::new(Kind::Lab, format!("use `{}` as a lab", self.lab.url()))
                .because(format!("there is no lab.yaml on its branch {branch}"))
                .hint("an empty lab.yaml makes it one; `pumice init DIR` makes a whole new lab"),
        )
    }

    /// Who the user is, as git knows it in the work tree or in general.
    pub fn identity(&self) -> Result<git::Person, Error> {
        Ok(git::identity(self.tree.as_ref().map(WorkTree::root))?)
    }
}

/// A lab at one moment.
pub struct Seen {
    pub reader: Reader,
    pub snapshot: Snapshot,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_folders() {
        for url in [
            "https://git.example.org/lab.git",
            "git@example.org:team/lab",
            "file:///srv/lab.git",
        ] {
            assert!(is_url(url), "{url}");
        }
        for path in [".", "/srv/lab.git", "lab", "./a:b", ":x"] {
            assert!(!is_url(path), "{path}");
        }
    }

    #[test]
    fn mirrors_have_readable_names_of_their_own() {
        let name = mirror_name("git@example.org:team/my lab.git");
        assert!(
            name.starts_with("my_lab-") && name.ends_with(".git"),
            "{name}"
        );
        assert_ne!(mirror_name("/a/lab.git"), mirror_name("/b/lab.git"));
        assert!(!mirror_name("https://x/../..").contains(".."));
    }

    #[test]
    fn what_is_no_repository_is_refused_with_a_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let error = open_with_cache(dir.path().to_str().unwrap(), dir.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Lab);
        assert!(
            error.rendered().contains("pumice init"),
            "{}",
            error.rendered()
        );
        let gone = dir.path().join("gone");
        let error = open_with_cache(gone.to_str().unwrap(), dir.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Lab);
    }
}
