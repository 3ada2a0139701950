//! Attempts that were retried: each has a record of its own in the journal of whoever recorded its end.

use std::collections::{BTreeMap, BTreeSet};

use super::journal::attempt_place;
use super::{LabError, Reader, attempt_path};
use crate::model::record::AttemptRecord;
use crate::model::{JobId, Record};

impl Reader {
    /// The retried attempts of a job, from all journals, by number.
    pub fn attempts_of(&self, id: JobId) -> Result<Vec<AttemptRecord>, LabError> {
        let mut attempts = self.attempts_of_all(&BTreeSet::from([id]))?;
        Ok(attempts.remove(&id).unwrap_or_default())
    }

    /// The same of several jobs; costs a look at the names of all retried attempts.
    pub fn attempts_of_all(
        &self,
        ids: &BTreeSet<JobId>,
    ) -> Result<BTreeMap<JobId, Vec<AttemptRecord>>, LabError> {
        let mut attempts: BTreeMap<JobId, Vec<AttemptRecord>> = BTreeMap::new();
        if ids.is_empty() {
            return Ok(attempts);
        }
        for journal in self.journals()?.into_values() {
            for (path, entry) in self.repo().files(journal, "attempts")? {
                // A later version's record is that version's to read.
                if let Some((id, _)) = attempt_place(&path)
                    && ids.contains(&id)
                    && let Ok(record) = self.attempt_record(entry.id)
                {
                    attempts.entry(id).or_default().push(record);
                }
            }
        }
        for attempts in attempts.values_mut() {
            attempts.sort_by_key(|record| record.attempt.n);
        }
        Ok(attempts)
    }

    /// The retried attempts that a finished job's record names. Their places follow from it, so this
    /// costs nothing for the many jobs that had one attempt.
    pub fn retried(&self, record: &Record) -> Result<Vec<AttemptRecord>, LabError> {
        let mut attempts = Vec::new();
        let one = record.attempts.len() < 2 && record.log.is_some();
        if one || record.attempts.is_empty() {
            return Ok(attempts);
        }
        let journals = self.journals()?;
        for attempt in &record.attempts {
            let path = attempt_path(record.id, attempt.n, attempt.finished_at);
            // A lost attempt is in the journal of the runner that took it over.
            let own = journals.get(&attempt.runner);
            for journal in own.into_iter().chain(journals.values()) {
                let entry = self.repo().entry(*journal, &path)?;
                let entry = entry.filter(crate::git::Entry::is_file);
                if let Some(entry) = entry
                    && let Ok(record) = self.attempt_record(entry.id)
                {
                    attempts.push(record);
                    break;
                }
            }
        }
        Ok(attempts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::git::testing::Server;
    use crate::git::{CommitBuilder, Person, Repo};
    use crate::lab::{Refs, to_json};
    use crate::model::record::{self, Attempt};
    use crate::model::{ObjectId, Time};

    fn attempt(n: u32, runner: &str) -> Attempt {
        serde_json::from_value(json!({
            "n": n, "board": "b1", "runner": runner, "started_at": null,
            "finished_at": Time::from_unix(i64::from(n) * 7200), "reason": "lost"
        }))
        .unwrap()
    }

    /// Puts the records of attempts into a runner's journal.
    fn journal(server: &Server, runner: &str, attempts: &[(JobId, Attempt)]) {
        let repo = Repo::open(&server.path()).unwrap();
        let mut builder = CommitBuilder::new(&repo, None);
        for (id, attempt) in attempts {
            let record = AttemptRecord {
                version: record::VERSION,
                id: *id,
                claim: ObjectId::ZERO,
                attempt: attempt.clone(),
                message: None,
                log: None,
                members: Vec::new(),
            };
            let path = attempt_path(*id, attempt.n, attempt.finished_at);
            builder.put(&path, &to_json(&record)).unwrap();
        }
        let author = Person {
            name: "r".to_owned(),
            email: "r@x".to_owned(),
            time: Time::from_unix(0),
        };
        let head = builder.commit(&author, "Requeue").unwrap();
        let name = format!("refs/pumice/journal/{runner}");
        repo.set_reference(&name, Some(head)).unwrap();
    }

    #[test]
    fn attempts_are_found_in_every_journal() {
        let server = Server::new();
        let (mine, other) = (JobId::from_bytes([1; 16]), JobId::from_bytes([2; 16]));
        // The second attempt's runner was lost, and `b` took it over.
        let attempts = [attempt(1, "a"), attempt(2, "a"), attempt(3, "b")];
        journal(
            &server,
            "a",
            &[(mine, attempts[0].clone()), (other, attempt(1, "a"))],
        );
        journal(&server, "b", &[(mine, attempts[1].clone())]);
        let reader = Reader::new(Repo::open(&server.path()).unwrap(), Refs::default());
        let numbers = |records: Vec<AttemptRecord>| -> Vec<u32> {
            records.iter().map(|record| record.attempt.n).collect()
        };
        assert_eq!(numbers(reader.attempts_of(mine).unwrap()), [1, 2]);
        let all = reader.attempts_of_all(&[mine, other].into()).unwrap();
        assert_eq!((all[&mine].len(), all[&other].len()), (2, 1));
        let mut finished: Record = serde_json::from_value(json!({
            "version": 1, "id": mine, "job_name": "j", "path": "queue/j.json",
            "commit": ObjectId::ZERO,
            "submitter": {"name": "A", "email": "a@b", "user": "a", "verified": false},
            "submitted_at": "2026-11-24T10:00:00Z", "stream": "/", "priority": "low", "tags": [],
            "definition": {}, "state": "finished", "attempts": attempts
        }))
        .unwrap();
        assert_eq!(numbers(reader.retried(&finished).unwrap()), [1, 2]);
        // Canceled while it waited for its second attempt.
        finished.attempts.truncate(1);
        assert_eq!(numbers(reader.retried(&finished).unwrap()), [1]);
    }
}
