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
                    let bytes = self.repo().file(id, "claim.json")?.unwrap_or_default();
                    SeenClaim {
                        id,
                        claim: parse(&bytes, &name, "claim.json")?,
                    }
                }
            };
            claims.insert(job, seen);
        }
        Ok(claims)
    }
}

/// Writes the commit of a claim. It has no parent, so that a claim ref never drags history along.
pub fn claim_commit(repo: &Repo, claim: &Claim, author: &Person) -> Result<ObjectId, LabError> {
    let mut commit = CommitBuilder::new(repo, None);
    commit.put("claim.json", &to_json(claim))?;
    let subject = match &claim.board {
        Some(board) => format!("Claim {} for {board}", claim.job.short()),
        None => format!("Claim {} to close it", claim.job.short()),
    };
    Ok(commit.commit_orphan(author, &subject)?)
}

/// A record as it is written: indented, so that `git show` reads well and deltas stay small.
pub fn to_json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // Serialising our own structs to memory fails only on maps with keys that are not texts; there are none.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
