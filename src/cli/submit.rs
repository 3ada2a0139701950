//! `pumice submit`: job definitions, committed and pushed.

mod print;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::diagnostics;
use super::error::{Attempt, Error, Kind, Outcome};
use super::land::{self, Base, Change};
use super::open::Opened;
use super::{forge, free, watch};
use crate::lab::introducing;
use crate::model::check;
use crate::model::lab::LabFiles;
use crate::model::{Diagnostic, JobId, ObjectId, job};
pub use print::print;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Job definitions; those outside queue/ are copied there.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The commit's message, instead of one that names the jobs.
    #[arg(long, short, value_name = "TEXT")]
    pub message: Option<String>,
    /// Pushes a branch for a merge request instead of submitting at once.
    #[arg(long, conflicts_with = "watch")]
    pub review: bool,
    /// Shows progress until the jobs have ended, and exits as `wait` does.
    #[arg(long)]
    pub watch: bool,
    /// Prints a JSON array of what was submitted.
    #[arg(long)]
    pub json: bool,
}

/// A definition on its way into the queue.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Where it shall be, if that is free or already holds it.
    pub wanted: String,
    pub bytes: Vec<u8>,
    /// It lies in the work tree at `wanted`, so its path is fixed.
    pub in_place: bool,
    /// Whether it asks for what the lab lacks, of which people were warned.
    pub lacking: bool,
}

/// A definition that is in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    pub id: JobId,
    pub path: String,
    pub commit: ObjectId,
    /// The commit's page in the forge.
    pub page: Option<String>,
    /// It was there before, so that nothing was submitted.
    pub unchanged: bool,
    /// Whether its definition asks for what the lab lacks, of which people were warned.
    pub lacking: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let files = &seen.snapshot.files;
    let mut definitions = Vec::new();
    let mut refused = false;
    for named in &args.files {
        let file = context.file(named);
        let bytes =
            std::fs::read(&file).attempt(Kind::Usage, || format!("read {}", file.display()))?;
        let (wanted, in_place) = place(&opened, &file)?;
        let judged = judge(&file.display().to_string(), &wanted, &bytes, files);
        refused |= judged.refused;
        definitions.push(Definition {
            wanted,
            bytes,
            in_place,
            lacking: judged.lacking,
        });
    }
    refuse(refused)?;
    if args.review {
        return review(args, context, &opened, files, &definitions);
    }
    let submitted = submit(&opened, files, &definitions, args.message.as_deref())?;
    print(args.json, context, &opened, &submitted)?;
    if args.watch {
        let ids: Vec<JobId> = submitted.iter().map(|job| job.id).collect();
        return watch::until_ended(&opened, &ids, &context.beside(args.json));
    }
    Ok(Outcome::Done)
}

/// Where a file goes: its own path if it lies in the queue of the work tree, else one by its name.
fn place(opened: &Opened, file: &Path) -> Result<(String, bool), Error> {
    if let Some(tree) = land::tree(opened)?
        && let (Ok(root), Ok(file)) = (tree.root().canonicalize(), file.canonicalize())
        && let Ok(inside) = file.strip_prefix(root)
        && let Some(path) = inside.to_str()
        && path.starts_with("queue/")
    {
        return Ok((path.to_owned(), true));
    }
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        Error::new(Kind::Usage, format!("submit {}", file.display()))
            .because("its name is not UTF-8")
    })?;
    Ok((format!("queue/{name}"), false))
}

/// What is wrong with a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// It has an error.
    pub refused: bool,
    /// It asks for what the lab lacks, and that was said.
    pub lacking: bool,
}

/// The problems that say what the lab lacks.
const LACKING: [&str; 6] = [
    "unknown-board",
    "unknown-type",
    "unknown-tag",
    "unknown-dispatcher",
    "no-board",
    "no-runner",
];

/// Shows every problem of a definition, named `shown`, that goes to `path`.
pub fn judge(shown: &str, path: &str, bytes: &[u8], files: &LabFiles) -> Judged {
    let mut problems = check::queue_path(path, check::REGULAR);
    problems.extend(check::job(shown, bytes, Some(files)).diagnostics);
    diagnostics::print(&problems, bytes);
    let lacking = |problem: &Diagnostic| LACKING.contains(&problem.code.as_str());
    Judged {
        refused: problems.iter().any(Diagnostic::is_error),
        lacking: problems.iter().any(lacking),
    }
}

/// The error of a definition with errors, which have been shown.
pub fn refuse(refused: bool) -> Result<(), Error> {
    if !refused {
        return Ok(());
    }
    Err(Error::new(Kind::Failed, "submit the job")
        .because("a definition has errors; nothing was committed"))
}

