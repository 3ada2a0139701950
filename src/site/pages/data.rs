//! The history for programs, as sealed files of tab-separated values.

use rayon::prelude::*;

use super::Site;
use crate::site::{SiteError, text};

/// Jobs a file.
const SEALED: usize = 2500;

const HEADER: &str = "id\tname\thealth\treason\tverdict\tboard\tdevice_type\tuser\ttags\tfinished_at\tseconds\tpassed\tfailed\n";

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let files: Vec<(usize, &[u32])> = site.lists.all.chunks(SEALED).enumerate().collect();
    files.par_iter().try_for_each(|(i, jobs)| {
        let path = format!("data/jobs-{}.tsv", i + 1);
        site.page(&path, site.key().jobs(site, jobs), || Ok(table(site, jobs)))
    })
}

fn table(site: &Site<'_>, jobs: &[u32]) -> String {
    let mut table = HEADER.to_owned();
    for &at in jobs {
        let job = site.job(at);
        let history = site.history;
        let word = |word: Option<&str>| word.unwrap_or_default().to_owned();
        let tags: Vec<&str> = history.tags(job).collect();
        let seconds = match job.took {
            ..0 => String::new(),
            took => format!("{:.1}", took as f64 / 1000.0),
        };
        let fields = [
            job.id.to_string(),
            history.text(job.name).to_owned(),
            word(job.health().map(crate::model::record::Health::as_str)),
            word(job.reason().map(crate::model::record::Reason::as_str)),
            word(job.verdict().map(crate::model::record::Verdict::as_str)),
            history.boards(job).collect::<Vec<_>>().join(" "),
            history.text(job.device_type).to_owned(),
            history.text(job.user).to_owned(),
            tags.join(" "),
            text::second(crate::model::Time::from_unix(job.finished.div_euclid(1000))),
            seconds,
            job.passed.to_string(),
            job.failed.to_string(),
        ];
        let fields = fields.map(|field| field.replace(char::is_control, " "));
        table.push_str(&fields.join("\t"));
        table.push('\n');
    }
    table
}
