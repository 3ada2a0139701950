//! From a version of a file under `queue/` to the record its job begins with.

use super::{LabError, Submission};
use crate::git::Repo;
use crate::model::check;
use crate::model::lab::LabFiles;
use crate::model::record::{Submitter, VERSION};
use crate::model::{Diagnostic, Job, Priority, Record, State, job};

/// A submission that was read and judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// State `submitted`; its diagnostics hold what is wrong.
    pub record: Record,
    /// `None` when the definition has an error: the job will be rejected.
    pub job: Option<Job>,
}

/// Reads and judges a submission's definition.
pub fn submitted(
    repo: &Repo,
    submission: &Submission,
    files: &LabFiles,
) -> Result<Submitted, LabError> {
    let diagnostics = check::queue_path(&submission.path, submission.mode);
    judge(repo, submission, files, diagnostics)
}

/// Reads and judges a definition wherever it lies; `diagnostics` say what is wrong with its path.
pub(super) fn judge(
    repo: &Repo,
    submission: &Submission,
    files: &LabFiles,
    mut diagnostics: Vec<Diagnostic>,
) -> Result<Submitted, LabError> {
    let path = &submission.path;
    let mut job = None;
    let mut definition = serde_json::Value::Null;
    // Only a regular file has a text of its own; a link's target or a submodule is never read.
    if submission.mode & 0o170_000 == 0o100_000 {
        let size = repo.blob_size(submission.blob)?;
        if size <= check::LARGEST_JOB as u64 {
            let bytes = repo.blob(submission.blob)?;
            let checked = check::job(path, &bytes, Some(files));
            job = checked.value;
            diagnostics.extend(checked.diagnostics);
            definition = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
                serde_json::Value::String(String::from_utf8_lossy(&bytes).into_owned())
            });
        } else {
            diagnostics.push(check::too_large(path, size));
        }
    }
    if diagnostics.iter().any(Diagnostic::is_error) {
        job = None;
    }
    let author = &submission.author;
    let user = files.config.user_name(&author.email);
    let stream = job
        .as_ref()
        .and_then(Job::stream)
        .map_or_else(|| format!("/public/{user}/"), str::to_owned);
    let record = Record {
        version: VERSION,
        id: submission.id,
        job_name: job
            .as_ref()
            .map_or_else(|| job::stem(path).to_owned(), |job| job.name(path)),
        path: path.clone(),
        commit: submission.commit,
        submitter: Submitter {
            name: author.name.clone(),
            email: author.email.clone(),
            user,
            verified: false,
        },
        submitted_at: submission.submitted_at,
        stream,
        priority: job
            .as_ref()
            .map_or_else(Priority::default, |job| job.priority),
        tags: job.as_ref().map(|job| job.tags.clone()).unwrap_or_default(),
        definition,
        state: State::Submitted,
        health: None,
        reason: None,
        verdict: None,
        message: None,
        claim: None,
        members: Vec::new(),
        started_at: None,
        finished_at: None,
        attempts: Vec::new(),
        steps: Vec::new(),
        suites: Vec::new(),
        estimate: None,
        log: None,
        attachments: Vec::new(),
        canceled: None,
        diagnostics,
        health_check: None,
    };
    Ok(Submitted { record, job })
}
