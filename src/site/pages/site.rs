//! What every page function is given.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::Xxh3;

use crate::model::{JobId, LabConfig, Time};
use crate::report::{CalibrationSums, UsageSums};
use crate::schedule::outlook::Outlook;
use crate::site::SiteError;
use crate::site::assets::Assets;
use crate::site::disk::Output;
use crate::site::engine::Engine;
use crate::site::history::{History, Summary};
use crate::site::manual::Manual;
use crate::site::source::{LiveJob, Snapshot};
use crate::site::views::live::LiveRow;
use crate::site::views::row::JobRow;
use crate::site::views::when::When;

/// Jobs that the pages of boards, users and tags list.
const RECENT: usize = 25;
/// Health checks that a board's page lists, and jobs of which an attempt failed on it.
const CHECKS: usize = 8;
const FAILED: usize = 8;

/// One state of the lab, ready to be shown, and the way to the output.
pub struct Site<'a> {
    pub engine: &'a Engine,
    pub output: &'a Output,
    pub assets: &'a Assets,
    pub manual: &'a Manual,
    pub snapshot: &'a Snapshot,
    /// What is to be expected of the jobs that have not ended.
    pub outlook: &'a Outlook,
    /// The same as texts, by job.
    pub whens: &'a BTreeMap<JobId, When>,
    pub history: &'a History,
    pub sums: &'a UsageSums,
    pub calibration: &'a CalibrationSums,
    pub lists: &'a Lists,
    pub now: Time,
    /// What every page depends on.
    pub shared: u64,
    /// Names this state of the lab for pages that ask whether there is news.
    pub revision: u64,
    /// The pages of the last build.
    pub old: &'a HashMap<String, u64>,
    /// The pages of this one.
    pub new: Mutex<HashMap<String, u64>>,
}

impl Site<'_> {
    pub fn config(&self) -> &LabConfig {
        &self.snapshot.files.config
    }

    /// Makes a page unless the last build made it from the same.
    pub fn page(
        &self,
        path: &str,
        key: Key,
        render: impl FnOnce() -> Result<String, SiteError>,
    ) -> Result<(), SiteError> {
        let key = key.finish();
        if self.old.get(path) != Some(&key) {
            self.output.put(path, render()?.as_bytes())?;
        }
        self.note(path, key);
        Ok(())
    }

    /// Writes a page that is cheap to make and may change at any time.
    pub fn fresh(&self, path: &str, text: &str) -> Result<(), SiteError> {
        let key = Key::new(self.shared).add(text.as_bytes()).finish();
        if self.old.get(path) != Some(&key) {
            self.output.put_whole(path, text.as_bytes())?;
        }
        self.note(path, key);
        Ok(())
    }

    /// Publishes a file as it is.
    pub fn raw(&self, path: &str, key: u64, bytes: &[u8]) -> Result<(), SiteError> {
        if self.old.get(path) != Some(&key) {
            self.output.put(path, bytes)?;
        }
        self.note(path, key);
        Ok(())
    }

    fn note(&self, path: &str, key: u64) {
        let mut pages = self.new.lock().unwrap_or_else(PoisonError::into_inner);
        pages.insert(path.to_owned(), key);
    }

    pub fn key(&self) -> Key {
        Key::new(self.shared)
    }

    pub fn job(&self, at: u32) -> &Summary {
        &self.history.jobs[at as usize]
    }

    /// What is expected of a job that waits or runs.
    pub fn when(&self, id: JobId) -> When {
        self.whens.get(&id).cloned().unwrap_or_default()
    }

    /// The running jobs, oldest first, and the waiting ones in the order in which they are asked.
    pub fn live(&self) -> (Vec<LiveRow>, Vec<LiveRow>) {
        let live = self.snapshot.live.iter();
        let live = live.map(|job| LiveRow::new(job, self.when(job.record.id)));
        let (mut waiting, running): (Vec<LiveRow>, Vec<LiveRow>) = live.partition(LiveRow::waits);
        // Those that nobody asks stand last.
        waiting.sort_by_key(|job| job.when.place.wrapping_sub(1));
        (running, waiting)
    }

    /// A job that waits or runs, for lists that do not say when.
    pub fn live_row(&self, job: &LiveJob) -> LiveRow {
        let silent = self.when(job.record.id).silent;
        let when = When {
            silent,
            ..When::default()
        };
        LiveRow::new(job, when)
    }

    pub fn rows(&self, jobs: &[u32]) -> Vec<JobRow> {
        let row = |at: &u32| JobRow::new(self.history, self.job(*at));
        jobs.iter().map(row).collect()
    }
}

