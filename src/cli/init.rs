//! `pumice init`: a new lab, committed and ready to push.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use rust_embed::RustEmbed;

use super::context::Context;
use super::error::{Attempt, Error, Kind, Outcome};
use crate::git::{self, WorkTree};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The new lab's folder, which must be empty or not there yet.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Adds the pipelines that check merge requests and publish the site on this forge.
    #[arg(long, value_enum, value_name = "FORGE")]
    pub forge: Option<Forge>,
}

/// A forge whose pipelines are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Forge {
    Gitlab,
    Github,
    Gitea,
}

impl Forge {
    fn as_str(self) -> &'static str {
        match self {
            Self::Gitlab => "gitlab",
            Self::Github => "github",
            Self::Gitea => "gitea",
        }
    }

    /// Where the forge looks for pipelines.
    fn pipeline(self) -> &'static str {
        match self {
            Self::Gitlab => ".gitlab-ci.yml",
            Self::Github => ".github/workflows/pumice.yml",
            Self::Gitea => ".gitea/workflows/pumice.yml",
        }
    }
}

/// What a new lab begins with; `{name}`, `{title}` and `{forge}` are filled in.
#[derive(RustEmbed)]
#[folder = "templates/init/"]
struct New;

/// Templates of job definitions, the same as in the example lab.
#[derive(RustEmbed)]
#[folder = "templates/jobs/"]
struct JobTemplates;

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let dir = &args.dir;
    let shown = dir.display();
    refuse_used(dir)?;
    // Asked first: without a name nothing can be committed, so nothing is made.
    let identity_at = if dir.is_dir() {
        dir.as_path()
    } else {
        Path::new(".")
    };
    git::identity(Some(identity_at)).map_err(|error| {
        Error::from(error).hint(
            "run `git config --global user.name NAME` and `git config --global user.email ADDRESS`",
        )
    })?;
    std::fs::create_dir_all(dir).attempt(Kind::Failed, || format!("make the folder {shown}"))?;
    git::init(dir, "main")?;
    let files = files(&name(dir), args.forge);
    for (path, bytes) in &files {
        let file = dir.join(path);
        let write = || {
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&file, bytes)
        };
        write().attempt(Kind::Failed, || format!("write {}", file.display()))?;
    }
    let tree = WorkTree::discover(dir)?.ok_or_else(|| {
        Error::new(Kind::Git, format!("use the new repository {shown}"))
            .because("git does not see it")
    })?;
    let paths: Vec<String> = files.into_iter().map(|(path, _)| path).collect();
    tree.commit_paths(&paths, "Make the lab")?;
    let mut out = context.out();
    out.write_all(next_steps(dir, args.forge).as_bytes())?;
    out.flush()?;
    Ok(Outcome::Done)
}

fn refuse_used(dir: &Path) -> Result<(), Error> {
    let mut entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(
                Error::new(Kind::Lab, format!("look into {}", dir.display())).because(&error),
            );
        }
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(
            Error::new(Kind::Lab, format!("make a lab in {}", dir.display()))
                .because("the folder is not empty")
                .hint("name a folder that is empty or not there yet"),
        ),
    }
}

/// The lab's name: its folder's.
fn name(dir: &Path) -> String {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    match absolute.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => "Lab".to_owned(),
    }
}

/// Every file of a new lab, by its path.
pub fn files(name: &str, forge: Option<Forge>) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let kind = forge.unwrap_or(Forge::Gitlab).as_str();
    for path in New::iter() {
        let Some(file) = New::get(&path) else {
            continue;
        };
        let to = match path.strip_prefix("forge/") {
            // Only the chosen forge's.
            Some(pipeline) => match forge {
                Some(forge) if pipeline.strip_suffix(".yml") == Some(forge.as_str()) => {
                    forge.pipeline().to_owned()
                }
                _ => continue,
            },
            None if path == "gitignore" => ".gitignore".to_owned(),
            None => path.to_string(),
        };
        let text = String::from_utf8_lossy(&file.data)
            // A JSON text is a YAML text, whatever the name holds.
            .replace("{name}", &serde_json::Value::from(name).to_string())
            .replace("{title}", &name.replace(char::is_control, " "))
            .replace("{forge}", kind);
        files.push((to, text.into_bytes()));
    }
    for path in JobTemplates::iter() {
        if let Some(file) = JobTemplates::get(&path) {
            files.push((format!("templates/jobs/{path}"), file.data.into_owned()));
        }
    }
    files
}

fn next_steps(dir: &Path, forge: Option<Forge>) -> String {
    let dir = super::text::visible(&dir.display().to_string());
    let mut text =
        format!("{dir} is a lab with one board and one job, committed on main.\n\nNext:\n");
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  cd {dir}");
    match forge {
        Some(_) => text.push_str("  git remote add origin URL             # the repository on your forge\n"),
        None => text.push_str(
            "  git remote add origin URL             # made by `git init --bare -b main lab.git`, or on a forge\n",
        ),
    }
    text.push_str(
        "  git push --set-upstream origin main\n  \
           pumice list                           # the job waits\n  \
           pumice runner --allow exec            # on the lab host: drives the board\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::{self, File};

    #[test]
    fn a_new_lab_has_no_problems() {
        for forge in [
            None,
            Some(Forge::Gitlab),
            Some(Forge::Github),
            Some(Forge::Gitea),
        ] {
            let files: Vec<File> = files("it's: a \"lab\"", forge)
                .into_iter()
                // Their placeholders are filled in later.
                .filter(|(path, _)| !path.starts_with("templates/"))
                .map(|(path, bytes)| File {
                    path,
                    bytes,
                    mode: check::REGULAR,
                })
                .collect();
            let problems = check::validate_tree(&files);
            assert!(problems.is_empty(), "{problems:?}");
            let lab = check::lab_files(&files);
            assert_eq!(lab.config.name, "it's: a \"lab\"");
            assert_eq!(lab.boards.len(), 1);
            let pipelines = files
                .iter()
                .filter(|file| file.path.starts_with(".git") && file.path != ".gitignore");
            assert_eq!(pipelines.count(), usize::from(forge.is_some()));
        }
    }

    #[test]
    fn a_used_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("x"), "").unwrap();
        assert_eq!(refuse_used(dir.path()).unwrap_err().kind(), Kind::Lab);
        assert!(refuse_used(&dir.path().join("new")).is_ok());
    }
}
