//! `pumice report calibration`: what was claimed against what was reached.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;

use super::records;
use crate::cli::context::Context;
use crate::cli::error::{Error, Outcome};
use crate::cli::filter::Since;
use crate::cli::table::{Cell, Table};
use crate::cli::terminal::{Colour, Terminal};
use crate::report::calibration::FEW;
use crate::report::calibration_table::FIGURES;
use crate::report::{
    Accuracy, CalibrationBy, CalibrationReport, CalibrationSums, Column, Figure, Period,
};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only jobs that finished since then: a duration before now (30d) or a moment (2026-11-24 or RFC 3339).
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// What a row stands for.
    #[arg(long, value_enum, default_value_t)]
    pub by: By,
    /// Prints comma-separated values for a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Prints JSON for programs: each figure as a fraction with the number of jobs it is of.
    #[arg(long)]
    pub json: bool,
}

/// What a row of the report stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum By {
    #[default]
    Priority,
    Type,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let (_, records) = records(context, args.since)?;
    let mut sums = CalibrationSums::default();
    records.iter().for_each(|record| sums.add(record));
    let by = match args.by {
        By::Priority => CalibrationBy::Priority,
        By::Type => CalibrationBy::Type,
    };
    let report = CalibrationReport::new(&sums, Period::All, by);
    if args.json {
        context.print_json(&Shown::new(&report))?;
        return Ok(Outcome::Done);
    }
    let mut out = context.out();
    if args.csv {
        out.write_all(CalibrationReport::header(Column::Comma).as_bytes())?;
        out.write_all(report.lines(Column::Comma).as_bytes())?;
    } else {
        let text = match (report.total.jobs, args.since) {
            (0, Some(_)) => "No finished job with an estimate in this period.\n".to_owned(),
            _ => text(&report, context.terminal),
        };
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

/// The keys of `report calibration --json`.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    by: &'static str,
    total: ShownRow<'a>,
    rows: Vec<ShownRow<'a>>,
}

/// Every figure by its name, as a fraction and the number of jobs it is of.
#[derive(Debug, Serialize)]
struct ShownRow<'a> {
    name: &'a str,
    jobs: u64,
    figures: BTreeMap<&'static str, ShownFigure>,
}

#[derive(Debug, Serialize)]
struct ShownFigure {
    value: Option<f64>,
    of: u64,
}

impl<'a> Shown<'a> {
    fn new(report: &'a CalibrationReport) -> Self {
        let rows = report.rows.iter();
        Self {
            by: report.by.as_str(),
            total: ShownRow::new("total", &report.total),
            rows: rows
                .map(|row| ShownRow::new(&row.name, &row.sums))
                .collect(),
        }
    }
}

impl<'a> ShownRow<'a> {
    fn new(name: &'a str, sums: &Accuracy) -> Self {
        let figures = FIGURES.iter().map(|(name, read)| {
            let Figure { value, of } = read(sums);
            // A median is known no better.
            let value = value.map(|value| (value * 1e4).round() / 1e4);
            (*name, ShownFigure { value, of })
        });
        Self {
            name,
            jobs: sums.jobs,
            figures: figures.collect(),
        }
    }
}

fn text(report: &CalibrationReport, terminal: Terminal) -> String {
    let total = &report.total;
    if total.jobs == 0 {
        return "No finished job with an estimate.\n".to_owned();
    }
    let mut text = format!("Estimates of {} finished jobs\n\n", total.jobs);
    let claims = [
        ("9 in 10", total.p90_coverage(), "ended by then"),
        ("1 in 2", total.early(), "ended by then"),
        (
            "9 in 10",
            total.start_p90_coverage(),
            "that waited started by then",
        ),
        ("1 in 2", total.start_early(), "that waited started by then"),
    ];
    for (claimed, figure, what) in claims {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{claimed:>7} claimed: {figure:>5} of {} {what}",
            figure.of
        );
    }
    let medians = [
        ("length of the run", total.run_time_error()),
        ("wait for the start", total.start_error()),
        ("time to the end", total.end_error()),
    ];
    text.push_str("\nHalf of the estimates were off by less than\n");
    for (what, figure) in medians {
        let _ = writeln!(text, "{figure:>7} of the {what}, of {}", figure.of);
    }
    if let Some(tightness) = total.tightness().value {
        let _ = writeln!(
            text,
            "\n\"9 in 10\" is {tightness:.2} times the expected time to the end (median)."
        );
    }
    text.push('\n');
    text.push_str(&accuracy(report).render(terminal));
    text.push_str(&say_little(report));
    text
}

/// A line below the table where there are too few jobs.
pub fn say_little(report: &CalibrationReport) -> String {
    if report.total.jobs < FEW {
        format!("\nFewer than {FEW} jobs: these figures say little yet.\n")
    } else if report.rows.iter().any(|row| row.sums.jobs < FEW) {
        format!("\nRows of fewer than {FEW} jobs say little yet.\n")
    } else {
        String::new()
    }
}

