//! Usage reports: this week, this month and all time on one page, each earlier week and month on its own.

use serde::Serialize;

use super::Site;
use crate::model::Time;
use crate::report::usage::PeriodSums;
use crate::report::{By, Column, Period, UsageReport};
use crate::site::SiteError;
use crate::site::engine::Page;
use crate::site::views::Link;
use crate::site::views::chart::{Chart, Count};
use crate::site::views::usage::PeriodView;

/// Weeks in the chart.
const WEEKS: usize = 26;

#[derive(Debug, Serialize)]
pub struct ReportView {
    pub title: String,
    /// The front page of the reports rather than one of a past period.
    pub front: bool,
    pub periods: Vec<PeriodView>,
    /// Finished jobs in all.
    pub jobs: usize,
    pub weeks: Chart,
    pub past_months: Vec<Link>,
    pub past_weeks: Vec<Link>,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let sums = site.sums;
    let week = sums.latest(|period| matches!(period, Period::Week { .. }));
    let month = sums.latest(|period| matches!(period, Period::Month { .. }));
    let current: Vec<Period> = week.into_iter().chain(month).chain([Period::All]).collect();
    let past = |kind: fn(&Period) -> bool| {
        let periods = sums.periods.keys().rev().filter(move |period| kind(period));
        let link =
            |period: &Period| Link::new(&period.title(), format!("reports/{period}/index.html"));
        periods
            .filter(|period| !current.contains(period))
            .map(link)
            .collect()
    };
    let view = ReportView {
        title: "Usage".to_owned(),
        front: true,
        periods: current
            .iter()
            .map(|period| PeriodView::new(sums, *period))
            .collect(),
        jobs: site.lists.all.len(),
        weeks: weeks(site),
        past_months: past(|period| matches!(period, Period::Month { .. })),
        past_weeks: past(|period| matches!(period, Period::Week { .. })),
    };
    let path = "reports/index.html";
    let page = Page::new(path, "reports", "Usage reports");
    site.fresh(path, &site.engine.render("reports.html", &page, &view)?)?;
    site.fresh("reports/usage.csv", &table(site, &current))?;
    for (period, sums) in &sums.periods {
        if !current.contains(period) {
            earlier(site, *period, sums)?;
        }
    }
    Ok(())
}

/// A week or month that is over: its pages change only when a job arrives late.
fn earlier(site: &Site<'_>, period: Period, sums: &PeriodSums) -> Result<(), SiteError> {
    let path = format!("reports/{period}/index.html");
    let key = || site.key().debug(&sums.total).debug(&sums.by);
    site.page(&path, key(), || {
        let title = period.title();
        let view = ReportView {
            title: title.clone(),
            front: false,
            periods: vec![PeriodView::new(site.sums, period)],
            jobs: site.lists.all.len(),
            weeks: Chart::default(),
            past_months: Vec::new(),
            past_weeks: Vec::new(),
        };
        site.engine
            .render("reports.html", &Page::new(&path, "reports", &title), &view)
    })?;
    let path = format!("reports/{period}/usage.csv");
    site.page(&path, key(), || Ok(table(site, &[period])))
}

fn table(site: &Site<'_>, periods: &[Period]) -> String {
    let mut text = UsageReport::header(Column::Comma);
    for period in periods {
        for by in By::ALL {
            text.push_str(&UsageReport::new(site.sums, *period, by).lines(Column::Comma));
        }
    }
    text
}

/// The last weeks up to the one in which anything finished last, those without jobs too.
fn weeks(site: &Site<'_>) -> Chart {
    const WEEK_S: i64 = 7 * 86_400;
    let Some(&last) = site.lists.all.last() else {
        return Chart::default();
    };
    let last = site.job(last).finished.div_euclid(1000);
    let count = |ago: usize| {
        let week = Period::week_of(Time::from_unix(last - WEEK_S * ago as i64));
        let sums = site.sums.periods.get(&week);
        let total = sums.map(|sums| sums.total).unwrap_or_default();
        let passed = total.passed.min(total.jobs);
        let failed = (total.failed + total.incomplete_jobs()).min(total.jobs - passed);
        Count {
            label: week.to_string(),
            passed,
            failed,
            other: total.jobs - passed - failed,
        }
    };
    Chart::new(&(0..WEEKS).rev().map(count).collect::<Vec<_>>())
}
