//! The Standard Workload Format, version 2.2, of the Parallel Workloads Archive: 18 numbers a line, `-1`
//! for what is not known, `;` before what a line of the header says.

use std::collections::BTreeMap;
use std::fmt;

use super::workload::{self, Arrival, End, Workload};
use crate::model::{Priority, Time};

const FIELDS: usize = 18;

/// The time limit in seconds of a job that asked for none; a longer run has its own length as limit.
const LIMIT_S: f64 = 86_400.0;

/// The longest line that is read, in bytes.
const LONGEST_LINE: usize = 4096;

/// No time or length in a trace is longer, in seconds: three hundred years.
const LONGEST_S: f64 = 1e10;

/// No trace begins later, in seconds since 1970: in the year 2286.
const LATEST: i64 = 10_000_000_000;

/// The one device type of a farm that plays a trace.
const TYPE: &str = "board";

/// A job as a line says it.
#[derive(Debug, Clone, PartialEq)]
pub struct SwfJob {
    /// Seconds after the trace's begin.
    pub submit_s: f64,
    pub run_s: f64,
    /// The time it asked for, in seconds.
    pub requested_s: Option<f64>,
    pub status: i64,
    pub user: i64,
    pub group: i64,
    /// -1 where it is not known.
    pub executable: i64,
    pub queue: i64,
}

/// A trace that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace {
    pub jobs: Vec<SwfJob>,
    /// Lines of jobs that never ran, or that tell a part of one.
    pub skipped: usize,
    /// When it begins, in seconds since 1970, where that is known.
    begin: Option<i64>,
    /// Queues that bear the name of a priority.
    priorities: BTreeMap<i64, Priority>,
}

/// Why a trace cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwfError {
    /// A compressed file, by its first bytes.
    Compressed(&'static str),
    /// The line, from 1, and what is wrong with it.
    Line(usize, String),
    /// No line tells of a job that ran.
    Empty,
}

impl fmt::Display for SwfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compressed(program) => {
                write!(f, "it is compressed: unpack it with `{program}` first")
            }
            Self::Line(line, cause) => write!(f, "line {line}: {cause}"),
            Self::Empty => f.write_str("it has no job that ran"),
        }
    }
}

impl std::error::Error for SwfError {}

impl Trace {
    /// Reads a trace.
    pub fn parse(bytes: &[u8]) -> Result<Self, SwfError> {
        for (magic, program) in [(&b"PK"[..], "unzip"), (b"\x1f\x8b", "gunzip")] {
            if bytes.starts_with(magic) {
                return Err(SwfError::Compressed(program));
            }
        }
        let mut trace = Self::default();
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let wrong = |cause| SwfError::Line(at + 1, cause);
            if line.len() > LONGEST_LINE {
                return Err(wrong(format!("it is longer than {LONGEST_LINE} bytes")));
            }
            // Names in headers are in any encoding.
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            if let Some(header) = line.strip_prefix(';') {
                trace.header(header.trim());
            } else if !line.is_empty() {
                match job(line).map_err(wrong)? {
                    Some(job) => trace.jobs.push(job),
                    None => trace.skipped += 1,
                }
            }
        }
        if trace.jobs.is_empty() {
            return Err(SwfError::Empty);
        }
        trace.jobs.sort_by(|a, b| a.submit_s.total_cmp(&b.submit_s));
        Ok(trace)
    }

    fn header(&mut self, header: &str) {
        let Some((key, value)) = header.split_once(':') else {
            return;
        };
        if key == "UnixStartTime" {
            self.begin = value
                .trim()
                .parse()
                .ok()
                .filter(|begin| (1..=LATEST).contains(begin));
        }
        let mut words = value.split_whitespace();
        if key == "Queue"
            && let Some(Ok(number)) = words.next().map(str::parse)
            && let Some(Ok(priority)) = words.next().map(str::parse)
        {
            self.priorities.insert(number, priority);
        }
    }

    /// Lets one that does not say when it began have its last job submitted then.
    pub fn end_at(&mut self, end: Time) {
        let last = self.jobs.last().map_or(0.0, |job| job.submit_s);
        let begin = end.plus_seconds(-last).unix();
        self.begin = self.begin.or(Some(begin));
    }

    /// The trace on a farm of equal boards. A job is one of its user with its executable; its priority
    /// is medium unless its queue has the name of another.
    pub fn workload(&self, boards: usize) -> Workload {
        let begin = Time::from_unix(self.begin.unwrap_or_default());
        let arrival = |job: &SwfJob| {
            let run_s = job.run_s;
            let user = format!("user-{}", job.user);
            let name = if job.executable < 0 {
                user.clone()
            } else {
                format!("{user}-program-{}", job.executable)
            };
            Arrival {
                at: begin.plus_seconds(job.submit_s),
                name,
                user,
                device_type: TYPE.to_owned(),
                priority: self.priorities.get(&job.queue).copied().unwrap_or_default(),
                limit_s: job.requested_s.unwrap_or(LIMIT_S).max(run_s),
                actions: 1,
                steps_s: vec![run_s],
                end: match job.status {
                    0 => End::Fails,
                    5 => End::Canceled,
                    _ => End::Complete,
                },
            }
        };
        let groups = self.jobs.iter().filter(|job| job.group >= 0);
        let group = |job: &SwfJob| (format!("user-{}", job.user), format!("group-{}", job.group));
        Workload {
            boards: workload::boards(std::iter::repeat_n(TYPE, boards)),
            jobs: self.jobs.iter().map(arrival).collect(),
            groups: groups.map(group).collect(),
        }
    }
}

