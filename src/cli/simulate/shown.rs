//! What a simulation came to, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::moment::length;
use crate::cli::report::calibration::{accuracy, say_little};
use crate::cli::table::{Cell, Table, wrap};
use crate::cli::terminal::Terminal;
use crate::model::lab::PlanRules;
use crate::model::{Priority, Span};
use crate::report::{CalibrationBy, CalibrationReport, Figure, Period};
use crate::simulate::{Measures, Waits};

/// What was played.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Of a made-up farm.
    pub seed: Option<u64>,
    /// The share of their time for which boards have work, of the busiest type.
    pub load: f64,
}

/// The keys of `simulate --json`. Errors and shares are fractions, waits are seconds; what there is no
/// job for is null.
#[derive(Debug, Serialize)]
pub struct Json {
    pub jobs: usize,
    pub boards: usize,
    /// Of a made-up farm.
    pub seed: Option<u64>,
    pub load: f64,
    pub age_step: Span,
    pub urgent_per_group: u32,
    pub run_time_error: Option<f64>,
    pub start_error: Option<f64>,
    pub end_error: Option<f64>,
    pub p90_coverage: Option<f64>,
    pub p90_coverage_by_priority: BTreeMap<Priority, Option<f64>>,
    pub jobs_by_priority: BTreeMap<Priority, u64>,
    pub start_p90_coverage: Option<f64>,
    /// Ended by the expected end.
    pub early: Option<f64>,
    pub tightness: Option<f64>,
    /// In points of a hundred.
    pub progress_error: Option<f64>,
    pub mean_wait: f64,
    pub median_wait: f64,
    pub p95_wait: f64,
    pub longest_wait: f64,
    pub longest_wait_by_priority: BTreeMap<Priority, f64>,
    pub longest_wait_by_group: BTreeMap<String, f64>,
    pub stretch_by_group: BTreeMap<String, f64>,
    pub fairness: f64,
    pub utilisation: f64,
    /// Of the busiest device type.
    pub busiest_utilisation: Option<f64>,
    pub wear: Option<f64>,
}

impl Json {
    pub fn new(measures: &Measures, plan: &PlanRules, setup: &Setup) -> Self {
        let sums = measures.calibration.whole(Period::All);
        let by_priority = measures.calibration.by_priority(Period::All);
        let by_priority = || by_priority.iter();
        let by_group = || measures.by_group.iter();
        Self {
            jobs: measures.waits.jobs,
            boards: measures.boards,
            seed: setup.seed,
            load: setup.load,
            age_step: plan.age_step,
            urgent_per_group: plan.urgent_per_group,
            run_time_error: fraction(sums.run_time_error()),
            start_error: fraction(sums.start_error()),
            end_error: fraction(sums.end_error()),
            p90_coverage: fraction(sums.p90_coverage()),
            p90_coverage_by_priority: by_priority()
                .map(|(priority, sums)| (*priority, fraction(sums.p90_coverage())))
                .collect(),
            jobs_by_priority: by_priority()
                .map(|(priority, sums)| (*priority, sums.jobs))
                .collect(),
            start_p90_coverage: fraction(sums.start_p90_coverage()),
            early: fraction(sums.early()),
            tightness: fraction(sums.tightness()),
            progress_error: measures.progress_error,
            mean_wait: measures.waits.mean_s,
            median_wait: measures.waits.median_s,
            p95_wait: measures.waits.p95_s,
            longest_wait: measures.waits.longest_s,
            longest_wait_by_priority: measures
                .by_priority
                .iter()
                .map(|(priority, waits)| (*priority, waits.longest_s))
                .collect(),
            longest_wait_by_group: by_group()
                .map(|(group, waits)| (group.clone(), waits.longest_s))
                .collect(),
            stretch_by_group: by_group()
                .map(|(group, waits)| (group.clone(), waits.stretch))
                .collect(),
            fairness: measures.fairness,
            utilisation: measures.utilisation,
            busiest_utilisation: measures.busiest.as_ref().map(|(_, share)| *share),
            wear: measures.wear,
        }
    }
}

/// As `report calibration --json` shows it: a median is known no better.
fn fraction(figure: Figure) -> Option<f64> {
    figure.value.map(|value| (value * 1e4).round() / 1e4)
}

/// Tables of the waits and, as `report calibration` shows them, of how good the estimates were.
pub fn text(measures: &Measures, plan: &PlanRules, setup: &Setup, terminal: Terminal) -> String {
    let mut text = String::new();
    for line in wrap(&summary(measures, plan, setup), terminal.width) {
        text += &line;
        text.push('\n');
    }
    text.push('\n');
    text += &waits(measures, terminal);
    text.push('\n');
    let report =
        CalibrationReport::new(&measures.calibration, Period::All, CalibrationBy::Priority);
    text += &accuracy(&report).render(terminal);
    text += &say_little(&report);
    if let Some(error) = measures.progress_error {
        // Writing into a text never fails.
        let _ = writeln!(
            text,
            "\nbars of running jobs were off by {error:.1} points in the median"
        );
    }
    text
}

fn summary(measures: &Measures, plan: &PlanRules, setup: &Setup) -> String {
    let boards = match measures.boards {
        1 => "1 board".to_owned(),
        n => format!("{n} boards"),
    };
    let seed = setup.seed.map(|seed| format!("seed {seed}, "));
    let busiest = measures.busiest.iter();
    let busiest = busiest.map(|(name, share)| format!(" ({name}: {:.0} %)", share * 100.0));
    let wear = match measures.wear {
        Some(wear) => format!("wear {wear:.2}"),
        None => "a board never worked".to_owned(),
    };
    format!(
        "{} jobs on {boards}; {}load {:.2}; age_step {}, urgent_per_group {}; boards worked {:.0} % of the \
         time{}, {wear}; fairness {:.2}",
        measures.waits.jobs,
        seed.unwrap_or_default(),
        setup.load,
        plan.age_step,
        plan.urgent_per_group,
        measures.utilisation * 100.0,
        busiest.collect::<String>(),
        measures.fairness,
    )
}

fn waits(measures: &Measures, terminal: Terminal) -> String {
    let mut table = Table::new()
        .cut("WAITS")
        .right("JOBS")
        .right("MEAN")
        .spare()
        .right("MEDIAN")
        .right("95 %")
        .right("LONGEST")
        .right("STRETCH")
        .spare();
    let row = |name: &str, waits: &Waits| {
        [
            Cell::from(name),
            Cell::from(waits.jobs.to_string()),
            Cell::from(length(waits.mean_s)),
            Cell::from(length(waits.median_s)),
            Cell::from(length(waits.p95_s)),
            Cell::from(length(waits.longest_s)),
            Cell::from(format!("{:.2}", waits.stretch)),
        ]
    };
    for (priority, waits) in &measures.by_priority {
        table.row(row(priority.as_str(), waits));
    }
    for (group, waits) in &measures.by_group {
        table.row(row(group, waits));
    }
    table.row(row("all", &measures.waits));
    table.render(terminal)
}
