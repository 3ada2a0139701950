//! What a second build does: nothing that is not needed, and nothing different from a first one.

use std::fs;

use super::harness::{Site, now};
use crate::model::{JobId, Record};
use crate::site::sample;
use crate::site::{manifest, paths};

/// A job that ends so many seconds after everything else.
fn newest(site: &Site, seconds: f64) -> Record {
    let mut record = site.lab.record(1);
    record.id = JobId::new(record.commit, &format!("queue/new-{seconds}.json"));
    record.finished_at = Some(now().plus_seconds(seconds));
    record
}

/// The pages are those that a first build of the same lab makes.
fn same_as_anew(site: &Site) {
    let anew = Site::of(site.lab.clone());
    anew.build();
    let (incremental, first) = (site.files(), anew.files());
    assert_eq!(
        incremental.keys().collect::<Vec<_>>(),
        first.keys().collect::<Vec<_>>()
    );
    for (path, bytes) in &first {
        assert_eq!(
            String::from_utf8_lossy(&incremental[path]),
            String::from_utf8_lossy(bytes),
            "{path}"
        );
    }
}

#[test]
fn the_same_lab_is_not_built_twice() {
    let site = Site::new(130);
    let first = site.build();
    assert!(!first.unchanged && first.pages_written > 130);
    let again = site.build();
    assert!(again.unchanged);
    assert_eq!(again.pages_written, 0);
    // Even when everything is made anew, it is the same and not written.
    let full = site.try_build(true).unwrap();
    assert_eq!(
        (full.unchanged, full.pages_written, full.pages_removed),
        (false, 0, 0)
    );
}

#[test]
fn one_new_job_writes_few_files() {
    let mut site = Site::new(330);
    site.build();
    let sealed: Vec<Vec<u8>> = (1..=5)
        .map(|k| fs::read(site.out().join(paths::list(k))).unwrap())
        .collect();
    let record = newest(&site, 60.0);
    let page = paths::job_page(record.id);
    let before = site.files();
    site.lab.finish("lab-b", record);
    let summary = site.build();
    // The pages of waiting jobs say when they are expected now: each may change with every run.
    let live = site.lab.snapshot().live.iter();
    let live: Vec<String> = live.map(|job| paths::job_page(job.record.id)).collect();
    let changed = site.files().into_iter();
    let changed = changed.filter(|(path, bytes)| before.get(path) != Some(bytes));
    let changed: Vec<String> = changed
        .map(|(path, _)| path)
        .filter(|path| !live.contains(path))
        .collect();
    assert!(
        // Its four files, the page of the job before it, and the lists and sums it is in.
        (4..=16).contains(&changed.len()),
        "{changed:?}, {summary:?}"
    );
    assert!(site.has(&page) && site.read("jobs/index.html").contains(&page));
    for (k, old) in (1..=5).zip(sealed) {
        assert_eq!(
            fs::read(site.out().join(paths::list(k))).unwrap(),
            old,
            "page {k} is sealed"
        );
    }
    same_as_anew(&site);
}

#[test]
fn the_fiftieth_job_seals_a_page() {
    let mut site = Site::new(149);
    site.build();
    assert!(site.has("jobs/p/1/index.html") && !site.has("jobs/p/2/index.html"));
    let record = newest(&site, 1.0);
    site.lab.finish("lab-a", record);
    site.build();
    assert!(site.has("jobs/p/2/index.html"));
    same_as_anew(&site);
}

#[test]
fn a_late_job_rewrites_the_lists_from_its_page_on() {
    let mut site = Site::new(330);
    site.build();
    let before = site.files();
    let mut late = newest(&site, 0.0);
    late.finished_at = site.lab.record(170).finished_at;
    site.lab.finish("lab-a", late);
    site.build();
    let after = site.files();
    for k in 1..=5 {
        let path = paths::list(k);
        assert_eq!(before[&path] == after[&path], k <= 3, "page {k}");
    }
    same_as_anew(&site);
}

#[test]
fn dropped_and_changed_jobs_leave_no_trace() {
    let mut site = Site::new(230);
    site.build();
    let dropped = sample::job_id(100);
    site.lab.drop_job(dropped);
    let mut changed = site.lab.record(50);
    changed.job_name = "renamed".to_owned();
    changed.submitter.user = "newcomer".to_owned();
    changed.log = None;
    let page = paths::job_page(changed.id);
    site.lab.finish("lab-a", changed);
    let summary = site.build();
    assert!(summary.pages_removed >= 1);
    assert!(!site.has(&paths::job(dropped)));
    assert!(site.read(&page).contains("renamed"));
    assert!(site.has("users/newcomer/index.html"));
    same_as_anew(&site);
}

