//! Who used which boards for how long, and how it ended: running sums of records.

use std::collections::BTreeMap;

use super::Period;
use crate::model::record::CaseResult;
use crate::model::{BoardName, Health, Reason, Record, Time, Verdict};

/// What a row of a usage report stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    Board,
    Type,
    Suite,
    User,
}

impl By {
    pub const ALL: [Self; 4] = [Self::Board, Self::Type, Self::Suite, Self::User];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Board => "board",
            Self::Type => "type",
            Self::Suite => "suite",
            Self::User => "user",
        }
    }
}

impl std::str::FromStr for By {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|by| by.as_str() == text)
            .ok_or_else(|| {
                format!(
                    "`{}` is none of board, type, suite, user",
                    text.escape_debug()
                )
            })
    }
}

/// Reasons of incomplete jobs, in the order of `Usage::incomplete`; a missing one counts as the last.
pub const REASONS: [Option<Reason>; 7] = [
    Some(Reason::Timeout),
    Some(Reason::JobError),
    Some(Reason::DispatcherError),
    Some(Reason::Infrastructure),
    Some(Reason::Board),
    Some(Reason::Lost),
    None,
];

/// The numbers of one row. All of them are sums, so that jobs can be added and taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub jobs: u64,
    /// Milliseconds of board time; for a suite the time its cases said they took.
    pub millis: u64,
    pub complete: u64,
    /// By reason, in the order of [`REASONS`].
    pub incomplete: [u64; REASONS.len()],
    pub canceled: u64,
    pub rejected: u64,
    /// Jobs with the verdict `pass`.
    pub passed: u64,
    /// Jobs with the verdict `fail`.
    pub failed: u64,
    pub cases: u64,
    /// Cases that failed or whose result is unknown.
    pub failed_cases: u64,
    /// Attempts that were given up and followed by another.
    pub retried: u64,
}

impl Usage {
    /// How many numbers a usage has.
    pub const FIELDS: usize = 17;

    /// Every number in a fixed order, as a file keeps them.
    pub fn to_array(self) -> [u64; Self::FIELDS] {
        let mut all = [0; Self::FIELDS];
        let rest = [
            self.jobs,
            self.millis,
            self.complete,
            self.canceled,
            self.rejected,
            self.passed,
            self.failed,
            self.cases,
            self.failed_cases,
            self.retried,
        ];
        let (head, tail) = all.split_at_mut(rest.len());
        head.copy_from_slice(&rest);
        tail.copy_from_slice(&self.incomplete);
        all
    }

    pub fn from_array(all: [u64; Self::FIELDS]) -> Self {
        let [
            jobs,
            millis,
            complete,
            canceled,
            rejected,
            passed,
            failed,
            cases,
            failed_cases,
            retried,
            incomplete @ ..,
        ] = all;
        Self {
            jobs,
            millis,
            complete,
            incomplete,
            canceled,
            rejected,
            passed,
            failed,
            cases,
            failed_cases,
            retried,
        }
    }

    /// Hours of board time.
    pub fn hours(&self) -> f64 {
        self.millis as f64 / 3_600_000.0
    }

    pub fn incomplete_jobs(&self) -> u64 {
        self.incomplete.iter().sum()
    }

    fn apply(&mut self, other: &Self, sign: Sign) {
        let mut sums = self.to_array();
        for (sum, change) in sums.iter_mut().zip(other.to_array()) {
            *sum = match sign {
                Sign::Plus => sum.saturating_add(change),
                Sign::Minus => sum.saturating_sub(change),
            };
        }
        *self = Self::from_array(sums);
    }

    fn is_zero(&self) -> bool {
        self.to_array().iter().all(|number| *number == 0)
    }
}

#[derive(Clone, Copy)]
enum Sign {
    Plus,
    Minus,
}

/// The sums of one period.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeriodSums {
    pub total: Usage,
    pub by: BTreeMap<(By, String), Usage>,
}

/// Sums by period; a record counts in the week, the month and the whole in which it finished.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageSums {
    pub periods: BTreeMap<Period, PeriodSums>,
}