/// The job of a line; none for one that never ran, and for a part of a job that was set aside and
/// taken up again: another line tells of the whole.
fn job(line: &str) -> Result<Option<SwfJob>, String> {
    let mut fields = [0.0; FIELDS];
    let mut count = 0;
    for text in line.split_ascii_whitespace() {
        let place = count + 1;
        let value: f64 = text.parse().map_err(|_| {
            let shown: String = text.chars().take(40).collect();
            format!("field {place} is `{}`, not a number", shown.escape_debug())
        })?;
        if !(-LONGEST_S..=LONGEST_S).contains(&value) {
            return Err(format!("field {place} is out of all bounds"));
        }
        if let Some(field) = fields.get_mut(count) {
            *field = value;
        }
        count += 1;
    }
    if count != FIELDS {
        return Err(format!("it has {count} fields, not {FIELDS}"));
    }
    let known = |field: usize| Some(fields[field - 1]).filter(|value| *value >= 0.0);
    let number = |field: usize| fields[field - 1] as i64;
    let submit_s = known(2).ok_or("it does not say when the job was submitted (field 2)")?;
    let run_s = known(4).filter(|run_s| *run_s > 0.0);
    let part = (2..=4).contains(&number(11));
    Ok(run_s.filter(|_| !part).map(|run_s| SwfJob {
        submit_s,
        run_s,
        requested_s: known(9).filter(|limit| *limit > 0.0),
        status: number(11),
        user: number(12),
        group: number(13),
        executable: number(14),
        queue: number(15),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "; Version: 2.2\n; UnixStartTime: 1000\n; Queue: 2 low\n;\n\n\
        2 60 -1 30 1 -1 -1 -1 -1 -1 0 4 2 7 2 -1 -1 -1\n\
        1 0 -1 100 1 -1 -1 -1 600 -1 1 3 1 -1 1 -1 -1 -1\r\n\
        3 70 -1 -1 1 -1 -1 -1 -1 -1 5 4 1 7 1 -1 -1 -1\n\
        4 80 -1 10 1 -1 -1 -1 -1 -1 3 4 1 7 1 -1 -1 -1\n";

    #[test]
    fn lines_become_jobs_in_the_order_in_which_they_were_submitted() {
        let trace = Trace::parse(TRACE.as_bytes()).unwrap();
        assert_eq!((trace.jobs.len(), trace.skipped), (2, 2));
        let workload = trace.workload(2);
        assert_eq!(workload.boards.len(), 2);
        let [first, second] = workload.jobs.as_slice() else {
            panic!("{workload:?}");
        };
        assert_eq!(first.at, Time::from_unix(1000));
        assert_eq!((first.name.as_str(), first.limit_s), ("user-3", 600.0));
        assert_eq!(
            (first.priority, first.end),
            (Priority::Medium, End::Complete)
        );
        assert_eq!(second.at, Time::from_unix(1060));
        assert_eq!(second.name, "user-4-program-7");
        assert_eq!((second.priority, second.end), (Priority::Low, End::Fails));
        assert_eq!((second.run_s(), second.limit_s), (30.0, LIMIT_S));
        assert_eq!(workload.groups["user-4"], "group-2");
    }

    #[test]
    fn a_trace_without_a_date_ends_when_it_is_told_to() {
        let end = Time::from_unix(5_000_000);
        let last = |text: &str| {
            let mut trace = Trace::parse(text.as_bytes()).unwrap();
            trace.end_at(end);
            trace.workload(1).jobs.last().unwrap().at
        };
        assert_eq!(last(TRACE), Time::from_unix(1060));
        assert_eq!(last(&TRACE.replace("UnixStartTime: 1000", "-")), end);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |text: &str| Trace::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(wrong("; a\n1 2 3"), "line 2: it has 3 fields, not 18");
        let line = "1 0 -1 \u{1b}[1m 1 -1 -1 -1 600 -1 1 3 1 -1 1 -1 -1 -1";
        assert_eq!(wrong(line), r"line 1: field 4 is `\u{1b}[1m`, not a number");
        let line = "1 0 -1 nan 1 -1 -1 -1 600 -1 1 3 1 -1 1 -1 -1 -1";
        assert_eq!(wrong(line), "line 1: field 4 is out of all bounds");
        let line = "1 -1 -1 5 1 -1 -1 -1 600 -1 1 3 1 -1 1 -1 -1 -1";
        assert!(wrong(line).starts_with("line 1: it does not say when"));
        assert_eq!(wrong(";\n"), "it has no job that ran");
        assert_eq!(
            wrong("PK\u{3}\u{4}"),
            "it is compressed: unpack it with `unzip` first"
        );
        let error = Trace::parse(b"\x1f\x8b\x08").unwrap_err();
        assert_eq!(error, SwfError::Compressed("gunzip"));
        assert!(wrong(&"1 ".repeat(5000)).starts_with("line 1: it is longer"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_bytes_give_a_trace_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Trace::parse(&bytes);
        }

        #[test]
        fn any_numbers_give_a_workload_or_an_error(
            lines in proptest::collection::vec(
                proptest::collection::vec(
                    prop_oneof![Just(-1.0), any::<f64>(), -1e10..1e10, 0.0..100.0], FIELDS,
                ),
                0..4,
            ),
        ) {
            let line = |fields: &Vec<f64>| {
                fields.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
            };
            let text: Vec<String> = lines.iter().map(line).collect();
            if let Ok(trace) = Trace::parse(text.join("\n").as_bytes()) {
                let workload = trace.workload(1);
                prop_assert_eq!(workload.jobs.len(), trace.jobs.len());
                prop_assert!(workload.jobs.iter().all(|job| job.run_s() > 0.0));
            }
        }
    }
}
