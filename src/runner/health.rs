//! Board health: what an attempt's end says of its board, and what is noted of it in the journal.

use super::Runner;
use super::core::Attempt;
use crate::dispatch::AttemptEnd;
use crate::dispatch::power::PowerTrouble;
use crate::model::record::{self, BoardHealth, BoardRecord, Checked};
use crate::model::{BoardName, Health, JobId, Reason, Time};

/// How a board is, and why.
type Verdict = (BoardHealth, Option<String>);

impl Runner {
    /// Notes a board's health. It counts here at once, and is published with the next push.
    pub(super) fn note_board(&mut self, record: BoardRecord) {
        self.world
            .noted
            .insert(record.board.clone(), record.clone());
        self.notes.insert(record.board.clone(), record);
    }

    /// A board's record from now on, about its file as it stands.
    pub(super) fn board_record(
        &self,
        board: &BoardName,
        (health, reason): Verdict,
        job: Option<JobId>,
        at: Time,
    ) -> BoardRecord {
        let before = self.world.noted.get(board);
        BoardRecord {
            version: record::VERSION,
            board: board.clone(),
            health,
            reason,
            at,
            job,
            file: self.world.files.board_blobs.get(board).copied(),
            checked: before.and_then(|noted| noted.checked.clone()),
        }
    }

    /// What is noted of a board after an attempt; `None` when that says nothing about it.
    pub(super) fn judge_board(
        &self,
        id: JobId,
        attempt: &Attempt,
        board: &BoardName,
        end: &AttemptEnd,
        judged: &Judged,
        at: Time,
    ) -> Option<BoardRecord> {
        let power = end.power.as_ref().map(|trouble| {
            // Whatever else was found: a board that cannot be switched off is not safe to use.
            (BoardHealth::Bad, Some(in_words(trouble)))
        });
        if attempt.record.health_check.is_none() {
            let verdict = power.or_else(|| self.after_job(id, board, end, judged))?;
            return Some(self.board_record(board, verdict, Some(id), at));
        }
        let verdict = power.unwrap_or_else(|| after_check(end, judged));
        let passed = verdict.0 == BoardHealth::Good;
        let mut record = self.board_record(board, verdict, Some(id), at);
        let known = self.world.files.boards.get(board);
        record.checked = Some(Checked {
            job: id,
            at,
            passed,
            asked: known.and_then(|known| known.check.clone()),
        });
        Some(record)
    }

    fn after_job(
        &self,
        id: JobId,
        board: &BoardName,
        end: &AttemptEnd,
        judged: &Judged,
    ) -> Option<Verdict> {
        // An exit code that blames the board outweighs what the dispatcher said of it before.
        if judged.board_bad {
            return Some((BoardHealth::Bad, judged.message.clone()));
        }
        // What was noted about the file as it stands; a touched file begins anew.
        let file = self.world.files.board_blobs.get(board);
        let noted = self.world.noted.get(board);
        let doubted = noted
            .filter(|noted| noted.file.as_ref() == file && noted.health == BoardHealth::Unknown);
        match &end.board {
            // It could not be brought up because it was not to be.
            Some((BoardHealth::Unknown, _)) if judged.stopped => None,
            Some((BoardHealth::Unknown, why)) => Some(match doubted.and_then(|noted| noted.job) {
                Some(first) if first != id => {
                    let before = doubted.and_then(|noted| noted.reason.as_deref());
                    (BoardHealth::Bad, Some(twice(first, before, why.as_deref())))
                }
                _ => (BoardHealth::Unknown, why.clone()),
            }),
            Some(said) => Some(said.clone()),
            // Whoever ran to the end has used it.
            None if judged.health == Health::Complete && doubted.is_some() => {
                Some((BoardHealth::Good, None))
            }
            None if judged.reason == Some(Reason::Infrastructure) && self.has_check(board) => {
                let why = judged.message.as_deref().unwrap_or("no reason was given");
                let why = format!("an infrastructure failure of {}: {why}", id.short());
                Some((BoardHealth::Unknown, Some(why)))
            }
            None => None,
        }
    }

    fn has_check(&self, board: &BoardName) -> bool {
        let board = self.world.files.boards.get(board);
        board.is_some_and(|board| board.health_check.is_some())
    }
}

/// How an attempt's end was judged.
pub(super) struct Judged {
    pub health: Health,
    pub reason: Option<Reason>,
    /// Whether the exit code means the board.
    pub board_bad: bool,
    /// Whether it ended because the runner wanted so, and not by itself.
    pub stopped: bool,
    pub message: Option<String>,
}

/// A health check that passes makes its board good; everything else makes it bad.
fn after_check(end: &AttemptEnd, judged: &Judged) -> Verdict {
    if judged.health == Health::Complete {
        return match failing_case(end) {
            None => (BoardHealth::Good, None),
            Some(case) => (
                BoardHealth::Bad,
                Some(format!("its health check failed: {case}")),
            ),
        };
    }
    let why = judged.message.as_deref().unwrap_or("no reason was given");
    (
        BoardHealth::Bad,
        Some(format!("its health check did not run to the end: {why}")),
    )
}

/// The first case that keeps a check from passing, with its reason.
fn failing_case(end: &AttemptEnd) -> Option<String> {
    if record::verdict(&end.suites) != record::Verdict::Fail {
        return None;
    }
    let cases = end.suites.iter().flat_map(|suite| &suite.cases);
    let bad = |case: &&record::Case| {
        matches!(
            case.result,
            record::CaseResult::Fail | record::CaseResult::Unknown
        )
    };
    let case = cases.into_iter().find(bad)?;
    Some(match &case.why {
        Some(why) => format!("{}: {why}", case.name),
        None => case.name.clone(),
    })
}

/// A board that two jobs in a row could not bring up is not the jobs' fault.
fn twice(first: JobId, before: Option<&str>, now: Option<&str>) -> String {
    let say = |why: Option<&str>| why.unwrap_or("no reason was given").to_owned();
    format!(
        "two jobs in a row found no working board: {}; before, {}: {}",
        say(now),
        first.short(),
        say(before)
    )
}

/// Why the power may still be on.
pub(super) fn in_words(trouble: &PowerTrouble) -> String {
    let when = if trouble.before { "before" } else { "after" };
    format!("power off failed {when} the attempt: {}", trouble.why)
}
