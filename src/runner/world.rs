//! What the lab says, as last fetched: everything the runner decides from.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::checks::Checks;
use super::group::is_scattered;
use crate::lab::{self, submitted};
use crate::lab::{
    FilesKey, Heartbeat, JournalChange, Journals, LabError, QueueEvent, Reader, SeenClaim,
    Submission,
};
use crate::model::lab::LabFiles;
use crate::model::record::BoardRecord;
use crate::model::span::Span;
use crate::model::{BoardName, JobId, ObjectId, Priority, Reason, RunnerName, Time, group};
use crate::schedule::{Candidate, Lane, Past, Rules};

/// How far back the ends of jobs count since a board's health check.
const RECENT_S: f64 = 14.0 * 86_400.0;

/// The lab, as last fetched.
#[derive(Default)]
pub(super) struct World {
    /// Main's head as last walked.
    pub main: Option<ObjectId>,
    /// Main's head as it stands, while it is no descendant of the one last walked.
    pub rewritten: Option<ObjectId>,
    files_key: FilesKey,
    pub files: LabFiles,
    pub journals: Journals,
    pub finished: HashSet<JobId>,
    pub attempts: HashMap<JobId, Vec<PastAttempt>>,
    pub noted: BTreeMap<BoardName, BoardRecord>,
    /// Boards that take nothing for a reason that only this host knows, such as power that is being
    /// switched off.
    pub unfit: BTreeMap<BoardName, String>,
    pub checks: Checks,
    /// How many jobs each board has run since its last health check.
    since_check: BTreeMap<BoardName, u32>,
    pub claims: BTreeMap<JobId, SeenClaim>,
    /// Claims that this version cannot read: their jobs are somebody's.
    pub locked: BTreeMap<JobId, ObjectId>,
    pub heartbeats: BTreeMap<RunnerName, Heartbeat>,
    /// The versions on main, by path.
    pub known: BTreeMap<String, Submission>,
    pub waiting: BTreeMap<JobId, Waiting>,
    pub closings: BTreeMap<JobId, Closing>,
    /// What the finished jobs say that plans and estimates need.
    pub past: Past,
    /// Whether it holds what the journals held at the first look.
    has_past: bool,
    /// The recent ends of jobs on boards, oldest first.
    uses: VecDeque<Use>,
}

/// A retried attempt, as its journal says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PastAttempt {
    pub claim: ObjectId,
    pub record: crate::model::record::Attempt,
}

/// A job that could start.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub submission: Submission,
    pub candidate: Candidate,
    pub job_name: String,
    /// Who submitted it.
    pub user: String,
    /// The time limit that it asks for.
    pub timeout: Option<Span>,
    /// Its time limit, by the lab's rules as they stand.
    pub limit: Span,
    /// A group's, in the order of the candidate's seats.
    pub members: Vec<group::Member>,
}

/// A job that needs a record but no board.
#[derive(Debug, Clone)]
pub(super) struct Closing {
    pub submission: Submission,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Rejected,
    /// A group for whose members no single runner has the boards.
    Scattered,
    /// This commit took the version off main.
    Left(ObjectId),
    Expired,
}

struct Use {
    board: BoardName,
    until: Time,
}

impl World {
    /// Whether this very job (not merely its path and text) is on main.
    pub fn is_alive(&self, id: JobId, path: &str) -> bool {
        self.known
            .get(path)
            .is_some_and(|submission| submission.id == id)
    }

    /// Whether nobody has a claim on it.
    pub fn is_unclaimed(&self, id: &JobId) -> bool {
        !self.claims.contains_key(id) && !self.locked.contains_key(id)
    }

    /// The waiting jobs that nobody has ever started, with the moment at which they give up.
    pub fn expiring(&self) -> impl Iterator<Item = (JobId, Time)> {
        self.waiting.iter().filter_map(|(id, waiting)| {
            let started = !self.is_unclaimed(id) || self.attempts.contains_key(id);
            Some((*id, waiting.candidate.expires_at.filter(|_| !started)?))
        })
    }

