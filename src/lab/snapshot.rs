//! Everything about a lab that is not history, at one moment.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Journals, LabError, Reader, Submission, Submitted, board_health, submitted, submitted_check,
};
use crate::model::lab::LabFiles;
use crate::model::record::{BoardHealth, BoardRecord, ClaimFacts};
use crate::model::status::{RunnerStatus, Underway};
use crate::model::{Board, BoardName, Job, JobId, ObjectId, Record, ServiceState, State, Time};

/// A job that has not ended, as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveJob {
    pub record: Record,
    /// The definition, unless it has an error.
    pub job: Option<Job>,
    /// The place in main's history: the smaller came first.
    pub order: i64,
    /// The attempt that runs, or the last one that did, from 1; 0 while none has begun.
    pub attempt: u32,
    /// Percent, at most 99.
    pub progress: u8,
    /// What its runner's heartbeat says of it; none before the first that names it.
    pub underway: Option<Underway>,
}

/// A board with what the runners say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BoardView {
    pub board: Board,
    pub health: BoardHealth,
    pub reason: Option<String>,
    /// What its runner last noted in its journal.
    pub noted: Option<BoardRecord>,
    /// The job that runs on it.
    pub job: Option<JobId>,
    /// When its runner last said that it lives.
    pub runner_seen: Option<Time>,
}

/// Everything about a lab that is not history.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub main: Option<ObjectId>,
    pub files: LabFiles,
    /// Waiting and running jobs, oldest first.
    pub live: Vec<LiveJob>,
    /// By name.
    pub boards: Vec<BoardView>,
    pub runners: Vec<RunnerStatus>,
    pub journals: Journals,
}

impl Snapshot {
    /// Reads the lab as last fetched.
    pub fn load(reader: &Reader) -> Result<Self, LabError> {
        let main = reader.main()?;
        let files = main
            .map(|main| reader.lab_files(main))
            .transpose()?
            .unwrap_or_default();
        let runners = reader.runners()?;
        let live = live(reader, main, &files, &runners)?;
        let noted = reader.board_records()?;
        let boards = files
            .boards
            .values()
            .map(|board| {
                view(
                    board,
                    noted.get(&board.name),
                    files.board_blobs.get(&board.name),
                    &live,
                    &runners,
                )
            })
            .collect();
        Ok(Self {
            main,
            files,
            live,
            boards,
            runners,
            journals: reader.journals()?,
        })
    }
}

fn view(
    board: &Board,
    noted: Option<&BoardRecord>,
    file: Option<&ObjectId>,
    live: &[LiveJob],
    runners: &[RunnerStatus],
) -> BoardView {
    let (mut health, mut reason) = board_health(board, noted, file);
    let said = runners
        .iter()
        .find_map(|runner| Some((runner, runner.boards.iter().find(|b| b.name == board.name)?)));
    // The runner knows what the lab's files cannot say: a program that is not allowed on its host, a
    // health check that cannot run.
    if let Some((_, status)) = said
        && board.service.state == ServiceState::Active
        && matches!(
            status.health,
            BoardHealth::Maintenance | BoardHealth::Unknown
        )
        && matches!(health, BoardHealth::Good | BoardHealth::Unknown)
        && status.reason.is_some()
    {
        (health, reason) = (status.health, status.reason.clone());
    }
    let runs_here = |job: &&LiveJob| job.record.boards().any(|on| *on == board.name);
    BoardView {
        board: board.clone(),
        health,
        reason,
        noted: noted.cloned(),
        job: live.iter().find(runs_here).map(|job| job.record.id),
        runner_seen: said.map(|(runner, _)| runner.at),
    }
}

/// Waiting and running jobs, oldest first.
fn live(
    reader: &Reader,
    main: Option<ObjectId>,
    files: &LabFiles,
    runners: &[RunnerStatus],
) -> Result<Vec<LiveJob>, LabError> {
    let repo = reader.repo();
    let finished = reader.finished()?;
    let alive: Vec<Submission> = main
        .map(|main| super::alive(repo, main))
        .transpose()?
        .unwrap_or_default();
    let claims = reader.claims(&BTreeMap::new())?;
    let mut submissions: Vec<(Submission, bool)> = alive
        .into_iter()
        .map(|submission| (submission, true))
        .collect();
    let known: BTreeSet<JobId> = submissions
        .iter()
        .map(|(submission, _)| submission.id)
        .collect();
    for (id, seen) in &claims {
        if known.contains(id) {
            continue;
        }
        if seen.claim.health_check {
            // In no queue, so it cannot leave one.
            submissions.extend(Submission::of_health_check(repo, &seen.claim)?.map(|s| (s, true)));
            continue;
        }
        // Claimed, but no longer on main: it is being canceled. Its runner saw it on an older main.
        if let Ok(older) = super::alive(repo, seen.claim.main)
            && let Some(gone) = older.into_iter().find(|submission| submission.id == *id)
        {
            submissions.push((gone, false));
        }
    }
    submissions.sort_by(|(a, _), (b, _)| a.order.cmp(&b.order).then_with(|| a.path.cmp(&b.path)));
    submissions.retain(|(submission, _)| !finished.contains(submission.id));
    let ids = submissions.iter().map(|(submission, _)| submission.id);
    let mut past = reader.attempts_of_all(&ids.collect())?;
    let mut live = Vec::new();
    for (submission, on_main) in submissions {
        let checked = claims
            .get(&submission.id)
            .filter(|seen| seen.claim.health_check)
            .and_then(|seen| seen.claim.board.as_ref());
        let judged = match checked {
            Some(board) => submitted_check(repo, &submission, files, board)?,
            None => submitted(repo, &submission, files)?,
        };
        let Submitted { mut record, job } = judged;
        let past = past.remove(&submission.id).unwrap_or_default();
        record.attempts = past.into_iter().map(|past| past.attempt).collect();
        let mut attempt = record.attempts.len() as u32;
        let (mut progress, mut underway) = (0, None);
        if let Some(seen) = claims.get(&submission.id) {
            let claim = &seen.claim;
            let board = claim.board.as_ref();
            let said = runners
                .iter()
                .filter(|runner| runner.runner == claim.runner)
                .flat_map(|runner| runner.running.iter().map(move |job| (runner, job)))
                .find(|(_, job)| job.id == submission.id);
            let running = said.map(|(_, job)| job);
            record.state = if on_main {
                State::Running
            } else {
                State::Canceling
            };
            record.started_at = Some(running.map_or(claim.at, |job| job.started_at));
            record.steps = running.map(|job| job.steps.clone()).unwrap_or_default();
            record.claim = Some(ClaimFacts {
                runner: claim.runner.clone(),
                board: claim.board.clone(),
                device_type: board
                    .and_then(|name: &BoardName| files.boards.get(name))
                    .map(|b| b.device_type.clone()),
                at: claim.at,
            });
            record.members = claim.record_members(files);
            record.estimate = claim.estimate.clone();
            attempt = claim.attempt;
            progress = running.map_or(0, |job| job.progress);
            underway = said.map(|(runner, job)| runner.underway(job));
        }
        live.push(LiveJob {
            record,
            job,
            order: submission.order,
            attempt,
            progress,
            underway,
        });
    }
    Ok(live)
}
