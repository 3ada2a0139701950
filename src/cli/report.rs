//! `pumice report`: sums of finished jobs.

pub mod calibration;

use std::io::Write;

use chrono::Utc;
use clap::ValueEnum;

use super::context::Context;
use super::error::{Error, Outcome};
use super::filter::Since;
use super::history;
use super::open::Seen;
use super::table::{Cell, Table};
use super::terminal::Colour;
use crate::model::lab::LabFiles;
use crate::model::record::Suite;
use crate::model::{Record, Time};
use crate::report::{self, Column, Period, Usage, UsageReport, UsageSums};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub report: Report,
}

#[derive(Debug, clap::Subcommand)]
pub enum Report {
    /// Who used the boards for how long, and how it ended.
    Usage(UsageArgs),
    /// How good the estimates were: what was claimed of jobs when they were submitted and claimed, against
    /// what came of it.
    Calibration(calibration::Args),
}

#[derive(Debug, clap::Args)]
pub struct UsageArgs {
    /// Only jobs that finished since then: a duration before now (30d) or a moment (2026-11-24 or RFC 3339).
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// What a row stands for.
    #[arg(long, value_enum, default_value_t)]
    pub by: By,
    /// Prints comma-separated values for a spreadsheet.
    #[arg(long)]
    pub csv: bool,
}

/// What a row of the report stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum By {
    #[default]
    Board,
    Type,
    Suite,
    Case,
    User,
    Group,
}

impl By {
    fn title(self) -> &'static str {
        match self {
            Self::Board => "BOARD",
            Self::Type => "TYPE",
            Self::Suite => "SUITE",
            Self::Case => "CASE",
            Self::User => "USER",
            Self::Group => "GROUP",
        }
    }

    /// The sums' own division that gives these rows of [`Self::spread`] records.
    fn division(self) -> report::By {
        match self {
            Self::Board => report::By::Board,
            Self::Type => report::By::Type,
            Self::Suite | Self::Case => report::By::Suite,
            Self::User | Self::Group => report::By::User,
        }
    }

    /// The record as the sums must see it to give these rows: a case is summed up as a suite of one, a
    /// group as a user. A user of two groups counts in both.
    fn spread(self, mut record: Record, files: &LabFiles) -> Vec<Record> {
        match self {
            Self::Board | Self::Type | Self::Suite | Self::User => vec![record],
            Self::Case => {
                record.suites = record
                    .suites
                    .into_iter()
                    .flat_map(|suite| {
                        let name = suite.name;
                        suite.cases.into_iter().map(move |case| Suite {
                            name: format!("{name}/{}", case.name),
                            cases: vec![case],
                        })
                    })
                    .collect();
                vec![record]
            }
            Self::Group => {
                let known = files.config.users.get(&record.submitter.user);
                let groups = known.map(|user| user.groups.as_slice()).unwrap_or_default();
                let none = ["(none)".to_owned()];
                let groups = if groups.is_empty() {
                    none.as_slice()
                } else {
                    groups
                };
                groups
                    .iter()
                    .map(|group| {
                        let mut record = record.clone();
                        record.submitter.user.clone_from(group);
                        record
                    })
                    .collect()
            }
        }
    }
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    match &args.report {
        Report::Usage(args) => run_usage(args, context),
        Report::Calibration(args) => calibration::run(args, context),
    }
}

/// The lab with the records of the jobs that finished since a moment, of all without one.
fn records(context: &Context, since: Option<Since>) -> Result<(Seen, Vec<Record>), Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let mut places = history::places(&seen.reader)?;
    let since = since.map(|since| since.moment(Time::new(Utc::now())));
    if let Some(since) = since {
        places.retain(|place| place.may_be_since(since));
    }
    let mut records = history::records(&opened.lab, &places)?;
    if let Some(since) = since {
        records.retain(|record| record.finished_at.is_some_and(|at| at >= since));
    }
    Ok((seen, records))
}