    /// The rules of the plan, with what ran lately and what runs. An urgent job whose boards are all
    /// `freed` has had its turn, but runs no more.
    pub fn rules(&self, freed: &BTreeSet<BoardName>, now: Time) -> Rules {
        let running = self.claims.iter().filter_map(|(id, seen)| {
            let candidate = &self.waiting.get(id)?.candidate;
            let board = seen.claim.board.as_ref();
            let board = board.and_then(|name| self.files.boards.get(name));
            let lane = Lane {
                group: candidate.group.clone(),
                device_type: board.map_or_else(String::new, |board| board.device_type.clone()),
            };
            Some((lane, candidate.priority, seen.claim.at))
        });
        let mut rules = self.past.rules(&self.files.config, running, now);
        for (id, seen) in &self.claims {
            let candidate = self.waiting.get(id).map(|waiting| &waiting.candidate);
            let urgent = candidate.filter(|job| job.priority == Priority::Urgent);
            let mut boards = seen.claim.boards().peekable();
            if let Some(job) = urgent
                && boards.peek().is_some()
                && boards.all(|board| freed.contains(board))
                && let Some(running) = rules.urgent_running.get_mut(&job.group)
            {
                *running = running.saturating_sub(1);
            }
        }
        rules
    }

    /// The first look: from the last main that a journal's runner has walked, else from the queue
    /// as it stands. `Err` holds the head that main should contain and does not.
    pub fn begin(
        &mut self,
        reader: &Reader,
        me: &RunnerName,
        accept: Option<ObjectId>,
        now: Time,
    ) -> Result<Result<(), (String, ObjectId)>, LabError> {
        self.observe_runners(reader, now)?;
        self.past = reader.fold(Past::FILE, |past: &mut Past, record| past.add(record, now))?;
        self.has_past = true;
        let Some(main) = reader.main()? else {
            return Ok(Ok(()));
        };
        let mut seen = Vec::new();
        for (runner, head) in &self.journals {
            // One that this version cannot read counts as none: then more of main is walked again.
            if let Ok(Some(seen_there)) = reader.seen(*head) {
                seen.push((runner.clone(), seen_there));
            }
        }
        let own = seen.iter().find(|(runner, _)| runner == me);
        let base = own
            .or_else(|| seen.iter().max_by_key(|(_, seen)| seen.at))
            .map(|(_, seen)| seen.main);
        if accept != Some(main) {
            let named = seen
                .iter()
                .map(|(runner, seen)| (format!("the journal of {runner}"), seen.main));
            let claimed = self
                .claims
                .iter()
                .map(|(id, seen)| (format!("the claim of {id}"), seen.claim.main));
            for (by, head) in named.chain(claimed) {
                if !reader.repo().exists(head) || !reader.repo().is_ancestor(head, main)? {
                    return Ok(Err((by, head)));
                }
            }
        }
        self.load_files(reader, main)?;
        let mut start = match base {
            Some(base)
                if reader.repo().exists(base) && reader.repo().is_ancestor(base, main)? =>
            {
                base
            }
            _ => main,
        };
        // What an open claim's runner saw on main may have left it since, unseen by any journal.
        for seen in self.claims.values() {
            let head = seen.claim.main;
            if head != start
                && reader.repo().exists(head)
                && reader.repo().is_ancestor(head, start)?
            {
                start = head;
            }
        }
        for submission in lab::alive(reader.repo(), start)? {
            self.join(reader, submission)?;
        }
        self.main = Some(start);
        if start != main {
            self.walk(reader, start, main)?;
        }
        self.read_checks(reader, now)?;
        Ok(Ok(()))
    }

    /// Every look after the first. Says which jobs left main, with the commit that took them off.
    pub fn observe(
        &mut self,
        reader: &Reader,
        accept: Option<ObjectId>,
        now: Time,
    ) -> Result<Vec<(JobId, ObjectId)>, LabError> {
        self.observe_runners(reader, now)?;
        let Some(main) = reader.main()? else {
            return Ok(Vec::new());
        };
        let Some(walked) = self.main else {
            // The lab was empty until now.
            self.load_files(reader, main)?;
            for submission in lab::alive(reader.repo(), main)? {
                self.join(reader, submission)?;
            }
            self.main = Some(main);
            return Ok(Vec::new());
        };
        if main == walked {
            self.rewritten = None;
            return Ok(Vec::new());
        }
        let grown = reader.repo().is_ancestor(walked, main)?;
        if !grown && accept != Some(main) {
            self.rewritten = Some(main);
            return Ok(Vec::new());
        }
        self.rewritten = None;
        self.load_files(reader, main)?;
        if grown {
            self.walk(reader, walked, main)
        } else {
            self.replace_queue(reader, main)
        }
    }

    fn load_files(&mut self, reader: &Reader, main: ObjectId) -> Result<(), LabError> {
        let key = reader.lab_files_key(main)?;
        if key != self.files_key || self.files_key == FilesKey::default() {
            self.files = reader.lab_files(main)?;
            self.files_key = key;
            self.apply_config();
            self.judge_groups();
        }
        Ok(())
    }

