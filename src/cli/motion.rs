//! How far a job is between two heartbeats, and in words how long it takes.

use std::time::Instant;

use chrono::{Local, Utc};

use super::moment::{self, MINUTE_S, nearest, rounded_up};
use super::view::Job;
use crate::model::status::{Pace, Underway};
use crate::model::{JobId, RunnerName, State, Time};
use crate::schedule;

/// The first heartbeat that one sees may be as old as this, in seconds; beyond it the two hosts' clocks
/// differ.
const OLDEST_S: f64 = 60.0;

/// What was last heard of an attempt. It counts time from there by this host's own steady clock.
#[derive(Debug, Clone, Default)]
pub struct Motion {
    /// Whose it is: another attempt begins anew.
    attempt: Option<(JobId, u32)>,
    said: Option<Said>,
    /// The highest percentage shown: a bar never moves back.
    highest: u8,
    /// Who runs it, and for how many seconds it may say nothing; none for what this process itself runs.
    runner: Option<(RunnerName, f64)>,
}

/// What is known of an attempt that runs.
#[derive(Debug, Clone, Copy)]
pub struct News {
    pub id: JobId,
    pub attempt: u32,
    /// Percent.
    pub progress: u8,
    pub started_at: Time,
    pub underway: Option<Underway>,
}

