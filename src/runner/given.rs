//! The estimates that were given to jobs at their submission, kept in the state folder until the jobs have
//! ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::record::Estimate;
use crate::model::status::Factors;
use crate::model::{JobId, ObjectId};
use crate::schedule::PlanBoard;

/// The version of the file.
const VERSION: u32 = 1;

/// How many times as long as it took a piece of work rests: so it costs a twentieth of the loop at most.
const RESTS: u32 = 20;

/// The least time between two writes of the file.
pub(super) const WRITE_REST: Duration = Duration::from_secs(5);

/// What a runner has said of waiting jobs.
#[derive(Default)]
pub(super) struct Given {
    estimates: BTreeMap<JobId, Estimate>,
    /// Whether the file lacks something.
    changed: bool,
    pub writing: Rest,
    pub playing: Rest,
    /// Main's head when the queue was last played forward: only another one brings new jobs.
    pub main: Option<ObjectId>,
    /// The boards then, and the jobs that none of them could take.
    pub boards: Vec<PlanBoard>,
    pub stuck: BTreeSet<JobId>,
    /// As last computed.
    pub factors: Option<Factors>,
}

/// When a piece of work may be done again.
#[derive(Default)]
pub(super) struct Rest {
    until: Duration,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    at_submission: BTreeMap<JobId, Estimate>,
}

impl Rest {
    pub fn is_over(&self, now: Duration) -> bool {
        self.left(now).is_zero()
    }

    pub fn left(&self, now: Duration) -> Duration {
        self.until.saturating_sub(now)
    }

    /// The work has been done.
    pub fn note(&mut self, begun: Duration, ended: Duration, least: Duration) {
        let cost = ended.saturating_sub(begun);
        self.until = ended + cost.saturating_mul(RESTS).max(least);
    }
}

impl Given {
    /// What an earlier start has kept. A file that is damaged or of a later version counts as none: the jobs
    /// that still wait get new estimates.
    pub fn load(path: &Path) -> Self {
        let kept = fs::read(path).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<File>(&bytes).ok());
        let kept = kept.filter(|kept| kept.version == VERSION);
        Self {
            estimates: kept.map(|kept| kept.at_submission).unwrap_or_default(),
            ..Self::default()
        }
    }

    pub fn get(&self, id: &JobId) -> Option<&Estimate> {
        self.estimates.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&JobId, &Estimate)> {
        self.estimates.iter()
    }

    pub fn insert(&mut self, id: JobId, estimate: Estimate) {
        self.changed |= self.estimates.insert(id, estimate) != Some(estimate);
    }

    pub fn len(&self) -> usize {
        self.estimates.len()
    }

    /// Whether there is something to write or to forget, `live` being how many jobs have not ended.
    pub fn is_worth_writing(&self, live: usize) -> bool {
        self.changed || self.len() > live
    }

    /// Forgets the jobs that have ended and writes the others down. Without the file a restart costs the
    /// estimates of waiting jobs, not more: so a failure is none, and nothing waits for the disk.
    pub fn write(&mut self, path: &Path, is_live: impl Fn(&JobId) -> bool) {
        self.estimates.retain(|id, _| is_live(id));
        let file = File {
            version: VERSION,
            at_submission: std::mem::take(&mut self.estimates),
        };
        let new = path.with_extension("new");
        let written = serde_json::to_vec(&file)
            .map_err(std::io::Error::from)
            .and_then(|bytes| fs::write(&new, bytes))
            .and_then(|()| fs::rename(&new, path));
        self.estimates = file.at_submission;
        self.changed = written.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use crate::schedule::estimate;

    #[test]
    fn what_has_ended_is_forgotten_and_the_rest_is_there_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("estimates.json");
        let (waits, ended) = (JobId::from_bytes([1; 16]), JobId::from_bytes([2; 16]));
        let said = estimate::of_stuck(Time::from_unix(7));
        let mut given = Given::load(&path);
        assert!(!given.is_worth_writing(0));
        given.insert(waits, said);
        given.insert(ended, said);
        assert!(given.is_worth_writing(2));
        given.write(&path, |id| *id == waits);
        assert!(!given.is_worth_writing(1));
        assert!(given.is_worth_writing(0), "something to forget");
        for given in [given, Given::load(&path)] {
            assert_eq!((given.get(&waits), given.get(&ended)), (Some(&said), None));
        }
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert_eq!(Given::load(&path).len(), 0);
    }

    #[test]
    fn work_rests_for_twenty_times_its_cost() {
        let ms = Duration::from_millis;
        let mut rest = Rest::default();
        assert!(rest.is_over(ms(0)));
        rest.note(ms(100), ms(110), Duration::ZERO);
        assert_eq!(rest.left(ms(110)), ms(200));
        assert!(!rest.is_over(ms(309)) && rest.is_over(ms(310)));
        rest.note(ms(400), ms(400), ms(50));
        assert!(!rest.is_over(ms(449)) && rest.is_over(ms(450)));
    }
}
