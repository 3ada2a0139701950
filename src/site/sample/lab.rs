//! A lab that exists only in memory, and can be changed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::facts::{job_id, name, number, object};
use super::now::snapshot;
use super::records::{finished, log, retried};
use crate::model::record::{AttemptRecord, LogLocation};
use crate::model::{JobId, ObjectId, Record, RunnerName, Time};
use crate::schedule::Past;
use crate::site::SiteError;
use crate::site::source::{Change, Journals, Reader, Snapshot, Source};

/// A lab that exists only in memory.
#[derive(Clone)]
pub struct Sample {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    snapshot: Snapshot,
    /// The journals' heads and what they hold, now and before.
    states: HashMap<ObjectId, BTreeMap<JobId, ObjectId>>,
    journals: Journals,
    /// Records that were given rather than made up.
    given: HashMap<ObjectId, Record>,
    files: BTreeMap<String, Vec<u8>>,
    refs: BTreeMap<String, ObjectId>,
    changes: u64,
    start: Time,
}

/// Seconds between two finished jobs.
pub(super) const STEP: f64 = 1500.0;
pub(super) const LOG_REF: &str = "refs/pumice/logs/lab-a/2026-11";

impl Sample {
    /// A lab with so many finished jobs, the last of which ended just before `now`.
    pub fn new(jobs: usize, now: Time) -> Self {
        let start = now.plus_seconds(-STEP * (jobs as f64 + 0.2));
        let mut inner = Inner {
            snapshot: snapshot(now),
            states: HashMap::new(),
            journals: Journals::new(),
            given: HashMap::new(),
            files: BTreeMap::new(),
            refs: BTreeMap::from([(LOG_REF.to_owned(), object(9, 0))]),
            changes: 0,
            start,
        };
        let mut states: BTreeMap<RunnerName, BTreeMap<JobId, ObjectId>> = BTreeMap::new();
        for i in 0..jobs {
            let runner = name(["lab-a", "lab-b"][i % 2]);
            states
                .entry(runner)
                .or_default()
                .insert(job_id(i as u64), object(1, i as u64));
        }
        for (runner, state) in states {
            inner.commit(runner, state);
        }
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Changes the lab by hand: its boards, its queue, its configuration.
    pub fn edit(&mut self, change: impl FnOnce(&mut Snapshot)) {
        let inner = Arc::make_mut(&mut self.inner);
        change(&mut inner.snapshot);
        inner.changes += 1;
    }

    /// Puts a file on main.
    pub fn file(&mut self, path: &str, text: &str) {
        let inner = Arc::make_mut(&mut self.inner);
        inner
            .files
            .insert(path.to_owned(), text.as_bytes().to_vec());
        inner.changes += 1;
    }

    /// Adds a finished job to a journal, or replaces it.
    pub fn finish(&mut self, runner: &str, record: Record) {
        let inner = Arc::make_mut(&mut self.inner);
        let blob = object(2, inner.given.len() as u64);
        let mut state = inner.state(&name(runner));
        state.insert(record.id, blob);
        inner.given.insert(blob, record);
        inner.commit(name(runner), state);
    }

    /// Takes a job out of every journal.
    pub fn drop_job(&mut self, id: JobId) {
        let inner = Arc::make_mut(&mut self.inner);
        let runners: Vec<RunnerName> = inner.journals.keys().cloned().collect();
        for runner in runners {
            let mut state = inner.state(&runner);
            if state.remove(&id).is_some() {
                inner.commit(runner, state);
            }
        }
    }

    /// Lets the logs expire.
    pub fn drop_logs(&mut self) {
        Arc::make_mut(&mut self.inner).refs.remove(LOG_REF);
    }

    /// The record of the finished job that was made up as the `i`th.
    pub fn record(&self, i: u64) -> Record {
        finished(i, self.inner.start)
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.inner.snapshot
    }
}

impl Inner {
    fn state(&self, runner: &RunnerName) -> BTreeMap<JobId, ObjectId> {
        let head = self.journals.get(runner);
        head.and_then(|head| self.states.get(head))
            .cloned()
            .unwrap_or_default()
    }

