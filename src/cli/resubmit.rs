//! `pumice resubmit`: a job's definition once more, under a new path.

use std::io::Write;
use std::process::Command;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::context::Context;
use super::error::{Attempt, Error, Kind, Outcome};
use super::land::Base;
use super::pointer::Set;
use super::submit::{self, Definition};
use super::view::Job;
use super::{find, free, watch};
use crate::lab::Reader;
use crate::model::JobId;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job: any unique prefix of its id, or the path of its file.
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Changes the copy at a dotted key, such as priority=high, actions.0.timeout=2m or tags=["net"]; the value is JSON if it parses, else text.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<Set>,
    /// Opens the copy in your editor before it is submitted.
    #[arg(long)]
    pub edit: bool,
    /// The commit's message, instead of one that names the job.
    #[arg(long, short, value_name = "TEXT")]
    pub message: Option<String>,
    /// Shows progress until the job has ended, and exits as `wait` does.
    #[arg(long)]
    pub watch: bool,
    /// Prints a JSON array of the submitted job.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let job = find::job(&seen, &args.job)?;
    if let Some(board) = &job.record.health_check {
        let id = job.record.id.short();
        return Err(Error::new(Kind::Failed, format!("resubmit {id}"))
            .because(format!(
                "it is a health check of {board}, which is in no queue"
            ))
            .hint(format!("`pumice board check {board}` asks for another one")));
    }
    let mut definition = parsed(&seen.reader, &job)?;
    let was_copy = definition.get("resubmitted_from").is_some();
    let from = Value::String(job.record.id.to_string());
    for set in [&Set::new("resubmitted_from", from)]
        .into_iter()
        .chain(&args.set)
    {
        set.apply(&mut definition).attempt(Kind::Usage, || {
            format!("change the definition of {}", job.record.path)
        })?;
    }
    let mut text = serde_json::to_vec_pretty(&definition)
        .attempt(Kind::Failed, || "write the definition".to_owned())?;
    text.push(b'\n');
    let mut draft = None;
    if args.edit {
        let (edited, file) = edit(&text, &job)?;
        text = edited;
        draft = Some(file);
    }
    let original = if was_copy {
        free::original(&job.record.path)
    } else {
        job.record.path.clone()
    };
    let base = Base {
        reader: &seen.reader,
        main: seen.snapshot.main,
    };
    let taken = submit::taken(&opened, &base, &[])?;
    let wanted = free::numbered(&original, |path| taken.contains(path));
    let files = &seen.snapshot.files;
    let judged = submit::judge(&wanted, &wanted, &text, files);
    submit::refuse(judged.refused).map_err(|error| kept(error, draft))?;
    let definition = Definition {
        wanted,
        bytes: text,
        in_place: false,
        lacking: judged.lacking,
    };
    let stem = crate::model::job::stem(&job.record.path);
    let message = match &args.message {
        Some(message) => message.clone(),
        None => format!("Resubmit {stem}\n\nJob: {}", job.record.id),
    };
    let submitted = submit::submit(&opened, files, &[definition], Some(&message))?;
    submit::print(args.json, context, &opened, &submitted)?;
    if args.watch {
        let ids: Vec<JobId> = submitted.iter().map(|job| job.id).collect();
        return watch::until_ended(&opened, &ids, &context.beside(args.json));
    }
    Ok(Outcome::Done)
}

/// The definition as it was committed; where that history is gone, as the record keeps it.
fn parsed(reader: &Reader, job: &Job) -> Result<Value, Error> {
    let record = &job.record;
    let committed = reader
        .repo()
        .file(record.commit, &record.path)
        .ok()
        .flatten();
    let value = committed.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let value = value.unwrap_or_else(|| record.definition.clone());
    if value.is_object() {
        return Ok(value);
    }
    Err(Error::new(
        Kind::Failed,
        format!("resubmit {} {}", record.id.short(), record.path),
    )
    .because("its definition is not a JSON object")
    .hint("write the file anew and `pumice submit` it"))
}

/// The text as the person's editor left it, and the file it lies in.
fn edit(text: &[u8], job: &Job) -> Result<(Vec<u8>, NamedTempFile), Error> {
    let stem = crate::model::job::stem(&job.record.path);
    let attempt = || "edit the definition".to_owned();
    let mut file = tempfile::Builder::new()
        .prefix(&format!("{stem}-"))
        .suffix(".json")
        .tempfile()
        .attempt(Kind::Failed, attempt)?;
    file.write_all(text).attempt(Kind::Failed, attempt)?;
    let editor = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned());
    // Words, not a shell's line: the file's name comes from the queue.
    let mut words = editor.split_whitespace();
    let status = Command::new(words.next().unwrap_or("vi"))
        .args(words)
        .arg(file.path())
        .status()
        .attempt(Kind::Failed, || format!("start the editor `{editor}`"))?;
    if !status.success() {
        return Err(Error::new(Kind::Failed, attempt()).because(format!(
            "the editor ended with {status}; nothing was committed"
        )));
    }
    let edited = std::fs::read(file.path()).attempt(Kind::Failed, attempt)?;
    Ok((edited, file))
}

/// An edited text with errors is not thrown away.
fn kept(error: Error, draft: Option<NamedTempFile>) -> Error {
    match draft.map(NamedTempFile::keep) {
        Some(Ok((_, path))) => {
            let path = path.display();
            error.hint(format!(
                "your text is in {path}: mend it, then `pumice submit {path}`"
            ))
        }
        _ => error,
    }
}
