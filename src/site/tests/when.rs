//! When jobs are expected and why they wait: on the queue's page, the jobs' and the boards'.

use super::harness::{Site, check, now};
use crate::model::record::{Basis, Estimate, Estimates};
use crate::model::status::{Pace, RunningJob, Underway};
use crate::model::{JobId, Record, State};
use crate::site::paths;

/// The sample's live job that was submitted as the `n`th of those that wait.
fn waiting(site: &Site, n: usize) -> &Record {
    let waits = |record: &&Record| record.state == State::Submitted;
    let live = site.lab.snapshot().live.iter().map(|job| &job.record);
    live.filter(waits).nth(n).unwrap()
}

/// The row of a job in the table of those that wait.
fn row(page: &str, id: JobId) -> &str {
    let table = page.split("<table class=\"rows wait\">").nth(1).unwrap();
    let table = table.split("</table>").next().unwrap();
    let mut rows = table.split("<tr>");
    let link = paths::job_page(id);
    rows.find(|row| row.contains(&link)).unwrap()
}

fn section<'a>(page: &'a str, title: &str) -> &'a str {
    let rest = page.split(&format!("<h2>{title}</h2>")).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("no {title}\n{page}"));
    rest.split("</section>").next().unwrap()
}

#[test]
fn the_queue_stands_in_the_order_in_which_jobs_are_asked() {
    let site = Site::new(120);
    site.build();
    check(&site);
    let page = site.read("queue/index.html");
    let place = |id: JobId| page.rfind(&paths::job_page(id)).unwrap();
    let snapshot = site.lab.snapshot();
    let past = crate::site::source::Reader::past(&site.lab, now()).unwrap();
    let outlook = snapshot.outlook(&past, now());
    let asked: Vec<usize> = outlook.order().iter().map(|(_, id)| place(*id)).collect();
    assert_eq!(asked.len(), 6);
    assert!(asked.is_sorted(), "{asked:?}");
    // The order of submission is another one.
    let submitted = (0..6).map(|n| place(waiting(&site, n).id));
    assert!(!submitted.collect::<Vec<_>>().is_sorted());
    // It has waited for five hours.
    let risen = row(&page, waiting(&site, 0).id);
    assert!(
        risen.contains("low <span title=\"it has risen with age\">→ medium</span>"),
        "{risen}"
    );
    let home = site.read("index.html");
    assert_eq!(row(&home, waiting(&site, 0).id), risen.replace("../", ""));
}

#[test]
fn every_waiting_job_is_told_when_and_why() {
    let site = Site::new(120);
    site.build();
    let page = site.read("queue/index.html");
    for n in 0..6 {
        let record = waiting(&site, n);
        let of_queue = row(&page, record.id);
        let of_job = site.read(&paths::job_page(record.id));
        let when = section(&of_job, "When");
        // Nobody has such a board.
        if n == 3 {
            assert!(of_queue.contains("not in sight"), "{of_queue}");
            for text in [of_queue, when] {
                assert!(text.contains("boards with tag hdmi; nearest is "), "{text}");
            }
            assert!(when.contains("No start is in sight."), "{when}");
            continue;
        }
        for text in [of_queue, when] {
            assert_eq!(
                text.matches("~<time datetime=\"2026-11-24T1").count(),
                2,
                "{text}"
            );
            assert!(text.contains(" boards "), "{text}");
            assert_eq!(
                text.contains("a guess from its time limit: this is its first run"),
                n == 4
            );
        }
        assert!(of_queue.contains("9 in 10 by <time"));
        assert!(when.contains("nine times in ten by <time"));
        assert!(when.contains("<dt>Said at submission</dt><dd>"), "{when}");
    }
}