fn run_usage(args: &UsageArgs, context: &Context) -> Result<Outcome, Error> {
    let (seen, records) = records(context, args.since)?;
    let usage = usage(records, args.by, &seen.snapshot.files);
    let mut out = context.out();
    if args.csv {
        out.write_all(UsageReport::header(Column::Comma).as_bytes())?;
        out.write_all(usage.lines(Column::Comma).as_bytes())?;
    } else {
        out.write_all(table(&usage, args.by).render(context.terminal).as_bytes())?;
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn usage(records: Vec<Record>, by: By, files: &LabFiles) -> UsageReport {
    let (mut sums, mut whole) = (UsageSums::default(), UsageSums::default());
    for record in records {
        whole.add(&record);
        for record in by.spread(record, files) {
            sums.add(&record);
        }
    }
    let division = by.division();
    // The whole counts each job once, however many rows it is in.
    UsageReport {
        total: UsageReport::new(&whole, Period::All, division).total,
        ..UsageReport::new(&sums, Period::All, division)
    }
}

fn table(usage: &UsageReport, by: By) -> Table {
    let mut table = Table::new()
        .cut(by.title())
        .right("JOBS")
        .right("HOURS")
        .right("COMPLETE")
        .right("INCOMPLETE")
        .right("CANCELED")
        .right("REJECTED")
        .right("PASSED")
        .right("FAILED")
        .right("RETRIED");
    for row in &usage.rows {
        table.row(cells(&row.name, &row.usage, Colour::Plain));
    }
    table.row(cells("total", &usage.total, Colour::Strong));
    table
}

fn cells(name: &str, usage: &Usage, colour: Colour) -> [Cell; 10] {
    [
        name.to_owned(),
        usage.jobs.to_string(),
        format!("{:.2}", usage.hours()),
        usage.complete.to_string(),
        usage.incomplete_jobs().to_string(),
        usage.canceled.to_string(),
        usage.rejected.to_string(),
        usage.passed.to_string(),
        usage.failed.to_string(),
        usage.retried.to_string(),
    ]
    .map(|text| Cell::new(text, colour))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::view::tests::waiting;
    use super::*;

    fn records() -> Vec<Record> {
        let finished = |n: u8, user: &str, result: &str| {
            let mut record = serde_json::to_value(waiting(n).record).unwrap();
            record["state"] = json!("finished");
            record["health"] = json!("complete");
            record["verdict"] = json!(result);
            record["submitter"]["user"] = json!(user);
            record["started_at"] = json!("2026-11-24T01:00:00Z");
            record["finished_at"] = json!("2026-11-24T02:00:00Z");
            record["claim"] = json!({"runner": "r", "board": "b1", "device_type": "qemu", "at": "2026-11-24T01:00:00Z"});
            record["suites"] = json!([{"name": "net", "cases": [
                {"name": "ping", "result": "pass", "value": null, "units": null, "seconds": 1.0, "why": null},
                {"name": "dhcp", "result": result, "value": null, "units": null, "seconds": 1.0, "why": null}
            ]}]);
            serde_json::from_value(record).unwrap()
        };
        vec![finished(1, "alice", "pass"), finished(2, "bob", "fail")]
    }

    #[test]
    fn rows_are_boards_cases_or_groups() {
        let mut files = LabFiles::default();
        let groups = vec!["kernel".to_owned(), "net".to_owned()];
        files.config.users.insert(
            "alice".into(),
            crate::model::lab::User {
                emails: vec![],
                groups,
            },
        );
        let rows = |by| -> Vec<(String, u64)> {
            let usage = usage(records(), by, &files);
            assert_eq!(usage.total.jobs, 2, "each job counts once in the whole");
            let rows = usage.rows.into_iter();
            let mut rows: Vec<_> = rows.map(|row| (row.name, row.usage.jobs)).collect();
            rows.sort();
            rows
        };
        let named = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
            rows.iter()
                .map(|(name, jobs)| ((*name).to_owned(), *jobs))
                .collect()
        };
        assert_eq!(rows(By::Board), named(&[("b1", 2)]));
        assert_eq!(rows(By::Type), named(&[("qemu", 2)]));
        assert_eq!(rows(By::Suite), named(&[("net", 2)]));
        assert_eq!(rows(By::Case), named(&[("net/dhcp", 2), ("net/ping", 2)]));
        assert_eq!(rows(By::User), named(&[("alice", 1), ("bob", 1)]));
        assert_eq!(
            rows(By::Group),
            named(&[("(none)", 1), ("kernel", 1), ("net", 1)])
        );
    }
}
