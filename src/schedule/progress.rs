//! How far a running job is, and whether it takes longer than it should.

use super::course::{Course, Part, Stage};
use super::runs::{OF_TIMEOUT, RunTimes, median};
use crate::model::Time;
use crate::model::status::{Pace, Underway};

/// No bar says more before the end.
const MOST: u8 = 99;

/// A log that says nothing for a shorter time, in seconds, is not silent.
const SILENCE_S: f64 = 60.0;

/// Nor is one whose silence is a smaller share of what nine runs in ten take.
const SILENT_SHARE: f64 = 0.1;

/// The runs in the light of which an attempt is judged.
#[derive(Debug, Clone, Copy)]
pub struct Usual<'a> {
    pub runs: &'a RunTimes,
    pub job_name: &'a str,
    pub device_type: &'a str,
    /// The attempt's time limit in seconds.
    pub limit_s: f64,
}

impl Course {
    /// Percent done after so many seconds: the share of the whole run, as it is expected, that is over.
    /// Never less than before, and at most 99.
    pub fn progress(&mut self, usual: &Usual<'_>, elapsed_s: f64) -> u8 {
        let share = match self.remaining_s(usual, elapsed_s) {
            Some(remaining_s) => elapsed_s / (elapsed_s + remaining_s),
            None => 0.0,
        };
        // What is no number becomes 0.
        self.highest = self.highest.max(((share * 100.0) as u8).min(MOST));
        self.highest
    }

    /// How many seconds more the attempt is expected to take, as long as its slowest part; none where it
    /// has no parts.
    pub fn remaining_s(&self, usual: &Usual<'_>, elapsed_s: f64) -> Option<f64> {
        let parts = self.parts.iter();
        let remaining = parts.map(|part| part.remaining_s(usual, elapsed_s));
        let slowest = remaining.max_by(f64::total_cmp)?;
        Some(slowest.min((usual.limit_s - elapsed_s).max(0.0)))
    }
}

impl Part {
    fn remaining_s(&self, usual: &Usual<'_>, elapsed_s: f64) -> f64 {
        let Usual {
            runs,
            job_name,
            device_type,
            ..
        } = *usual;
        let steps = runs.steps(job_name, device_type, self.stages.len());
        if steps.is_empty() {
            // The whole run is its only step.
            let whole = runs.lengths(job_name, device_type);
            return match whole.is_empty() {
                true => self.unknown_s(usual.limit_s, elapsed_s),
                false => more(&whole, elapsed_s),
            };
        }
        let begun = self.begun();
        let (mut remaining, mut in_steps) = (0.0, 0.0);
        for (n, (stage, past)) in self.stages.iter().zip(&steps).enumerate() {
            match *stage {
                Stage::Done { seconds } => in_steps += seconds,
                Stage::Running { since_s, .. } => {
                    let so_far = (elapsed_s - since_s).max(0.0);
                    in_steps += so_far;
                    remaining += more(past, so_far);
                }
                Stage::Waiting if n < begun => {}
                Stage::Waiting => remaining += usually(past),
            }
        }
        let between = usually(&runs.between(job_name, device_type, self.stages.len()));
        remaining + (between - (elapsed_s - in_steps)).max(0.0)
    }

    /// What remains without a past run. Nothing but its time limit speaks for its length at first; the
    /// more of its steps is over, the more the time that those took does.
    fn unknown_s(&self, limit_s: f64, elapsed_s: f64) -> f64 {
        let by_limit = match limit_s * OF_TIMEOUT {
            usual if elapsed_s < usual => usual,
            _ => limit_s,
        };
        let share = self.counted(elapsed_s);
        let whole = match share > 0.0 {
            true => by_limit.powf(1.0 - share) * (elapsed_s / share).powf(share),
            false => by_limit,
        };
        (whole - elapsed_s).max(0.0)
    }

    /// The share of its steps that is over, each of which counts alike. The running one counts by what its
    /// dispatcher says of it; else, after others, it nears its end the more slowly the longer those took.
    fn counted(&self, elapsed_s: f64) -> f64 {
        let lengths = self.stages.iter().filter_map(|stage| match stage {
            Stage::Done { seconds } => Some(*seconds),
            _ => None,
        });
        let (done, took) = lengths.fold((0, 0.0), |(n, sum), took| (n + 1, sum + took));
        let share = |stage: &Stage| match *stage {
            Stage::Waiting => 0.0,
            Stage::Done { .. } => 1.0,
            Stage::Running { pct: Some(pct), .. } => f64::from(pct) / 100.0,
            Stage::Running { .. } if done == 0 => 0.0,
            Stage::Running { since_s, .. } => {
                let so_far = (elapsed_s - since_s).max(0.0);
                // Both may be 0 at the very beginning.
                so_far / (so_far + took / f64::from(done)).max(f64::MIN_POSITIVE)
            }
        };
        self.stages.iter().map(share).sum::<f64>() / self.stages.len().max(1) as f64
    }

