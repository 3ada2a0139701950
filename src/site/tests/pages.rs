//! What stands on pages, and what must not.

use serde_json::Value;

use super::harness::{Site, bad_links, check, now};
use crate::model::record::{CaseResult, Member, Step, StepState};
use crate::model::{Health, JobId, State};
use crate::site::sample::{self, Sample};
use crate::site::source::Snapshot;
use crate::site::{log, paths};

#[test]
fn a_full_lab_has_all_its_pages() {
    let site = Site::new(230);
    let summary = site.build();
    assert_eq!(summary.jobs, 230);
    let (pages, files) = (site.pages(), site.files());
    assert_eq!(bad_links(&pages, &files), Vec::<String>::new());
    for path in [
        "index.html",
        "jobs/index.html",
        "jobs/p/1/index.html",
        "jobs/p/3/index.html",
        "queue/index.html",
        "boards/index.html",
        "boards/rock02/index.html",
        "types/index.html",
        "users/index.html",
        "users/amara/index.html",
        "tags/index.html",
        "tags/usb/index.html",
        "reports/index.html",
        "reports/calibration/index.html",
        "404.html",
    ] {
        assert!(pages.contains_key(path), "{path}");
    }
    assert!(
        !pages.contains_key("jobs/p/4/index.html"),
        "the newest 50 to 99 stay on the front list"
    );
    for path in [
        "status.json",
        "data/jobs-1.tsv",
        "reports/usage.csv",
        "reports/calibration/calibration.csv",
        "static/style.css",
        "static/site.js",
    ] {
        assert!(files.contains_key(path), "{path}");
    }
    for i in 0..230 {
        assert!(pages.contains_key(&paths::job_page(sample::job_id(i))));
    }
    let status: Value = serde_json::from_slice(&files["status.json"]).unwrap();
    assert_eq!(
        (status["waiting"].as_u64(), status["running"].as_u64()),
        (Some(6), Some(4))
    );
    assert_eq!(status["finished"].as_u64(), Some(230));
    let rows = String::from_utf8(files["data/jobs-1.tsv"].clone()).unwrap();
    assert_eq!(rows.lines().count(), 231);
    assert!(rows.lines().all(|row| row.split('\t').count() == 13));
}

#[test]
fn every_page_keeps_the_policy_and_its_links() {
    let mut site = Site::new(120);
    site.lab.file(
        "site/content/docs/index.md",
        "# Manual\n\n[first](first.md)\n\n<script>alert(1)</script>\n",
    );
    site.lab.file(
        "site/content/docs/first.md",
        "# First\n\n## Part\n\n[back](index.md) [part](#part) [file](../../../queue/a.json)\n",
    );
    site.build();
    check(&site);
    assert!(
        site.read("docs/first/index.html")
            .contains("https://git.example.org/boards/lab/-/blob/main/queue/a.json")
    );
    assert!(
        site.read("index.html").contains("docs/index.html"),
        "the navigation names the manual"
    );
}

#[test]
fn an_empty_lab_has_pages_too() {
    let mut lab = Sample::new(0, now());
    lab.edit(|snapshot| *snapshot = Snapshot::default());
    let site = Site::of(lab);
    site.build();
    check(&site);
    assert!(site.read("index.html").contains("No job has finished yet."));
    assert!(
        site.read("jobs/index.html")
            .contains("No job has finished yet.")
    );
    assert!(site.read("boards/index.html").contains("No boards yet"));
    assert!(site.read("queue/index.html").contains("Nothing waits."));
    assert!(site.read("admin/index.html").contains("No runner has said"));
}

