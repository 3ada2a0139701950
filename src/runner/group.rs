//! What a group job needs beside what every job does: boards of one runner, a dispatcher for each
//! member, and an end put together from all of theirs.

use std::collections::BTreeSet;

use super::core::{Attempt, Runner};
use super::end::{log_files, reason_in_words};
use super::health::Judged;
use super::outbox::LogFile;
use crate::dispatch::power::PowerTrouble;
use crate::dispatch::{
    AttemptEnd, AttemptSpec, GroupEnd, GroupSpec, MemberEnd, MemberSpec, Outcome, outcome,
};
use crate::model::claim::ClaimMember;
use crate::model::lab::LabFiles;
use crate::model::record::{BoardRecord, Member};
use crate::model::{Board, BoardName, Health, Job, JobId, RunnerName, Time, group};
use crate::schedule::{self, Candidate, PlanBoard};

/// What the message says of a group that no runner can ever start.
pub(super) const SCATTERED: &str = "the lab has boards for all members of the group, but no runner drives them all: \
     the boards of a group job must belong to one runner (`runner` in the boards' files)";

/// Whether the lab has the boards that a group asks for, but on different runners. While it has too
/// few altogether the group waits: a board may come. Judged by the lab's files alone, so that
/// every runner judges alike.
pub(super) fn is_scattered(candidate: &Candidate, files: &LabFiles) -> bool {
    if !candidate.is_group() {
        return false;
    }
    let mut candidate = candidate.clone();
    // A board that failed under it is still the lab's.
    candidate.not_on.clear();
    let boards_of = |runner: &RunnerName, theirs: &dyn Fn(&Board) -> bool| -> Vec<PlanBoard> {
        let boards = files.boards.values().filter(|board| theirs(board));
        boards
            .map(|board| PlanBoard::new(board, runner, 0))
            .collect()
    };
    let named: BTreeSet<&RunnerName> = files
        .boards
        .values()
        .filter_map(|board| board.runner.as_ref())
        .collect();
    let Some(any) = named.first() else {
        return false;
    };
    let seats = |boards: &[PlanBoard]| schedule::able_runner(&candidate, boards).is_some();
    seats(&boards_of(any, &|_| true))
        && !named.iter().any(|runner| {
            let theirs = |board: &Board| board.runner.as_ref().is_none_or(|own| own == *runner);
            seats(&boards_of(runner, &theirs))
        })
}

impl Runner {
    /// What the ends of a group's members say of their boards. A member that was ended with the
    /// others blames nobody by its exit code.
    pub(super) fn judge_group(
        &self,
        id: JobId,
        attempt: &Attempt,
        group: &GroupEnd,
        health: Health,
        now: Time,
    ) -> Vec<BoardRecord> {
        let members = attempt.record.members.iter().zip(&group.members);
        let verdict = |(member, ended): (&Member, &MemberEnd)| {
            let alone = attempt.stop.is_none() && !ended.ended_with_group;
            let (reason, board_bad) = match outcome(&ended.end) {
                Outcome::Retry { reason, board_bad } if alone => (Some(reason), board_bad),
                _ => (None, false),
            };
            let judged = Judged {
                health,
                reason,
                board_bad,
                stopped: !alone,
                message: Some(reason_in_words(&ended.end)),
            };
            self.judge_board(id, attempt, &member.board, &ended.end, &judged, now)
        };
        members.filter_map(verdict).collect()
    }

    /// A group's attempt, made from what each member would be given alone.
    pub(super) fn group_spec(
        &self,
        job: &Job,
        members: &[ClaimMember],
        specs: Vec<AttemptSpec>,
    ) -> GroupSpec {
        let folder = specs.first().map(|spec| spec.folder.clone());
        let own = |(member, spec): (&ClaimMember, AttemptSpec)| MemberSpec {
            name: member.name.clone(),
            role: member.role.clone(),
            spec: AttemptSpec {
                job: group::definition_for(&spec.job, &member.role),
                actions: spec
                    .actions
                    .iter()
                    .zip(&job.actions)
                    .filter(|(_, action)| group::is_for(action, &member.role))
                    .map(|(limit, _)| limit.clone())
                    .collect(),
                cookie: format!("{}.{}", spec.cookie, member.name),
                trace: Some(self.state.trace(spec.id, spec.attempt, Some(&member.name))),
                ..spec
            },
        };
        GroupSpec {
            folder: folder.unwrap_or_default(),
            program: self.options.program.clone(),
            members: members.iter().zip(specs).map(own).collect(),
        }
    }
}

