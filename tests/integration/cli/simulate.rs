//! `simulate`: what it prints, and that its history is a lab that says the same.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Ran, pumice_in};
use crate::harness::Lab;

fn simulate(dir: &Path, args: &[&str]) -> Ran {
    pumice_in(dir, &[&["simulate"][..], args].concat())
}

#[test]
fn its_history_is_a_lab_whose_reports_say_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--synthetic",
        "--jobs",
        "300",
        "--groups",
        "2",
        "--history",
        "lab.git",
        "--json",
    ];
    let said = simulate(dir.path(), &args).ok().json();
    assert_eq!(said["jobs"], 300);

    let report = ["-C", "lab.git", "report", "calibration", "--json"];
    let report = pumice_in(dir.path(), &report).ok().json();
    let figures = |row: &Value| row["figures"].clone();
    let total = figures(&report["total"]);
    for (key, figure) in [
        ("run_time_error", "run_time_error"),
        ("start_error", "start_error"),
        ("end_error", "end_error"),
        ("p90_coverage", "end_by_p90"),
        ("start_p90_coverage", "start_by_p90"),
        ("early", "end_by_expected"),
        ("tightness", "p90_by_expected"),
    ] {
        assert!(said[key].is_number(), "{key}: {said}");
        assert_eq!(said[key], total[figure]["value"], "{key}: {total}");
    }
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let by_priority = &said["p90_coverage_by_priority"][name];
        assert_eq!(*by_priority, figures(row)["end_by_p90"]["value"], "{name}");
    }

    pumice_in(
        dir.path(),
        &["-C", "lab.git", "site", "build", "--out", "public"],
    )
    .ok();
    let csv = fs::read_to_string(
        dir.path()
            .join("public/reports/calibration/calibration.csv"),
    );
    let csv = csv.unwrap();
    let report = ["-C", "lab.git", "report", "calibration", "--csv"];
    let printed = pumice_in(dir.path(), &report).ok().out;
    let total = printed.lines().last().unwrap();
    let whole: Vec<&str> = total.split(',').skip(1).collect();
    assert!(csv.contains(&whole.join(",")), "{total}\n{csv}");

    simulate(dir.path(), &args).code(3);
}

#[test]
fn the_same_command_gives_the_same_numbers_and_the_labs_rules_count() {
    let lab = Lab::new();
    let dir = &lab.work();
    let args = ["--synthetic", "--jobs", "150", "--json"];
    let usual = simulate(dir, &args).ok();
    assert_eq!(usual.out, simulate(dir, &args).ok().out);
    assert_eq!(usual.json()["age_step"], "4h");
    lab.write("lab.yaml", "plan: {age_step: 30m, urgent_per_group: 1}\n");
    let other = simulate(dir, &args).ok();
    assert_eq!(other.json()["age_step"], "30m");
    assert_eq!(other.json()["urgent_per_group"], 1);
    let args = [&args[..], &["--age-step", "4h", "--urgent-per-group", "2"]].concat();
    assert_eq!(simulate(dir, &args).ok().out, usual.out);
    lab.write("lab.yaml", "plan: {age_step: [}\n");
    simulate(dir, &["--synthetic", "--jobs", "10"]).code(3);
}

#[test]
fn a_trace_is_played_on_as_many_boards_as_its_work_asks_for() {
    let dir = tempfile::tempdir().unwrap();
    let line = |n: u32| {
        format!(
            "{n} {} -1 170 1 -1 -1 -1 600 -1 1 {} 1 7 1 -1 -1 -1\n",
            n * 100,
            n % 3
        )
    };
    let trace: String = (1..=60).map(line).collect();
    fs::write(
        dir.path().join("trace.swf"),
        format!("; Version: 2.2\n{trace}"),
    )
    .unwrap();
    let said = |args: &[&str]| {
        let args = [&["--trace", "trace.swf", "--json"][..], args].concat();
        simulate(dir.path(), &args).ok().json()
    };
    let usual = said(&[]);
    assert_eq!((&usual["jobs"], &usual["boards"]), (&60.into(), &2.into()));
    assert_eq!(said(&["--load", "0.4"])["boards"], 4);
    assert_eq!(said(&["--jobs", "10"])["jobs"], 10);
    // One board at that load: the jobs come further apart.
    let one = said(&["--boards", "1", "--load", "0.5"]);
    assert!(one["longest_wait"].as_f64().unwrap() < 1.0, "{one}");
    assert!(said(&["--boards", "1"])["longest_wait"].as_f64().unwrap() > 600.0);

    let text = simulate(dir.path(), &["--trace", "trace.swf"]).ok().out;
    assert!(
        text.contains("WAITS") && text.contains("PRIORITY"),
        "{text}"
    );

    fs::write(dir.path().join("bad.swf"), "1 2\n").unwrap();
    let bad = simulate(dir.path(), &["--trace", "bad.swf"]).code(2).err;
    assert!(bad.contains("line 1: it has 2 fields, not 18"), "{bad}");
    fs::write(dir.path().join("bad.zip"), b"PK\x03\x04").unwrap();
    let bad = simulate(dir.path(), &["--trace", "bad.zip"]).code(2).err;
    assert!(bad.contains("unzip"), "{bad}");
    simulate(dir.path(), &[]).code(2);
    simulate(dir.path(), &["--synthetic", "--trace", "trace.swf"]).code(2);
    simulate(dir.path(), &["--synthetic", "--load", "nan"]).code(2);
}