/// The hash of everything a page is made from.
pub struct Key(Xxh3);

impl Key {
    pub fn new(shared: u64) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&shared.to_le_bytes());
        Self(hash)
    }

    /// Adds bytes; their length is added too, so that two fields never run into each other.
    pub fn add(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub fn number(mut self, number: u64) -> Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    /// Adds what a value shows of itself for programmers, which tells any two of them apart.
    pub fn debug(self, value: &impl std::fmt::Debug) -> Self {
        self.add(format!("{value:?}").as_bytes())
    }

    /// Adds the records that rows are made from.
    pub fn jobs(mut self, site: &Site<'_>, jobs: &[u32]) -> Self {
        self.0.update(&(jobs.len() as u64).to_le_bytes());
        for job in jobs {
            self.0.update(site.job(*job).blob.as_bytes());
        }
        self
    }

    pub fn finish(self) -> u64 {
        // 0 stands for a page that was never written.
        self.0.digest().max(1)
    }
}

/// The finished jobs in order, and the newest of each board, user and tag, newest first.
#[derive(Default)]
pub struct Lists {
    /// Oldest first.
    pub all: Vec<u32>,
    /// The same without health checks, which would drown the jobs that people wait for.
    pub people: Vec<u32>,
    /// Without health checks, too.
    pub boards: BTreeMap<String, Vec<u32>>,
    /// The boards' health checks.
    pub checks: BTreeMap<String, Vec<u32>>,
    /// The jobs of which an attempt failed on the board.
    pub failed: BTreeMap<String, Vec<u32>>,
    pub users: BTreeMap<String, Vec<u32>>,
    pub tags: BTreeMap<String, Vec<u32>>,
    pub types: BTreeMap<String, u64>,
}

impl Lists {
    pub fn new(history: &History) -> Self {
        let all = history.shown();
        let texts = history.strings.iter().len();
        let mut boards = vec![Vec::new(); texts];
        let mut checks: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut failed: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut users = vec![Vec::new(); texts];
        let mut tags = vec![Vec::new(); texts];
        let mut types = vec![0_u64; texts];
        for &at in all.iter().rev() {
            let job = &history.jobs[at as usize];
            for failure in history.failures(job) {
                let list = failed.entry(failure.board.to_owned()).or_default();
                if list.len() < FAILED && list.last() != Some(&at) {
                    list.push(at);
                }
            }
            let of_board = match job.health_check {
                true => {
                    for board in history.boards(job) {
                        let list = checks.entry(board.to_owned()).or_default();
                        if list.len() < CHECKS {
                            list.push(at);
                        }
                    }
                    None
                }
                false => Some((&mut boards, job.board)),
            };
            let others = [(&mut users, job.user), (&mut tags, job.tags)];
            for (lists, text) in of_board.into_iter().chain(others) {
                if let Some(list) = lists.get_mut(text as usize)
                    && list.len() < RECENT
                {
                    list.push(at);
                }
            }
            if let Some(count) = types.get_mut(job.device_type as usize) {
                *count += 1;
            }
        }
        let by_text = |lists: Vec<Vec<u32>>| -> BTreeMap<String, Vec<u32>> {
            let named = (0..)
                .zip(lists)
                .filter(|(text, list)| *text > 0 && !list.is_empty());
            named
                .map(|(text, list)| (history.text(text).to_owned(), list))
                .collect()
        };
        // A text of tags stands for a whole set of them, and so does one of a group's boards; sets
        // that share a line are joined here.
        let by_line = |lists: Vec<Vec<u32>>| {
            let mut by_line: BTreeMap<String, Vec<u32>> = BTreeMap::new();
            for (set, list) in by_text(lists) {
                for line in set.lines() {
                    by_line.entry(line.to_owned()).or_default().extend(&list);
                }
            }
            for list in by_line.values_mut() {
                list.sort_unstable_by(|a, b| b.cmp(a));
                list.dedup();
                list.truncate(RECENT);
            }
            by_line
        };
        let types = (0..)
            .zip(types)
            .filter(|(text, count)| *text > 0 && *count > 0);
        let of_people = |at: &u32| !history.jobs[*at as usize].health_check;
        Self {
            people: all.iter().copied().filter(of_people).collect(),
            checks,
            failed,
            boards: by_line(boards),
            users: by_text(users),
            tags: by_line(tags),
            types: types
                .map(|(text, count)| (history.text(text).to_owned(), count))
                .collect(),
            all,
        }
    }
}