impl UsageSums {
    pub fn add(&mut self, record: &Record) {
        self.apply_record(record, Sign::Plus);
    }

    /// Takes away a record that was added.
    pub fn remove(&mut self, record: &Record) {
        self.apply_record(record, Sign::Minus);
    }

    pub fn merge(&mut self, other: &Self) {
        for (period, sums) in &other.periods {
            let mine = self.periods.entry(*period).or_default();
            mine.total.apply(&sums.total, Sign::Plus);
            for (key, usage) in &sums.by {
                match mine.by.get_mut(key) {
                    Some(sum) => sum.apply(usage, Sign::Plus),
                    None => {
                        mine.by.insert(key.clone(), *usage);
                    }
                }
            }
        }
    }

    /// The latest period of a kind in which anything finished.
    pub fn latest(&self, same_kind: fn(&Period) -> bool) -> Option<Period> {
        self.periods
            .keys()
            .rev()
            .find(|period| same_kind(period))
            .copied()
    }

    fn apply_record(&mut self, record: &Record, sign: Sign) {
        let (total, shares) = shares(record);
        for period in Period::of(record.finished_at.unwrap_or(record.submitted_at)) {
            let sums = self.periods.entry(period).or_default();
            sums.total.apply(&total, sign);
            for (key, usage) in &shares {
                let sum = sums.by.entry(key.clone()).or_default();
                sum.apply(usage, sign);
                if sum.is_zero() {
                    sums.by.remove(key);
                }
            }
            if sums.total.is_zero() {
                self.periods.remove(&period);
            }
        }
    }
}

/// The longest name that reports and lists show, in characters.
const LONGEST: usize = 120;

/// A name as reports and lists show it: one line, shortened with an ellipsis. Rows and pages go by
/// this text, since names come from files and consoles and may be anything.
pub fn label(name: &str) -> String {
    let line = |c: char| if c == '\n' || c == '\r' { ' ' } else { c };
    let mut label: String = name.chars().take(LONGEST).map(line).collect();
    if label.len() < name.len() {
        label.push('…');
    }
    label
}

/// The user who submitted a job, as reports and lists show it.
pub fn user(record: &Record) -> String {
    match record.submitter.user.as_str() {
        // An address may have nothing before its `@`.
        "" => "unknown".to_owned(),
        name => label(name),
    }
}

/// The device type on which a job ran or for which it waited.
pub fn device_type(record: &Record) -> Option<&str> {
    record
        .claim
        .as_ref()
        .and_then(|claim| claim.device_type.as_deref())
        .or_else(|| record.definition.get("device_type")?.as_str())
        .filter(|name| !name.is_empty())
}

/// Milliseconds between two moments; a clock that went back gives none.
fn millis(from: Option<Time>, to: Option<Time>) -> u64 {
    match (from, to) {
        (Some(from), Some(to)) => (to.seconds_since(from) * 1000.0).max(0.0) as u64,
        _ => 0,
    }
}

