//! Which jobs a list shows, and in which order.

use std::cmp::Ordering;
use std::str::FromStr;

use clap::ValueEnum;

use super::view::Job;
use crate::model::lab::LabFiles;
use crate::model::{Health, Reason, Span, State, Time, Verdict};

/// The filters of `list`. Values of one filter are alternatives (tags are not: a job must have all); filters
/// together narrow.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Filters")]
pub struct Filter {
    /// Only jobs in one of these states: submitted, running, canceling, finished.
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub state: Vec<State>,
    /// Only jobs of one of these healths: complete, incomplete, canceled, rejected.
    #[arg(long, value_name = "HEALTH", value_delimiter = ',')]
    pub health: Vec<Health>,
    /// Only jobs with one of these reasons, such as timeout or board.
    #[arg(long, value_name = "REASON", value_delimiter = ',')]
    pub reason: Vec<Reason>,
    /// Only jobs with one of these verdicts: pass, fail, none.
    #[arg(long, value_name = "VERDICT", value_delimiter = ',')]
    pub verdict: Vec<Verdict>,
    /// Only jobs that ran or run on one of these boards.
    #[arg(long, value_name = "BOARD", value_delimiter = ',')]
    pub board: Vec<String>,
    /// Only jobs of one of these device types.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub device_type: Vec<String>,
    /// Only jobs that ask for all of these tags.
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub tag: Vec<String>,
    /// Only jobs of one of these users.
    #[arg(long, value_name = "USER", value_delimiter = ',')]
    pub user: Vec<String>,
    /// Only jobs of users in one of these groups of lab.yaml.
    #[arg(long, value_name = "GROUP", value_delimiter = ',')]
    pub group: Vec<String>,
    /// Only your own jobs, by the mail address that git knows.
    #[arg(long)]
    pub mine: bool,
    /// Only jobs submitted since then: a duration before now (2d) or a moment (2026-11-24 or RFC 3339).
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
}

/// A moment, as people say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Ago(Span),
    At(Time),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = || format!("{text}T00:00:00Z").parse();
        if let Ok(at) = text.parse().or_else(|_| day()) {
            return Ok(Self::At(at));
        }
        text.parse().map(Self::Ago).map_err(|_| {
            format!(
                "`{}` is neither a duration such as 2d, a day such as 2026-11-24 nor an RFC 3339 moment",
                text.escape_debug()
            )
        })
    }
}

impl Since {
    pub fn moment(self, now: Time) -> Time {
        match self {
            Self::Ago(span) => now.plus_seconds(-span.seconds()),
            Self::At(at) => at,
        }
    }
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    #[default]
    Submitted,
    Started,
    Finished,
    Name,
    State,
    Priority,
    Board,
    User,
}

/// What filters need to know beside the job.
pub struct Surroundings<'a> {
    pub files: &'a LabFiles,
    pub now: Time,
    /// The mail address that git knows, for `--mine`.
    pub me: Option<&'a str>,
}

impl Filter {
    pub fn matches(&self, job: &Job, around: &Surroundings) -> bool {
        let record = &job.record;
        let user = record.submitter.user.as_str();
        one_of(&self.state, Some(&record.state))
            && one_of(&self.health, record.health.as_ref())
            && one_of(&self.reason, record.reason.as_ref())
            && one_of(&self.verdict, record.verdict.as_ref())
            && (self.board.is_empty()
                || record
                    .boards()
                    .any(|on| one_of_texts(&self.board, Some(on.as_str()))))
            && one_of_texts(&self.device_type, job.device_type(around.files))
            && self.tag.iter().all(|tag| record.tags.contains(tag))
            && one_of_texts(&self.user, Some(user))
            && self.matches_group(user, around.files)
            && (!self.mine || around.me.is_some_and(|me| is_of(job, me, around.files)))
            && self
                .since
                .is_none_or(|since| record.submitted_at >= since.moment(around.now))
    }

    fn matches_group(&self, user: &str, files: &LabFiles) -> bool {
        self.group.is_empty()
            || files
                .config
                .users
                .get(user)
                .is_some_and(|known| known.groups.iter().any(|group| self.group.contains(group)))
    }
}

/// Whether the job was submitted by whom the mail address belongs to.
fn is_of(job: &Job, email: &str, files: &LabFiles) -> bool {
    let submitter = &job.record.submitter;
    submitter.email.eq_ignore_ascii_case(email)
        || files.config.user_of(email) == Some(submitter.user.as_str())
}

