//! Board health as the lab's files and the journals say it, and health checks: jobs that are in no
//! queue.

use super::submitted::judge;
use super::{LabError, Submission, Submitted};
use crate::git::{Person, Repo};
use crate::model::lab::LabFiles;
use crate::model::record::{BoardHealth, BoardRecord};
use crate::model::{Board, BoardName, Claim, JobId, ObjectId, ServiceState};

/// The health that counts for a board: its service state, else what a journal noted. A change of the
/// board's file gives a bad board another chance.
pub fn board_health(
    board: &Board,
    noted: Option<&BoardRecord>,
    file: Option<&ObjectId>,
) -> (BoardHealth, Option<String>) {
    match board.service.state {
        ServiceState::Maintenance => {
            return (BoardHealth::Maintenance, board.service.reason.clone());
        }
        ServiceState::Retired => return (BoardHealth::Retired, board.service.reason.clone()),
        ServiceState::Active => {}
    }
    let unknown = |why: &str| (BoardHealth::Unknown, Some(why.to_owned()));
    let Some(noted) = noted else {
        return match board.health_check {
            Some(_) => unknown("no health check has run yet"),
            None => (BoardHealth::Good, None),
        };
    };
    let touched = noted.file.as_ref() != file;
    let reason = noted.reason.as_deref();
    if noted.health == BoardHealth::Bad && touched {
        let why = reason.unwrap_or("no reason was given");
        return unknown(&format!("its file was changed while it was bad: {why}"));
    }
    if noted.health == BoardHealth::Good && board.health_check.is_some() {
        let answered = noted.checked.as_ref();
        if answered.is_none() {
            return unknown("no health check has run yet");
        }
        if answered.and_then(|checked| checked.asked.as_ref()) != board.check.as_ref()
            && board.check.is_some()
        {
            return unknown("a health check was asked for");
        }
    }
    (noted.health, noted.reason.clone())
}

/// The author of what a runner writes.
pub fn runner_person(runner: &crate::model::RunnerName, at: crate::model::Time) -> Person {
    Person {
        name: format!("pumice runner {runner}"),
        email: format!("{runner}@runner.pumice.invalid"),
        time: at,
    }
}

impl Submission {
    /// A health check as if its runner had submitted it: the definition as it stands on the main that
    /// the claim names. `None` when it is not there.
    pub fn of_health_check(repo: &Repo, claim: &Claim) -> Result<Option<Self>, LabError> {
        // A claim may name anything.
        if repo.links(claim.main).is_err() {
            return Ok(None);
        }
        let Some(entry) = repo.entry(claim.main, &claim.path)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            id: claim.job,
            path: claim.path.clone(),
            blob: entry.id,
            mode: entry.mode,
            commit: claim.main,
            author: runner_person(&claim.runner, claim.at),
            submitted_at: claim.at,
            // Before every job of the queue.
            order: i64::MIN,
            name_ok: true,
        }))
    }
}

/// Where the results of a board's health checks are grouped.
pub fn health_stream(board: &BoardName) -> String {
    format!("/health/{board}/")
}

/// Reads and judges the definition of a board's health check.
pub fn submitted_check(
    repo: &Repo,
    submission: &Submission,
    files: &LabFiles,
    board: &BoardName,
) -> Result<Submitted, LabError> {
    let mut judged = judge(repo, submission, files, Vec::new())?;
    judged.record.stream = health_stream(board);
    judged.record.health_check = Some(board.clone());
    Ok(judged)
}

/// The id of a health check. No job of a queue can have it: theirs are of a text that begins with a
/// commit's hex digits.
pub fn health_check_id(main: ObjectId, path: &str, board: &BoardName, nonce: &str) -> JobId {
    JobId::of_text(&format!("health:{main}:{path}:{board}:{nonce}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::board::HealthCheck;
    use crate::model::record::Checked;
    use crate::model::{BoardFile, Time, record};

    fn board(with_check: bool) -> Board {
        let mut board = Board::new("b1".parse().unwrap(), BoardFile::default(), &[].into());
        board.health_check = with_check.then(|| HealthCheck {
            job: "templates/jobs/health.json".into(),
            every: None,
            jobs: None,
        });
        board
    }

    fn noted(health: BoardHealth, file: u8) -> BoardRecord {
        BoardRecord {
            version: record::VERSION,
            board: "b1".parse().unwrap(),
            health,
            reason: Some("why".into()),
            at: Time::from_unix(0),
            job: None,
            file: Some(ObjectId::from_bytes([file; 20])),
            checked: None,
        }
    }

    fn health(board: &Board, noted: Option<&BoardRecord>) -> BoardHealth {
        board_health(board, noted, Some(&ObjectId::from_bytes([1; 20]))).0
    }

    #[test]
    fn a_touched_file_makes_a_bad_board_unknown_and_no_other() {
        let board = board(false);
        for (noted_health, same, touched) in [
            (BoardHealth::Bad, BoardHealth::Bad, BoardHealth::Unknown),
            (BoardHealth::Good, BoardHealth::Good, BoardHealth::Good),
            (
                BoardHealth::Unknown,
                BoardHealth::Unknown,
                BoardHealth::Unknown,
            ),
        ] {
            assert_eq!(health(&board, Some(&noted(noted_health, 1))), same);
            assert_eq!(health(&board, Some(&noted(noted_health, 2))), touched);
        }
        assert_eq!(health(&board, None), BoardHealth::Good);
    }

    #[test]
    fn a_board_with_a_check_is_unknown_until_it_has_passed() {
        let mut board = board(true);
        assert_eq!(health(&board, None), BoardHealth::Unknown);
        let mut record = noted(BoardHealth::Good, 1);
        assert_eq!(health(&board, Some(&record)), BoardHealth::Unknown);
        record.checked = Some(Checked {
            job: JobId::from_bytes([1; 16]),
            at: Time::from_unix(0),
            passed: true,
            asked: None,
        });
        assert_eq!(health(&board, Some(&record)), BoardHealth::Good);
        board.check = Some("now".into());
        assert_eq!(health(&board, Some(&record)), BoardHealth::Unknown);
        if let Some(checked) = &mut record.checked {
            checked.asked = Some("now".into());
        }
        assert_eq!(health(&board, Some(&record)), BoardHealth::Good);
        board.check = None;
        assert_eq!(
            health(&board, Some(&record)),
            BoardHealth::Good,
            "taken out again"
        );
    }
}
