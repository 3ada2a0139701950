//! The lists of people's finished jobs: sealed pages counted from the oldest, and the newest ones.

use rayon::prelude::*;
use serde::Serialize;

use super::Site;
use crate::site::engine::Page;
use crate::site::views::live::LiveRow;
use crate::site::views::row::JobRow;
use crate::site::{SiteError, paths};

/// Jobs on a sealed page. Page k holds the jobs 50(k-1)+1 to 50k for ever.
pub const SEALED: usize = 50;

#[derive(Debug, Serialize)]
pub struct ListView {
    /// 0 for the newest jobs, which are not sealed yet.
    pub number: usize,
    pub live: Vec<LiveRow>,
    pub jobs: Vec<JobRow>,
    /// Whether there are health checks, which these lists leave out.
    pub checks: bool,
    /// Links from the top; empty where there is no such page.
    pub newer: String,
    pub older: String,
    pub oldest: String,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let all = &site.lists.people;
    // The front list shows 50 to 99 jobs, so that it is never nearly empty.
    let sealed = (all.len() / SEALED).saturating_sub(1);
    let pages = all.chunks_exact(SEALED).take(sealed).enumerate();
    let pages: Vec<(usize, &[u32])> = pages.map(|(i, jobs)| (i + 1, jobs)).collect();
    pages.par_iter().try_for_each(|(number, jobs)| {
        let newer = if *number == sealed {
            "jobs/index.html".to_owned()
        } else {
            paths::list(number + 1)
        };
        let key = site
            .key()
            .number(*number as u64)
            .jobs(site, jobs)
            .add(newer.as_bytes());
        list(site, &paths::list(*number), *number, jobs, newer, key)
    })?;
    let rest = &all[sealed * SEALED..];
    let checks = u64::from(!site.lists.checks.is_empty());
    let mut key = site.key().jobs(site, rest).number(checks);
    for job in &site.snapshot.live {
        key = key.add(job.record.id.as_bytes()).debug(&site.live_row(job));
    }
    list(
        site,
        "jobs/index.html",
        0,
        rest,
        String::new(),
        key.number(sealed as u64),
    )
}

fn list(
    site: &Site<'_>,
    path: &str,
    number: usize,
    jobs: &[u32],
    newer: String,
    key: super::Key,
) -> Result<(), SiteError> {
    site.page(path, key, || {
        let before = match number {
            0 => (site.lists.people.len() / SEALED).saturating_sub(1),
            _ => number - 1,
        };
        let mut jobs = site.rows(jobs);
        jobs.reverse();
        let title = match number {
            0 => "Jobs".to_owned(),
            _ => format!("Jobs, page {number}"),
        };
        let live = site.snapshot.live.iter().map(|job| site.live_row(job));
        let view = ListView {
            number,
            live: if number == 0 {
                live.collect()
            } else {
                Vec::new()
            },
            jobs,
            checks: number == 0 && !site.lists.checks.is_empty(),
            newer,
            older: if before > 0 {
                paths::list(before)
            } else {
                String::new()
            },
            oldest: if before > 1 {
                paths::list(1)
            } else {
                String::new()
            },
        };
        site.engine
            .render("jobs.html", &Page::new(path, "jobs", &title), &view)
    })
}
