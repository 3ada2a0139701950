//! What those who keep the lab look at: the runners, as each last said of itself.

use serde::Serialize;

use super::Site;
use crate::model::status::RunnerStatus;
use crate::site::engine::Page;
use crate::site::views::Link;
use crate::site::{SiteError, paths, text};

/// Boards named for each runner.
const BOARDS: usize = 200;

#[derive(Debug, Serialize)]
pub struct RunnersView {
    pub runners: Vec<RunnerView>,
}

/// A runner as its last heartbeat says.
#[derive(Debug, Serialize)]
pub struct RunnerView {
    pub name: String,
    pub version: String,
    pub at: String,
    pub running: usize,
    pub free: String,
    /// What keeps hold of the processes of its attempts.
    pub containment: String,
    /// Why it takes no jobs; empty when it does.
    pub paused: String,
    pub boards: Vec<Link>,
}

impl RunnerView {
    fn new(site: &Site<'_>, status: &RunnerStatus) -> Self {
        // Only a board of the lab surely has a page.
        let known = &site.snapshot.files.boards;
        let place = |status: &crate::model::status::BoardStatus| {
            let name = status.name.as_str();
            match known.contains_key(&status.name) {
                true => Link::to(name, paths::board),
                false => Link::new(name, String::new()),
            }
        };
        Self {
            name: status.runner.to_string(),
            version: text::shorten(&status.program, 40),
            at: text::second(status.at),
            running: status.running.len(),
            free: status.free_disk_bytes.map(text::bytes).unwrap_or_default(),
            containment: text::shorten(status.containment.as_deref().unwrap_or_default(), 200),
            paused: text::shorten(status.paused.as_deref().unwrap_or_default(), 300),
            boards: status.boards.iter().take(BOARDS).map(place).collect(),
        }
    }
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let path = "admin/index.html";
    let runners = site.snapshot.runners.iter();
    let view = RunnersView {
        runners: runners
            .map(|status| RunnerView::new(site, status))
            .collect(),
    };
    let page = Page::new(path, "boards", "Runners");
    site.fresh(path, &site.engine.render("admin.html", &page, &view)?)
}