#[test]
fn a_job_page_says_everything_about_its_job() {
    let site = Site::new(100);
    site.build();
    let page = |i: u64| site.read(&paths::job_page(sample::job_id(i)));
    let failing = page(3);
    for part in [
        "<b class=\"p fail\">fail</b>",
        "5 of 7 cases passed, <b>1 failed</b>, 1 skipped",
        "expected 0 dropped frames, got 17",
        "Around the first failure",
        "<mark>not ok 6 - iperf-tcp",
        "log.html#L32",
        "log.txt",
        "<a href=\"runner.txt\">runner.txt</a>",
        "https://git.example.org/boards/lab/-/commit/",
    ] {
        assert!(failing.contains(part), "{part}\n{failing}");
    }
    assert!(failing.contains(&format!("pumice resubmit {}", sample::job_id(3).short())));
    assert!(page(11).contains("the action boot ran longer than its timeout of 5m"));
    assert!(page(11).contains("<b class=\"p incomplete\">timeout</b>"));
    assert!(page(37).contains("Canceled by <b>dolores</b>") || page(37).contains(">dolores</a>"));
    assert!(page(37).contains("policy would not have let them"));
    let rejected = page(41);
    assert!(rejected.contains("unknown-key") && rejected.contains("did you mean `timeout`?"));
    // The neighbours of the same name lead to each other.
    let next = failing
        .split("rel=\"next\" href=\"../../../")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let back = paths::job_page(sample::job_id(3));
    assert!(
        site.read(next)
            .contains(&format!("rel=\"prev\" href=\"../../../{back}\""))
    );
}

