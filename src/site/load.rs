//! Reads a lab: the one place that turns what `lab` says into the site's own words.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::source::{BoardState, Change, Journals, LiveJob, Reader, Snapshot, Source};
use super::{BuildOptions, BuildSummary, SiteError, build_from};
use crate::lab;
use crate::model::record::{AttemptRecord, LogLocation};
use crate::model::{JobId, ObjectId, Record, RunnerName, Time};
use crate::schedule::Past;

/// Builds the site of a lab as it was last fetched.
pub fn build(lab: &lab::Lab, options: &BuildOptions) -> Result<BuildSummary, SiteError> {
    build_from(lab, options)
}

impl Source for lab::Lab {
    type Reader = lab::Reader;

    fn reader(&self) -> Result<lab::Reader, SiteError> {
        self.reader().map_err(failed("the lab"))
    }
}

impl Reader for lab::Reader {
    fn heads(&self) -> Result<BTreeMap<String, ObjectId>, SiteError> {
        let mut heads = self
            .repo()
            .references(&self.refs().all())
            .map_err(failed("the refs"))?;
        if let Some(main) = self.main().map_err(failed("main"))? {
            heads.insert(self.refs().main(), main);
        }
        Ok(heads)
    }

    fn journals(&self) -> Result<Journals, SiteError> {
        self.journals().map_err(failed("the journals"))
    }

    fn changes(&self, old: &Journals, new: &Journals) -> Result<Vec<Change>, SiteError> {
        let changes = self
            .record_changes(old, new)
            .map_err(failed("the journals"))?;
        let change = |change: lab::RecordChange| Change {
            runner: change.runner,
            id: change.id,
            old: change.old,
            new: change.new,
        };
        Ok(changes.into_iter().map(change).collect())
    }

    fn record(&self, blob: ObjectId) -> Result<Record, SiteError> {
        self.record(blob).map_err(failed("a record"))
    }

    fn retried(&self, record: &Record) -> Result<Vec<AttemptRecord>, SiteError> {
        self.retried(record).map_err(failed("a retried attempt"))
    }

    fn log(&self, at: &LogLocation) -> Result<Option<Vec<u8>>, SiteError> {
        self.log(at).map_err(failed("a log"))
    }

    fn log_tail(
        &self,
        runner: &RunnerName,
        id: JobId,
        member: Option<&str>,
    ) -> Result<Option<Vec<u8>>, SiteError> {
        self.log_tail(runner, id, member)
            .map_err(failed("the log of a running job"))
    }

    fn blob(&self, id: ObjectId) -> Result<Option<Vec<u8>>, SiteError> {
        if !self.repo().exists(id) {
            return Ok(None);
        }
        self.blob(id).map(Some).map_err(failed("a file"))
    }

    fn files(&self, under: &str) -> Result<Vec<(String, ObjectId)>, SiteError> {
        self.main_files(under).map_err(failed(under))
    }

    fn snapshot(&self) -> Result<Snapshot, SiteError> {
        let now = lab::Snapshot::load(self).map_err(failed("the state of the lab"))?;
        let live = |job: lab::LiveJob| LiveJob {
            record: job.record,
            job: job.job,
            order: job.order,
            attempt: job.attempt,
            progress: job.progress,
            underway: job.underway,
        };
        let board = |view: lab::BoardView| BoardState {
            board: view.board,
            health: view.health,
            reason: view.reason,
            job: view.job,
            noted: view.noted,
        };
        Ok(Snapshot {
            main: now.main,
            files: now.files,
            live: now.live.into_iter().map(live).collect(),
            boards: now.boards.into_iter().map(board).collect(),
            runners: now.runners,
        })
    }

    fn past(&self, now: Time) -> Result<Past, SiteError> {
        self.fold(Past::FILE, |past: &mut Past, record| past.add(record, now))
            .map_err(failed("the finished jobs"))
    }
}

fn failed<E: Display>(what: &str) -> impl FnOnce(E) -> SiteError {
    let what = what.to_owned();
    move |error| SiteError::Read {
        what,
        why: error.to_string(),
    }
}