#[test]
fn a_running_job_is_told_its_end_and_its_pace() {
    let mut site = Site::new(120);
    let record = site.lab.snapshot().live[0].record.clone();
    site.lab.edit(|snapshot| {
        let job = &mut snapshot.live[0];
        job.underway = Some(Underway {
            at: now(),
            expected_end: None,
            p90: None,
            pace: Pace::Overdue,
        });
        snapshot.live.drain(1..4);
        snapshot.runners[0].running = vec![RunningJob {
            id: record.id,
            board: record.boards().next().unwrap().clone(),
            attempt: 1,
            started_at: record.started_at.unwrap(),
            progress: 72,
            canceling: false,
            steps: Vec::new(),
            expected_end: Some(now().plus_seconds(20.0 * 60.0)),
            p90: Some(now().plus_seconds(15.0 * 3600.0)),
            pace: Pace::Overdue,
        }];
    });
    site.build();
    let end = "~<time datetime=\"2026-11-24T10:20Z\">10:20</time>";
    let p90 = "<time datetime=\"2026-11-25T01:00Z\">25 Nov 01:00</time>";
    for path in ["index.html", "queue/index.html"] {
        let page = site.read(path);
        assert!(
            page.contains(&format!(", ends {end}, 9 in 10 by {p90}")),
            "{page}"
        );
        assert_eq!(page.matches(">overdue</b>").count(), 1);
    }
    let page = site.read(&paths::job_page(record.id));
    assert!(section(&page, "When").contains(&format!("{end}, nine times in ten by {p90}")));
    assert!(page.contains(">overdue</b>"));
    let board = record.boards().next().unwrap();
    let past = crate::site::source::Reader::past(&site.lab, now()).unwrap();
    let next = site.lab.snapshot().outlook(&past, now()).next_on(board);
    let then = if next.is_some() { "free" } else { "idle" };
    let busy = format!("{}</code></a>, {then} {end}", record.id.short());
    for path in ["boards/index.html".to_owned(), paths::board(board.as_str())] {
        assert!(site.read(&path).contains(&busy), "{path}");
    }
}

