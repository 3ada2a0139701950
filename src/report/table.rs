//! Usage sums as rows for the terminal, the site and files.

use std::fmt::Write;

use super::usage::{REASONS, Usage};
use super::{By, Period, UsageSums};

/// One row: a board, type, suite or user with its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    pub name: String,
    pub usage: Usage,
}

/// The rows of one period, the longest board time first, and their whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageReport {
    pub period: Period,
    pub by: By,
    pub rows: Vec<UsageRow>,
    pub total: Usage,
}

/// What divides the columns of a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Comma,
    Tab,
}

impl UsageReport {
    /// An unknown period gives an empty report.
    pub fn new(sums: &UsageSums, period: Period, by: By) -> Self {
        let Some(sums) = sums.periods.get(&period) else {
            return Self {
                period,
                by,
                rows: Vec::new(),
                total: Usage::default(),
            };
        };
        let mut rows: Vec<UsageRow> = sums
            .by
            .iter()
            .filter(|((kind, _), _)| *kind == by)
            .map(|((_, name), usage)| UsageRow {
                name: name.clone(),
                usage: *usage,
            })
            .collect();
        rows.sort_by(|a, b| {
            let weight = |row: &UsageRow| (row.usage.millis, row.usage.jobs);
            weight(b).cmp(&weight(a)).then_with(|| a.name.cmp(&b.name))
        });
        Self {
            period,
            by,
            rows,
            total: sums.total,
        }
    }

    /// The first line of a file of rows.
    pub fn header(column: Column) -> String {
        let mut line = String::new();
        let fixed = [
            "period", "by", "name", "jobs", "hours", "complete", "canceled", "rejected",
        ];
        let rest = ["passed", "failed", "cases", "failed_cases", "retried"];
        let reasons = REASONS.iter().map(|reason| match reason {
            Some(reason) => format!("incomplete_{}", reason.as_str().replace('-', "_")),
            None => "incomplete_other".to_owned(),
        });
        let names = fixed
            .iter()
            .map(|name| (*name).to_owned())
            .chain(reasons)
            .chain(rest.iter().map(|name| (*name).to_owned()));
        join(&mut line, names, column);
        line
    }

    /// One line a row, without a header.
    pub fn lines(&self, column: Column) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let usage = &row.usage;
            let fixed = [
                self.period.to_string(),
                self.by.as_str().to_owned(),
                row.name.clone(),
                usage.jobs.to_string(),
                format!("{:.3}", usage.hours()),
                usage.complete.to_string(),
                usage.canceled.to_string(),
                usage.rejected.to_string(),
            ];
            let rest = [
                usage.passed,
                usage.failed,
                usage.cases,
                usage.failed_cases,
                usage.retried,
            ];
            let numbers = usage.incomplete.iter().chain(&rest).map(u64::to_string);
            join(&mut text, fixed.into_iter().chain(numbers), column);
        }
        text
    }
}

/// Appends a line of fields.
pub(super) fn join(text: &mut String, fields: impl Iterator<Item = String>, column: Column) {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            text.push(if column == Column::Comma { ',' } else { '\t' });
        }
        // Control characters would forge columns and lines.
        let field = field.replace(char::is_control, " ");
        match column {
            Column::Tab => text.push_str(&field),
            Column::Comma => quote(text, &field),
        }
    }
    text.push('\n');
}

/// A spreadsheet runs what begins with one of these as a formula, so such a name gets an apostrophe.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];

fn quote(text: &mut String, field: &str) {
    let guard = if field.starts_with(FORMULA) { "'" } else { "" };
    if field.contains([',', '"']) || !guard.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, "\"{guard}{}\"", field.replace('"', "\"\""));
    } else {
        text.push_str(field);
    }
}
