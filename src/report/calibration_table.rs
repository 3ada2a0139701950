//! Calibration sums as rows for the terminal, the site and files.

use super::table::join;
use super::{Accuracy, CalibrationSums, Column, Figure, Period};

/// What a row of a calibration report stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalibrationBy {
    Priority,
    Type,
}

impl CalibrationBy {
    pub const ALL: [Self; 2] = [Self::Priority, Self::Type];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Type => "type",
        }
    }
}

/// Reads one figure of a row.
pub type Read = fn(&Accuracy) -> Figure;

/// Every figure with its name in files.
pub const FIGURES: [(&str, Read); 8] = [
    ("end_by_p90", Accuracy::p90_coverage),
    ("end_by_expected", Accuracy::early),
    ("start_by_p90", Accuracy::start_p90_coverage),
    ("start_by_expected", Accuracy::start_early),
    ("run_time_error", Accuracy::run_time_error),
    ("start_error", Accuracy::start_error),
    ("end_error", Accuracy::end_error),
    ("p90_by_expected", Accuracy::tightness),
];

/// One row: a priority or a device type with its sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalibrationRow {
    pub name: String,
    pub sums: Accuracy,
}

/// The rows of one period: priorities with the highest first, device types with the most jobs first;
/// and their whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalibrationReport {
    pub period: Period,
    pub by: CalibrationBy,
    pub rows: Vec<CalibrationRow>,
    pub total: Accuracy,
}

impl CalibrationReport {
    /// An unknown period gives an empty report.
    pub fn new(sums: &CalibrationSums, period: Period, by: CalibrationBy) -> Self {
        let row = |name: String, sums| CalibrationRow { name, sums };
        let rows = match by {
            CalibrationBy::Priority => {
                let rows = sums.by_priority(period).into_iter();
                rows.map(|(priority, sums)| row(priority.to_string(), sums))
                    .collect()
            }
            CalibrationBy::Type => {
                let rows = sums.by_type(period).into_iter();
                let mut rows: Vec<_> = rows
                    .map(|(name, sums)| row(name.to_owned(), sums))
                    .collect();
                // The sort is stable, so that equal ones stay in the order of their names.
                rows.sort_by_key(|row| std::cmp::Reverse(row.sums.jobs));
                rows
            }
        };
        Self {
            period,
            by,
            rows,
            total: sums.whole(period),
        }
    }

    /// The first line of a file of rows: each figure is followed by the number of jobs it is of.
    pub fn header(column: Column) -> String {
        let mut line = String::new();
        let fixed = ["period", "by", "name", "jobs"].map(str::to_owned);
        let figures = FIGURES
            .iter()
            .flat_map(|(name, _)| [(*name).to_owned(), format!("{name}_of")]);
        join(&mut line, fixed.into_iter().chain(figures), column);
        line
    }

    /// One line a row, without a header; shares and errors as fractions.
    pub fn lines(&self, column: Column) -> String {
        let mut text = String::new();
        for row in &self.rows {
            self.line(&mut text, self.by.as_str(), row, column);
        }
        text
    }

    /// The line of the whole.
    pub fn total_line(&self, column: Column) -> String {
        let row = CalibrationRow {
            name: "total".to_owned(),
            sums: self.total.clone(),
        };
        let mut text = String::new();
        self.line(&mut text, "all", &row, column);
        text
    }

    fn line(&self, text: &mut String, by: &str, row: &CalibrationRow, column: Column) {
        let fixed = [
            self.period.to_string(),
            by.to_owned(),
            row.name.clone(),
            row.sums.jobs.to_string(),
        ];
        let figures = FIGURES.iter().flat_map(|(_, read)| {
            let figure = read(&row.sums);
            let value = figure.value.map(|value| format!("{value:.4}"));
            [value.unwrap_or_default(), figure.of.to_string()]
        });
        join(text, fixed.into_iter().chain(figures), column);
    }
}
