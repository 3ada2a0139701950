//! `test` and `lava_test_shell`: the test definitions and where each comes from.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::parameters::Parameters;
use crate::dispatch::action::JobError;
use crate::dispatch::built_in::console::board::ConsoleBoard;
use crate::dispatch::built_in::console::images::{Image, below};
use crate::dispatch::built_in::console::testdef::{TestDef, texts_of};

/// The file of a repository when the job names none, as in v1.
const TESTDEF: &str = "lavatest.yaml";

#[derive(Debug)]
pub struct TestShell {
    pub definitions: Vec<Wanted>,
    /// The job's `skip_install`.
    pub skip_install: bool,
}

/// A test definition that the job wants.
#[derive(Debug)]
pub struct Wanted {
    /// Where the job names it.
    pub place: String,
    pub origin: Origin,
    /// Values for the definition's parameters.
    pub parameters: Vec<(String, String)>,
}

#[derive(Debug)]
pub enum Origin {
    /// It stands in the job.
    Inline(Box<TestDef>),
    /// A YAML file.
    File(Image),
    /// A file of a git repository, whose other files go to the board with it.
    Git {
        repository: Repository,
        revision: Option<String>,
        testdef: String,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub enum Repository {
    Url(String),
    Path(PathBuf),
}

impl TestShell {
    pub fn read(parameters: &mut Parameters<'_>, board: &ConsoleBoard) -> Result<Self, JobError> {
        let mut definitions = Vec::new();
        for (place, value) in items(parameters, "testdefs")? {
            let testdef = TestDef::read(value)
                .map_err(|why| JobError::new(&place, format!("bad test definition: {why}")))?;
            definitions.push(Wanted {
                place,
                origin: Origin::Inline(Box::new(testdef)),
                parameters: Vec::new(),
            });
        }
        for (place, value) in items(parameters, "testdef_urls")? {
            let image = Image::of_job(&place, value, board.shared())?;
            definitions.push(Wanted {
                place,
                origin: Origin::File(image),
                parameters: Vec::new(),
            });
        }
        for (place, value) in items(parameters, "testdef_repos")? {
            definitions.push(of_repository(place, value, board)?);
        }
        if definitions.is_empty() {
            return Err(JobError::new(
                parameters.at("testdef_repos"),
                "names no test definition; `testdefs` and `testdef_urls` may as well",
            ));
        }
        // v1 skips `all`, `deps` or `steps`; where anything is skipped nothing is installed here.
        let skip = parameters.given("skip_install");
        let skip_install = skip.is_some_and(|value| {
            !matches!(value, Value::Bool(false)) && value.as_str() != Some("false")
        });
        for key in ["lava_test_dir", "lava_test_results_dir"] {
            parameters.ignore(key);
        }
        Ok(Self {
            definitions,
            skip_install,
        })
    }
}

/// The entries of a list, each with its place.
fn items<'a>(
    parameters: &mut Parameters<'a>,
    key: &str,
) -> Result<Vec<(String, &'a Value)>, JobError> {
    let place = parameters.at(key);
    let entries = parameters.list(key)?.iter().enumerate();
    Ok(entries
        .map(|(i, value)| (format!("{place}[{i}]"), value))
        .collect())
}

fn of_repository(place: String, value: &Value, board: &ConsoleBoard) -> Result<Wanted, JobError> {
    let Some(entry) = value.as_object() else {
        return Err(JobError::new(place, "must be an object"));
    };
    for (key, what) in [("bzr-repo", "Bazaar"), ("tar-repo", "tar")] {
        if entry.contains_key(key) {
            return Err(JobError::new(
                format!("{place}.{key}"),
                format!("{what} repositories are not supported: put it into git or give its `url`"),
            ));
        }
    }
    let parameters = match entry.get("parameters") {
        None | Some(Value::Null) => Vec::new(),
        Some(value) => texts_of(value).ok_or_else(|| {
            JobError::new(format!("{place}.parameters"), "must be a map of texts")
        })?,
    };
    let origin = match (entry.get("git-repo"), entry.get("url")) {
        (Some(url), _) => git(&place, url, entry, board)?,
        (None, Some(url)) => {
            let place = format!("{place}.url");
            Origin::File(Image::of_job(&place, url, board.shared())?)
        }
        (None, None) => {
            return Err(JobError::new(place, "needs `git-repo` or `url`"));
        }
    };
    Ok(Wanted {
        place,
        origin,
        parameters,
    })
}

fn git(
    place: &str,
    url: &Value,
    entry: &Map<String, Value>,
    board: &ConsoleBoard,
) -> Result<Origin, JobError> {
    let at = |key: &str| format!("{place}.{key}");
    let text = |key: &str| match entry.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(JobError::new(at(key), "must be a text")),
    };
    let url = url
        .as_str()
        .ok_or_else(|| JobError::new(at("git-repo"), "must be a text"))?;
    let path = url
        .strip_prefix("file://")
        .or(Some(url).filter(|url| url.starts_with('/')));
    let schemes = ["http://", "https://", "git://", "ssh://"];
    let repository = if let Some(path) = path {
        let path = below(path.as_ref(), &board.image_folders)
            .map_err(|why| JobError::new(at("git-repo"), why))?;
        Repository::Path(path)
    } else if schemes.iter().any(|scheme| url.starts_with(scheme)) {
        Repository::Url(url.to_owned())
    } else {
        return Err(JobError::new(
            at("git-repo"),
            "must be a path of this host or a URL of http, https, git or ssh",
        ));
    };
    let revision = text("revision")?;
    // It becomes an argument of git.
    if revision.as_ref().is_some_and(|name| name.starts_with('-')) {
        return Err(JobError::new(at("revision"), "is not the name of a commit"));
    }
    let testdef = text("testdef")?.unwrap_or_else(|| TESTDEF.into());
    let inside = |part: &str| !matches!(part, "" | "." | ".." | ".git");
    if !testdef.split('/').all(inside) {
        return Err(JobError::new(
            at("testdef"),
            "must be a path inside the repository",
        ));
    }
    Ok(Origin::Git {
        repository,
        revision,
        testdef,
    })
}
