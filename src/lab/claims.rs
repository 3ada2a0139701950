//! Claims: one ref a job, the lock on it.

use std::collections::BTreeMap;

use super::reader::parse;
use super::{LabError, Reader};
use crate::git::{CommitBuilder, Person, Repo};
use crate::model::{Claim, JobId, ObjectId};

/// A claim as it stands on the server: its object id is the fencing token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenClaim {
    pub id: ObjectId,
    pub claim: Claim,
}

/// The claims on the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    pub seen: BTreeMap<JobId, SeenClaim>,
    /// Jobs whose claim this version cannot read: a later version's, or a stranger's. They are
    /// locked all the same.
    pub unreadable: BTreeMap<JobId, ObjectId>,
}

impl Reader {
    /// Every claim that can be read. `known` spares reading those that have not changed.
    pub fn claims(
        &self,
        known: &BTreeMap<JobId, SeenClaim>,
    ) -> Result<BTreeMap<JobId, SeenClaim>, LabError> {
        Ok(self.all_claims(known)?.seen)
    }

    /// Every claim, with those that only lock their jobs.
    pub fn all_claims(&self, known: &BTreeMap<JobId, SeenClaim>) -> Result<Claims, LabError> {
        let prefix = self.refs().claims();
        let mut claims = Claims::default();
        for (name, id) in self.repo().references(&prefix)? {
            let Some(job) = name
                .strip_prefix(&prefix)
                .and_then(|job| job.parse::<JobId>().ok())
            else {
                continue;
            };
            if let Some(same) = known.get(&job).filter(|seen| seen.id == id) {
                claims.seen.insert(job, same.clone());
                continue;
            }
            match self.claim(id, &name) {
                Ok(claim) if claim.job == job => {
                    claims.seen.insert(job, SeenClaim { id, claim });
                }
                // Anybody may have pushed it; it must not stop a runner.
                _ => drop(claims.unreadable.insert(job, id)),
            }
        }
        Ok(claims)
    }

    fn claim(&self, id: ObjectId, name: &str) -> Result<Claim, LabError> {
        let message = self.repo().commit(id)?.message;
        let (_, facts) = message.split_once('\n').unwrap_or_default();
        parse(facts.as_bytes(), name, "the claim's message")
    }
}

/// Writes the commit of a claim. It has no parent, so that a claim ref never drags history along,
/// and an empty tree: its facts are its message, so that a claim is one object and not three.
pub fn claim_commit(repo: &Repo, claim: &Claim, author: &Person) -> Result<ObjectId, LabError> {
    let facts = String::from_utf8(to_json(claim)).unwrap_or_default();
    let id = claim.job.short();
    let others = claim.boards().skip(1).count();
    let message = match &claim.board {
        _ if claim.takes_over.is_some() => {
            format!("Take the claim of {id} over\n\n{facts}")
        }
        Some(board) if others > 0 => {
            format!("Claim {id} for {board} and {others} more\n\n{facts}")
        }
        Some(board) => format!("Claim {id} for {board}\n\n{facts}"),
        None => format!("Claim {id} to close it\n\n{facts}"),
    };
    Ok(CommitBuilder::new(repo, None).commit_orphan(author, &message)?)
}

/// A record as it is written: indented, so that `git show` reads well and deltas stay small.
pub fn to_json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // Serialising our own structs to memory fails only on maps with keys that are not texts; there are none.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