/// Commits the definitions and pushes; gives the jobs they are now.
pub fn submit(
    opened: &Opened,
    files: &LabFiles,
    definitions: &[Definition],
    message: Option<&str>,
) -> Result<Vec<Submitted>, Error> {
    let mut placed = Vec::new();
    let mut before = Vec::new();
    let head = land::land(opened, &mut |base| {
        let (change, places) = plan(opened, base, definitions, message)?;
        before = places
            .iter()
            .map(|path| introduced(base, path, base.main))
            .collect::<Result<_, Error>>()?;
        placed = places;
        Ok(change)
    })?;
    let reader = opened.lab.reader()?;
    let base = Base {
        reader: &reader,
        main: Some(head),
    };
    let mut submitted = Vec::new();
    let placed = placed.into_iter().zip(before).zip(definitions);
    for ((path, before), definition) in placed {
        let Some(commit) = introduced(&base, &path, Some(head))? else {
            return Err(Error::new(Kind::Git, format!("submit {path}"))
                .because("it is not in the commit that was pushed"));
        };
        let forge = files.config.forge.as_ref();
        submitted.push(Submitted {
            id: JobId::new(commit, &path),
            page: forge.map(|forge| forge::commit_page(forge, commit)),
            unchanged: before == Some(commit),
            lacking: definition.lacking,
            path,
            commit,
        });
    }
    Ok(submitted)
}

/// The commit that introduced what stands at a path; `None` where nothing stands.
pub fn introduced(
    base: &Base,
    path: &str,
    head: Option<ObjectId>,
) -> Result<Option<ObjectId>, Error> {
    let repo = base.reader.repo();
    let Some(head) = head else { return Ok(None) };
    match repo.entry(head, path)? {
        Some(entry) => Ok(introducing(repo, head, path, entry.id)?),
        None => Ok(None),
    }
}

/// The change that puts the definitions on main, and each one's path.
fn plan(
    opened: &Opened,
    base: &Base,
    definitions: &[Definition],
    message: Option<&str>,
) -> Result<(Change, Vec<String>), Error> {
    let mut change = Change::default();
    let mut paths: Vec<String> = Vec::new();
    for definition in definitions {
        let on_main = |path: &str| -> Result<Option<Vec<u8>>, Error> {
            match base.main {
                Some(main) => Ok(base.reader.repo().file(main, path)?),
                None => Ok(None),
            }
        };
        let is_here = on_main(&definition.wanted)?.is_some_and(|old| old == definition.bytes);
        let path = if is_here || definition.in_place {
            definition.wanted.clone()
        } else {
            let taken = taken(opened, base, &paths)?;
            free::path(&definition.wanted, |path| taken.contains(path))
        };
        if !is_here {
            change.put.push((path.clone(), definition.bytes.clone()));
        }
        paths.push(path);
    }
    change.message = message.map_or_else(|| default_message(&change), str::to_owned);
    Ok((change, paths))
}

/// The paths under `queue/` that are in use: on main, in the work tree, or a moment ago.
pub fn taken(
    opened: &Opened,
    base: &Base,
    also: &[String],
) -> Result<std::collections::BTreeSet<String>, Error> {
    let mut taken: std::collections::BTreeSet<String> = also.iter().cloned().collect();
    if let Some(main) = base.main {
        let files = base.reader.repo().files(main, "queue")?;
        taken.extend(files.into_iter().map(|(path, _)| path));
    }
    if let Some(tree) = land::tree(opened)? {
        let files = walkdir::WalkDir::new(tree.root().join("queue"));
        for file in files.into_iter().filter_map(Result::ok) {
            let inside = file.path().strip_prefix(tree.root()).ok();
            taken.extend(inside.and_then(Path::to_str).map(str::to_owned));
        }
    }
    Ok(taken)
}

fn default_message(change: &Change) -> String {
    match change.put.as_slice() {
        [(path, _)] => format!("Submit {}", job::stem(path)),
        many => format!("Submit {} jobs", many.len()),
    }
}

fn review(
    args: &Args,
    context: &Context,
    opened: &Opened,
    files: &LabFiles,
    definitions: &[Definition],
) -> Result<Outcome, Error> {
    let name = definitions
        .first()
        .map_or("jobs", |definition| job::stem(&definition.wanted))
        .to_owned();
    let mut unchanged = false;
    let (branch, _) = land::on_branch(
        opened,
        |commit| format!("submit/{name}-{}", &commit.to_string()[..8]),
        &mut |base| {
            let (change, _) = plan(opened, base, definitions, args.message.as_deref())?;
            unchanged = change.put.is_empty();
            if unchanged {
                return Err(Error::new(Kind::Failed, "open a merge request")
                    .because("these files are on main already"));
            }
            Ok(change)
        },
    )?;
    let main = opened.lab.refs().branch();
    let link = files
        .config
        .forge
        .as_ref()
        .map(|forge| forge::merge_request(forge, main, &branch));
    if args.json {
        let shown = serde_json::json!({"branch": branch, "merge_request": link});
        context.print_json(&shown)?;
        return Ok(Outcome::Done);
    }
    let mut out = context.out();
    writeln!(out, "{branch}")?;
    match link {
        Some(link) => writeln!(out, "open a merge request: {link}")?,
        None => writeln!(
            out,
            "to submit: git fetch && git switch {main} && git merge origin/{branch} && git push"
        )?,
    }
    out.flush()?;
    Ok(Outcome::Done)
}