#[test]
fn every_attempt_is_on_its_jobs_page() {
    let site = Site::new(60);
    site.build();
    check(&site);
    let folder = paths::job(sample::job_id(47));
    let page = site.read(&format!("{folder}index.html"));
    for part in [
        "<h2>Attempts</h2>",
        "boards/bbb01/index.html\">bbb01</a><td>lab-b<td><time>",
        "<td><b class=\"p incomplete\">infrastructure</b><td>",
        "<td>the tftp server did not answer<td>",
        "<a href=\"attempts/1/log.txt\">raw text, ",
        "<a href=\"attempts/1/runner.txt\">runner.txt</a>",
        "<a href=\"log.html\">log</a> · <a href=\"runner.txt\">runner.txt</a>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let once = site.read(&paths::job_page(sample::job_id(1)));
    assert!(!once.contains("<h2>Attempts</h2>"));
}

#[test]
fn waiting_and_running_jobs_have_pages() {
    let site = Site::new(10);
    site.build();
    for job in &site.lab.snapshot().live {
        let page = site.read(&paths::job_page(job.record.id));
        let short = job.record.id.short();
        let canceling = job.record.state == State::Canceling;
        assert_eq!(page.contains(&format!("pumice cancel {short}")), !canceling);
        let revert = format!("git revert {}", job.record.commit);
        assert_eq!(page.contains(&revert), !canceling);
        assert!(page.contains("data-live=\"../../../status.json\""));
        if job.record.state == State::Running {
            assert!(page.contains(&format!("value=\"{}\"", job.progress)));
            assert!(page.contains("random: crng init done"));
        }
    }
}

#[test]
fn bars_say_how_far_jobs_are_and_the_status_lets_them_move() {
    let site = Site::new(10);
    site.build();
    let status: Value = serde_json::from_str(&site.read("status.json")).unwrap();
    let named = status["jobs"].as_array().unwrap();
    let snapshot = site.lab.snapshot();
    let running = snapshot.live.iter().filter(|job| job.underway.is_some());
    let mut words = Vec::new();
    for (job, named) in running.zip(named) {
        let said = job.underway.unwrap();
        words.push(said.pace.in_words());
        assert_eq!(named["id"], job.record.id.to_string());
        assert_eq!(named["progress"], job.progress);
        assert_eq!(named["pace"], said.pace.as_str());
        assert_eq!(named["at"], said.at.to_string());
        assert_eq!(
            named["expected_end"],
            said.expected_end.unwrap().to_string()
        );
        let bar = format!("data-bar=\"{}\"", job.record.id);
        for page in [
            "index.html",
            "queue/index.html",
            &paths::job_page(job.record.id),
        ] {
            let page = site.read(page);
            let bar = page.split(&bar).nth(1).expect("a bar");
            let bar = bar.split("</span>\n").next().unwrap();
            assert!(
                bar.contains(&format!("<span>{} %</span>", job.progress)),
                "{bar}"
            );
            assert!(
                bar.contains(&format!(">{}</b>", said.pace.in_words())),
                "{bar}"
            );
        }
    }
    assert_eq!(words, ["", "", "overdue", "probably hanging"]);
}

#[test]
fn pages_stay_within_their_budgets() {
    let mut site = Site::new(120);
    let mut record = site.lab.record(1);
    record.id = JobId::new(record.commit, "queue/large.json");
    record.steps = (0..20)
        .map(|n| Step {
            n,
            member: None,
            name: format!("run suite number {n}"),
            state: StepState::Done,
            result: Some(CaseResult::Pass),
            reason: None,
            started_s: Some(f64::from(n) * 61.5),
            duration_s: Some(61.5),
        })
        .collect();
    record.suites.truncate(1);
    let page = paths::job_page(record.id);
    site.lab.finish("lab-a", record);
    site.build();
    let size = |path: &str| site.read(path).len();
    assert!(size(&page) <= 8_000, "{}", size(&page));
    assert!(
        size("jobs/p/1/index.html") <= 30_000,
        "{}",
        size("jobs/p/1/index.html")
    );
    assert!(size("reports/calibration/index.html") <= 30_000);
    assert!(size("status.json") <= 4_000);
    // About a quarter of this once compressed.
    assert!(size("static/style.css") <= 18_000 && size("static/site.js") <= 6_000);
    let requests = super::harness::addresses(&site.read(&page));
    let own = requests
        .iter()
        .filter(|address| address.contains("/static/"));
    assert_eq!(own.count(), 3, "an icon, a style sheet and a script");
}

#[test]
fn a_group_is_on_the_pages_of_all_its_boards() {
    let mut lab = Sample::new(4, now());
    let mut record = lab.record(2);
    record.id = JobId::new(record.commit, "queue/group.json");
    record.finished_at = Some(now());
    let member = |name: &str, board: &str| Member {
        name: name.to_owned(),
        role: name.to_owned(),
        board: board.parse().unwrap(),
        device_type: None,
        health: Some(Health::Complete),
        reason: None,
        message: None,
        log: record.log.clone(),
    };
    record.members = vec![member("server", "here"), member("client", "there")];
    for step in &mut record.steps {
        step.member = Some("client".to_owned());
    }
    let folder = paths::job(record.id);
    let short = record.id.short();
    lab.finish("lab-a", record);
    let site = Site::of(lab);
    site.build();
    check(&site);
    let page = site.read(&format!("{folder}index.html"));
    for text in [
        "here +1",
        ">there</a>",
        "<td>client/",
        "<a href=\"members/server/log.txt\">",
        "<a href=\"members/client/runner.txt\">",
    ] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    assert!(site.has(&format!("{folder}members/client/log.txt")));
    for board in ["here", "there"] {
        assert!(site.read(&paths::board(board)).contains(&short), "{board}");
    }
}

#[test]
fn long_logs_are_paged() {
    let mut lab = Sample::new(4, now());
    // Every thousandth made-up log is long.
    let mut record = lab.record(999);
    record.finished_at = Some(now());
    let folder = paths::job(record.id);
    lab.finish("lab-a", record);
    let site = Site::of(lab);
    site.build();
    check(&site);
    let second = site.read(&format!("{folder}log-2.html"));
    assert!(second.contains(&format!("id=\"L{}\"", log::LINES + 1)));
    assert!(
        site.read(&format!("{folder}index.html"))
            .contains("log-3.html#L")
    );
}

#[test]
fn a_labs_own_templates_and_files_go_first() {
    let mut site = Site::new(3);
    site.lab
        .file("templates/site/404.html", "gone from {{ site.lab }}");
    site.lab.file("site/static/style.css", "body{}");
    site.build();
    assert_eq!(site.read("404.html"), "gone from Harbour lab");
    assert_eq!(site.read("static/style.css"), "body{}");
    site.lab
        .file("templates/site/home.html", "{{ no_such_thing }}");
    let error = site.try_build(false).unwrap_err().to_string();
    assert!(
        error.contains("home.html") && error.contains("templates/site/"),
        "{error}"
    );
    site.lab.file("templates/site/home.html", "{% if %}");
    let error = site.try_build(false).unwrap_err().to_string();
    assert!(error.contains("home.html"), "{error}");
}

#[test]
fn the_sample_is_of_real_definitions() {
    for i in 0..50 {
        sample::parsed_definition(i).unwrap();
    }
}
