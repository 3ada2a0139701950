//! `pumice validate`: every problem of files, of a work tree or of a revision, with its place.

mod disk;
mod health;
mod revision;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::context::Context;
use super::error::{Kind, Outcome};
use crate::git::GitError;
use crate::model::Diagnostic;
use crate::model::check::{self, File, LARGEST_JOB};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files to judge, each by where it stands; `-` reads a job definition from standard input.
    /// Without any the lab's whole work tree is judged.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Judge every file of this revision instead of the work tree.
    #[arg(long, value_name = "REV", conflicts_with = "files")]
    pub rev: Option<String>,
    /// How problems are written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each problem; on a terminal with the source line and a hint.
    Human,
    /// An array of objects.
    Json,
    /// GitLab's code quality report.
    Gitlab,
}

impl Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoLab(_) => Kind::Lab,
            Self::Read(..) | Self::Write(_) => Kind::Failed,
            Self::NoRevision(..) => Kind::Usage,
            Self::Git(_) => Kind::Git,
        }
    }
}

/// What the terminal shows: a pipe gets one line for each problem and no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Show source lines, carets and hints.
    pub snippets: bool,
    pub colour: bool,
}

/// Why nothing could be judged.
#[derive(Debug)]
pub enum Error {
    /// No lab.yaml in the folder or above it.
    NoLab(PathBuf),
    /// The work tree could not be read.
    Read(PathBuf, io::Error),
    /// No such branch or commit in the repository.
    NoRevision(String, PathBuf),
    /// The revision could not be read.
    Git(GitError),
    /// The report could not be written.
    Write(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLab(dir) => write!(
                f,
                "find a lab: neither {} nor a folder above it has a lab.yaml; \
                 name the files to judge, or the lab with -C",
                dir.display()
            ),
            Self::Read(path, error) => write!(f, "read {}: {error}", path.display()),
            Self::NoRevision(rev, dir) => write!(
                f,
                "resolve the revision `{}`: there is no such branch or commit in {}",
                rev.escape_debug(),
                dir.display()
            ),
            Self::Git(error) => error.fmt(f),
            Self::Write(error) => write!(f, "write the report: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoLab(_) | Self::NoRevision(..) => None,
            Self::Read(_, error) | Self::Write(error) => Some(error),
            Self::Git(error) => Some(error),
        }
    }
}

/// A file's problems, and its bytes to show them in.
struct Judged {
    diagnostics: Vec<Diagnostic>,
    source: Vec<u8>,
}

/// Judges and says how it went.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, super::Error> {
    let look = Look {
        snippets: context.terminal.interactive,
        colour: context.terminal.colour,
    };
    match judge(args, context.dir(), look, &mut context.out()) {
        Ok(true) => Ok(Outcome::Done),
        Ok(false) => Ok(Outcome::Failed),
        Err(Error::Write(error)) => Err(error.into()),
        Err(error) => Err(super::Error::new(error.kind(), error.to_string())),
    }
}

/// Judges what `args` name, from the folder `dir`, and writes the problems. Returns whether all is
/// well: warnings are, errors are not.
fn judge(args: &Args, dir: &Path, look: Look, out: &mut impl Write) -> Result<bool, Error> {
    let judged = if let Some(rev) = &args.rev {
        revision::judge(dir, rev)?
    } else if args.files.is_empty() {
        let root = disk::find_lab(dir).ok_or_else(|| Error::NoLab(dir.to_owned()))?;
        validate_tree(disk::lab_tree(&root)?, &|path| root.join(path).is_file())
    } else {
        disk::judge_named(&args.files, dir, &mut || standard_input())
    };
    write(&judged, args.format, look, out).map_err(Error::Write)?;
    let all = || judged.iter().flat_map(|one| &one.diagnostics);
    Ok(!all().any(Diagnostic::is_error))
}

/// Judges a lab's whole tree, each file also by what the tree's own lab.yaml and boards say. `has` says
/// whether the lab has a file, also one that is not among these.
fn validate_tree(files: Vec<File>, has: &dyn Fn(&str) -> bool) -> Vec<Judged> {
    let lab = check::lab_files(&files);
    files
        .into_iter()
        .map(|file| {
            let mut diagnostics = check::validate_file(&file, Some(&lab));
            diagnostics.extend(health::judge(&file, has));
            Judged {
                diagnostics,
                source: file.bytes,
            }
        })
        .collect()
}

/// One byte more than a job may have is enough to see that it is too large.
fn standard_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = LARGEST_JOB as u64 + 1;
    io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write(judged: &[Judged], format: Format, look: Look, out: &mut impl Write) -> io::Result<()> {
    let all = || judged.iter().flat_map(|one| &one.diagnostics);
    match format {
        Format::Human if look.snippets => {
            for one in judged {
                let text = check::render(&one.diagnostics, &one.source, look.colour);
                out.write_all(text.as_bytes())?;
            }
            let errors = all().filter(|one| one.is_error()).count();
            let warnings = all().count() - errors;
            let files = judged.len();
            writeln!(
                out,
                "files: {files}, errors: {errors}, warnings: {warnings}"
            )?;
        }
        Format::Human => {
            for one in all() {
                writeln!(out, "{}", check::line(one))?;
            }
        }
        Format::Json => {
            let list: Vec<&Diagnostic> = all().collect();
            serde_json::to_writer_pretty(&mut *out, &list)?;
            writeln!(out)?;
        }
        Format::Gitlab => {
            let list: Vec<Diagnostic> = all().cloned().collect();
            writeln!(out, "{:#}", check::to_gitlab(&list))?;
        }
    }
    out.flush()
}
