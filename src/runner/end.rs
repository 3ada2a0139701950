//! From what an attempt reported to what is published.

use super::core::{Attempt, Phase, Stop};
use super::env::Point;
use super::health::{Judged, in_words};
use super::outbox::{Ending, Item, LogFile, Role};
use super::{Runner, RunnerError, group};
use std::path::Path;

use crate::dispatch::{AttemptEnd, AttemptMessage, Exit, Outcome, outcome};
use crate::model::record::{self, Attachment, AttemptRecord, BoardHealth, Member};
use crate::model::{Health, JobId, ObjectId, Reason, State, Time};

impl Runner {
    /// Takes in everything that attempts have reported. Says whether one has ended.
    pub(super) fn take_reports(&mut self) -> Result<bool, RunnerError> {
        let mut ended = false;
        while let Ok((id, n, message)) = self.reports.1.try_recv() {
            match message {
                AttemptMessage::Progress(progress) => self.note_progress(id, n, progress),
                AttemptMessage::Ended(end) => {
                    self.take_end(id, n, *end)?;
                    ended = true;
                }
            }
        }
        Ok(ended)
    }

    /// An attempt has ended: its ending goes to the outbox, unless the fence is shut.
    fn take_end(&mut self, id: JobId, n: u32, end: AttemptEnd) -> Result<(), RunnerError> {
        self.pass(Point::Ended)?;
        let Some(held) = self.held.get_mut(&id) else {
            return Ok(());
        };
        if !matches!(&held.phase, Phase::Running(attempt) if attempt.n == n) {
            return Ok(());
        }
        let Phase::Running(attempt) = std::mem::replace(&mut held.phase, Phase::Ending) else {
            return Ok(());
        };
        let claim = held.id;
        let now = self.env.clock.now();
        if attempt.stop == Some(Stop::Shutdown) && attempt.record.health_check.is_some() {
            // It says nothing about the board, and the next start runs another.
            self.note_power_troubles(&attempt, &end, id, now);
            self.state.forget(id, n, claim);
            self.release(id);
            return Ok(());
        }
        if attempt.stop == Some(Stop::Fenced) {
            self.note_power_troubles(&attempt, &end, id, now);
            let late = self.ending(id, claim, *attempt, end, now)?;
            self.keep_evidence(&late);
            self.held.remove(&id);
            self.state.forget(id, n, claim);
            return Ok(());
        }
        let item = self.ending(id, claim, *attempt, end, now)?;
        self.outbox.push(item);
        Ok(())
    }

    /// Boards that could not be switched off are bad, whatever becomes of the attempt.
    fn note_power_troubles(&mut self, attempt: &Attempt, end: &AttemptEnd, id: JobId, now: Time) {
        for (board, trouble) in group::power_troubles(attempt, end) {
            let verdict = (BoardHealth::Bad, Some(in_words(trouble)));
            self.note_board(self.board_record(board, verdict, Some(id), now));
        }
    }

