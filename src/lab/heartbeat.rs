//! Heartbeats: what each runner says of itself, replaced in place.

use std::collections::BTreeMap;

use super::claims::to_json;
use super::reader::parse;
use super::{LabError, Reader};
use crate::git::{CommitBuilder, Person, Repo};
use crate::model::status::RunnerStatus;
use crate::model::{JobId, ObjectId, RunnerName};

/// A heartbeat as it stands on the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    pub id: ObjectId,
    pub status: RunnerStatus,
}

/// The end of a running log: a job's, or one of a group's members'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    pub id: JobId,
    pub member: Option<String>,
    pub bytes: Vec<u8>,
}

fn tail_path(id: JobId, member: Option<&str>) -> String {
    match member {
        Some(member) => format!("tails/{id}/{member}.txt"),
        None => format!("tails/{id}.txt"),
    }
}

impl Reader {
    /// Every runner's heartbeat; one that this version cannot read is left out. `known` spares
    /// reading those that have not changed.
    pub fn heartbeats(
        &self,
        known: &BTreeMap<RunnerName, Heartbeat>,
    ) -> Result<BTreeMap<RunnerName, Heartbeat>, LabError> {
        let prefix = self.refs().runners();
        let mut heartbeats = BTreeMap::new();
        for (name, id) in self.repo().references(&prefix)? {
            let Some(runner) = name
                .strip_prefix(&prefix)
                .and_then(|runner| runner.parse::<RunnerName>().ok())
            else {
                continue;
            };
            if let Some(same) = known.get(&runner).filter(|heartbeat| heartbeat.id == id) {
                heartbeats.insert(runner, same.clone());
                continue;
            }
            let bytes = self.repo().file(id, "status.json").ok().flatten();
            if let Ok(status) =
                parse::<RunnerStatus>(&bytes.unwrap_or_default(), &name, "status.json")
            {
                heartbeats.insert(runner, Heartbeat { id, status });
            }
        }
        Ok(heartbeats)
    }

    /// What the runners say of themselves, by name.
    pub fn runners(&self) -> Result<Vec<RunnerStatus>, LabError> {
        Ok(self
            .heartbeats(&BTreeMap::new())?
            .into_values()
            .map(|heartbeat| heartbeat.status)
            .collect())
    }

    /// The last bytes of a running job's log, or of one of its members', as its runner last said.
    pub fn log_tail(
        &self,
        runner: &RunnerName,
        id: JobId,
        member: Option<&str>,
    ) -> Result<Option<Vec<u8>>, LabError> {
        match self.repo().reference(&self.refs().runner(runner))? {
            Some(heartbeat) => Ok(self.repo().file(heartbeat, &tail_path(id, member))?),
            None => Ok(None),
        }
    }
}

/// Writes the commit of a heartbeat, without a parent.
pub fn heartbeat_commit(
    repo: &Repo,
    status: &RunnerStatus,
    tails: &[Tail],
    author: &Person,
) -> Result<ObjectId, LabError> {
    let mut commit = CommitBuilder::new(repo, None);
    commit.put("status.json", &to_json(status))?;
    for tail in tails {
        commit.put(&tail_path(tail.id, tail.member.as_deref()), &tail.bytes)?;
    }
    Ok(commit.commit_orphan(
        author,
        &format!("Heartbeat {} of {}", status.counter, status.runner),
    )?)
}