fn one_of<T: PartialEq>(wanted: &[T], is: Option<&T>) -> bool {
    wanted.is_empty() || is.is_some_and(|is| wanted.contains(is))
}

fn one_of_texts(wanted: &[String], is: Option<&str>) -> bool {
    wanted.is_empty() || is.is_some_and(|is| wanted.iter().any(|wanted| wanted == is))
}

impl Sort {
    /// The order of two jobs; what is absent comes last, ties are older first.
    pub fn compare(self, a: &Job, b: &Job) -> Ordering {
        let (x, y) = (&a.record, &b.record);
        let first = match self {
            Self::Submitted => Ordering::Equal,
            Self::Started => present_first(x.started_at, y.started_at),
            Self::Finished => present_first(x.finished_at, y.finished_at),
            Self::Name => x.job_name.cmp(&y.job_name),
            Self::State => x.state.cmp(&y.state),
            Self::Priority => y.priority.cmp(&x.priority),
            Self::Board => present_first(a.board(), b.board()),
            Self::User => x.submitter.user.cmp(&y.submitter.user),
        };
        first.then_with(|| x.submitted_at.cmp(&y.submitted_at))
    }
}

fn present_first<T: Ord>(a: Option<T>, b: Option<T>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::waiting;
    use super::*;

    fn shown(filter: &Filter) -> Vec<String> {
        let mut files = LabFiles::default();
        files.config.users.insert(
            "bob".into(),
            crate::model::lab::User {
                emails: vec!["bob@example.org".into(), "bob@home.example.org".into()],
                groups: vec!["kernel".into()],
            },
        );
        let mut jobs: Vec<Job> = (1..=4).map(waiting).collect();
        jobs[1].record.state = State::Running;
        jobs[1].record.tags = vec!["net".into(), "usb".into()];
        jobs[2].record.submitter.user = "bob".into();
        jobs[2].record.submitter.email = "bob@example.org".into();
        jobs[3].record.state = State::Finished;
        jobs[3].record.health = Some(Health::Incomplete);
        jobs[3].record.reason = Some(Reason::Timeout);
        let around = Surroundings {
            files: &files,
            now: "2026-11-24T01:00:04Z".parse().unwrap(),
            me: Some("bob@home.example.org"),
        };
        let matching = jobs.iter().filter(|job| filter.matches(job, &around));
        matching.map(|job| job.record.job_name.clone()).collect()
    }

    #[test]
    fn filters_narrow() {
        let none = Filter::default;
        let cases = [
            (none(), vec![1, 2, 3, 4]),
            (
                Filter {
                    state: vec![State::Running, State::Finished],
                    ..none()
                },
                vec![2, 4],
            ),
            (
                Filter {
                    health: vec![Health::Incomplete],
                    ..none()
                },
                vec![4],
            ),
            (
                Filter {
                    reason: vec![Reason::Lost],
                    ..none()
                },
                vec![],
            ),
            (
                Filter {
                    tag: vec!["usb".into()],
                    ..none()
                },
                vec![2],
            ),
            (
                Filter {
                    tag: vec!["usb".into(), "x".into()],
                    ..none()
                },
                vec![],
            ),
            (
                Filter {
                    user: vec!["bob".into()],
                    ..none()
                },
                vec![3],
            ),
            (
                Filter {
                    group: vec!["kernel".into()],
                    ..none()
                },
                vec![3],
            ),
            (
                Filter {
                    mine: true,
                    ..none()
                },
                vec![3],
            ),
            (
                Filter {
                    board: vec!["b1".into()],
                    ..none()
                },
                vec![],
            ),
            (
                Filter {
                    since: Some("2s".parse().unwrap()),
                    ..none()
                },
                vec![2, 3, 4],
            ),
            (
                Filter {
                    since: Some("2026-11-25".parse().unwrap()),
                    ..none()
                },
                vec![],
            ),
        ];
        for (filter, jobs) in cases {
            let names: Vec<String> = jobs.iter().map(|n| format!("job-{n}")).collect();
            assert_eq!(shown(&filter), names, "{filter:?}");
        }
    }

    #[test]
    fn sorting_puts_what_is_absent_last() {
        let mut jobs: Vec<Job> = (1..=3).map(waiting).collect();
        jobs[2].record.started_at = Some(jobs[2].record.submitted_at);
        jobs.sort_by(|a, b| Sort::Started.compare(a, b));
        let names: Vec<_> = jobs
            .iter()
            .map(|job| job.record.job_name.as_str())
            .collect();
        assert_eq!(names, ["job-3", "job-1", "job-2"]);
    }
}