    /// The steps before this one have begun, or were left out.
    fn begun(&self) -> usize {
        let waits = |stage: &Stage| *stage == Stage::Waiting;
        self.stages
            .iter()
            .rposition(|stage| !waits(stage))
            .map_or(0, |last| last + 1)
    }
}

fn usually(past: &[f64]) -> f64 {
    median(past.iter().copied()).unwrap_or(0.0)
}

/// How much longer something takes that has lasted for a while: until the median of the past lengths
/// that lasted longer. If none did, it is about to end, give or take as much as the longest one lay
/// above the median.
fn more(past: &[f64], so_far: f64) -> f64 {
    let longer = past.iter().copied().filter(|length| *length > so_far);
    match median(longer) {
        Some(until) => until - so_far,
        None => past.iter().copied().fold(0.0, f64::max) - usually(past),
    }
}

/// Whether an attempt that has lasted for so long takes longer than it should, if nothing was heard of
/// it for the last `silent_s` seconds.
pub fn pace(usual: &Usual<'_>, elapsed_s: f64, silent_s: f64) -> Pace {
    let expected = usual
        .runs
        .run_time(usual.job_name, usual.device_type, usual.limit_s);
    let p90_s = expected.p90_s;
    let silent = silent_s >= SILENCE_S.max(p90_s * SILENT_SHARE);
    if elapsed_s > 2.0 * p90_s && silent {
        Pace::Hanging
    } else if elapsed_s > p90_s {
        Pace::Overdue
    } else {
        Pace::Usual
    }
}

