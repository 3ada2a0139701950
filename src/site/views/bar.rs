//! A running job as a bar that a script may keep moving.

use serde::Serialize;

use crate::site::source::LiveJob;
use crate::site::text;

#[derive(Debug, Clone, Serialize)]
pub struct BarView {
    pub id: String,
    /// Percent, at most 99.
    pub progress: u8,
    /// `usual`, `overdue`, `hanging`; `silent` where nothing is heard of its runner.
    pub pace: &'static str,
    /// What is wrong, in words.
    pub late: &'static str,
    pub label: String,
}

impl BarView {
    /// The bar of a job whose runner is silent stands where it was.
    pub fn new(job: &LiveJob, silent: bool) -> Self {
        let record = &job.record;
        let pace = job.underway.map(|said| said.pace).unwrap_or_default();
        Self {
            id: record.id.to_string(),
            progress: job.progress.min(99),
            pace: if silent { "silent" } else { pace.as_str() },
            late: if silent {
                "runner silent"
            } else {
                pace.in_words()
            },
            label: format!("Progress of {}", text::shorten(&record.job_name, 120)),
        }
    }
}
