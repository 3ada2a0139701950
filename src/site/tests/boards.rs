//! What stands on the pages of boards and runners, and where health checks do.

use super::harness::{Site, check, now};
use crate::model::{JobId, Record, State};
use crate::site::source::LiveJob;
use crate::site::{paths, sample};

#[test]
fn a_board_page_says_what_failed_on_it() {
    let site = Site::new(60);
    site.build();
    let page = site.read("boards/bbb01/index.html");
    let failed = page.split("<h2>Attempts that failed here</h2>").nth(1);
    let failed = failed.unwrap().split("</section>").next().unwrap();
    // Its first attempt was here, and the job ended on another board.
    let job = paths::job_page(sample::job_id(47));
    assert!(failed.contains(&job), "{failed}");
    assert!(failed.contains("data-l=\"attempt\">1<td>"), "{failed}");
    assert!(!failed.contains("job-error"), "that is the job's own fault");
    let bad = site.read("boards/rock02/index.html");
    for part in [
        "no serial output in three attempts",
        "<dd>bad <span class=\"q\">since <time>",
    ] {
        assert!(bad.contains(part), "{part}\n{bad}");
    }
}

#[test]
fn health_checks_are_on_their_boards_pages_alone() {
    let mut site = Site::new(120);
    site.build();
    let before = ["index.html", "jobs/p/1/index.html"].map(|path| site.read(path));
    let check_of = |site: &Site, board: &str, n: u32| {
        let mut record = site.lab.record(1);
        record.id = JobId::new(record.commit, &format!("health-{board}-{n}"));
        record.job_name = "health".to_owned();
        record.stream = format!("/health/{board}/");
        record.health_check = Some(board.parse().unwrap());
        record.finished_at = Some(now().plus_seconds(f64::from(n)));
        record.claim.as_mut().unwrap().board = Some(board.parse().unwrap());
        record
    };
    let checks: Vec<Record> = (0..20)
        .map(|n| check_of(&site, ["qemu01", "qemu02"][n as usize % 2], n))
        .collect();
    for check in &checks {
        site.lab.finish("lab-a", check.clone());
    }
    let mut runs = checks[0].clone();
    runs.id = JobId::new(runs.commit, "health-now");
    runs.state = State::Running;
    runs.finished_at = None;
    let running = paths::job_page(runs.id);
    site.lab.edit(|snapshot| {
        snapshot.live.push(LiveJob {
            record: runs,
            job: None,
            order: 99,
            attempt: 1,
            progress: 5,
            underway: None,
        });
    });
    site.build();
    check(&site);
    let last = |html: &str| html.split("Finished last").nth(1).unwrap().to_owned();
    assert_eq!(last(&site.read("index.html")), last(&before[0]));
    assert_eq!(site.read("jobs/p/1/index.html"), before[1]);
    let front = site.read("jobs/index.html");
    assert!(
        !checks
            .iter()
            .any(|check| front.contains(&paths::job_page(check.id)))
    );
    assert!(front.contains("Health checks are on the pages of their"));
    assert!(
        site.read("index.html")
            .contains("<span class=\"tag\">health check</span>")
    );
    let board = site.read("boards/qemu01/index.html");
    let (listed, rest) = board.split_once("<h2>Use</h2>").unwrap();
    assert!(listed.contains(&paths::job_page(checks[18].id)), "{listed}");
    assert!(!rest.contains(&paths::job_page(checks[18].id)));
    // One follows the other on its board, and nobody is told to revert main's head.
    let page = site.read(&paths::job_page(checks[4].id));
    for near in [2, 6] {
        assert!(page.contains(&paths::job_page(checks[near].id)));
    }
    assert!(page.contains("pumice board check qemu01") && !page.contains("resubmit"));
    let page = site.read(&running);
    assert!(!page.contains("git revert") && page.contains("pumice watch"));
    assert!(page.contains(&format!(
        "rel=\"prev\" href=\"../../../{}\"",
        paths::job_page(checks[18].id)
    )));
}

#[test]
fn each_runner_says_how_it_is() {
    let site = Site::new(3);
    site.build();
    let page = site.read("admin/index.html");
    for part in [
        "It takes no jobs: less than 1 GiB is free in /var/lib/pumice",
        "cgroup /system.slice/pumice.service",
        "1.1 TB",
        "boards/qemu03/index.html\">qemu03</a>",
        "2026-11-24 10:00",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}