impl News {
    /// Of a job's attempt; none of a job that does not run.
    pub fn of(job: &Job) -> Option<Self> {
        match job.record.state {
            State::Submitted | State::Finished => None,
            State::Running | State::Canceling => Some(Self {
                id: job.record.id,
                attempt: job.attempts,
                progress: job.progress,
                started_at: job.record.started_at?,
                underway: job.underway,
            }),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Said {
    news: News,
    /// What the runner's clock showed at the moment `heard`.
    clock: Time,
    heard: Instant,
}

impl Motion {
    /// Takes in what the lab says of a job whose runner may be silent for so many seconds.
    pub fn follow(&mut self, job: &Job, lease_s: f64) {
        self.follow_at(job, lease_s, Time::new(Utc::now()), Instant::now());
    }

    fn follow_at(&mut self, job: &Job, lease_s: f64, now: Time, at: Instant) {
        let news = News::of(job);
        let stale = |said: &Underway| now.seconds_since(said.at) > lease_s;
        let first = self.attempt != news.map(|news| (news.id, news.attempt));
        self.hear(news, now, at);
        self.runner = job.runner().map(|runner| (runner.clone(), lease_s));
        if first
            && let Some(said) = &mut self.said
            && said.news.underway.as_ref().is_some_and(stale)
        {
            // By the rule that all tools have for a silent runner, whatever its clock.
            said.clock = now;
        }
    }

    /// Who says nothing of the attempt any more, and for how many seconds.
    fn silent(&self, at: Instant) -> Option<(&RunnerName, f64)> {
        let said = self.said.as_ref()?;
        let (runner, lease_s) = self.runner.as_ref()?;
        let silent_s = said.clock(at).seconds_since(said.news.underway?.at);
        (silent_s > *lease_s).then_some((runner, silent_s))
    }

    /// Whether its runner says nothing any more.
    pub fn is_silent(&self, at: Instant) -> bool {
        self.silent(at).is_some()
    }

    /// What the runner's clock shows, or showed when it was given up.
    fn clock(&self, said: &Said, at: Instant) -> Time {
        let clock = said.clock(at);
        let given_up = self.runner.as_ref().zip(said.news.underway);
        given_up.map_or(clock, |((_, lease_s), news)| {
            clock.min(news.at.plus_seconds(*lease_s))
        })
    }

    /// Takes in what is said of an attempt. `now` is this host's time of day, `at` the same moment by its
    /// steady clock.
    pub fn hear(&mut self, news: Option<News>, now: Time, at: Instant) {
        let Some(news) = news else {
            *self = Self::default();
            return;
        };
        if self.attempt != Some((news.id, news.attempt)) {
            *self = Self::default();
            self.attempt = Some((news.id, news.attempt));
        }
        let before = self.said.and_then(|said| said.news.underway);
        if self.said.is_some() && before.map(|said| said.at) == news.underway.map(|said| said.at) {
            return;
        }
        let known = self.said.map(|said| said.clock(at));
        let clock = match (news.underway, before) {
            // It was later there when this arrived.
            (Some(new), Some(_)) => known.map_or(new.at, |known| known.max(new.at)),
            (Some(first), None) => {
                let age = now.seconds_since(first.at);
                first
                    .at
                    .plus_seconds(if age < OLDEST_S { age.max(0.0) } else { 0.0 })
            }
            (None, _) => now,
        };
        self.said = Some(Said {
            news,
            clock,
            heard: at,
        });
    }

    /// Percent, at most 99.
    pub fn percent(&mut self, at: Instant) -> u8 {
        if let Some(said) = &self.said {
            let news = &said.news;
            let shown =
                schedule::shown(news.progress, news.underway.as_ref(), self.clock(said, at));
            self.highest = self.highest.max(shown);
        }
        self.highest
    }

    /// How long it has run, in seconds.
    pub fn elapsed_s(&self, at: Instant) -> Option<f64> {
        let said = self.said.as_ref()?;
        Some(
            self.clock(said, at)
                .seconds_since(said.news.started_at)
                .max(0.0),
        )
    }

    /// The pace that a bar shows: a silent runner's is not known, and doubtful.
    pub fn pace_at(&self, at: Instant) -> Pace {
        match self.is_silent(at) {
            true => Pace::Overdue,
            false => self.pace(),
        }
    }

    pub fn pace(&self) -> Pace {
        let underway = self.said.and_then(|said| said.news.underway);
        underway.map(|said| said.pace).unwrap_or_default()
    }

    /// `2m05s of about 5m10s · ends 14:05, 9 in 10 by 14:07`, or why it should have ended; empty while it
    /// does not run.
    pub fn words(&self, at: Instant) -> String {
        let (Some(said), Some(elapsed)) = (&self.said, self.elapsed_s(at)) else {
            return String::new();
        };
        if let Some((runner, silent_s)) = self.silent(at) {
            let silent = moment::length(silent_s);
            return format!("its runner `{runner}` has been silent for {silent}");
        }
        let so_far = moment::length(elapsed);
        let underway = said.news.underway;
        let end = underway.and_then(|said| said.expected_end);
        let now = said.clock(at);
        match (self.pace(), end) {
            (Pace::Usual, Some(end)) if end <= now => format!("{so_far} · ends any moment"),
            (Pace::Usual, Some(end)) => {
                let whole = end.seconds_since(said.news.started_at).max(elapsed);
                let by = underway.and_then(|said| said.p90);
                let by = by.map_or_else(String::new, |by| {
                    let by = rounded_up(by, unit_s(whole));
                    format!(", 9 in 10 by {}", clock_face(by, whole))
                });
                let end = nearest(end, unit_s(whole));
                let (about, ends) = (moment::length(whole), clock_face(end, whole));
                format!("{so_far} of about {about} · ends {ends}{by}")
            }
            (Pace::Usual, None) => so_far,
            (pace, _) => format!("{so_far} · {}", pace.in_words()),
        }
    }
}

impl Said {
    /// What the runner's clock shows now.
    fn clock(&self, at: Instant) -> Time {
        let since = at.saturating_duration_since(self.heard);
        self.clock.plus_seconds(since.as_secs_f64())
    }
}

/// How fine the moments of a run of so many seconds are shown, in seconds.
fn unit_s(whole_s: f64) -> i64 {
    if whole_s < 600.0 { 1 } else { MINUTE_S }
}

/// A moment of a run of so many seconds, as a clock in the zone one lives in shows it: no finer than it
/// may be true.
pub fn clock_face(at: Time, whole_s: f64) -> String {
    let format = match whole_s {
        ..600.0 => "%H:%M:%S",
        ..43_200.0 => "%H:%M",
        _ => "%-d %b %H:%M",
    };
    at.utc().with_timezone(&Local).format(format).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::view::tests::waiting;
    use super::*;

    fn running(progress: u8, at: Time, rest_s: f64) -> Job {
        let mut job = waiting(1);
        job.record.state = State::Running;
        job.record.started_at = Some(Time::from_unix(1_000_000));
        job.attempts = 1;
        job.progress = progress;
        job.underway = Some(Underway {
            at,
            expected_end: Some(at.plus_seconds(rest_s)),
            p90: Some(at.plus_seconds(2.0 * rest_s)),
            pace: Pace::Usual,
        });
        job
    }

    #[test]
    fn it_moves_on_between_heartbeats_and_never_back() {
        let heartbeat = Time::from_unix(1_000_040);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut motion = Motion::default();
        assert_eq!(
            (motion.percent(start), motion.words(start)),
            (0, String::new())
        );
        // Heard 10 s after it was said.
        let job = running(40, heartbeat, 59.0);
        motion.hear(News::of(&job), heartbeat.plus_seconds(10.0), start);
        assert_eq!(motion.percent(start), 50);
        assert_eq!(motion.percent(after(20)), 70);
        assert_eq!(motion.elapsed_s(after(20)), Some(70.0));
        let words = motion.words(after(20));
        assert!(words.starts_with("1m10s of about 1m39s · ends "), "{words}");
        assert!(words.contains(", 9 in 10 by "), "{words}");
        // It takes longer than was thought.
        let later = running(45, heartbeat.plus_seconds(30.0), 300.0);
        motion.hear(
            News::of(&later),
            heartbeat.plus_seconds(99_999.0),
            after(21),
        );
        assert_eq!(motion.percent(after(21)), 70);
        assert_eq!(
            motion.elapsed_s(after(21)),
            Some(71.0),
            "the steady clock counts"
        );
        assert_eq!(motion.percent(after(3600)), 99);
    }

    #[test]
    fn the_bar_of_a_silent_runner_stops_and_names_no_end() {
        let heartbeat = Time::from_unix(1_000_040);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut job = running(40, heartbeat, 59.0);
        job.record.claim = serde_json::from_value(serde_json::json!({
            "runner": "r1", "board": "b1", "device_type": "qemu", "at": "2026-11-24T01:00:00Z",
        }))
        .unwrap();
        let mut motion = Motion::default();
        motion.follow_at(&job, 30.0, heartbeat, start);
        assert!(motion.words(after(20)).contains("ends"));
        let percent = motion.percent(after(31));
        assert_eq!(motion.percent(after(50)), percent);
        let silent = "its runner `r1` has been silent for 40s";
        assert_eq!(motion.words(after(40)), silent);
        // Seen for the first time when it had been silent for long.
        let mut late = Motion::default();
        late.follow_at(&job, 30.0, heartbeat.plus_seconds(300.0), start);
        assert!(late.is_silent(start));
        // It speaks again.
        let job = running(60, heartbeat.plus_seconds(70.0), 10.0);
        motion.follow_at(&job, 30.0, heartbeat.plus_seconds(70.0), after(70));
        assert!(!motion.is_silent(after(70)));
        assert!(motion.words(after(70)).contains("ends"));
        assert!(motion.words(after(85)).contains("ends any moment"));
    }

    #[test]
    fn another_attempt_begins_anew_and_a_late_one_is_named() {
        let heartbeat = Time::from_unix(1_000_400);
        let now = Instant::now();
        let mut motion = Motion::default();
        motion.hear(News::of(&running(80, heartbeat, 10.0)), heartbeat, now);
        assert_eq!(motion.percent(now), 80);
        let mut job = running(3, heartbeat, 10.0);
        job.attempts = 2;
        if let Some(said) = &mut job.underway {
            said.pace = Pace::Hanging;
        }
        motion.hear(News::of(&job), heartbeat, now);
        assert_eq!(motion.percent(now), 3);
        assert_eq!(motion.words(now), "6m40s · probably hanging");
        job.record.state = State::Finished;
        motion.hear(News::of(&job), heartbeat, now);
        assert_eq!(motion.words(now), "");
    }
}
