//! How far the running attempts are, and whether they take longer than they should.

use std::time::Duration;

use super::Runner;
use super::core::{Attempt, Held, Phase};
use super::world::World;
use crate::dispatch::Progress;
use crate::model::status::{Pace, Underway};
use crate::model::{BoardName, Job, JobId, Record, Time};
use crate::schedule::{self, Usual};

/// An attempt that runs, as the daemon's terminal shows it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub id: JobId,
    pub job_name: String,
    /// One, or those of a group.
    pub boards: Vec<BoardName>,
    pub attempt: u32,
    pub started_at: Time,
    /// Percent, at most 99.
    pub progress: u8,
    pub underway: Underway,
}

impl Runner {
    /// How far every attempt is that runs.
    pub fn shown(&mut self) -> Vec<Shown> {
        let now = self.env.clock.since_boot();
        self.measure(now);
        let at = self.env.clock.now();
        let shown = |(id, held): (&JobId, &Held)| {
            let Phase::Running(attempt) = &held.phase else {
                return None;
            };
            let (expected_end, p90) = self.expected_end(attempt);
            Some(Shown {
                id: *id,
                job_name: attempt.record.job_name.clone(),
                boards: attempt.boards().cloned().collect(),
                attempt: attempt.n,
                started_at: attempt.started_at,
                progress: attempt.progress,
                underway: Underway {
                    at,
                    expected_end: Some(expected_end),
                    p90: Some(p90),
                    pace: attempt.pace,
                },
            })
        };
        self.held.iter().filter_map(shown).collect()
    }

    /// Says anew of every attempt how far it is: more than before, also where nothing was heard since.
    pub(super) fn measure(&mut self, now: Duration) {
        for held in self.held.values_mut() {
            if let Phase::Running(attempt) = &mut held.phase {
                attempt.measure(&self.world, now);
            }
        }
    }

    /// An attempt gave a sign of life.
    pub(super) fn note_progress(&mut self, id: JobId, n: u32, progress: Progress) {
        let now = self.env.clock.since_boot();
        let Some(Phase::Running(attempt)) = self.held.get_mut(&id).map(|held| &mut held.phase)
        else {
            return;
        };
        if attempt.n != n {
            return;
        }
        attempt.heard = now;
        match progress {
            Progress::Step(step) => {
                let elapsed_s = seconds(attempt.started, now);
                attempt.course.step(&step, elapsed_s);
                match attempt
                    .steps
                    .iter_mut()
                    .find(|known| (known.n, &known.member) == (step.n, &step.member))
                {
                    Some(known) => *known = step,
                    None => attempt.steps.push(step),
                }
            }
            Progress::Pct { member, n, pct } => attempt.course.pct(member.as_deref(), n, pct),
            Progress::Started { .. } | Progress::Result | Progress::Alive | Progress::Note(_) => {}
        }
    }
}

impl Attempt {
    /// Says anew how it stands, in the light of past runs, at a moment of the clock that measures.
    fn measure(&mut self, world: &World, now: Duration) {
        let elapsed_s = seconds(self.started, now);
        let usual = usual(&self.record, &self.job, world);
        self.progress = self.course.progress(&usual, elapsed_s);
        self.pace = schedule::pace(&usual, elapsed_s, seconds(self.heard, now));
    }

    /// How many seconds more it is expected to take, and how many nine in ten take at most. By its steps
    /// as long as it takes no longer than usual; then by the runs that lasted longer, or its limit.
    pub(super) fn remaining_s(&self, world: &World, now: Duration) -> (f64, f64) {
        let elapsed_s = seconds(self.started, now);
        let usual = usual(&self.record, &self.job, world);
        let by_steps = self.course.remaining_s(&usual, elapsed_s);
        let rest_s = by_steps.filter(|_| self.pace == Pace::Usual);
        let Usual {
            runs,
            job_name,
            device_type,
            limit_s,
        } = usual;
        let rest_s =
            rest_s.unwrap_or_else(|| runs.remaining_s(job_name, device_type, limit_s, elapsed_s));
        let p90_s = runs.run_time(job_name, device_type, limit_s).p90_s - elapsed_s;
        (rest_s, p90_s.max(rest_s))
    }
}

fn usual<'a>(record: &'a Record, job: &Job, world: &'a World) -> Usual<'a> {
    let claim = record.claim.as_ref();
    let device_type = claim.and_then(|claim| claim.device_type.as_deref());
    Usual {
        runs: &world.past.runs,
        job_name: &record.job_name,
        device_type: device_type.unwrap_or_default(),
        limit_s: world.files.config.timeouts.limit(job).seconds(),
    }
}

fn seconds(from: Duration, until: Duration) -> f64 {
    until.saturating_sub(from).as_secs_f64()
}