#[test]
fn a_job_that_ends_keeps_its_page() {
    let mut site = Site::new(60);
    site.build();
    let live = site.lab.snapshot().live[0].clone();
    let page = paths::job_page(live.record.id);
    assert!(
        site.read(&page)
            .contains("<b class=\"p running\">running</b>")
    );
    let mut record = newest(&site, 5.0);
    record.id = live.record.id;
    site.lab.edit(|snapshot| {
        snapshot.live.remove(0);
    });
    site.lab.finish("lab-a", record);
    site.build();
    assert!(site.read(&page).contains("<b class=\"p pass\">pass</b>"));
    assert!(!site.read("queue/index.html").contains(&page));
    same_as_anew(&site);
}

#[test]
fn logs_that_expire_take_their_pages_with_them() {
    let mut site = Site::new(20);
    site.build();
    let folder = paths::job(sample::job_id(3));
    assert!(site.has(&format!("{folder}log.txt")) && site.has(&format!("{folder}log.html")));
    site.lab.drop_logs();
    site.build();
    assert!(!site.has(&format!("{folder}log.txt")) && !site.has(&format!("{folder}log.html")));
    assert!(!site.has(&format!("{folder}runner.txt")));
    assert!(
        site.read(&format!("{folder}index.html"))
            .contains("no longer kept")
    );
    same_as_anew(&site);
}

#[test]
fn logs_of_earlier_attempts_expire_as_well() {
    let mut lab = sample::Sample::new(50, now());
    // Canceled while it waited for its next attempt: no log is its own.
    let mut record = lab.record(47);
    record.log = None;
    let folder = paths::job(record.id);
    lab.finish("lab-b", record);
    let mut site = Site::of(lab);
    site.build();
    let files =
        ["attempts/1/log.txt", "attempts/1/runner.txt"].map(|name| format!("{folder}{name}"));
    assert!(files.iter().all(|file| site.has(file)));
    site.lab.drop_logs();
    site.build();
    assert!(!files.iter().any(|file| site.has(file)));
    assert!(
        !site
            .read(&format!("{folder}index.html"))
            .contains("attempts/1/")
    );
    same_as_anew(&site);
}

#[test]
fn a_board_that_leaves_keeps_its_history() {
    let mut site = Site::new(120);
    site.build();
    site.lab.edit(|snapshot| {
        snapshot
            .boards
            .retain(|state| state.board.name.as_str() != "qemu01");
    });
    site.build();
    assert!(
        site.read("boards/qemu01/index.html")
            .contains("It is no longer in the lab.")
    );
    same_as_anew(&site);
}

#[test]
fn two_records_of_a_job_show_as_the_earlier_one() {
    let mut site = Site::new(60);
    site.build();
    let mut second = site.lab.record(10);
    second.finished_at = Some(now());
    second.job_name = "the later one".to_owned();
    let page = paths::job_page(second.id);
    // Job 10 is in the journal of lab-a.
    site.lab.finish("lab-b", second);
    assert_eq!(site.build().jobs, 60);
    assert!(!site.read(&page).contains("the later one"));
    same_as_anew(&site);
}

#[test]
fn a_broken_manifest_means_a_full_build() {
    let site = Site::new(60);
    site.build();
    let path = site.out().join(manifest::FILE);
    let good = fs::read(&path).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let unclean = {
        let head = manifest::Head::read(&site.out()).unwrap();
        head.mark_unclean(&site.out()).unwrap();
        fs::read(&path).unwrap()
    };
    for bytes in [
        &b""[..],
        &good[..40],
        &good[..good.len() - 7],
        &flipped,
        &unclean,
        b"\xff".repeat(500).as_slice(),
    ] {
        fs::write(&path, bytes).unwrap();
        fs::write(site.out().join("index.html"), "torn").unwrap();
        // Only the body is broken: the head alone cannot tell, and the lab is the same.
        if !site.build().unchanged {
            assert!(site.read("index.html").contains("Harbour lab"));
        } else {
            assert!(bytes == flipped || bytes.len() == good.len() - 7);
            fs::write(&path, []).unwrap();
        }
    }
    site.build();
    assert_eq!(fs::read(&path).unwrap(), good);
}
