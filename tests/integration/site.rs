//! The site of a real lab: jobs run by a real runner, read from a real upstream.

use std::fs;
use std::path::Path;

use pumice::model::Time;
use pumice::site::{self, BuildOptions, BuildSummary};
use serde_json::json;

use crate::harness::Lab;

fn build(lab: &Lab, out: &Path) -> BuildSummary {
    let options = BuildOptions {
        out: out.to_owned(),
        now: Time::new(chrono::Utc::now()),
        full: false,
    };
    site::build(&lab.open(), &options).expect("a site")
}

#[test]
fn a_labs_jobs_become_pages() {
    let lab = Lab::new();
    let out = lab.root().join("public");
    lab.board("one", "host");
    lab.job("queue/good.json", "echo all is well");
    lab.job("queue/bad.json", "echo 'error: it broke'; false");
    lab.job_with("queue/waits.json", "true", json!({"tags": ["nowhere"]}));
    lab.write("queue/broken.json", "{");
    lab.submit("Four jobs");
    lab.run_until_idle("host");

    let summary = build(&lab, &out);
    assert_eq!(summary.warnings, Vec::<String>::new());
    assert_eq!(summary.jobs, 3, "the fourth waits");
    let page = |path: &str| {
        let id = lab.record_of(path).id.to_string();
        let file = out.join("jobs").join(&id[..2]).join(&id);
        let read = move |name: &str| fs::read_to_string(file.join(name)).expect("a page");
        (read("index.html"), read)
    };
    let (good, files) = page("queue/good.json");
    assert!(good.contains("<b class=\"p pass\">pass</b>"), "{good}");
    assert!(files("log.txt").contains("all is well"));
    assert!(files("log.html").contains("all is well"));
    let (bad, _) = page("queue/bad.json");
    assert!(bad.contains("<b class=\"p fail\">fail</b>") && bad.contains("error: it broke"));
    let (broken, _) = page("queue/broken.json");
    assert!(broken.contains("<b class=\"p rejected\">rejected</b>"));
    let home = fs::read_to_string(out.join("index.html")).expect("a page");
    assert!(home.contains("Test lab") && home.contains("waits"));
    assert!(out.join("boards/one/index.html").is_file());
    assert!(out.join("tags/nowhere/index.html").is_file());

    assert!(build(&lab, &out).unchanged);
    lab.job("queue/another.json", "true").submit("One more");
    lab.run_until_idle("host");
    let summary = build(&lab, &out);
    assert_eq!(summary.jobs, 4);
    assert!(summary.pages_written <= 15, "{summary:?}");
}