/// Notes in a group's record how each member ended. When the whole group was stopped, none of them
/// ended by itself.
pub(super) fn note_ends(members: &mut [Member], group: &GroupEnd, stopped: bool) {
    for (member, ended) in members.iter_mut().zip(&group.members) {
        if stopped {
            continue;
        }
        if ended.ended_with_group {
            member.message = Some("ended with the group".to_owned());
            continue;
        }
        (member.health, member.reason) = match outcome(&ended.end) {
            Outcome::Complete => (Some(Health::Complete), None),
            Outcome::Incomplete(reason) | Outcome::Retry { reason, .. } => {
                member.message = Some(reason_in_words(&ended.end));
                (Some(Health::Incomplete), Some(reason))
            }
        };
    }
}

/// Whose board may still have its power on, and why.
pub(super) fn power_troubles<'a>(
    attempt: &'a Attempt,
    end: &'a AttemptEnd,
) -> Vec<(&'a BoardName, &'a PowerTrouble)> {
    let ends: Vec<&AttemptEnd> = match &end.group {
        Some(group) => group.members.iter().map(|member| &member.end).collect(),
        None => vec![end],
    };
    let troubled =
        |(board, end): (&'a BoardName, &'a AttemptEnd)| Some((board, end.power.as_ref()?));
    attempt.boards().zip(ends).filter_map(troubled).collect()
}

/// Why a group ended as it did: whose end it was, and on which board.
pub(super) fn decider<'a>(attempt: &'a Attempt, group: &GroupEnd) -> Option<&'a Member> {
    attempt.record.members.get(group.decided_by?)
}

/// Every member's log and events, the log that the record names first.
pub(super) fn group_files(members: &[Member], group: &GroupEnd) -> Vec<LogFile> {
    let main = group.decided_by.unwrap_or(0);
    let mut order: Vec<usize> = (0..members.len().min(group.members.len())).collect();
    order.sort_by_key(|n| (*n != main, *n));
    let mut files = Vec::new();
    for n in order {
        let (name, end): (_, &AttemptEnd) = (&members[n].name, &group.members[n].end);
        files.extend(log_files(&format!("{name}/"), end));
    }
    files
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::check::{File, REGULAR, lab_files};

    /// A lab of boards of one type, each with its runner.
    fn lab(runners: &[Option<&str>]) -> LabFiles {
        let board = |(n, runner): (usize, &Option<&str>)| File {
            path: format!("boards/b{n}.yaml"),
            mode: REGULAR,
            bytes: match runner {
                Some(runner) => format!("device_type: t\nrunner: {runner}\n"),
                None => "device_type: t\n".to_owned(),
            }
            .into_bytes(),
        };
        let lab = lab_files(&runners.iter().enumerate().map(board).collect::<Vec<_>>());
        assert_eq!(lab.boards.len(), runners.len());
        lab
    }

    fn candidate(count: u32) -> Candidate {
        let job = json!({"actions": [{"command": "run"}],
            "device_group": [{"role": "a", "count": count, "device_type": "t"}]});
        let job: Job = serde_json::from_value(job).unwrap();
        let since = Time::from_unix(0);
        Candidate::new(JobId::from_bytes([1; 16]), 0, &job, "g", since).unwrap()
    }

    #[test]
    fn only_a_group_whose_boards_are_there_and_apart_is_scattered() {
        let (a, b) = (Some("a"), Some("b"));
        let scattered = |count, runners: &[_]| is_scattered(&candidate(count), &lab(runners));
        assert!(scattered(2, &[a, b]));
        assert!(!scattered(2, &[a, b, b]));
        assert!(!scattered(3, &[a, b]), "too few boards are no reason");
        // Any runner may drive a board that names none.
        assert!(!scattered(2, &[a, None]) && !scattered(2, &[None, None]));
        let mut failed = candidate(2);
        failed.not_on.insert("b0".parse().unwrap());
        assert!(!is_scattered(&failed, &lab(&[a, a])));
    }
}