    fn commit(&mut self, runner: RunnerName, state: BTreeMap<JobId, ObjectId>) {
        self.changes += 1;
        let head = object(3, self.changes);
        self.states.insert(head, state);
        self.journals.insert(runner, head);
    }
}

impl Source for Sample {
    type Reader = Self;

    fn reader(&self) -> Result<Self, SiteError> {
        Ok(self.clone())
    }
}

impl Reader for Sample {
    fn heads(&self) -> Result<BTreeMap<String, ObjectId>, SiteError> {
        let journals = self.inner.journals.iter();
        let mut heads: BTreeMap<String, ObjectId> = journals
            .map(|(runner, head)| (format!("refs/pumice/journal/{runner}"), *head))
            .collect();
        heads.insert("refs/heads/main".to_owned(), object(4, self.inner.changes));
        heads.extend(self.inner.refs.clone());
        Ok(heads)
    }

    fn journals(&self) -> Result<Journals, SiteError> {
        Ok(self.inner.journals.clone())
    }

    fn changes(&self, old: &Journals, new: &Journals) -> Result<Vec<Change>, SiteError> {
        let none = BTreeMap::new();
        let mut changes = Vec::new();
        for (runner, head) in new {
            let new = self.inner.states.get(head).unwrap_or(&none);
            let old = old
                .get(runner)
                .and_then(|head| self.inner.states.get(head))
                .unwrap_or(&none);
            let gone = old.keys().filter(|id| !new.contains_key(*id));
            for id in new.keys().chain(gone) {
                let (old, new) = (old.get(id).copied(), new.get(id).copied());
                if old != new {
                    changes.push(Change {
                        runner: runner.clone(),
                        id: *id,
                        old,
                        new,
                    });
                }
            }
        }
        Ok(changes)
    }

    fn record(&self, blob: ObjectId) -> Result<Record, SiteError> {
        match (blob.as_bytes()[0], self.inner.given.get(&blob)) {
            (1, _) => Ok(finished(number(blob), self.inner.start)),
            (_, Some(record)) => Ok(record.clone()),
            _ => Err(SiteError::Read {
                what: format!("the record {blob}"),
                why: "there is none".to_owned(),
            }),
        }
    }

    fn retried(&self, record: &Record) -> Result<Vec<AttemptRecord>, SiteError> {
        Ok(retried(record))
    }

    fn log(&self, at: &LogLocation) -> Result<Option<Vec<u8>>, SiteError> {
        Ok(self
            .inner
            .refs
            .contains_key(&at.reference)
            .then(|| log(number(at.blob))))
    }

    fn log_tail(
        &self,
        _: &RunnerName,
        _: JobId,
        _: Option<&str>,
    ) -> Result<Option<Vec<u8>>, SiteError> {
        Ok(Some(b"[    3.100000] smp: Brought up 1 node, 4 CPUs\n[    3.412000] random: crng init done\n".to_vec()))
    }

    fn blob(&self, id: ObjectId) -> Result<Option<Vec<u8>>, SiteError> {
        let index = number(id) as usize;
        Ok(match id.as_bytes()[0] {
            5 => self.inner.files.values().nth(index).cloned(),
            7 => Some(b"     0.000  board bbb-01\n".to_vec()),
            6 => Some(b"{\"cpu\": 4}\n".to_vec()),
            _ => None,
        })
    }

    fn files(&self, under: &str) -> Result<Vec<(String, ObjectId)>, SiteError> {
        let files = self.inner.files.keys().enumerate();
        let below = files.filter(|(_, path)| path.starts_with(&format!("{under}/")));
        Ok(below
            .map(|(i, path)| (path.clone(), object(5, i as u64)))
            .collect())
    }

    fn snapshot(&self) -> Result<Snapshot, SiteError> {
        Ok(self.inner.snapshot.clone())
    }

    fn past(&self, now: Time) -> Result<Past, SiteError> {
        let mut past = Past::default();
        for runner in self.inner.journals.keys() {
            for blob in self.inner.state(runner).values() {
                past.add(&Reader::record(self, *blob)?, now);
            }
        }
        Ok(past)
    }
}