    /// The lab's rules have changed: the waiting jobs follow them.
    pub fn apply_config(&mut self) {
        let config = &self.files.config;
        for waiting in self.waiting.values_mut() {
            waiting.candidate.group = config.group_of(&waiting.user).to_owned();
            waiting.limit = config.timeouts.limit_of(waiting.timeout);
        }
    }

    /// The lab's boards have changed: groups that nobody has started may have become impossible.
    fn judge_groups(&mut self) {
        let impossible = |(id, waiting): &(&JobId, &Waiting)| {
            self.is_unclaimed(id) && is_scattered(&waiting.candidate, &self.files)
        };
        let ids: Vec<JobId> = self
            .waiting
            .iter()
            .filter(impossible)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            if let Some(Waiting { submission, .. }) = self.waiting.remove(&id) {
                let why = Why::Scattered;
                self.closings.insert(id, Closing { submission, why });
            }
        }
    }

    fn walk(
        &mut self,
        reader: &Reader,
        from: ObjectId,
        to: ObjectId,
    ) -> Result<Vec<(JobId, ObjectId)>, LabError> {
        let mut left = Vec::new();
        for event in lab::advance(reader.repo(), from, to, &self.known)? {
            match event {
                QueueEvent::Joined(submission) => self.join(reader, submission)?,
                QueueEvent::Left { submission, by } => left.extend(self.leave(submission, by)),
            }
        }
        self.main = Some(to);
        Ok(left)
    }

    /// An accepted rewrite: the new main's queue is the queue.
    fn replace_queue(
        &mut self,
        reader: &Reader,
        main: ObjectId,
    ) -> Result<Vec<(JobId, ObjectId)>, LabError> {
        let alive = lab::alive(reader.repo(), main)?;
        let ids: BTreeSet<JobId> = alive.iter().map(|submission| submission.id).collect();
        let gone: Vec<Submission> = self
            .known
            .values()
            .filter(|known| !ids.contains(&known.id))
            .cloned()
            .collect();
        let mut left = Vec::new();
        for submission in gone {
            left.extend(self.leave(submission, main));
        }
        for submission in alive {
            if !self.is_alive(submission.id, &submission.path) {
                self.join(reader, submission)?;
            }
        }
        self.main = Some(main);
        Ok(left)
    }

    fn join(&mut self, reader: &Reader, submission: Submission) -> Result<(), LabError> {
        self.known
            .insert(submission.path.clone(), submission.clone());
        let id = submission.id;
        if self.finished.contains(&id) {
            return Ok(());
        }
        let judged = submitted(reader.repo(), &submission, &self.files)?;
        match judged.job.as_ref().and_then(|job| {
            let group = self.files.config.group_of(&judged.record.submitter.user);
            let since = submission.submitted_at;
            Some((
                job,
                Candidate::new(id, submission.order, job, group, since)?,
            ))
        }) {
            Some((_, candidate)) if is_scattered(&candidate, &self.files) => {
                let why = Why::Scattered;
                self.closings.insert(id, Closing { submission, why });
            }
            Some((job, mut candidate)) => {
                self.avoid(&mut candidate);
                self.waiting.insert(
                    id,
                    Waiting {
                        submission,
                        candidate,
                        job_name: judged.record.job_name.clone(),
                        user: judged.record.submitter.user.clone(),
                        timeout: job.timeout,
                        limit: self.files.config.timeouts.limit(job),
                        members: group::members(job),
                    },
                );
            }
            None => {
                self.closings.insert(
                    id,
                    Closing {
                        submission,
                        why: Why::Rejected,
                    },
                );
            }
        }
        Ok(())
    }

    fn leave(&mut self, submission: Submission, by: ObjectId) -> Option<(JobId, ObjectId)> {
        let id = submission.id;
        if self.is_alive(id, &submission.path) {
            self.known.remove(&submission.path);
        }
        self.waiting.remove(&id);
        if self.finished.contains(&id) {
            return None;
        }
        // What is rejected stays rejected, though its author took it away meanwhile.
        self.closings.entry(id).or_insert(Closing {
            submission,
            why: Why::Left(by),
        });
        Some((id, by))
    }

    /// Journals, claims and heartbeats.
    fn observe_runners(&mut self, reader: &Reader, now: Time) -> Result<(), LabError> {
        let journals = reader.journals()?;
        if journals != self.journals {
            for change in reader.journal_changes(&self.journals, &journals)? {
                self.note(reader, change, now)?;
            }
            self.journals = journals;
        }
        while self
            .uses
            .front()
            .is_some_and(|used| now.seconds_since(used.until) > RECENT_S)
        {
            self.uses.pop_front();
        }
        let claims = reader.all_claims(&self.claims)?;
        (self.claims, self.locked) = (claims.seen, claims.unreadable);
        self.heartbeats = reader.heartbeats(&self.heartbeats)?;
        Ok(())
    }

    fn note(&mut self, reader: &Reader, change: JournalChange, now: Time) -> Result<(), LabError> {
        match change {
            JournalChange::Record(change) => {
                let Some(blob) = change.new else {
                    return Ok(());
                };
                self.finish(change.id);
                // Old records are not read: only their ids matter.
                if is_recent(&change.path, now)
                    && let Ok(record) = reader.record(blob)
                {
                    self.note_use(&record, now);
                    if self.has_past {
                        self.past.add(&record, now);
                    }
                }
            }
            JournalChange::Attempt(change) => {
                if self.finished.contains(&change.id) {
                    return Ok(());
                }
                let past = match reader.attempt_record(change.blob) {
                    Ok(record) => PastAttempt {
                        claim: record.claim,
                        record: record.attempt,
                    },
                    // A later version's record still is an attempt; its blob tells it from others.
                    Err(LabError::Unreadable { .. }) => PastAttempt {
                        claim: change.blob,
                        record: crate::model::record::Attempt {
                            n: change.n,
                            board: None,
                            boards: Vec::new(),
                            runner: change.runner,
                            started_at: None,
                            finished_at: now,
                            reason: None,
                        },
                    },
                    Err(error) => return Err(error),
                };
                let attempts = self.attempts.entry(change.id).or_default();
                if !attempts.iter().any(|known| known.claim == past.claim) {
                    attempts.push(past);
                }
                if let Some(mut waiting) = self.waiting.remove(&change.id) {
                    self.avoid(&mut waiting.candidate);
                    self.waiting.insert(change.id, waiting);
                }
            }
            JournalChange::Board { blob, .. } => {
                let record = match reader.board_record(blob) {
                    Ok(record) => record,
                    Err(LabError::Unreadable { .. }) => return Ok(()),
                    Err(error) => return Err(error),
                };
                if self
                    .noted
                    .get(&record.board)
                    .is_none_or(|known| known.at <= record.at)
                {
                    if let Some(checked) = &record.checked {
                        // Exact where the records of one hour were read in any order.
                        let later =
                            |used: &&Use| used.board == record.board && used.until > checked.at;
                        let count = self.uses.iter().filter(later).count() as u32;
                        self.since_check.insert(record.board.clone(), count);
                    }
                    self.noted.insert(record.board.clone(), record);
                }
            }
        }
        Ok(())
    }

    /// A job has its record.
    pub fn finish(&mut self, id: JobId) {
        self.finished.insert(id);
        self.waiting.remove(&id);
        self.closings.remove(&id);
        self.attempts.remove(&id);
    }

    fn note_use(&mut self, record: &crate::model::Record, now: Time) {
        let (Some(_), Some(until)) = (record.started_at, record.finished_at) else {
            return;
        };
        // One in time to come would stay in front of the others and keep them all.
        let until = until.min(now);
        for board in record.boards().cloned() {
            if record.health_check.is_some() {
                self.since_check.remove(&board);
            } else {
                *self.since_check.entry(board.clone()).or_default() += 1;
            }
            self.uses.push_back(Use { board, until });
        }
    }

    /// Keeps a job from the boards that failed under it, and, where there is another, from those on
    /// which it failed for want of something else.
    fn avoid(&self, candidate: &mut Candidate) {
        let past = self.attempts.get(&candidate.id);
        for past in past.map(Vec::as_slice).unwrap_or_default() {
            let boards = match past.record.reason {
                Some(Reason::Board) => &mut candidate.not_on,
                _ => &mut candidate.last_on,
            };
            boards.extend(past.record.board.clone());
        }
    }

    /// How many jobs a board has run since its last health check.
    pub(super) fn jobs_since_check(&self, board: &BoardName) -> u32 {
        self.since_check.get(board).copied().unwrap_or_default()
    }
}

/// Whether a record's path (`jobs/yyyy/mm/dd/hh/…`) lies in the days that count.
fn is_recent(path: &str, now: Time) -> bool {
    let oldest = now
        .plus_seconds(-RECENT_S)
        .utc()
        .format("jobs/%Y/%m/%d/%H")
        .to_string();
    path >= oldest.as_str()
}
