//! How good the estimates were: the last month, all time, and how it went over time.

use serde::Serialize;

use super::Site;
use crate::model::Time;
use crate::report::calibration::FEW;
use crate::report::{CalibrationBy, CalibrationReport, Column, Period};
use crate::site::SiteError;
use crate::site::engine::Page;
use crate::site::views::calibration::{AccuracyPeriod, AccuracyTable, chart};
use crate::site::views::chart::Shares;

const PATH: &str = "reports/calibration/index.html";
const CSV: &str = "reports/calibration/calibration.csv";
/// Where the manual tells how estimates are made, if the lab has that page.
const MANUAL: &str = "docs/estimates/index.html";

/// Weeks in the chart.
const WEEKS: i64 = 26;
/// Months in the table.
const MONTHS: usize = 12;

#[derive(Debug, Serialize)]
pub struct CalibrationView {
    /// The manual's page; empty when the lab has none.
    pub manual: &'static str,
    /// The last month, if it is not all, and all time; none without any estimate.
    pub periods: Vec<AccuracyPeriod>,
    pub weeks: Shares,
    pub months: AccuracyTable,
    /// Fewer jobs than this say little.
    pub few: u64,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let sums = site.calibration;
    let months: Vec<Period> = sums
        .periods
        .keys()
        .rev()
        .filter(|period| matches!(period, Period::Month { .. }))
        .copied()
        .collect();
    let whole = sums.periods.contains_key(&Period::All);
    let last = months.first().filter(|_| months.len() > 1);
    let shown: Vec<Period> = last
        .into_iter()
        .copied()
        .chain(whole.then_some(Period::All))
        .collect();
    let manual = site.manual.pages.iter().any(|page| page.path == MANUAL);
    let view = CalibrationView {
        manual: if manual { MANUAL } else { "" },
        periods: shown
            .iter()
            .map(|period| AccuracyPeriod::new(sums, *period))
            .collect(),
        weeks: chart(sums, &weeks(site)),
        months: AccuracyTable::over_time(sums, &months[..months.len().min(MONTHS)]),
        few: FEW,
    };
    let page = Page::new(PATH, "reports", "How good the estimates were");
    site.fresh(PATH, &site.engine.render("calibration.html", &page, &view)?)?;
    site.fresh(CSV, &table(site, &shown, &months))
}

/// The shown periods by priority and type, and the whole of each of them and of every month.
fn table(site: &Site<'_>, shown: &[Period], months: &[Period]) -> String {
    let report = |period: &Period, by| CalibrationReport::new(site.calibration, *period, by);
    let mut text = CalibrationReport::header(Column::Comma);
    let others = months.iter().filter(|month| !shown.contains(month));
    for period in shown.iter().chain(others) {
        text.push_str(&report(period, CalibrationBy::Priority).total_line(Column::Comma));
    }
    for period in shown {
        for by in CalibrationBy::ALL {
            text.push_str(&report(period, by).lines(Column::Comma));
        }
    }
    text
}

/// The last weeks up to the one in which anything finished last, those without jobs too.
fn weeks(site: &Site<'_>) -> Vec<Period> {
    const WEEK_S: i64 = 7 * 86_400;
    let last = site.lists.all.last();
    let last = last.map(|last| site.job(*last).finished.div_euclid(1000));
    last.map_or_else(Vec::new, |last| {
        let week = |ago: i64| Period::week_of(Time::from_unix(last - WEEK_S * ago));
        (0..WEEKS).rev().map(week).collect()
    })
}