/// What a bar shows between two heartbeats: it moves from what was last said to 99 at the expected end.
pub fn shown(progress: u8, said: Option<&Underway>, now: Time) -> u8 {
    let progress = progress.min(MOST);
    let Some((said, end)) = said.and_then(|said| Some((said, said.expected_end?))) else {
        return progress;
    };
    let whole = end.seconds_since(said.at);
    let share = now.seconds_since(said.at) / whole;
    if whole <= 0.0 || share <= 0.0 {
        return progress;
    }
    let rest = f64::from(MOST - progress);
    progress + (rest * share.min(1.0)) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::course::tests::step;
    use super::super::runs::Run;
    use super::*;
    use crate::model::record::StepState;

    const LIMIT_S: f64 = 3600.0;

    fn usual(runs: &RunTimes) -> Usual<'_> {
        Usual {
            runs,
            job_name: "boot",
            device_type: "qemu",
            limit_s: LIMIT_S,
        }
    }

    /// Runs of a job of two steps of 10 and 30 s, with 4 s in neither.
    fn known() -> RunTimes {
        let mut runs = RunTimes::default();
        for (at, more) in [0.0, 1.0, 2.0, 1.0, 0.0].into_iter().enumerate() {
            let lengths = [10.0, 30.0 + more];
            runs.add("boot", "qemu", Run::new(at as i64, 44.0 + more, &lengths));
        }
        runs
    }

    fn alone(actions: usize) -> Course {
        Course::new([(None, actions)])
    }

    #[test]
    fn steps_weigh_what_they_took_in_past_runs() {
        let runs = known();
        let usual = usual(&runs);
        let mut course = alone(2);
        course.step(&step(0, StepState::Running), 2.0);
        assert_eq!(course.progress(&usual, 2.0), 4, "2 of 45 s");
        course.step(&step(0, StepState::Done), 12.0);
        course.step(&step(1, StepState::Running), 12.0);
        assert_eq!(course.progress(&usual, 27.0), 60, "27 of 45 s");
        assert_eq!(course.remaining_s(&usual, 27.0), Some(18.0));
        assert_eq!(
            course.remaining_s(&usual, 42.5),
            Some(2.5),
            "some were longer"
        );
        // Longer than any run: it is about to end.
        assert_eq!(course.remaining_s(&usual, 48.0), Some(3.0));
        course.step(&step(1, StepState::Done), 49.0);
        assert_eq!(
            course.remaining_s(&usual, 49.0),
            Some(2.0),
            "the board goes off"
        );
        assert_eq!(course.progress(&usual, LIMIT_S), 99);
    }

    #[test]
    fn a_run_with_other_steps_is_judged_as_a_whole_and_its_limit_ends_it() {
        let runs = known();
        let mut usual = usual(&runs);
        let mut course = alone(3);
        assert_eq!(course.remaining_s(&usual, 15.0), Some(30.0));
        assert_eq!(course.progress(&usual, 15.0), 33);
        usual.limit_s = 20.0;
        assert_eq!(course.remaining_s(&usual, 15.0), Some(5.0));
        assert_eq!(course.progress(&usual, 15.0), 75);
    }

    #[test]
    fn without_a_past_the_limit_and_the_steps_that_are_over_tell() {
        let runs = RunTimes::default();
        let usual = usual(&runs);
        let mut course = alone(1);
        course.step(&step(0, StepState::Running), 0.0);
        // Six tenths of an hour.
        assert_eq!(course.progress(&usual, 540.0), 25);
        assert_eq!(course.remaining_s(&usual, 540.0), Some(1620.0));
        assert_eq!(course.progress(&usual, 2150.0), 99);
        assert_eq!(course.remaining_s(&usual, 2160.0), Some(1440.0));
        assert_eq!(course.progress(&usual, 2160.0), 99);
        let mut course = alone(2);
        course.step(&step(0, StepState::Running), 0.0);
        course.step(&step(0, StepState::Done), 60.0);
        course.step(&step(1, StepState::Running), 60.0);
        // Between the two minutes by the steps and the 36 by the limit.
        let rest_s = course.remaining_s(&usual, 60.0).unwrap();
        assert!((rest_s - ((120.0_f64 * 2160.0).sqrt() - 60.0)).abs() < 1e-6);
        assert_eq!(course.progress(&usual, 60.0), 11);
        course.pct(None, 1, 80);
        assert_eq!(course.progress(&usual, 500.0), 78, "500 of 636 s");
        course.step(&step(1, StepState::Done), 560.0);
        assert_eq!(course.remaining_s(&usual, 560.0), Some(0.0));
        assert_eq!(course.progress(&usual, 560.0), 99);
    }

    #[test]
    fn a_group_is_as_far_as_its_slowest_member() {
        let runs = known();
        let usual = usual(&runs);
        let mut course = Course::new(["a", "b"].map(|name| (Some(name.to_owned()), 2)));
        for (member, n, state, at) in [
            ("a", 0, StepState::Running, 0.0),
            ("b", 0, StepState::Running, 0.0),
            ("b", 0, StepState::Done, 10.0),
            ("b", 1, StepState::Running, 10.0),
        ] {
            let mut step = step(n, state);
            step.member = Some(member.to_owned());
            course.step(&step, at);
        }
        // The first step of `a` is longer than ever; its second one and what is in no step are to come.
        assert_eq!(course.remaining_s(&usual, 20.0), Some(31.0 + 4.0));
        let nothing = RunTimes::default();
        let usual = Usual {
            runs: &nothing,
            ..usual
        };
        // Of `a` nothing is over.
        assert_eq!(course.remaining_s(&usual, 20.0), Some(2140.0));
        assert_eq!(course.clone().progress(&usual, 20.0), 0);
    }

    #[test]
    fn a_run_is_overdue_after_nine_in_ten_and_hangs_if_it_is_silent_too() {
        let runs = known();
        let usual = usual(&runs);
        assert_eq!(pace(&usual, 46.0, 46.0), Pace::Usual);
        assert_eq!(pace(&usual, 46.1, 0.0), Pace::Overdue);
        assert_eq!(pace(&usual, 200.0, 59.0), Pace::Overdue);
        assert_eq!(pace(&usual, 92.0, 60.0), Pace::Overdue);
        assert_eq!(pace(&usual, 92.1, 60.0), Pace::Hanging);
        let mut slow = RunTimes::default();
        slow.add("boot", "qemu", Run::new(0, 1000.0, &[]));
        let usual = Usual {
            runs: &slow,
            ..usual
        };
        assert_eq!(
            pace(&usual, 2001.0, 99.0),
            Pace::Overdue,
            "a tenth of its length"
        );
        assert_eq!(pace(&usual, 2001.0, 100.0), Pace::Hanging);
    }

    #[test]
    fn between_heartbeats_a_bar_moves_towards_the_expected_end() {
        let at = Time::from_unix(1000);
        let mut said = Underway {
            at,
            expected_end: Some(at.plus_seconds(10.0)),
            p90: None,
            pace: Pace::Usual,
        };
        let after = |said: &Underway, s: f64| shown(39, Some(said), at.plus_seconds(s));
        assert_eq!(after(&said, -5.0), 39);
        assert_eq!(after(&said, 5.0), 69);
        assert_eq!(after(&said, 50.0), 99);
        assert_eq!(shown(255, Some(&said), at), 99);
        said.expected_end = Some(at);
        assert_eq!(
            after(&said, 5.0),
            39,
            "it is overdue, and nothing better is known"
        );
        assert_eq!(shown(39, None, at), 39);
    }

    /// What a step does next, and when.
    fn event() -> impl Strategy<Value = (f64, u32, u8, u8)> {
        let seconds = prop_oneof![0.0..5000.0, Just(0.0), Just(f64::INFINITY), Just(f64::NAN)];
        (seconds, 0_u32..5, 0_u8..4, any::<u8>())
    }

    fn past() -> impl Strategy<Value = RunTimes> {
        let length = prop_oneof![0.0..4000.0, Just(0.0), Just(f64::INFINITY), Just(-1.0)];
        let run = (length.clone(), prop::collection::vec(length, 0..5));
        prop::collection::vec(run, 0..8).prop_map(|past| {
            let mut runs = RunTimes::default();
            for (at, (whole, steps)) in past.iter().enumerate() {
                runs.add("boot", "qemu", Run::new(at as i64, *whole, steps));
            }
            runs
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_bar_never_moves_back_and_never_says_that_it_is_over(
            runs in past(),
            actions in 0_usize..5,
            events in prop::collection::vec(event(), 0..20),
        ) {
            let mut course = alone(actions);
            let mut last = 0;
            for (at, n, kind, pct) in events {
                match kind {
                    0 => course.step(&step(n, StepState::Running), at),
                    1 => course.step(&step(n, StepState::Done), at),
                    2 => course.pct(None, n, pct),
                    _ => {}
                }
                let now = course.progress(&usual(&runs), at);
                prop_assert!((last..=99).contains(&now), "{last} then {now}");
                last = now;
            }
        }
    }

    /// Numbers that look random and are the same in every run of the test.
    struct Dice(u64);

    impl Dice {
        /// Evenly from 0 to 1.
        fn roll(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// Around 1, with about that standard deviation.
        fn about(&mut self, spread: f64) -> f64 {
            let sum: f64 = (0..12).map(|_| self.roll()).sum();
            (1.0 + spread * (sum - 6.0)).max(0.05)
        }
    }

    /// The lengths of one run's steps, up to the one in which it ended.
    fn play(typical: &[f64], dice: &mut Dice) -> Vec<f64> {
        let whole = dice.about(0.1);
        let mut lengths: Vec<f64> = typical
            .iter()
            .map(|step| step * whole * dice.about(0.12))
            .collect();
        let fate = dice.roll();
        let fatal = (dice.roll() * lengths.len() as f64) as usize;
        if fate < 0.07 {
            lengths.truncate(fatal + 1);
            lengths[fatal] *= dice.roll();
        } else if fate < 0.10 {
            lengths.truncate(fatal + 1);
            lengths[fatal] = LIMIT_S - lengths[..fatal].iter().sum::<f64>();
        }
        lengths
    }

    /// What is shown of a run at a hundred moments, against what was true: in points.
    fn errors(runs: &RunTimes, actions: usize, lengths: &[f64], boot: f64, errors: &mut Vec<f64>) {
        let whole = lengths.iter().sum::<f64>() + 2.0 * boot;
        let mut course = alone(actions);
        let mut begins = boot;
        let mut lengths = lengths.iter().zip(0..);
        let mut running: Option<(f64, u32)> = None;
        for moment in 0..100 {
            let now = whole * f64::from(moment) / 100.0;
            while begins <= now {
                if let Some((_, n)) = running.take() {
                    course.step(&step(n, StepState::Done), begins);
                }
                let Some((length, n)) = lengths.next() else {
                    begins = f64::INFINITY;
                    break;
                };
                course.step(&step(n, StepState::Running), begins);
                running = Some((*length, n));
                begins += length;
            }
            let shown = course.progress(&usual(runs), now);
            errors.push((f64::from(shown) - 100.0 * now / whole).abs());
        }
    }

    #[test]
    fn half_of_all_looks_are_within_ten_points_of_the_truth() {
        let mut dice = Dice(1);
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let steps = 1 + (dice.roll() * 6.0) as usize;
            let typical: Vec<f64> = (0..steps)
                .map(|_| 5.0 * 80.0_f64.powf(dice.roll()))
                .collect();
            let boot = 1.0 + 4.0 * dice.roll();
            let mut runs = RunTimes::default();
            for at in 0..12 {
                let lengths = play(&typical, &mut dice);
                if at >= 3 {
                    errors(&runs, steps, &lengths, boot, &mut known);
                    errors(&RunTimes::default(), steps, &lengths, boot, &mut unknown);
                }
                let whole = lengths.iter().sum::<f64>() + 2.0 * boot;
                runs.add("boot", "qemu", Run::new(at, whole, &lengths));
            }
        }
        let mid = |errors: &[f64]| median(errors.iter().copied()).unwrap();
        println!(
            "progress, made-up runs, with a past\t{:.2}\tpoints",
            mid(&known)
        );
        println!(
            "progress, made-up runs, without one\t{:.2}\tpoints",
            mid(&unknown)
        );
        assert!(mid(&known) <= 5.0, "{}", mid(&known));
        assert!(mid(&known) < mid(&unknown) / 2.0, "{}", mid(&unknown));
    }
}
