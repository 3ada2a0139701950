//! What a claim commit says, as JSON below its subject.

use serde::{Deserialize, Serialize};

use super::lab::LabFiles;
use super::record::{Estimates, Member};
use super::{BoardName, JobId, ObjectId, RunnerName, Time};

/// The lock on a job, as its runner wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    pub version: u32,
    pub job: JobId,
    pub path: String,
    pub runner: RunnerName,
    /// The state folder that wrote it: tells two processes of one name apart.
    pub instance: String,
    /// Absent when the job is only closed; the first member's in a group.
    pub board: Option<BoardName>,
    /// A group's members, every one with its board.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<ClaimMember>,
    /// A hint; the attempt records decide.
    pub attempt: u32,
    /// Main's head that the runner saw.
    pub main: ObjectId,
    pub at: Time,
    /// The first claim of the lost attempt that this one stands for: it takes that runner's claim over
    /// and starts nothing. Board, attempt and time are the first claim's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes_over: Option<ObjectId>,
    /// Whose attempt that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_by: Option<RunnerName>,
    /// Makes every claim commit differ: an identical id would be answered "up to date", which is no win.
    pub nonce: String,
    /// Whether the job is a health check of the board: no file in the queue but the one at `path`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub health_check: bool,
    /// When its runner expected the job, so that everybody can show it while the job runs and whoever
    /// takes the claim over knows it too; claims of 0.1.0 do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimates>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// One member of a group job and the board it runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimMember {
    /// As [`super::group::members`] names it.
    pub name: String,
    pub role: String,
    pub board: BoardName,
}

impl Claim {
    /// Every board it names, the first member's first; none when the job is only closed.
    pub fn boards(&self) -> impl Iterator<Item = &BoardName> {
        let members = self.members.iter().map(|member| &member.board);
        let alone = self.board.iter().filter(|_| self.members.is_empty());
        alone.chain(members)
    }

    /// A group's members as a record shows them when they begin.
    pub fn record_members(&self, files: &LabFiles) -> Vec<Member> {
        let member = |member: &ClaimMember| Member {
            name: member.name.clone(),
            role: member.role.clone(),
            board: member.board.clone(),
            device_type: files
                .boards
                .get(&member.board)
                .map(|board| board.device_type.clone()),
            health: None,
            reason: None,
            message: None,
            log: None,
        };
        self.members.iter().map(member).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_of_before_groups_is_readable() {
        let mut facts = json!({
            "version": 1, "job": "01000000-0000-5000-8000-000000000000", "path": "queue/a.json",
            "runner": "lab-a", "instance": "i", "board": "b1", "attempt": 1,
            "main": "0123456789abcdef0123456789abcdef01234567",
            "at": "2026-11-24T01:00:00.000Z", "nonce": "n",
        });
        let claim: Claim = serde_json::from_value(facts.clone()).unwrap();
        assert_eq!(
            claim.boards().map(BoardName::as_str).collect::<Vec<_>>(),
            ["b1"]
        );
        assert_eq!(serde_json::to_value(&claim).unwrap(), facts);

        facts["members"] = json!([
            {"name": "server", "role": "server", "board": "b1"},
            {"name": "client", "role": "client", "board": "b2"},
        ]);
        let claim: Claim = serde_json::from_value(facts).unwrap();
        assert_eq!(
            claim.boards().map(BoardName::as_str).collect::<Vec<_>>(),
            ["b1", "b2"]
        );
    }
}
