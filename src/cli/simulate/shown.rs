//! What a simulation came to, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::moment::length;
use crate::cli::table::{Cell, Table};
use crate::cli::terminal::Terminal;
use crate::model::lab::PlanRules;
use crate::model::{Priority, Span};
use crate::report::{Accuracy, Figure, Period};
use crate::simulate::{Measures, Waits};

/// The keys of `simulate --json`. Errors and shares are fractions, waits are seconds; what there is no
/// job for is null.
#[derive(Debug, Serialize)]
pub struct Json {
    pub jobs: usize,
    pub boards: usize,
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
    pub wear: Option<f64>,
}

impl Json {
    pub fn new(measures: &Measures, plan: &PlanRules) -> Self {
        let sums = measures.calibration.whole(Period::All);
        let by_priority = measures.calibration.by_priority(Period::All);
        let by_priority = || by_priority.iter();
        let by_group = || measures.by_group.iter();
        Self {
            jobs: measures.waits.jobs,
            boards: measures.boards,
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
            wear: measures.wear,
        }
    }
}

/// As `report calibration --json` shows it: a median is known no better.
fn fraction(figure: Figure) -> Option<f64> {
    figure.value.map(|value| (value * 1e4).round() / 1e4)
}

/// Tables of the waits and of how good the estimates were.
pub fn text(measures: &Measures, plan: &PlanRules, terminal: Terminal) -> String {
    let mut text = String::new();
    let wear = measures.wear;
    let wear = wear.map_or_else(
        || "a board never worked".to_owned(),
        |wear| format!("wear {wear:.2}"),
    );
    // Writing into a text never fails.
    let _ = writeln!(
        text,
        "{} jobs on {} boards; age_step {}, urgent_per_group {}; boards worked {:.0} % of the time, {wear}; \
         fairness {:.2}\n",
        measures.waits.jobs,
        measures.boards,
        plan.age_step,
        plan.urgent_per_group,
        measures.utilisation * 100.0,
        measures.fairness,
    );
    text += &waits(measures, terminal);
    text.push('\n');
    text += &accuracy(measures, terminal);
    if let Some(error) = measures.progress_error {
        let _ = writeln!(
            text,
            "\nbars of running jobs were off by {error:.1} points in the median"
        );
    }
    text
}

fn waits(measures: &Measures, terminal: Terminal) -> String {
    let mut table = Table::new()
        .cut("WAITS")
        .right("JOBS")
        .right("MEAN")
        .right("MEDIAN")
        .right("95 %")
        .right("LONGEST")
        .right("STRETCH");
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

fn accuracy(measures: &Measures, terminal: Terminal) -> String {
    let mut table = Table::new()
        .cut("ESTIMATES")
        .right("JOBS")
        .right("RUN ERROR")
        .right("START ERROR")
        .right("END ERROR")
        .right("ENDED BY 9 IN 10")
        .right("STARTED BY 9 IN 10");
    let row = |name: &str, sums: &Accuracy| {
        let percent = |figure: Figure| match figure.value {
            Some(value) => Cell::from(format!("{:.1} %", value * 100.0)),
            None => Cell::opt(None::<&str>),
        };
        [
            Cell::from(name),
            Cell::from(sums.jobs.to_string()),
            percent(sums.run_time_error()),
            percent(sums.start_error()),
            percent(sums.end_error()),
            percent(sums.p90_coverage()),
            percent(sums.start_p90_coverage()),
        ]
    };
    for (priority, sums) in measures.calibration.by_priority(Period::All) {
        table.row(row(priority.as_str(), &sums));
    }
    table.row(row("all", &measures.calibration.whole(Period::All)));
    table.render(terminal)
}
