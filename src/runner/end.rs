//! From what an attempt reported to what is published.

use super::core::{Attempt, Phase, Stop};
use super::env::Point;
use super::health::in_words;
use super::outbox::{Ending, Item, LogFile, Role};
use super::{Runner, RunnerError};
use crate::dispatch::{AttemptEnd, AttemptMessage, Exit, Outcome, Progress, outcome};
use crate::model::record::{self, Attachment, AttemptRecord, BoardHealth};
use crate::model::{Health, JobId, ObjectId, Reason, State, Time};
use crate::schedule;

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

    fn note_progress(&mut self, id: JobId, n: u32, progress: Progress) {
        let Some(Phase::Running(attempt)) = self.held.get_mut(&id).map(|held| &mut held.phase)
        else {
            return;
        };
        if attempt.n != n {
            return;
        }
        let mut pct = None;
        match progress {
            Progress::Step(step) => {
                match attempt.steps.iter_mut().find(|known| known.n == step.n) {
                    Some(known) => *known = step,
                    None => attempt.steps.push(step),
                }
            }
            Progress::Pct { pct: said, .. } => pct = Some(said),
            _ => return,
        }
        let now = schedule::progress(&attempt.steps, attempt.job.actions.len(), pct);
        attempt.progress = attempt.progress.max(now);
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
        if attempt.stop == Some(Stop::Fenced) {
            if let Some(trouble) = &end.power {
                let verdict = (BoardHealth::Bad, Some(in_words(trouble)));
                self.note_board(self.board_record(&attempt.board, verdict, Some(id), now));
            }
            let late = self.ending(id, claim, *attempt, end, now)?;
            self.keep_evidence(&late);
            self.held.remove(&id);
            self.state.forget(id, n);
            return Ok(());
        }
        let item = self.ending(id, claim, *attempt, end, now)?;
        self.outbox.push(item);
        Ok(())
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
        let message = message(&attempt, &end);
        let this = record::Attempt {
            n: attempt.n,
            board: Some(attempt.board.clone()),
            runner: self.options.name.clone(),
            started_at: Some(attempt.started_at),
            finished_at: now,
            reason,
        };
        let blamed = board_bad.then(|| message.clone());
        let board = self
            .judge_board(id, &attempt, &end, blamed, health)
            .map(|verdict| self.board_record(&attempt.board, verdict, Some(id), now));
        if let Some(diary) = &mut end.diary {
            let fate = if again {
                "tried again"
            } else {
                health.as_str()
            };
            let reason = reason.map_or_else(String::new, |reason| format!(", reason {reason}"));
            diary.note(&format!("judged: {fate}{reason}"));
            if let Some(message) = &message {
                diary.note(&format!("because: {message}"));
            }
            if let Some(board) = &board {
                let why = board.reason.as_deref().unwrap_or("the job ran to its end");
                diary.note(&format!(
                    "board {}: {} ({why})",
                    board.board,
                    board.health.as_str()
                ));
            }
        }
        let mut files = vec![LogFile {
            path: "log.txt".to_owned(),
            file: end.log.clone(),
            role: Role::Log {
                bytes: end.log_bytes,
                dropped: end.log_dropped,
            },
        }];
        if let Some(diary) = &end.diary {
            files.push(LogFile {
                path: "runner.txt".to_owned(),
                file: diary.path().to_owned(),
                role: Role::Runner,
            });
        }
        let events = self.state.attempt(id, attempt.n).join("events.jsonl");
        if events.metadata().is_ok_and(|meta| meta.len() > 0) {
            files.push(LogFile {
                path: "events.jsonl".to_owned(),
                file: events,
                role: Role::Events,
            });
        }
        let mut record = attempt.record;
        for found in &end.attachments {
            let path = format!("out/{}", found.name);
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
            board,
        })
    }
}

/// The reason in words: the limit that was exceeded, else what the dispatcher said last.
fn message(attempt: &Attempt, end: &AttemptEnd) -> Option<String> {
    match attempt.stop {
        Some(Stop::Canceled { .. }) => Some("its version left main while it ran".to_owned()),
        Some(Stop::Shutdown) => Some("the runner was stopped".to_owned()),
        _ if end.power.as_ref().is_some_and(|trouble| trouble.before) => {
            end.power.as_ref().map(in_words)
        }
        _ => end.timeout.clone().or_else(|| match outcome(end) {
            Outcome::Complete => None,
            _ => Some(match &end.said {
                Some(said) => format!("{}: {said}", exit_in_words(&end.exit)),
                None => exit_in_words(&end.exit),
            }),
        }),
    }
}

fn exit_in_words(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("the dispatcher exited with {code}"),
        Exit::Signal(signal) => format!("the dispatcher was killed by signal {signal}"),
        Exit::SpawnFailed(why) => why.clone(),
    }
}
