//! Usage sums as tables with bars.

use serde::Serialize;

use super::Link;
use crate::report::usage::REASONS;
use crate::report::{By, Period, Usage, UsageReport, UsageSums};
use crate::site::{paths, text};

/// Rows a table shows; the file beside it has all.
const ROWS: usize = 20;

#[derive(Debug, Clone, Serialize)]
pub struct UsageView {
    pub jobs: String,
    pub hours: String,
    pub complete: String,
    pub incomplete: String,
    pub canceled: String,
    pub rejected: String,
    pub passed: String,
    pub failed: String,
    pub cases: String,
    pub failed_cases: String,
    pub retried: String,
    /// `93 %` of the jobs with a verdict; empty when none has one.
    pub pass_rate: String,
    /// Why jobs were incomplete, the most frequent first.
    pub reasons: Vec<ReasonView>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ReasonView {
    pub reason: &'static str,
    pub jobs: String,
}

impl UsageView {
    pub fn new(usage: &Usage) -> Self {
        let judged = usage.passed + usage.failed;
        let mut reasons: Vec<(u64, &'static str)> = usage
            .incomplete
            .iter()
            .zip(REASONS)
            .filter(|(jobs, _)| **jobs > 0)
            .map(|(jobs, reason)| (*jobs, reason.map_or("other", |reason| reason.as_str())))
            .collect();
        reasons.sort_by(|a, b| b.cmp(a));
        Self {
            jobs: text::number(usage.jobs),
            hours: hours(usage.hours()),
            complete: text::number(usage.complete),
            incomplete: text::number(usage.incomplete_jobs()),
            canceled: text::number(usage.canceled),
            rejected: text::number(usage.rejected),
            passed: text::number(usage.passed),
            failed: text::number(usage.failed),
            cases: text::number(usage.cases),
            failed_cases: text::number(usage.failed_cases),
            retried: text::number(usage.retried),
            pass_rate: match judged {
                0 => String::new(),
                _ => format!(
                    "{:.0}\u{202f}%",
                    usage.passed as f64 * 100.0 / judged as f64
                ),
            },
            reasons: reasons
                .into_iter()
                .map(|(jobs, reason)| ReasonView {
                    reason,
                    jobs: text::number(jobs),
                })
                .collect(),
        }
    }
}

fn hours(hours: f64) -> String {
    match hours {
        _ if hours >= 99.5 => text::number(hours.round() as u64),
        _ if hours >= 1.0 => format!("{hours:.1}"),
        _ => format!("{hours:.2}"),
    }
}

#[derive(Debug, Clone, Serialize)]
pub struct UsageRowView {
    pub link: Link,
    pub usage: UsageView,
    /// The bar: its length and its parts, percent of the longest row.
    pub good: f64,
    pub bad: f64,
    /// Where the last part begins.
    pub bad_end: f64,
    pub other: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct UsageTable {
    pub by: &'static str,
    pub title: &'static str,
    pub rows: Vec<UsageRowView>,
    /// Rows not shown.
    pub more: usize,
}

/// One period with its four tables.
#[derive(Debug, Clone, Serialize)]
pub struct PeriodView {
    pub anchor: String,
    pub title: String,
    pub total: UsageView,
    pub tables: Vec<UsageTable>,
}

impl PeriodView {
    pub fn new(sums: &UsageSums, period: Period) -> Self {
        let tables = By::ALL.map(|by| table(&UsageReport::new(sums, period, by)));
        let total = sums
            .periods
            .get(&period)
            .map(|sums| sums.total)
            .unwrap_or_default();
        Self {
            anchor: period.to_string(),
            title: period.title(),
            total: UsageView::new(&total),
            tables: tables
                .into_iter()
                .filter(|table| !table.rows.is_empty())
                .collect(),
        }
    }
}

fn table(report: &UsageReport) -> UsageTable {
    let most = report
        .rows
        .iter()
        .map(|row| row.usage.jobs)
        .max()
        .unwrap_or(0)
        .max(1);
    let percent = |jobs: u64| (jobs as f64 * 1000.0 / most as f64).round() / 10.0;
    let place: fn(&str) -> String = match report.by {
        By::Board => paths::board,
        By::Type => paths::device_type,
        By::User => paths::user,
        By::Suite => |_| String::new(),
    };
    let rows = report.rows.iter().take(ROWS).map(|row| {
        let usage = &row.usage;
        let bad = usage.failed + usage.incomplete_jobs();
        let (good, bad) = (usage.passed.min(usage.jobs), bad.min(usage.jobs));
        let bad = bad.min(usage.jobs - good);
        UsageRowView {
            link: Link::to(&text::shorten(&row.name, 120), place),
            usage: UsageView::new(usage),
            good: percent(good),
            bad: percent(bad),
            bad_end: percent(good + bad),
            other: percent(usage.jobs - good - bad),
        }
    });
    UsageTable {
        by: report.by.as_str(),
        title: match report.by {
            By::Board => "Boards",
            By::Type => "Device types",
            By::Suite => "Suites",
            By::User => "Users",
        },
        rows: rows.collect(),
        more: report.rows.len().saturating_sub(ROWS),
    }
}
