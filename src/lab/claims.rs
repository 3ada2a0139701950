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

impl Reader {
    /// Every claim. `known` spares reading those that have not changed.
    pub fn claims(
        &self,
        known: &BTreeMap<JobId, SeenClaim>,
    ) -> Result<BTreeMap<JobId, SeenClaim>, LabError> {
        let prefix = self.refs().claims();
        let mut claims = BTreeMap::new();
        for (name, id) in self.repo().references(&prefix)? {
            let Some(job) = name
                .strip_prefix(&prefix)
                .and_then(|job| job.parse::<JobId>().ok())
            else {
                continue;
            };
            let seen = match known.get(&job).filter(|seen| seen.id == id) {
                Some(seen) => seen.clone(),
                None => {
                    let message = self.repo().commit(id)?.message;
                    let (_, facts) = message.split_once('\n').unwrap_or_default();
                    SeenClaim {
                        id,
                        claim: parse(facts.as_bytes(), &name, "the claim's message")?,
                    }
                }
            };
            claims.insert(job, seen);
        }
        Ok(claims)
    }
}

/// Writes the commit of a claim. It has no parent, so that a claim ref never drags history along,
/// and an empty tree: its facts are its message, so that a claim is one object and not three.
pub fn claim_commit(repo: &Repo, claim: &Claim, author: &Person) -> Result<ObjectId, LabError> {
    let facts = String::from_utf8(to_json(claim)).unwrap_or_default();
    let id = claim.job.short();
    let message = match &claim.board {
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