#[test]
fn of_a_job_whose_runner_is_silent_no_end_is_said() {
    let site = Site::new(20);
    site.build_at(now().plus_seconds(99_999.0), false).unwrap();
    let snapshot = site.lab.snapshot();
    let running = snapshot.live.iter();
    let running: Vec<&Record> = running
        .map(|job| &job.record)
        .filter(|record| record.state != State::Submitted)
        .collect();
    assert!(!running.is_empty());
    for path in ["index.html", "queue/index.html"] {
        let page = site.read(path);
        assert!(!page.contains(", ends "), "{page}");
        assert!(page.contains(", no end is known: "), "{page}");
    }
    for record in &running {
        let page = site.read(&paths::job_page(record.id));
        let when = section(&page, "When");
        assert!(when.contains("<dd>Not known.</dd>"), "{when}");
        assert!(when.contains("<dt>Why</dt><dd>") && when.contains("silent"));
        assert!(page.contains(">runner silent</b>"), "{page}");
    }
    let status: serde_json::Value = serde_json::from_str(&site.read("status.json")).unwrap();
    let jobs = status["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), running.len());
    for job in jobs {
        assert_eq!(
            (&job["pace"], &job["expected_end"]),
            (&"silent".into(), &serde_json::Value::Null)
        );
    }
}

#[test]
fn a_board_says_who_is_next_on_it() {
    let site = Site::new(120);
    site.build();
    let past = crate::site::source::Reader::past(&site.lab, now()).unwrap();
    let outlook = site.lab.snapshot().outlook(&past, now());
    let boards = site.lab.snapshot().boards.iter();
    let mut said = 0;
    for name in boards.map(|state| &state.board.name) {
        let page = site.read(&paths::board(name.as_str()));
        let next = outlook.next_on(name).map(|id| {
            format!(
                "<dt>Next</dt><dd><a href=\"../../{}\">",
                paths::job_page(id)
            )
        });
        match next {
            Some(next) => {
                assert!(page.contains(&next), "{page}");
                said += 1;
            }
            None => assert!(!page.contains("<dt>Next</dt>")),
        }
    }
    assert!(said > 0);
}

#[test]
fn a_finished_job_tells_what_was_said_and_what_came() {
    let mut site = Site::new(20);
    let at = |minutes: f64| now().plus_seconds(60.0 * minutes);
    let said = |start, end, p90| Estimate {
        at: Some(at(0.0)),
        start,
        start_p90: None,
        end,
        p90,
        basis: Some(Basis::Runs),
    };
    let mut record = site.lab.record(1);
    record.id = JobId::new(record.commit, "queue/said.json");
    record.submitted_at = at(0.0);
    record.started_at = Some(at(7.0));
    record.finished_at = Some(at(19.0));
    record.estimate = Some(Estimates {
        at_submission: Some(said(Some(at(5.0)), Some(at(20.0)), Some(at(40.0)))),
        at_claim: Some(said(None, Some(at(22.0)), Some(at(15.0 * 60.0)))),
    });
    let mut never = record.clone();
    never.id = JobId::new(never.commit, "queue/never.json");
    never.started_at = None;
    never.estimate = Some(Estimates {
        at_submission: Some(said(None, None, None)),
        at_claim: None,
    });
    // To the minute, all that was said of it would look alike.
    let mut short = record.clone();
    short.id = JobId::new(short.commit, "queue/short.json");
    short.started_at = Some(at(7.01));
    short.finished_at = Some(at(7.4));
    short.estimate = Some(Estimates {
        at_submission: Some(said(Some(at(7.0)), Some(at(7.75)), Some(at(9.0)))),
        at_claim: None,
    });
    // Past the half of a minute is nearer to the next one, and no bound is earlier than it is.
    let mut odd = record.clone();
    odd.id = JobId::new(odd.commit, "queue/odd.json");
    odd.estimate = Some(Estimates {
        at_submission: Some(said(Some(at(5.6)), Some(at(20.4)), Some(at(40.1)))),
        at_claim: None,
    });
    let pages = [&record, &never, &short, &odd].map(|record| paths::job_page(record.id));
    for record in [record, never, short, odd] {
        site.lab.finish("lab-a", record);
    }
    site.build();
    for (page, text) in [
        (
            &pages[0],
            "Said at submission</dt><dd>10:05–10:20, nine times in ten by 10:40; came 10:07–10:19<",
        ),
        (
            &pages[0],
            "Said at claim</dt><dd>end 10:22, nine times in ten by 25 Nov 01:00<",
        ),
        (
            &pages[1],
            "Said at submission</dt><dd>no start in sight; it never started<",
        ),
        (
            &pages[2],
            "<dd>10:07:00–10:07:45, nine times in ten by 10:09:00; came 10:07:01–10:07:24<",
        ),
        (
            &pages[3],
            "<dd>10:06–10:20, nine times in ten by 10:41; came 10:07–10:19<",
        ),
    ] {
        let page = site.read(page);
        assert!(page.contains(text), "{text}\n{page}");
        assert!(!page.contains("<h2>When</h2>"));
    }
}

#[test]
fn a_heartbeat_without_news_writes_no_page() {
    let mut site = Site::new(60);
    site.build();
    let before = site.files();
    site.lab.edit(|snapshot| snapshot.runners[0].counter += 1);
    let summary = site.build();
    assert!(!summary.unchanged);
    let changed: Vec<String> = site
        .files()
        .into_iter()
        .filter(|(path, bytes)| before.get(path) != Some(bytes))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(changed, ["status.json"]);
}

#[test]
fn a_runner_that_falls_silent_is_noticed_without_news() {
    let site = Site::new(20);
    site.build();
    let record = waiting(&site, 1);
    let silent = "is driven by lab-a, which is silent";
    assert!(!site.read("queue/index.html").contains(silent));
    let after = |seconds| site.build_at(now().plus_seconds(seconds), false).unwrap();
    assert!(after(300.0).unchanged);
    assert!(!after(301.0).unchanged);
    let page = site.read("queue/index.html");
    let row = row(&page, record.id);
    assert!(
        row.contains(silent) && row.contains("not in sight"),
        "{row}"
    );
    assert!(after(99_999.0).unchanged);
}
