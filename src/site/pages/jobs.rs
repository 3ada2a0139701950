//! The pages of one job: its own, its log's, and the files it left.

use std::collections::{BTreeMap, HashMap};

use super::raw_logs::RawLogs;
use super::{Key, Site};
use crate::model::{BoardName, ObjectId, Record};
use crate::site::engine::Page;
use crate::site::history::Summary;
use crate::site::source::Reader;
use crate::site::views::job::{Around, AttachmentView, JobView, LogView};
use crate::site::views::live::LiveRow;
use crate::site::views::row::Neighbour;
use crate::site::views::when::When;
use crate::site::{SiteError, log, paths, text};

/// The largest attachment that is published, in bytes.
const LARGEST: u64 = 32 << 20;
/// Attachments listed.
const ATTACHMENTS: usize = 200;

/// A finished job whose page must be written.
#[derive(Debug, Clone, Copy)]
pub struct Finished {
    /// Its place in the history.
    pub at: usize,
    pub key: u64,
    pub previous: Option<Neighbour>,
    pub next: Option<Neighbour>,
}

/// The finished jobs whose pages the last build made from something else, with what they need.
pub fn finished(site: &Site<'_>, heads: &BTreeMap<String, ObjectId>) -> Vec<Finished> {
    let mut last: HashMap<(u32, u32), usize> = HashMap::new();
    let mut previous: Vec<Option<u32>> = vec![None; site.lists.all.len()];
    let mut next: Vec<Option<u32>> = vec![None; site.lists.all.len()];
    for (i, &at) in site.lists.all.iter().enumerate() {
        if let Some(before) = last.insert(series(site.job(at)), i) {
            previous[i] = Some(site.lists.all[before]);
            next[before] = Some(at);
        }
    }
    // Few refs hold all logs, so they are looked up once each.
    let mut refs: HashMap<u32, u64> = HashMap::new();
    let mut todo = Vec::new();
    for (i, &at) in site.lists.all.iter().enumerate() {
        let job = site.job(at);
        let kept = *refs.entry(job.log_refs).or_insert_with(|| {
            let refs = site.history.text(job.log_refs).lines();
            refs.fold(site.key(), |key, reference| {
                key.number(u64::from(heads.contains_key(reference)))
            })
            .finish()
        });
        let neighbour = |at: Option<u32>| at.map(|at| Neighbour::new(site.job(at)));
        let (previous, next) = (neighbour(previous[i]), neighbour(next[i]));
        let mut key = site.key().add(job.blob.as_bytes()).number(kept);
        for neighbour in [previous, next] {
            key = match neighbour {
                Some(near) => key.add(near.id.as_bytes()).add(near.word.as_bytes()),
                None => key.number(0),
            };
        }
        let key = key.finish();
        if key != job.key {
            todo.push(Finished {
                at: at as usize,
                key,
                previous,
                next,
            });
        }
    }
    todo
}

/// What a job follows: those of its name, and a health check those of its board, of which one
/// definition serves many.
fn series(job: &Summary) -> (u32, u32) {
    (job.name, if job.health_check { job.board } else { 0 })
}

impl Finished {
    /// Writes the job's pages and says how many log pages there are.
    pub fn write(
        &self,
        site: &Site<'_>,
        reader: &impl Reader,
        heads: &BTreeMap<String, ObjectId>,
    ) -> Result<u16, SiteError> {
        let job: &Summary = &site.history.jobs[self.at];
        let mut record = reader.record(job.blob)?;
        record.id = job.id;
        let config = site.config();
        let retried = reader.retried(&record)?;
        let around = Around {
            forge: config.forge.as_ref(),
            bar: None,
            when: When::default(),
            retried: &retried,
            previous: self.previous,
            next: self.next,
        };
        let mut view = JobView::new(&record, &around);
        let folder = paths::job(record.id);
        let raw = RawLogs {
            site,
            reader,
            folder: &folder,
            heads,
        };
        let mut log_pages = 0;
        if let Some(at) = &record.log {
            let log = raw.read(at)?;
            let failed = view.verdict == "fail" || view.health == "incomplete";
            let mut shown = log_view(log.as_deref(), at.bytes, at.dropped, failed);
            if let Some(log) = log {
                shown.runner = raw.runner_text(at, "")?;
                log_pages = write_log(site, &folder, &view, &shown, &log)?;
            }
            view.log = Some(shown);
        }
        raw.members(&record.members, &mut view)?;
        raw.attempts(&record, &retried, &mut view)?;
        view.attachments = attachments(site, reader, &folder, &record)?;
        let path = format!("{folder}index.html");
        let title = title(&view);
        let page = Page::new(&path, "jobs", &title);
        site.output.put(
            &path,
            site.engine.render("job.html", &page, &view)?.as_bytes(),
        )?;
        for gone in log_pages + 1..=job.log_pages {
            site.output
                .remove(&format!("{folder}{}", paths::log_file(usize::from(gone))))?;
        }
        if log_pages == 0 && job.log_pages > 0 {
            site.output.remove(&format!("{folder}log.txt"))?;
            site.output.remove(&format!("{folder}runner.txt"))?;
        }
        Ok(log_pages)
    }
}

