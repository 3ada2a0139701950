//! The queue, and the state of the lab for programs: `status.json`.

use serde::Serialize;
use serde_json::json;

use super::Site;
use crate::model::State;
use crate::site::SiteError;
use crate::site::engine::Page;
use crate::site::views::bar::BarView;
use crate::site::views::live::LiveRow;

/// Jobs named in `status.json`, which has to stay small since pages ask for it every few seconds.
const NAMED: usize = 16;

#[derive(Debug, Serialize)]
pub struct QueueView {
    pub running: Vec<LiveRow>,
    pub waiting: Vec<LiveRow>,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let (running, waiting) = site.live();
    let status = status(site, running.len(), waiting.len());
    let path = "queue/index.html";
    let page = Page::new(path, "queue", "Queue").live(true);
    let view = QueueView { running, waiting };
    site.fresh(path, &site.engine.render("queue.html", &page, &view)?)?;
    // Not in the manifest: it tells the time, and would make every manifest differ from the last.
    site.output.put_whole("status.json", status.as_bytes())
}

fn status(site: &Site<'_>, running: usize, waiting: usize) -> String {
    let live = site.snapshot.live.iter();
    let named = live.filter(|job| job.record.state != State::Submitted);
    let named = named.take(NAMED).map(|job| {
        let silent = site.when(job.record.id).silent;
        let bar = BarView::new(job, silent);
        let said = job.underway.filter(|_| !silent);
        json!({
            "id": bar.id,
            "board": job.record.boards().next(),
            "progress": bar.progress,
            "pace": bar.pace,
            "at": job.underway.map(|said| said.at),
            "expected_end": said.and_then(|said| said.expected_end),
        })
    });
    let boards = site.snapshot.boards.len();
    let status = json!({
        "version": 1,
        "revision": format!("{:016x}", site.revision),
        "at": site.now.to_string(),
        "main": site.snapshot.main,
        "boards": boards,
        "waiting": waiting,
        "running": running,
        "finished": site.lists.all.len(),
        "jobs": named.collect::<Vec<_>>(),
    });
    format!("{status}\n")
}
