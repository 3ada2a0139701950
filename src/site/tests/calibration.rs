//! The page on estimates shows what the sums of the same records give.

use super::harness::{Site, check, now};
use crate::model::Priority;
use crate::report::{Accuracy, CalibrationReport, CalibrationSums, Column, Figure, Period};
use crate::site::sample::Sample;
use crate::site::source::Snapshot;

const PAGE: &str = "reports/calibration/index.html";

fn percent(figure: Figure) -> String {
    format!("{:.0}\u{202f}%", figure.value.unwrap() * 100.0)
}

/// The cells of a row from the one with the jobs on.
fn cells(sums: &Accuracy) -> String {
    let text = |figure: Figure| figure.value.map_or("–".to_owned(), |_| percent(figure));
    let of = |figure: Figure| match figure.of {
        0 => text(figure),
        of => format!("{} of {of}", text(figure)),
    };
    let values = [
        of(sums.p90_coverage()),
        text(sums.early()),
        of(sums.start_p90_coverage()),
        text(sums.start_early()),
        text(sums.run_time_error()),
        text(sums.start_error()),
        text(sums.end_error()),
        format!("{:.2}", sums.tightness().value.unwrap()),
    ];
    values
        .map(|value| format!("<td class=\"n\">{value}"))
        .concat()
}

#[test]
fn the_page_shows_what_the_sums_give() {
    let site = Site::new(230);
    site.build();
    check(&site);
    let mut sums = CalibrationSums::default();
    (0..230).for_each(|i| sums.add(&site.lab.record(i)));
    let all = sums.whole(Period::All);
    assert!((150..230).contains(&all.jobs), "{}", all.jobs);
    let page = site.read(PAGE);
    let named = |what: &str, figure: Figure| {
        let part = format!("{what}</dt><dd>{}<small> of {}", percent(figure), figure.of);
        assert!(page.contains(&part), "{part}\n{page}");
    };
    named("9 in 10 claimed to end by then", all.p90_coverage());
    named("1 in 2 claimed to end by then", all.early());
    named("9 in 10 claimed to start by then", all.start_p90_coverage());
    named("1 in 2 claimed to start by then", all.start_early());
    named("The run’s length, median error", all.run_time_error());
    named("The wait for the start, median error", all.start_error());
    named("The time to the end, median error", all.end_error());
    let row = |start: String, sums: &Accuracy| {
        let there = page.lines().any(|line| {
            line.starts_with(&format!("{start}<td class=\"n\">{}", sums.jobs))
                && line.contains(&cells(sums))
        });
        assert!(there, "{start} {}\n{page}", cells(sums));
    };
    let by_priority = sums.by_priority(Period::All);
    assert_eq!(by_priority.len(), 3);
    for (priority, sums) in &by_priority {
        row(format!("<tr><td>{priority}"), sums);
    }
    let by_type = sums.by_type(Period::All);
    assert_eq!(by_type.len(), 3);
    for (name, sums) in &by_type {
        row(
            format!("<tr><td><a href=\"../../types/index.html#{name}\">{name}</a>"),
            sums,
        );
    }
    for period in sums.periods.keys() {
        let whole = sums.whole(*period);
        match period {
            Period::Month { .. } => row(format!("<tr><td>{}", period.title()), &whole),
            Period::Week { .. } => {
                let figure = whole.p90_coverage();
                let bar = format!("<title>{period}: {} of {}", percent(figure), figure.of);
                assert!(page.contains(&bar), "{bar}\n{page}");
            }
            Period::All => {}
        }
    }
    let csv = site.read("reports/calibration/calibration.csv");
    for by in crate::report::CalibrationBy::ALL {
        let report = CalibrationReport::new(&sums, Period::All, by);
        assert!(csv.contains(&report.lines(Column::Comma)), "{csv}");
    }
    assert!(page.contains("<a href=\"../../docs/estimates/index.html\">"));
    let link = "<a href=\"calibration/index.html\">";
    assert!(site.read("reports/index.html").contains(link));
}

#[test]
fn few_jobs_and_none_are_said_to_be_so() {
    let mut site = Site::new(10);
    // A lab with a manual of its own shows that one alone.
    site.lab.file("site/content/docs/own.md", "# Own\n");
    site.build();
    check(&site);
    assert!(site.read(PAGE).contains("Fewer than 20 jobs ended"));
    assert!(!site.read(PAGE).contains("docs/estimates"));
    let mut lab = Sample::new(0, now());
    lab.edit(|snapshot| *snapshot = Snapshot::default());
    let site = Site::of(lab);
    site.build();
    check(&site);
    assert!(
        site.read(PAGE)
            .contains("No finished job has an estimate yet.")
    );
}

#[test]
fn a_changed_and_a_dropped_job_change_the_figures() {
    let mut site = Site::new(60);
    site.build();
    let before = site.read(PAGE);
    let mut urgent = site.lab.record(2);
    urgent.priority = Priority::Urgent;
    site.lab.finish("lab-a", urgent.clone());
    site.build();
    let row = "<tr><td>urgent<td class=\"n\">1<td";
    assert!(!before.contains(row));
    assert!(site.read(PAGE).contains(row));
    site.lab.drop_job(urgent.id);
    site.build();
    assert!(!site.read(PAGE).contains(row));
    site.lab.finish("lab-a", site.lab.record(2));
    site.build();
    assert_eq!(site.read(PAGE), before);
}
