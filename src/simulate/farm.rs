//! The farm at a moment: what waits, what runs, what is idle, and what the past says.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::workload::Workload;
use crate::model::record::Estimate;
use crate::model::{JobId, LabConfig, Priority, Time};
use crate::schedule::{
    Busy, Candidate, Forecast, Lane, Past, PlanBoard, Queue, RunTime, Sample, Seat, Start, Wanted,
    estimate, forecast,
};

/// A job that runs.
#[derive(Debug)]
pub struct Running {
    pub board: usize,
    pub started: Time,
    pub ends: Time,
    pub at_submission: Option<Estimate>,
    pub at_claim: Estimate,
}

/// Jobs are named by their place in the workload.
pub struct Farm<'w> {
    pub workload: &'w Workload,
    pub config: LabConfig,
    pub past: Past,
    pub now: Time,
    /// With the estimate that was given at submission.
    pub waiting: BTreeMap<usize, Option<Estimate>>,
    pub running: BTreeMap<usize, Running>,
    /// By name.
    pub boards: Vec<PlanBoard>,
    pub idle: BTreeSet<usize>,
}

impl<'w> Farm<'w> {
    pub fn new(workload: &'w Workload, lab: &LabConfig) -> Self {
        let mut boards = workload.boards.clone();
        boards.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            workload,
            config: workload.config(lab),
            past: Past::default(),
            now: workload
                .jobs
                .first()
                .map_or(Time::from_unix(0), |job| job.at),
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            idle: (0..boards.len()).collect(),
            boards,
        }
    }

    /// The id of a job: it is in no queue.
    pub fn id(job: usize) -> JobId {
        JobId::of_text(&format!("simulated job {job}"))
    }

    fn group(&self, job: usize) -> &str {
        self.config.group_of(&self.workload.jobs[job].user)
    }

    /// What the plan sees now.
    fn queue(&self) -> Queue {
        let jobs = self.waiting.keys().map(|&job| {
            let arrival = &self.workload.jobs[job];
            Candidate {
                id: Self::id(job),
                priority: arrival.priority,
                order: job as i64,
                group: self.group(job).to_owned(),
                submitted_at: arrival.at,
                expires_at: None,
                seats: vec![Seat {
                    wanted: Wanted::Type(arrival.device_type.clone()),
                    tags: Vec::new(),
                }],
                not_on: BTreeSet::new(),
                last_on: BTreeSet::new(),
                dispatcher: None,
            }
        });
        let running = self.running.iter().map(|(&job, running)| {
            let arrival = &self.workload.jobs[job];
            let lane = Lane {
                group: self.group(job).to_owned(),
                device_type: arrival.device_type.clone(),
            };
            (lane, arrival.priority, running.started)
        });
        let rules = self.past.rules(&self.config, running, self.now);
        let boards = self.boards.iter().cloned().map(|board| PlanBoard {
            busy_ms: self.past.busy_ms(&board.name, self.now),
            ..board
        });
        let idle: BTreeSet<&str> = self
            .idle
            .iter()
            .map(|&board| self.boards[board].name.as_str())
            .collect();
        Queue::new(
            jobs.collect(),
            boards.collect(),
            |board| idle.contains(board.name.as_str()),
            rules,
            self.now,
        )
    }

    /// What starts now: jobs, and the board of each.
    pub fn plan(&self) -> Vec<(usize, usize)> {
        if self.idle.is_empty() || self.waiting.is_empty() {
            return Vec::new();
        }
        let queue = self.queue();
        let starts = queue.plan().into_iter();
        let place = |start: Start| {
            let board = *start.boards.first()?;
            Some((queue.job(start.job).order as usize, board))
        };
        starts.filter_map(place).collect()
    }

    /// When the waiting jobs are expected to start and end.
    fn forecast(&self) -> BTreeMap<JobId, Forecast> {
        let busy: Vec<Busy> = self
            .running
            .iter()
            .map(|(&job, running)| {
                let arrival = &self.workload.jobs[job];
                let elapsed = self.now.seconds_since(running.started);
                let remaining = self.past.runs.remaining_s(
                    &arrival.name,
                    &arrival.device_type,
                    arrival.limit_s,
                    elapsed,
                );
                Busy {
                    board: self.boards[running.board].name.clone(),
                    until: self.now.plus_seconds(remaining),
                    urgent_of: (arrival.priority == Priority::Urgent)
                        .then(|| self.group(job).to_owned()),
                }
            })
            .collect();
        // Jobs of one name are expected to take the same time: in a long queue that is most of the work.
        let mut lengths: HashMap<(&str, &str, u64), f64> = HashMap::new();
        for &job in self.waiting.keys() {
            let key = self.kind(job);
            lengths
                .entry(key)
                .or_insert_with(|| self.run_time(job).p50_s);
        }
        forecast(self.queue(), &busy, |candidate, _| {
            let key = self.kind(candidate.order as usize);
            lengths.get(&key).copied().unwrap_or_default()
        })
    }

    /// The estimates of jobs that have not ended, and how far they have come.
    fn open(&self) -> impl Iterator<Item = (Priority, Sample)> {
        let waiting = self
            .waiting
            .iter()
            .map(|(job, estimate)| (job, *estimate, None));
        let running = self.running.iter();
        let running =
            running.map(|(job, running)| (job, running.at_submission, Some(running.started)));
        waiting
            .chain(running)
            .filter_map(|(job, estimate, started)| {
                let sample = Sample::open(&estimate?, started, self.now)?;
                Some((self.workload.jobs[*job].priority, sample))
            })
    }

    /// What the expected length of a job's run depends on.
    fn kind(&self, job: usize) -> (&str, &str, u64) {
        let arrival = &self.workload.jobs[job];
        (
            &arrival.name,
            &arrival.device_type,
            arrival.limit_s.to_bits(),
        )
    }

    /// What is expected of a job's run.
    fn run_time(&self, job: usize) -> RunTime {
        let arrival = &self.workload.jobs[job];
        let runs = &self.past.runs;
        runs.run_time(&arrival.name, &arrival.device_type, arrival.limit_s)
    }

    /// The estimate of a job that waits.
    pub fn at_submission(&self, job: usize) -> Estimate {
        let Some(forecast) = self.forecast().remove(&Self::id(job)) else {
            return estimate::of_stuck(self.now);
        };
        let factors = self.past.calibration.factors(self.open());
        let priority = self.workload.jobs[job].priority;
        estimate::of_waiting(
            self.now,
            forecast.start,
            &self.run_time(job),
            priority,
            &factors,
        )
    }

    /// The estimate of a job that starts now.
    pub fn at_claim(&self, job: usize) -> Estimate {
        estimate::of_starting(self.now, &self.run_time(job))
    }
}
