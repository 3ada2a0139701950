//! Board health: what an attempt's end says of its board, and what is noted of it in the journal.

use super::Runner;
use crate::dispatch::AttemptEnd;
use crate::dispatch::power::PowerTrouble;
use crate::model::record::{self, BoardHealth, BoardRecord};
use crate::model::{BoardName, Health, JobId, Time};

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
        BoardRecord {
            version: record::VERSION,
            board: board.clone(),
            health,
            reason,
            at,
            job,
            file: self.world.files.board_blobs.get(board).copied(),
        }
    }

    /// What the end of an attempt says of its board; `None` when nothing. `blamed` is set by an exit
    /// code that means the board, `health` is the job's.
    pub(super) fn judge_board(
        &self,
        id: JobId,
        board: &BoardName,
        end: &AttemptEnd,
        blamed: Option<Option<String>>,
        health: Health,
    ) -> Option<Verdict> {
        if let Some(trouble) = &end.power {
            return Some((BoardHealth::Bad, Some(in_words(trouble))));
        }
        // An exit code that blames the board outweighs what the dispatcher said of it before.
        if let Some(why) = blamed {
            return Some((BoardHealth::Bad, why));
        }
        // What was noted about the file as it stands; a touched file begins anew.
        let noted = self
            .world
            .noted
            .get(board)
            .filter(|noted| noted.file.as_ref() == self.world.files.board_blobs.get(board));
        let doubted = noted.filter(|noted| noted.health == BoardHealth::Unknown);
        match &end.board {
            Some((BoardHealth::Unknown, why)) => Some(match doubted.and_then(|noted| noted.job) {
                Some(first) if first != id => (
                    BoardHealth::Bad,
                    Some(twice(
                        first,
                        doubted.and_then(|noted| noted.reason.as_deref()),
                        why,
                    )),
                ),
                _ => (BoardHealth::Unknown, why.clone()),
            }),
            Some(said) => Some(said.clone()),
            // Whoever ran to the end has used it.
            None if health == Health::Complete && doubted.is_some() => {
                Some((BoardHealth::Good, None))
            }
            None => None,
        }
    }
}

/// A board that two jobs in a row could not bring up is not the jobs' fault.
fn twice(first: JobId, before: Option<&str>, now: &Option<String>) -> String {
    let say = |why: Option<&str>| why.unwrap_or("no reason was given").to_owned();
    format!(
        "two jobs in a row found no working board: {}; before, {}: {}",
        say(now.as_deref()),
        first.short(),
        say(before)
    )
}

/// Why the power may still be on.
pub(super) fn in_words(trouble: &PowerTrouble) -> String {
    let when = if trouble.before { "before" } else { "after" };
    format!("power off failed {when} the attempt: {}", trouble.why)
}