/// The pages of the jobs that wait or run.
pub fn live(site: &Site<'_>, reader: &impl Reader) -> Result<(), SiteError> {
    let mut last: HashMap<(&str, &str), u32> = HashMap::new();
    for &at in &site.lists.all {
        let (name, board) = series(site.job(at));
        last.insert((site.history.text(name), site.history.text(board)), at);
    }
    let config = site.config();
    for job in &site.snapshot.live {
        let record = &job.record;
        let when = site.when(record.id);
        let row = LiveRow::new(job, when.clone());
        let name = crate::report::usage::label(&record.job_name);
        let board = record.health_check.as_ref().map_or("", BoardName::as_str);
        let previous = last
            .get(&(name.as_str(), board))
            .map(|at| Neighbour::new(site.job(*at)));
        let tail = match &record.claim {
            Some(claim) => {
                let first = record.members.first().map(|member| member.name.as_str());
                reader.log_tail(&claim.runner, record.id, first)?
            }
            None => None,
        };
        let path = paths::job_page(record.id);
        let key = Key::new(site.shared)
            .debug(record)
            .debug(&row)
            .debug(&previous)
            .add(tail.as_deref().unwrap_or_default());
        site.page(&path, key, || {
            let retried = reader.retried(record)?;
            let around = Around {
                forge: config.forge.as_ref(),
                bar: Some(&row.bar),
                when,
                retried: &retried,
                previous,
                next: None,
            };
            let mut view = JobView::new(record, &around);
            view.log = tail.as_deref().map(|tail| LogView {
                here: false,
                excerpt: log::excerpt(tail, false),
                ..LogView::default()
            });
            let title = title(&view);
            site.engine.render(
                "job.html",
                &Page::new(&path, "jobs", &title).live(true),
                &view,
            )
        })?;
    }
    Ok(())
}

/// The result first, so that a row of browser tabs tells it.
fn title(view: &JobView) -> String {
    let result = match (view.finished, view.health, view.verdict) {
        (false, ..) => view.state,
        (true, "complete", verdict) if !verdict.is_empty() => verdict,
        _ => view.ended,
    };
    format!("{result}: {} {}", view.name, view.short)
}

fn log_view(log: Option<&[u8]>, bytes: u64, dropped: u64, failed: bool) -> LogView {
    LogView {
        here: log.is_some(),
        bytes: text::bytes(bytes),
        dropped: if dropped > 0 {
            text::bytes(dropped)
        } else {
            String::new()
        },
        lines: log
            .map(|log| text::number(log::count(log) as u64))
            .unwrap_or_default(),
        excerpt: log.map(|log| log::excerpt(log, failed)).unwrap_or_default(),
        runner: false,
    }
}

#[derive(Debug, serde::Serialize)]
struct LogPageView<'a> {
    job: &'a str,
    short: &'a str,
    bytes: &'a str,
    dropped: &'a str,
    log: log::LogPage,
}

fn write_log(
    site: &Site<'_>,
    folder: &str,
    view: &JobView,
    shown: &LogView,
    log: &[u8],
) -> Result<u16, SiteError> {
    site.output.put(&format!("{folder}log.txt"), log)?;
    let title = format!("Log of {} {}", view.name, view.short);
    let pages = log::pages(log, |page| {
        let path = format!("{folder}{}", paths::log_file(page.number));
        let view = LogPageView {
            job: &view.name,
            short: &view.short,
            bytes: &shown.bytes,
            dropped: &shown.dropped,
            log: page,
        };
        let html = site
            .engine
            .render("log.html", &Page::new(&path, "jobs", &title), &view)?;
        site.output.put(&path, html.as_bytes())
    })?;
    // An empty log has a page too, so that the link to it leads somewhere.
    Ok(pages as u16)
}

/// Publishes what the job left, under names that no browser and no server takes for a page.
fn attachments(
    site: &Site<'_>,
    reader: &impl Reader,
    folder: &str,
    record: &Record,
) -> Result<Vec<AttachmentView>, SiteError> {
    let mut views = Vec::new();
    for attachment in record.attachments.iter().take(ATTACHMENTS) {
        let bytes = if attachment.bytes <= LARGEST {
            reader.blob(attachment.blob)?
        } else {
            None
        };
        let href = match bytes {
            Some(bytes) => {
                let href = format!("out/{}", safe_name(&attachment.name));
                site.output.put(&format!("{folder}{href}"), &bytes)?;
                href
            }
            None => String::new(),
        };
        views.push(AttachmentView {
            name: text::shorten(&attachment.name, 200),
            href,
            media_type: text::shorten(&attachment.media_type, 60),
            bytes: text::bytes(attachment.bytes),
        });
    }
    Ok(views)
}

/// What a browser would run or show as a page.
const ACTIVE: [&str; 17] = [
    "html", "htm", "xhtml", "xht", "shtml", "svg", "svgz", "xml", "xsl", "xslt", "mht", "mhtml",
    "js", "mjs", "css", "wasm", "hta",
];

/// A plain file name for any name; two different names never meet.
pub(super) fn safe_name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let kept: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let kept = kept.trim_start_matches('.');
    let mut safe = if kept == name && !kept.is_empty() && kept.len() <= 100 {
        kept.to_owned()
    } else {
        let tail: String = kept
            .chars()
            .rev()
            .take(60)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        format!(
            "{:08x}-{tail}",
            xxhash_rust::xxh3::xxh3_64(name.as_bytes()) as u32
        )
    };
    let end = safe
        .rsplit('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if ACTIVE.contains(&end.as_str()) {
        safe.push_str(".txt");
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_have_harmless_names_of_their_own() {
        assert_eq!(safe_name("junit.json"), "junit.json");
        assert_eq!(safe_name("report.HTML"), "report.HTML.txt");
        let odd = [
            "../../etc/passwd",
            ".htaccess",
            "a b",
            "a\u{202e}b",
            "",
            "a_b",
        ];
        let mut names: Vec<String> = odd.iter().map(|name| safe_name(name)).collect();
        assert!(
            names
                .iter()
                .all(|name| !name.contains('/') && !name.starts_with('.')),
            "{names:?}"
        );
        names.sort();
        names.dedup();
        assert_eq!(names.len(), odd.len());
    }
}
