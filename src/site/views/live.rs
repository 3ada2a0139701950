//! A waiting or running job as one row of a list.

use serde::Serialize;

use super::Link;
use super::bar::BarView;
use super::when::When;
use crate::model::{BoardName, State};
use crate::report::usage::{device_type, label, user};
use crate::site::source::LiveJob;
use crate::site::{paths, text};

#[derive(Debug, Clone, Serialize)]
pub struct LiveRow {
    pub href: String,
    pub name: String,
    pub short: String,
    pub id: String,
    /// `submitted`, `running`, `canceling`.
    pub state: &'static str,
    pub health_check: bool,
    pub priority: &'static str,
    pub user: Link,
    /// The board it runs on.
    pub board: Link,
    /// What it asks for.
    pub wants: Link,
    pub tags: Vec<Link>,
    pub submitted_at: String,
    pub started_at: String,
    pub bar: BarView,
    pub attempt: u32,
    /// What is expected of it, for the lists that say so.
    pub when: When,
}

impl LiveRow {
    pub fn new(job: &LiveJob, when: When) -> Self {
        let record = &job.record;
        let target = record
            .definition
            .get("target")
            .and_then(|target| target.as_str());
        Self {
            href: paths::job_page(record.id),
            name: text::shorten(&record.job_name, 120),
            short: record.id.short(),
            id: record.id.to_string(),
            state: record.state.as_str(),
            health_check: record.health_check.is_some(),
            priority: record.priority.as_str(),
            user: Link::to(&user(record), paths::user),
            board: Link::to_boards(record.boards().map(BoardName::as_str)),
            wants: match (target, group(&record.definition)) {
                (Some(target), _) => Link::new(&label(target), String::new()),
                (None, Some(types)) => Link::new(&label(&types), String::new()),
                (None, None) => Link::to(
                    &label(device_type(record).unwrap_or_default()),
                    paths::device_type,
                ),
            },
            tags: record
                .tags
                .iter()
                .filter(|tag| !tag.is_empty())
                .take(20)
                .map(|tag| Link::to(&label(tag), paths::tag))
                .collect(),
            submitted_at: text::minute(record.submitted_at),
            started_at: record.started_at.map(text::minute).unwrap_or_default(),
            bar: BarView::new(job, when.silent),
            attempt: job.attempt,
            when,
        }
    }

    pub fn waits(&self) -> bool {
        self.state == State::Submitted.as_str()
    }
}

/// What a group asks for: `qemu ×2, bbb`.
fn group(definition: &serde_json::Value) -> Option<String> {
    let entries = definition.get("device_group")?.as_array()?;
    let wants = entries.iter().take(20).filter_map(|entry| {
        let device_type = entry.get("device_type")?.as_str()?;
        Some(
            match entry.get("count").and_then(serde_json::Value::as_u64) {
                Some(count) if count > 1 => format!("{device_type} ×{count}"),
                _ => device_type.to_owned(),
            },
        )
    });
    Some(wants.collect::<Vec<_>>().join(", "))
}