/// What one record adds to the whole and to each of its rows.
fn shares(record: &Record) -> (Usage, BTreeMap<(By, String), Usage>) {
    let mut usage = Usage {
        jobs: 1,
        ..Usage::default()
    };
    match record.health {
        Some(Health::Complete) => usage.complete = 1,
        Some(Health::Canceled) => usage.canceled = 1,
        Some(Health::Rejected) => usage.rejected = 1,
        Some(Health::Incomplete) | None => {
            let known = REASONS.iter().position(|reason| *reason == record.reason);
            usage.incomplete[known.unwrap_or(REASONS.len() - 1)] = 1;
        }
    }
    match record.verdict {
        Some(Verdict::Pass) => usage.passed = 1,
        Some(Verdict::Fail) => usage.failed = 1,
        Some(Verdict::None) | None => {}
    }
    let mut shares: BTreeMap<(By, String), Usage> = BTreeMap::new();
    for suite in &record.suites {
        let failed = |result| matches!(result, CaseResult::Fail | CaseResult::Unknown);
        let cases = suite.cases.len() as u64;
        let failed_cases = suite
            .cases
            .iter()
            .filter(|case| failed(case.result))
            .count() as u64;
        let seconds: f64 = suite.cases.iter().filter_map(|case| case.seconds).sum();
        usage.cases += cases;
        usage.failed_cases += failed_cases;
        let of_suite = Usage {
            millis: (seconds.max(0.0) * 1000.0) as u64,
            cases,
            failed_cases,
            passed: u64::from(failed_cases == 0 && cases > 0),
            failed: u64::from(failed_cases > 0),
            ..usage_of_end(&usage)
        };
        shares.insert((By::Suite, label(&suite.name)), of_suite);
    }
    // Time is charged to the boards on which it was spent, the job to those on which it ended.
    let last: Vec<&BoardName> = record.boards().collect();
    let mut stays: Vec<(Vec<&BoardName>, u64, u64)> = Vec::new();
    if record.attempts.is_empty() {
        let spent = millis(record.started_at, record.finished_at);
        stays.push((last.clone(), spent, 0));
    }
    for (i, attempt) in record.attempts.iter().enumerate() {
        let mut boards: Vec<&BoardName> = attempt.all_boards().collect();
        if boards.is_empty() {
            // One of which only the number is known counts where the job ended.
            boards.clone_from(&last);
        }
        let spent = millis(attempt.started_at, Some(attempt.finished_at));
        let retried = u64::from(i + 1 < record.attempts.len());
        stays.push((boards, spent, retried));
    }
    let mut spent_on: BTreeMap<&BoardName, Usage> = BTreeMap::new();
    for (boards, millis, retried) in stays {
        // A group uses all of its boards for all of the time.
        usage.millis += millis * boards.len().max(1) as u64;
        usage.retried += retried;
        for board in boards {
            let spent = spent_on.entry(board).or_default();
            spent.millis += millis;
            spent.retried += retried;
        }
    }
    for board in last {
        let spent = spent_on.remove(board).unwrap_or_default();
        let own = Usage {
            millis: spent.millis,
            retried: spent.retried,
            ..usage
        };
        shares.insert((By::Board, board.to_string()), own);
    }
    for (board, other) in spent_on {
        shares.insert((By::Board, board.to_string()), other);
    }
    if let Some(device_type) = device_type(record) {
        shares.insert((By::Type, label(device_type)), usage);
    }
    shares.insert((By::User, user(record)), usage);
    (usage, shares)
}