/// A table of all figures.
pub fn accuracy(report: &CalibrationReport) -> Table {
    let title = match report.by {
        CalibrationBy::Priority => "PRIORITY",
        CalibrationBy::Type => "TYPE",
    };
    let mut table = Table::new()
        .cut(title)
        .right("JOBS")
        .right("END 9/10")
        .right("END 1/2")
        .spare()
        .right("START 9/10")
        .right("START 1/2")
        .spare()
        .right("RUN ERR")
        .spare()
        .right("START ERR")
        .spare()
        .right("END ERR")
        .spare();
    for row in &report.rows {
        table.row(cells(&row.name, &row.sums, Colour::Plain));
    }
    table.row(cells("total", &report.total, Colour::Strong));
    table
}

fn cells(name: &str, sums: &Accuracy, colour: Colour) -> [Cell; 9] {
    let figure = |figure: Figure| {
        let colour = if figure.of_few() {
            Colour::Faint
        } else {
            colour
        };
        Cell::new(figure.to_string(), colour)
    };
    [
        Cell::new(name, colour),
        Cell::new(sums.jobs.to_string(), colour),
        figure(sums.p90_coverage()),
        figure(sums.early()),
        figure(sums.start_p90_coverage()),
        figure(sums.start_early()),
        figure(sums.run_time_error()),
        figure(sums.start_error()),
        figure(sums.end_error()),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::view::tests::waiting;
    use crate::model::Record;

    /// Jobs that should have ended by 02:00 and by 03:00 at the latest, two of three in time.
    fn report(by: CalibrationBy) -> CalibrationReport {
        let finished = |n: u8, end: &str, kind: &str| -> Record {
            let mut record = serde_json::to_value(waiting(n).record).unwrap();
            record["state"] = json!("finished");
            record["health"] = json!("complete");
            record["priority"] = json!(if n == 1 { "high" } else { "low" });
            record["started_at"] = json!("2026-11-24T01:30:00Z");
            record["finished_at"] = json!(end);
            record["claim"] = json!({"runner": "r", "board": "b1", "device_type": kind, "at": "2026-11-24T01:30:00Z"});
            record["estimate"] = json!({
                "at_submission": {"at": "2026-11-24T01:00:00Z", "start": "2026-11-24T01:15:00Z", "start_p90": "2026-11-24T01:40:00Z",
                    "end": "2026-11-24T02:00:00Z", "p90": "2026-11-24T03:00:00Z"},
                "at_claim": null
            });
            serde_json::from_value(record).unwrap()
        };
        let mut sums = CalibrationSums::default();
        sums.add(&finished(1, "2026-11-24T01:50:00Z", "qemu\u{1b}[2J"));
        sums.add(&finished(2, "2026-11-24T02:30:00Z", "bbb"));
        sums.add(&finished(3, "2026-11-24T03:30:00Z", "bbb"));
        CalibrationReport::new(&sums, Period::All, by)
    }

    #[test]
    fn what_was_claimed_is_shown_against_what_was_reached() {
        let text = text(&report(CalibrationBy::Priority), Terminal::PLAIN);
        let expected = "\
Estimates of 3 finished jobs

9 in 10 claimed:  67 % of 3 ended by then
 1 in 2 claimed:  33 % of 3 ended by then
9 in 10 claimed: 100 % of 3 that waited started by then
 1 in 2 claimed:   0 % of 3 that waited started by then

Half of the estimates were off by less than
      - of the length of the run, of 0
   50 % of the wait for the start, of 3
   33 % of the time to the end, of 3

\"9 in 10\" is 2.00 times the expected time to the end (median).

PRIORITY  JOBS  END 9/10  END 1/2  START 9/10  START 1/2  RUN ERR  START ERR  END ERR
high         1     100 %    100 %       100 %        0 %        -       50 %     20 %
low          2      50 %      0 %       100 %        0 %        -       50 %     47 %
total        3      67 %     33 %       100 %        0 %        -       50 %     33 %

Fewer than 20 jobs: these figures say little yet.
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_narrow_terminal_shows_fewer_figures() {
        let narrow = Terminal {
            width: Some(60),
            ..Terminal::PLAIN
        };
        let table = accuracy(&report(CalibrationBy::Priority)).render(narrow);
        assert!(table.contains("START 9/10"), "{table}");
        assert!(table.lines().all(|line| line.len() <= 60), "{table}");
    }

    #[test]
    fn nothing_is_said_of_no_jobs_and_hostile_names_are_harmless() {
        let none = CalibrationReport::new(
            &CalibrationSums::default(),
            Period::All,
            CalibrationBy::Type,
        );
        assert_eq!(
            text(&none, Terminal::PLAIN),
            "No finished job with an estimate.\n"
        );
        let hostile = report(CalibrationBy::Type);
        assert!(!text(&hostile, Terminal::PLAIN).contains('\u{1b}'));
        let csv = hostile.lines(Column::Comma);
        assert!(
            csv.starts_with("all,type,bbb,2,0.5000,2,0.0000,2,1.0000,2,"),
            "{csv}"
        );
        assert!(!csv.contains('\u{1b}'));
        let columns = |line: &str| line.trim_end().split(',').count();
        let header = CalibrationReport::header(Column::Comma);
        assert!(csv.lines().all(|line| columns(line) == columns(&header)));
        let shown = serde_json::to_value(Shown::new(&hostile)).unwrap();
        assert_eq!(shown["total"]["figures"]["end_by_expected"]["of"], json!(3));
    }
}
