//! What the end of an attempt means for its job.

use super::attempt::{AttemptEnd, Exit};
use crate::model::Reason;

/// What becomes of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The dispatcher ran to its end; the results give the verdict.
    Complete,
    Incomplete(Reason),
    /// Another attempt, if the job has one left.
    Retry {
        /// What the job gets after the last attempt.
        reason: Reason,
        /// The board is not to be used again before somebody looked at it.
        board_bad: bool,
    },
}

/// Reads the table of exit codes. An attempt that the runner itself ended (`terminated`) is decided
/// by the runner, who knows why it did so; asked all the same, it counts as an infrastructure failure.
pub fn outcome(end: &AttemptEnd) -> Outcome {
    const BOARD: Outcome = Outcome::Retry {
        reason: Reason::Board,
        board_bad: true,
    };
    const AGAIN: Outcome = Outcome::Retry {
        reason: Reason::Infrastructure,
        board_bad: false,
    };
    if end.power.as_ref().is_some_and(|trouble| trouble.before) {
        return BOARD;
    }
    if end.timeout.is_some() {
        return Outcome::Incomplete(Reason::Timeout);
    }
    if end.terminated {
        return AGAIN;
    }
    match end.exit {
        Exit::Code(0) => Outcome::Complete,
        Exit::Code(64 | 65) => Outcome::Incomplete(Reason::JobError),
        Exit::Code(69 | 78 | 126 | 127) | Exit::SpawnFailed(_) => BOARD,
        Exit::Code(75) | Exit::Signal(_) => AGAIN,
        Exit::Code(_) => Outcome::Incomplete(Reason::DispatcherError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_has_a_meaning() {
        let board = Outcome::Retry {
            reason: Reason::Board,
            board_bad: true,
        };
        let again = Outcome::Retry {
            reason: Reason::Infrastructure,
            board_bad: false,
        };
        for (exit, expected) in [
            (Exit::Code(0), Outcome::Complete),
            (Exit::Code(1), Outcome::Incomplete(Reason::DispatcherError)),
            (Exit::Code(64), Outcome::Incomplete(Reason::JobError)),
            (Exit::Code(65), Outcome::Incomplete(Reason::JobError)),
            (Exit::Code(66), Outcome::Incomplete(Reason::DispatcherError)),
            (Exit::Code(69), board),
            (Exit::Code(75), again),
            (Exit::Code(78), board),
            (Exit::Code(126), board),
            (Exit::Code(127), board),
            (
                Exit::Code(143),
                Outcome::Incomplete(Reason::DispatcherError),
            ),
            (Exit::Signal(11), again),
            (Exit::SpawnFailed("no".into()), board),
        ] {
            let end = AttemptEnd::new(exit.clone(), "log".into());
            assert_eq!(outcome(&end), expected, "{exit:?}");
        }
    }

    #[test]
    fn our_own_ending_counts_for_more_than_the_code() {
        for exit in [Exit::Code(0), Exit::Code(69), Exit::Signal(15)] {
            let mut end = AttemptEnd::new(exit, "log".into());
            end.terminated = true;
            assert_eq!(
                outcome(&end),
                Outcome::Retry {
                    reason: Reason::Infrastructure,
                    board_bad: false
                }
            );
            end.timeout = Some("the job exceeded its 1h".into());
            assert_eq!(outcome(&end), Outcome::Incomplete(Reason::Timeout));
        }
    }
}
