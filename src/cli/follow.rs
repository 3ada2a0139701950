//! Looking at some jobs again and again until they have ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use chrono::Utc;

use super::bars::TICK;
use super::error::Error;
use super::history;
use super::open::{Opened, Seen};
use super::outlook;
use super::view::Job;
use crate::git::{self, Watch};
use crate::lab::{Journals, LabError, Scope};
use crate::model::{JobId, ObjectId, State, Time};
use crate::schedule::outlook::Outlook;

/// A person who waits for a job looks at least so often.
const SLOWEST_POLL: Duration = Duration::from_secs(2);

/// In a busy lab references change all the time; one look at a time gathers them.
const FASTEST_POLL: Duration = Duration::from_millis(50);

/// The lab, looked at whenever its references change, or else every little while.
pub struct Follow<'a> {
    opened: &'a Opened,
    poll: Duration,
    /// Present for a local repository: its references call.
    watch: Option<(Watch, Receiver<()>)>,
    refs: BTreeMap<String, ObjectId>,
    journals: Journals,
    /// Those wanted; all where none are named.
    wanted: Option<BTreeSet<JobId>>,
    ended: BTreeMap<JobId, Job>,
    last: Option<Instant>,
}

/// What one look found.
pub struct Look {
    /// Those wanted that live or have a record. One that left main and has no record yet is missing.
    pub jobs: BTreeMap<JobId, Job>,
    pub seen: Seen,
    /// What is to be expected, if one of them waits.
    pub outlook: Outlook,
}

impl Look {
    /// For how many seconds a runner may be silent.
    pub fn lease_s(&self) -> f64 {
        self.seen.snapshot.files.config.lease.seconds()
    }
}

impl<'a> Follow<'a> {
    /// Follows the jobs named, or all there are.
    pub fn new(
        opened: &'a Opened,
        poll: Duration,
        wanted: Option<&[JobId]>,
    ) -> Result<Self, Error> {
        let (sender, receiver) = mpsc::channel();
        // Once the receiver is gone nobody waits any more.
        let watch = git::watch(opened.lab.url(), move || {
            let _ = sender.send(());
        })?;
        Ok(Self {
            opened,
            poll: poll.min(SLOWEST_POLL),
            watch: watch.map(|watch| (watch, receiver)),
            refs: BTreeMap::new(),
            journals: Journals::new(),
            wanted: wanted.map(|ids| ids.iter().copied().collect()),
            ended: BTreeMap::new(),
            last: None,
        })
    }

    /// Fetches and looks for the jobs; `None` when nothing has changed since the last look.
    pub fn look(&mut self) -> Result<Option<Look>, Error> {
        self.last = Some(Instant::now());
        self.opened.lab.fetch(Scope::Main)?;
        let refs = self.opened.lab.mirror().repo()?.references("refs/")?;
        if refs == self.refs {
            return Ok(None);
        }
        let seen = self.opened.seen()?;
        self.note_ended(&seen)?;
        let mut jobs = self.ended.clone();
        for live in &seen.snapshot.live {
            if self.wants(live.record.id) {
                jobs.entry(live.record.id)
                    .or_insert_with(|| live.clone().into());
            }
        }
        let waits = |job: &Job| job.record.state == State::Submitted;
        let outlook = match jobs.values().any(waits) {
            true => outlook::of(&seen, Time::new(Utc::now()))?,
            false => Outlook::default(),
        };
        // Only now: a look that failed on its way is made again.
        self.journals.clone_from(&seen.snapshot.journals);
        self.refs = refs;
        Ok(Some(Look {
            jobs,
            seen,
            outlook,
        }))
    }

    fn wants(&self, id: JobId) -> bool {
        self.wanted.as_ref().is_none_or(|ids| ids.contains(&id))
    }

    fn note_ended(&mut self, seen: &Seen) -> Result<(), LabError> {
        for place in history::places_since(&seen.reader, &self.journals)? {
            if self.wants(place.id)
                && let Some(record) = history::record(&seen.reader, &place)?
            {
                self.ended.entry(place.id).or_insert_with(|| record.into());
            }
        }
        Ok(())
    }

    /// Rests until the lab's references change, the next poll is due, or `limit` is over.
    pub fn rest(&self, limit: Duration) {
        self.rest_while(limit, || true);
    }

    /// The same, calling `still` every little while; its `false` ends the rest.
    pub fn rest_while(&self, limit: Duration, mut still: impl FnMut() -> bool) {
        let since = self.last.map_or(FASTEST_POLL, |last| last.elapsed());
        if let Some(pause) = FASTEST_POLL.checked_sub(since) {
            std::thread::sleep(pause.min(limit));
        }
        let begun = Instant::now();
        let poll = self.poll.min(limit);
        while still()
            && let Some(left) = poll.checked_sub(begun.elapsed())
        {
            let slice = left.min(TICK);
            match &self.watch {
                Some((_, changes)) => {
                    if changes.recv_timeout(slice).is_ok() {
                        while changes.try_recv().is_ok() {}
                        return;
                    }
                }
                None => std::thread::sleep(slice),
            }
        }
    }
}
