//! Names, logs and texts that want to be more than text.

use super::harness::{Site, bad_links, now};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::record::{Attachment, Suite};
use crate::model::{JobId, ObjectId, Record};
use crate::site::sample::Sample;

const HOSTILE: &str = "</script><script>alert(1)</script>\"' onload='x {{ site }} {% raw %} \x1b[31m\u{202e}gnp\u{2066} ../../x\n&";

/// A record in which every text is hostile.
fn hostile(mut record: Record) -> Record {
    let text = || HOSTILE.to_owned();
    record.id = JobId::new(ObjectId::ZERO, "queue/hostile.json");
    record.job_name = text();
    record.path = text();
    record.submitter.name = text();
    record.submitter.email = text();
    record.submitter.user = text();
    record.stream = text();
    record.tags = vec![text(), String::new(), "../..".to_owned(), "a".repeat(5000)];
    record.message = Some(text());
    record.definition =
        serde_json::json!({"device_type": text(), text(): [text()], "resubmitted_from": text()});
    if let Some(claim) = &mut record.claim {
        claim.device_type = Some(text());
    }
    for step in &mut record.steps {
        step.name = text();
        step.reason = Some(text());
        step.started_s = Some(f64::NAN);
        step.duration_s = Some(-1e300);
    }
    let mut cases = record
        .suites
        .first()
        .map(|suite| suite.cases.clone())
        .unwrap_or_default();
    for case in &mut cases {
        case.name = text();
        case.why = Some(text());
        case.units = Some(text());
        case.value = Some(f64::INFINITY);
        case.seconds = Some(f64::NEG_INFINITY);
    }
    record.suites = vec![Suite {
        name: text(),
        cases,
    }];
    for name in [HOSTILE, "../../../index.html", "evil.html", ".htaccess"] {
        record.attachments.push(Attachment {
            name: name.to_owned(),
            media_type: text(),
            bytes: 11,
            blob: record.commit,
        });
    }
    record.diagnostics.push(Diagnostic {
        path: text(),
        line: 0,
        column: usize::MAX,
        severity: Severity::Error,
        code: text(),
        message: text(),
        hint: Some(text()),
    });
    if let Some(canceled) = &mut record.canceled {
        canceled.by = Some(text());
    }
    record
}

#[test]
fn hostile_text_is_only_text() {
    let mut lab = Sample::new(60, now());
    let record = hostile(lab.record(37));
    lab.finish("lab-a", record.clone());
    lab.edit(|snapshot| {
        let mut live = snapshot.live[0].clone();
        live.record = hostile(live.record);
        live.record.id = JobId::new(ObjectId::ZERO, "queue/hostile-live.json");
        live.progress = 255;
        snapshot.live.push(live);
        // What the queue's page says of it is made from its names.
        let mut waits = snapshot.live[5].clone();
        waits.record.id = JobId::new(ObjectId::ZERO, "queue/hostile-waits.json");
        waits.record.job_name = HOSTILE.to_owned();
        let job = waits.job.as_mut().unwrap();
        job.device_type = Some(HOSTILE.to_owned());
        job.tags = vec![HOSTILE.to_owned()];
        job.dispatcher = Some(HOSTILE.to_owned());
        snapshot.live.push(waits);
        snapshot.files.config.name = HOSTILE.to_owned();
        snapshot.files.config.description =
            format!("{HOSTILE}\n\n[x](javascript:alert(1)) ![y](https://evil.example/y.png)");
        snapshot.boards[0].reason = Some(HOSTILE.to_owned());
        snapshot.boards[0].board.description =
            Some(format!("# {HOSTILE}\n\n<img src=x onerror=alert(1)>"));
        snapshot.boards[0].board.tags.push(HOSTILE.to_owned());
        snapshot.boards[0].board.owners.push(HOSTILE.to_owned());
        snapshot.boards[0].board.device_type = HOSTILE.to_owned();
        snapshot.runners[0].paused = Some(HOSTILE.to_owned());
    });
    let site = Site::of(lab);
    site.build();
    let (pages, files) = (site.pages(), site.files());
    for (path, html) in &pages {
        for bad in [
            "<script>alert",
            "<img src=x",
            "javascript:",
            "evil.example",
            "\x1b",
            "\u{202e}",
            "\u{2066}",
        ] {
            assert!(!html.contains(bad), "{bad:?} in {path}");
        }
        assert_eq!(handlers(html), Vec::<&str>::new(), "{path}");
        // A template's marks in a name are not obeyed.
        assert!(!html.contains("Frame {"), "{path}");
    }
    assert_eq!(bad_links(&pages, &files), Vec::<String>::new());
    let page = &pages[&crate::site::paths::job_page(record.id)];
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("{{ site }}"));
    let queue = &pages["queue/index.html"];
    assert!(queue.contains("the lab has no &lt;/script&gt;&lt;script&gt;alert(1)"));
    // What a job leaves is never taken for a page of the site.
    let left: Vec<&String> = files.keys().filter(|path| path.contains("/out/")).collect();
    assert!(
        left.iter()
            .all(|path| !path.ends_with(".html") && !path.contains("/.")),
        "{left:?}"
    );
    assert!(site.read("index.html").starts_with("<!doctype html>"));
}

#[test]
fn a_table_for_programs_keeps_its_columns() {
    let mut lab = Sample::new(3, now());
    let record = hostile(lab.record(2));
    lab.finish("lab-a", record);
    let site = Site::of(lab);
    site.build();
    let rows = site.read("data/jobs-1.tsv");
    assert!(
        rows.lines().all(|row| row.split('\t').count() == 13),
        "{rows}"
    );
    let usage = site.read("reports/usage.csv");
    assert!(usage.lines().count() > 4 && !usage.contains('\x1b'));
}

/// The tags that carry a handler as an attribute of theirs, not as the text of another one.
fn handlers(html: &str) -> Vec<&str> {
    let tag = regex::Regex::new("<[a-zA-Z](?:[^>\"]|\"[^\"]*\")*>").unwrap();
    let quoted = regex::Regex::new("\"[^\"]*\"").unwrap();
    let handler = regex::Regex::new(r"\son[a-z]+\s*=").unwrap();
    let tags = tag.find_iter(html).map(|found| found.as_str());
    tags.filter(|tag| handler.is_match(&quoted.replace_all(tag, "")))
        .collect()
}
