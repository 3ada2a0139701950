//! What was claimed against what was reached, as figures, tables and bars.

use serde::Serialize;

use super::Link;
use super::chart::{Share, Shares};
use crate::report::calibration_table::CalibrationRow;
use crate::report::{Accuracy, CalibrationBy, CalibrationReport, CalibrationSums, Figure, Period};
use crate::site::{paths, text};

/// Rows a table shows; the file beside it has all.
const ROWS: usize = 20;

/// Nine in ten are kept where at least this share is; the rest is chance.
const GOOD: f64 = 0.85;

/// A share or a median.
#[derive(Debug, Clone, Serialize)]
pub struct FigureView {
    /// `89 %`, or a dash.
    pub text: String,
    /// Jobs it is of.
    pub of: String,
    /// The share as the length of a bar, percent.
    pub length: f64,
    /// `pass` where nine in ten are kept, `short` where not, `other` where the jobs are too few to say.
    pub class: &'static str,
}

impl FigureView {
    fn new(figure: Figure) -> Self {
        let value = figure.value.unwrap_or(0.0);
        Self {
            text: percent(figure),
            of: text::number(figure.of),
            length: (value.clamp(0.0, 1.0) * 1000.0).round() / 10.0,
            class: class(figure),
        }
    }
}

fn class(figure: Figure) -> &'static str {
    match figure.value {
        Some(value) if !figure.of_few() && value >= GOOD => "pass",
        Some(_) if !figure.of_few() => "short",
        _ => "other",
    }
}

fn percent(figure: Figure) -> String {
    match figure.value {
        Some(_) => figure.to_string().replace(' ', "\u{202f}"),
        None => "–".to_owned(),
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct AccuracyView {
    pub jobs: String,
    pub p90: FigureView,
    pub half: FigureView,
    pub start_p90: FigureView,
    pub start_half: FigureView,
    pub run_error: FigureView,
    pub start_error: FigureView,
    pub end_error: FigureView,
    /// `1.40`: how many times the expected time to the end nine times in ten is; a dash without jobs.
    pub tightness: String,
    /// So few jobs that the figures say little.
    pub few: bool,
}

impl AccuracyView {
    pub fn new(sums: &Accuracy) -> Self {
        let tightness = sums.tightness().value;
        Self {
            jobs: text::number(sums.jobs),
            p90: FigureView::new(sums.p90_coverage()),
            half: FigureView::new(sums.early()),
            start_p90: FigureView::new(sums.start_p90_coverage()),
            start_half: FigureView::new(sums.start_early()),
            run_error: FigureView::new(sums.run_time_error()),
            start_error: FigureView::new(sums.start_error()),
            end_error: FigureView::new(sums.end_error()),
            tightness: tightness.map_or_else(|| "–".to_owned(), |times| format!("{times:.2}")),
            few: sums.p90_coverage().of_few(),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct AccuracyRow {
    pub link: Link,
    pub sums: AccuracyView,
}

#[derive(Debug, Clone, Serialize)]
pub struct AccuracyTable {
    pub title: &'static str,
    /// What a row is.
    pub by: &'static str,
    pub rows: Vec<AccuracyRow>,
    /// Rows not shown.
    pub more: usize,
}

impl AccuracyTable {
    fn new(report: &CalibrationReport) -> Self {
        let link = |row: &CalibrationRow| match report.by {
            CalibrationBy::Priority => Link::new(&row.name, String::new()),
            CalibrationBy::Type => Link::to(&row.name, paths::device_type),
        };
        let rows = report.rows.iter().take(ROWS).map(|row| AccuracyRow {
            link: link(row),
            sums: AccuracyView::new(&row.sums),
        });
        let (title, by) = match report.by {
            CalibrationBy::Priority => ("Priorities", "Priority"),
            CalibrationBy::Type => ("Device types", "Type"),
        };
        Self {
            title,
            by,
            rows: rows.collect(),
            more: report.rows.len().saturating_sub(ROWS),
        }
    }

    /// The whole of each period.
    pub fn over_time(sums: &CalibrationSums, periods: &[Period]) -> Self {
        let row = |period: &Period| AccuracyRow {
            link: Link::new(&period.title(), String::new()),
            sums: AccuracyView::new(&sums.whole(*period)),
        };
        Self {
            title: "Months",
            by: "Month",
            rows: periods.iter().map(row).collect(),
            more: 0,
        }
    }
}

/// One period: its whole and its tables.
#[derive(Debug, Clone, Serialize)]
pub struct AccuracyPeriod {
    pub anchor: String,
    pub title: String,
    pub total: AccuracyView,
    pub tables: Vec<AccuracyTable>,
}

impl AccuracyPeriod {
    pub fn new(sums: &CalibrationSums, period: Period) -> Self {
        let tables = CalibrationBy::ALL
            .map(|by| AccuracyTable::new(&CalibrationReport::new(sums, period, by)));
        Self {
            anchor: period.to_string(),
            title: period.title(),
            total: AccuracyView::new(&sums.whole(period)),
            tables: tables
                .into_iter()
                .filter(|table| !table.rows.is_empty())
                .collect(),
        }
    }
}

/// How many ended by nine times in ten, a bar for each period.
pub fn chart(sums: &CalibrationSums, periods: &[Period]) -> Shares {
    let share = |period: &Period| {
        let figure = sums.whole(*period).p90_coverage();
        Share {
            label: period.to_string(),
            share: figure.value,
            text: percent(figure),
            of: text::number(figure.of),
            class: class(figure),
        }
    };
    Shares::new(periods.iter().map(share))
}