/// The job itself and how it ended, without time and cases.
fn usage_of_end(usage: &Usage) -> Usage {
    Usage {
        jobs: usage.jobs,
        complete: usage.complete,
        incomplete: usage.incomplete,
        canceled: usage.canceled,
        rejected: usage.rejected,
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::{Column, UsageReport};

    /// A job of two attempts, the first of which was lost on another board.
    fn record() -> Record {
        let zero = "0".repeat(40);
        let case = |result: &str| json!({"name": "c", "result": result, "value": null, "units": null, "seconds": 1.5, "why": null});
        serde_json::from_value(json!({
            "version": 1, "id": "256a926b-190b-51d2-a05a-69894a329abb", "job_name": "j", "path": "queue/j.json",
            "commit": zero, "submitter": {"name": "A", "email": "a@b", "user": "=alice,1", "verified": false},
            "submitted_at": "2026-11-24T10:00:00Z", "stream": "/", "priority": "low", "tags": [], "definition": {},
            "state": "finished", "health": "complete", "verdict": "fail",
            "claim": {"runner": "r", "board": "two", "device_type": "t", "at": "2026-11-24T10:10:00Z"},
            "started_at": "2026-11-24T10:10:00Z", "finished_at": "2026-11-24T10:40:00Z",
            "attempts": [
                {"n": 1, "board": "one", "runner": "r", "started_at": "2026-11-24T10:00:00Z", "finished_at": "2026-11-24T10:06:00Z", "reason": "lost"},
                {"n": 2, "board": "two", "runner": "r", "started_at": "2026-11-24T10:10:00Z", "finished_at": "2026-11-24T10:40:00Z", "reason": null},
            ],
            "suites": [{"name": "s", "cases": [case("pass"), case("fail"), case("skip")]}],
        }))
        .unwrap()
    }

    fn of(sums: &UsageSums, period: &str, by: By, name: &str) -> Usage {
        let sums = &sums.periods[&period.parse().unwrap()];
        sums.by
            .get(&(by, name.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    #[test]
    fn time_is_charged_where_it_was_spent_and_the_job_where_it_ended() {
        let mut sums = UsageSums::default();
        sums.add(&record());
        for period in ["all", "2026-11", "2026-w48"] {
            let (one, two) = (
                of(&sums, period, By::Board, "one"),
                of(&sums, period, By::Board, "two"),
            );
            assert_eq!((one.jobs, one.millis, one.retried), (0, 360_000, 1));
            assert_eq!((two.jobs, two.millis, two.retried), (1, 1_800_000, 0));
            let user = of(&sums, period, By::User, "=alice,1");
            assert_eq!(
                (user.jobs, user.millis, user.failed, user.failed_cases),
                (1, 2_160_000, 1, 1)
            );
            let suite = of(&sums, period, By::Suite, "s");
            assert_eq!(
                (suite.cases, suite.failed_cases, suite.millis),
                (3, 1, 4500)
            );
            assert_eq!(of(&sums, period, By::Type, "t").jobs, 1);
        }
    }

    #[test]
    fn a_group_uses_all_of_its_boards() {
        let mut group = serde_json::to_value(record()).unwrap();
        let member = |name: &str, board: &str| {
            json!({"name": name, "role": name, "board": board, "device_type": "t",
                "health": null, "reason": null, "message": null, "log": null})
        };
        group["members"] = json!([member("a", "two"), member("b", "three")]);
        group["attempts"][0]["boards"] = json!(["one", "two"]);
        group["attempts"][1]["boards"] = json!(["two", "three"]);
        let mut sums = UsageSums::default();
        sums.add(&serde_json::from_value(group).unwrap());
        let on = |board: &str| {
            let usage = of(&sums, "all", By::Board, board);
            (usage.jobs, usage.millis, usage.retried)
        };
        assert_eq!(on("one"), (0, 360_000, 1));
        assert_eq!(on("two"), (1, 2_160_000, 1));
        assert_eq!(on("three"), (1, 1_800_000, 0));
        let user = of(&sums, "all", By::User, "=alice,1");
        assert_eq!((user.jobs, user.millis, user.retried), (1, 4_320_000, 1));
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let mut sums = UsageSums::default();
        let mut timeout = record();
        timeout.health = Some(Health::Incomplete);
        timeout.reason = Some(Reason::Timeout);
        timeout.claim = None;
        timeout.attempts.clear();
        sums.add(&timeout);
        let before = sums.clone();
        sums.add(&record());
        let mut merged = UsageSums::default();
        merged.add(&record());
        merged.merge(&before);
        assert_eq!(merged, sums);
        assert_eq!(of(&sums, "all", By::User, "=alice,1").incomplete[0], 1);
        sums.remove(&record());
        assert_eq!(sums, before);
        sums.remove(&timeout);
        assert_eq!(sums, UsageSums::default());
    }

    #[test]
    fn rows_are_safe_for_spreadsheets() {
        let mut sums = UsageSums::default();
        let mut second = record();
        second.submitter.user = "bob\n\"x\"".to_owned();
        second.attempts.clear();
        sums.add(&record());
        sums.add(&second);
        let report = UsageReport::new(&sums, Period::All, By::User);
        let lines = report.lines(Column::Comma);
        let lines: Vec<&str> = lines.lines().collect();
        assert!(
            lines[0].starts_with("all,user,\"'=alice,1\",1,0.600,1,"),
            "{lines:?}"
        );
        assert!(
            lines[1].starts_with("all,user,\"bob \"\"x\"\"\",1,0.500,"),
            "{lines:?}"
        );
        let columns = |text: &str| text.trim_end().split('\t').count();
        let table = report.lines(Column::Tab);
        assert_eq!(
            columns(&UsageReport::header(Column::Tab)),
            columns(table.lines().next().unwrap())
        );
    }
}