    fn ending(
        &mut self,
        id: JobId,
        claim: ObjectId,
        attempt: Attempt,
        mut end: AttemptEnd,
        now: Time,
    ) -> Result<Item, RunnerError> {
        let retries = u32::from(attempt.job.retries());
        // Why the attempt failed, and whether it is tried again.
        let (health, reason, again, board_bad) = match attempt.stop {
            Some(Stop::Canceled { .. }) => (Health::Canceled, None, false, false),
            // The admin's wish is no fault of the job: it is tried again however often that happens.
            Some(Stop::Shutdown) => (Health::Incomplete, Some(Reason::Lost), true, false),
            Some(Stop::Fenced) | None => match outcome(&end) {
                Outcome::Complete => (Health::Complete, None, false, false),
                Outcome::Incomplete(reason) => (Health::Incomplete, Some(reason), false, false),
                Outcome::Retry { reason, board_bad } => (
                    Health::Incomplete,
                    Some(reason),
                    attempt.n <= retries,
                    board_bad,
                ),
            },
        };
        // A health check is not tried again: its failure is what it was run for.
        let again = again && attempt.record.health_check.is_none();
        let decider = end
            .group
            .as_ref()
            .and_then(|ended| group::decider(&attempt, ended));
        let mut message = message(&attempt, &end);
        if let (Some(Member { name, board, .. }), Some(words), None) =
            (decider, &message, attempt.stop)
        {
            message = Some(format!("{name} on {board}: {words}"));
        }
        let this = record::Attempt {
            n: attempt.n,
            board: Some(
                decider
                    .map_or(&attempt.board, |member| &member.board)
                    .clone(),
            ),
            boards: attempt
                .record
                .members
                .iter()
                .map(|member| member.board.clone())
                .collect(),
            runner: self.options.name.clone(),
            started_at: Some(attempt.started_at),
            finished_at: now,
            reason,
        };
        let boards = match &end.group {
            Some(ended) => self.judge_group(id, &attempt, ended, health, now),
            None => {
                let judged = Judged {
                    health,
                    reason,
                    board_bad,
                    stopped: attempt.stop.is_some(),
                    message: message.clone(),
                };
                let record = self.judge_board(id, &attempt, &attempt.board, &end, &judged, now);
                record.into_iter().collect()
            }
        };
        let mut fate = if again {
            "judged: tried again".to_owned()
        } else {
            format!("judged: {health}")
        };
        if let Some(reason) = reason {
            fate.push_str(&format!(", reason {reason}"));
        }
        for diary in end.diaries() {
            diary.note(&fate);
            if let Some(message) = &message {
                diary.note(&format!("because: {message}"));
            }
            for board in &boards {
                let why = board.reason.as_deref().unwrap_or("the job ran to its end");
                diary.note(&format!(
                    "board {}: {} ({why})",
                    board.board,
                    board.health.as_str()
                ));
            }
        }
        let mut files = match &end.group {
            Some(ended) => group::group_files(&attempt.record.members, ended),
            None => log_files("", &end),
        };
        let mut record = attempt.record;
        if let Some(ended) = &end.group {
            group::note_ends(&mut record.members, ended, attempt.stop.is_some());
        }
        for found in &end.attachments {
            let path = match found.name.split_once('/') {
                Some((member, name)) if end.group.is_some() => format!("{member}/out/{name}"),
                _ => format!("out/{}", found.name),
            };
            files.push(LogFile {
                path,
                file: found.path.clone(),
                role: Role::Attachment,
            });
            record.attachments.push(Attachment {
                name: found.name.clone(),
                media_type: found.media_type.clone(),
                bytes: found.bytes,
                blob: ObjectId::ZERO,
            });
        }
        let ending = if again {
            if attempt.stop != Some(Stop::Fenced) {
                self.say(&format!(
                    "{} is tried again: {}",
                    id.short(),
                    message.as_deref().unwrap_or("it did not end")
                ));
            }
            let version = record::VERSION;
            Ending::Requeue(Box::new(AttemptRecord {
                version,
                id,
                claim,
                attempt: this,
                message,
                log: None,
                members: record.members,
            }))
        } else {
            record.state = State::Finished;
            record.health = Some(health);
            record.reason = reason;
            record.message = message;
            record.started_at = Some(attempt.started_at);
            record.finished_at = Some(now);
            record.attempts = self.past_attempts(id);
            record.attempts.push(this);
            record.steps = end.steps.clone();
            record.suites = end.suites.clone();
            record.verdict = Some(record::verdict(&record.suites));
            if let Some(Stop::Canceled { by }) = attempt.stop {
                // An ending must never be lost over who asked for it.
                let who = self.lab.reader().map_err(RunnerError::from);
                let who = who.and_then(|reader| self.canceled(&reader, &record, by));
                record.canceled = Some(who.unwrap_or(record::Canceled {
                    by: None,
                    at: now,
                    commit: Some(by),
                    allowed: false,
                }));
            }
            Ending::Finish(Box::new(record))
        };
        Ok(Item {
            claim,
            attempt: attempt.n,
            ending,
            files,
            boards,
        })
    }
}

/// The log, the diary and the events of an attempt on one board, below `prefix`.
pub(super) fn log_files(prefix: &str, end: &AttemptEnd) -> Vec<LogFile> {
    let file = |name: &str, file: &Path, role| LogFile {
        path: format!("{prefix}{name}"),
        file: file.to_owned(),
        role,
    };
    let log = Role::Log {
        bytes: end.log_bytes,
        dropped: end.log_dropped,
    };
    let mut files = vec![file("log.txt", &end.log, log)];
    if let Some(diary) = &end.diary {
        files.push(file("runner.txt", diary.path(), Role::Runner));
    }
    if let Some(events) = &end.events {
        files.push(file("events.jsonl", events, Role::Events));
    }
    files
}

/// The reason in words: the limit that was exceeded, else what the dispatcher said last.
fn message(attempt: &Attempt, end: &AttemptEnd) -> Option<String> {
    match attempt.stop {
        Some(Stop::Canceled { .. }) => Some("its version left main while it ran".to_owned()),
        Some(Stop::Shutdown) => Some("the runner was stopped".to_owned()),
        _ => (outcome(end) != Outcome::Complete).then(|| reason_in_words(end)),
    }
}

/// Why a dispatcher failed, or was not even started.
pub(super) fn reason_in_words(end: &AttemptEnd) -> String {
    if let Some(trouble) = end.power.as_ref().filter(|trouble| trouble.before) {
        return in_words(trouble);
    }
    match (&end.timeout, &end.said) {
        (Some(limit), _) => limit.clone(),
        (None, Some(said)) => format!("{}: {said}", exit_in_words(&end.exit)),
        (None, None) => exit_in_words(&end.exit),
    }
}

fn exit_in_words(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("the dispatcher exited with {code}"),
        Exit::Signal(signal) => format!("the dispatcher was killed by signal {signal}"),
        Exit::SpawnFailed(why) => why.clone(),
    }
}
