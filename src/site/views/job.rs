//! One job, finished or not, as its page shows it.

use serde::Serialize;

use super::Link;
use super::attempt::{AttemptView, attempts};
use super::bar::BarView;
use super::row::{Neighbour, ended};
use super::when::{Said, When, said};
use crate::model::lab::Forge;
use crate::model::record::{AttemptRecord, CaseResult, Member, Record, Step, StepState, Suite};
use crate::model::{BoardName, JobId, State, Time, Verdict};
use crate::report::usage::{device_type, label, user};
use crate::site::log::Excerpt;
use crate::site::{manual, paths, text};

/// Cases a page shows; the failing ones first. The rest is in the record.
const CASES: usize = 300;
const STEPS: usize = 200;
const MEMBERS: usize = 128;
const DIAGNOSTICS: usize = 50;

#[derive(Debug, Clone, Serialize)]
pub struct JobView {
    pub short: String,
    pub id: String,
    pub name: String,
    /// The board whose health it checks, if that is what it is for.
    pub checks: Link,
    /// `submitted`, `running`, `canceling`, `finished`.
    pub state: &'static str,
    pub finished: bool,
    pub verdict: &'static str,
    pub health: &'static str,
    pub ended: &'static str,
    pub message: String,
    /// Of a job that runs.
    pub bar: Option<BarView>,
    pub counts: Counts,
    pub user: Link,
    pub author: String,
    pub email: String,
    pub verified: bool,
    pub submitted_at: String,
    pub started_at: String,
    pub finished_at: String,
    pub waited: String,
    pub took: String,
    pub board: Link,
    pub device_type: Link,
    pub runner: String,
    pub priority: &'static str,
    pub tags: Vec<Link>,
    pub stream: String,
    pub path: Link,
    pub commit: Link,
    pub resubmitted_from: String,
    /// What is expected of it until it has ended.
    pub when: When,
    /// What was said of it before.
    pub said: Vec<Said>,
    /// Who takes part in a group job; nobody in a job on one board.
    pub members: Vec<MemberView>,
    pub steps: Vec<StepView>,
    pub suites: Vec<SuiteView>,
    pub log: Option<LogView>,
    pub attachments: Vec<AttachmentView>,
    pub attempts: Vec<AttemptView>,
    pub canceled: Option<CanceledView>,
    pub diagnostics: Vec<DiagnosticView>,
    /// HTML: JSON has so many quotation marks that escaping them would double it.
    pub definition: String,
    pub commands: Vec<Command>,
    pub previous: Option<NeighbourView>,
    pub next: Option<NeighbourView>,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Counts {
    pub cases: usize,
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct MemberView {
    pub name: String,
    pub board: Link,
    pub device_type: String,
    /// `complete`, the reason why not, or nothing for one that did not end by itself.
    pub ended: &'static str,
    pub message: String,
    /// Its log's raw text and what its runner did, below the job's folder, as far as published.
    pub logs: Vec<Link>,
}

#[derive(Debug, Clone, Serialize)]
pub struct StepView {
    pub n: u32,
    pub name: String,
    /// `pass`, `fail`, `skip`, `unknown`, `running`, `waiting`.
    pub result: &'static str,
    pub took: String,
    pub reason: String,
    /// Where its bar begins and how long it is, percent of the whole.
    pub from: String,
    /// Empty when it never began.
    pub length: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct SuiteView {
    pub name: String,
    pub counts: Counts,
    /// Whether it is shown unfolded: something failed, or there is little to show.
    pub open: bool,
    pub cases: Vec<CaseView>,
    /// Cases not shown.
    pub hidden: usize,
}

#[derive(Debug, Clone, Serialize)]
pub struct CaseView {
    pub name: String,
    pub result: &'static str,
    pub value: String,
    pub units: String,
    pub took: String,
    pub why: String,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct LogView {
    /// Whether the log can still be read.
    pub here: bool,
    pub bytes: String,
    pub dropped: String,
    pub lines: String,
    pub excerpt: Excerpt,
    /// Whether `runner.txt` is published beside it.
    pub runner: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct AttachmentView {
    pub name: String,
    /// Below the job's folder; empty when it is not published.
    pub href: String,
    pub media_type: String,
    pub bytes: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct CanceledView {
    pub by: Link,
    pub at: String,
    pub commit: Link,
    pub allowed: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct DiagnosticView {
    pub place: String,
    pub severity: &'static str,
    pub code: String,
    pub message: String,
    pub hint: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Command {
    pub what: &'static str,
    pub line: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct NeighbourView {
    pub href: String,
    pub short: String,
    /// How it went, in a word.
    pub word: &'static str,
}

/// What a job's page needs beside its record.
#[derive(Debug, Clone, Default)]
pub struct Around<'a> {
    pub forge: Option<&'a Forge>,
    /// Of a job that runs.
    pub bar: Option<&'a BarView>,
    /// What is expected of a job that waits or runs.
    pub when: When,
    /// The records of its retried attempts.
    pub retried: &'a [AttemptRecord],
    pub previous: Option<Neighbour>,
    pub next: Option<Neighbour>,
}

impl JobView {
    /// The logs and the attachments are filled in by whoever reads them.
    pub fn new(record: &Record, around: &Around<'_>) -> Self {
        let claim = record.claim.as_ref();
        let commit = |id: String| Link {
            href: around
                .forge
                .map(|forge| manual::commit_link(forge, &id))
                .unwrap_or_default(),
            name: id[..id.len().min(10)].to_owned(),
        };
        let finished = record.state == State::Finished;
        let second = |at: Option<Time>| at.map(text::second).unwrap_or_default();
        let between = |from: Option<Time>, to: Option<Time>| match (from, to) {
            (Some(from), Some(to)) => text::duration(to.seconds_since(from).max(0.0)),
            _ => String::new(),
        };
        Self {
            short: record.id.short(),
            id: record.id.to_string(),
            name: text::shorten(&record.job_name, 200),
            checks: match &record.health_check {
                Some(board) => Link::to(board.as_str(), paths::board),
                None => Link::default(),
            },
            state: record.state.as_str(),
            finished,
            verdict: match record.verdict {
                Some(Verdict::None) | None => "",
                Some(verdict) => verdict.as_str(),
            },
            health: record.health.map_or("", |health| health.as_str()),
            ended: ended(record.health, record.reason),
            message: text::shorten(record.message.as_deref().unwrap_or_default(), 2000),
            bar: around.bar.cloned(),
            counts: Counts::new(
                record
                    .suites
                    .iter()
                    .flat_map(|suite| &suite.cases)
                    .map(|case| case.result),
            ),
            user: Link::to(&user(record), paths::user),
            author: text::shorten(&record.submitter.name, 100),
            email: text::shorten(&record.submitter.email, 100),
            verified: record.submitter.verified,
            submitted_at: second(Some(record.submitted_at)),
            started_at: second(record.started_at),
            finished_at: second(record.finished_at),
            waited: between(Some(record.submitted_at), record.started_at),
            took: between(record.started_at, record.finished_at),
            board: Link::to_boards(record.boards().map(BoardName::as_str)),
            device_type: Link::to(
                &label(device_type(record).unwrap_or_default()),
                paths::device_type,
            ),
            runner: claim
                .map(|claim| claim.runner.to_string())
                .unwrap_or_default(),
            priority: record.priority.as_str(),
            tags: record
                .tags
                .iter()
                .filter(|tag| !tag.is_empty())
                .take(50)
                .map(|tag| Link::to(&label(tag), paths::tag))
                .collect(),
            stream: text::shorten(&record.stream, 200),
            path: Link {
                name: record.path.clone(),
                // The file as it was submitted: it is gone from main when the job is tidied away.
                href: around
                    .forge
                    .map(|forge| manual::file_link(forge, &record.commit.to_string(), &record.path))
                    .unwrap_or_default(),
            },
            commit: commit(record.commit.to_string()),
            resubmitted_from: resubmitted_from(record),
            when: around.when.clone(),
            said: said(record),
            members: record.members.iter().take(MEMBERS).map(member).collect(),
            steps: steps(&record.steps),
            suites: suites(&record.suites),
            log: None,
            attachments: Vec::new(),
            attempts: attempts(record, around.retried),
            canceled: record.canceled.as_ref().map(|canceled| CanceledView {
                by: canceled_by(record, canceled.by.as_deref().unwrap_or_default()),
                at: text::second(canceled.at),
                commit: canceled
                    .commit
                    .map(|id| commit(id.to_string()))
                    .unwrap_or_default(),
                allowed: canceled.allowed,
            }),
            diagnostics: record
                .diagnostics
                .iter()
                .take(DIAGNOSTICS)
                .map(|problem| DiagnosticView {
                    place: format!("{}:{}:{}", problem.path, problem.line, problem.column),
                    severity: if problem.is_error() {
                        "error"
                    } else {
                        "warning"
                    },
                    code: problem.code.clone(),
                    message: text::shorten(&problem.message, 1000),
                    hint: text::shorten(problem.hint.as_deref().unwrap_or_default(), 1000),
                })
                .collect(),
            definition: definition(&record.definition),
            commands: commands(record),
            previous: around.previous.map(neighbour),
            next: around.next.map(neighbour),
        }
    }
}

impl Counts {
    fn new(results: impl Iterator<Item = CaseResult>) -> Self {
        let mut counts = Self::default();
        for result in results {
            counts.cases += 1;
            match result {
                CaseResult::Pass => counts.passed += 1,
                CaseResult::Fail | CaseResult::Unknown => counts.failed += 1,
                CaseResult::Skip => counts.skipped += 1,
            }
        }
        counts
    }
}

fn neighbour(job: Neighbour) -> NeighbourView {
    NeighbourView {
        href: paths::job_page(job.id),
        short: job.id.short(),
        word: job.word,
    }
}

/// Without a link: the other job's page may not be there.
fn resubmitted_from(record: &Record) -> String {
    let from = record.definition.get("resubmitted_from");
    match from.and_then(|id| id.as_str()?.parse::<JobId>().ok()) {
        Some(id) => id.short(),
        None => String::new(),
    }
}

/// Only the submitter surely has a page.
fn canceled_by(record: &Record, by: &str) -> Link {
    let place = |_: &str| String::new();
    let by = label(by);
    match by == user(record) {
        true => Link::to(&by, paths::user),
        false => Link::to(&by, place),
    }
}

/// The definition as text for an element's content, indented by one space.
fn definition(value: &serde_json::Value) -> String {
    let source = match value {
        // A file that is not JSON, as it was written.
        serde_json::Value::String(source) => source.clone(),
        _ => {
            let mut json = Vec::new();
            let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
            let mut writer = serde_json::Serializer::with_formatter(&mut json, format);
            // Writing a JSON value into memory cannot fail.
            let _ = value.serialize(&mut writer);
            String::from_utf8_lossy(&json).into_owned()
        }
    };
    text::content(&source)
}

fn commands(record: &Record) -> Vec<Command> {
    let short = record.id.short();
    let command = |what, line| Command { what, line };
    let follow = command("Follow it", format!("pumice watch {short}"));
    if let Some(board) = &record.health_check {
        // Nobody submitted it, and its commit is whatever main was.
        let again = command(
            "Check the board again",
            format!("pumice board check {board}"),
        );
        return vec![match record.state {
            State::Finished => again,
            _ => follow,
        }];
    }
    match record.state {
        State::Finished => vec![command(
            "Submit it again",
            format!("pumice resubmit {short}"),
        )],
        State::Canceling => vec![follow],
        State::Submitted | State::Running => vec![
            command("Cancel it", format!("pumice cancel {short}")),
            command(
                "The same with git alone",
                format!("git revert {} && git push", record.commit),
            ),
            follow,
        ],
    }
}

/// The steps with their bars: what began when, on a scale that ends with the last step.
fn steps(steps: &[Step]) -> Vec<StepView> {
    let finite = |seconds: Option<f64>| seconds.filter(|s| s.is_finite() && *s >= 0.0);
    let end = |step: &Step| {
        finite(step.started_s).unwrap_or(0.0) + finite(step.duration_s).unwrap_or(0.0)
    };
    let whole = steps.iter().map(end).fold(0.0, f64::max);
    let percent = |seconds: f64| {
        if whole > 0.0 {
            (seconds / whole * 1000.0).round() / 10.0
        } else {
            0.0
        }
    };
    steps
        .iter()
        .take(STEPS)
        .map(|step| {
            let from = percent(finite(step.started_s).unwrap_or(whole));
            // Even the shortest step leaves a mark.
            let length = finite(step.duration_s).map(|seconds| percent(seconds).max(0.6));
            StepView {
                // People count from 1, as the messages about time limits do.
                n: step.n.saturating_add(1),
                name: match &step.member {
                    Some(member) => text::shorten(&format!("{member}/{}", step.name), 100),
                    None => text::shorten(&step.name, 100),
                },
                result: match (step.state, step.result) {
                    (StepState::Running, _) => "running",
                    (StepState::Waiting, None) => "waiting",
                    (_, Some(result)) => result.as_str(),
                    (StepState::Done, None) => "unknown",
                },
                took: finite(step.duration_s)
                    .map(text::duration)
                    .unwrap_or_default(),
                reason: text::shorten(step.reason.as_deref().unwrap_or_default(), 300),
                from: from.min(99.4).to_string(),
                length: length
                    .map(|length| {
                        ((length.min(100.0 - from.min(99.4)) * 10.0).round() / 10.0).to_string()
                    })
                    .unwrap_or_default(),
            }
        })
        .collect()
}

fn member(member: &Member) -> MemberView {
    MemberView {
        name: member.name.clone(),
        board: Link::to(member.board.as_str(), paths::board),
        device_type: text::shorten(member.device_type.as_deref().unwrap_or_default(), 100),
        ended: ended(member.health, member.reason),
        message: text::shorten(member.message.as_deref().unwrap_or_default(), 500),
        logs: Vec::new(),
    }
}

fn suites(suites: &[Suite]) -> Vec<SuiteView> {
    let mut room = CASES;
    suites
        .iter()
        .take(100)
        .map(|suite| {
            let counts = Counts::new(suite.cases.iter().map(|case| case.result));
            let mut order: Vec<&crate::model::record::Case> = suite.cases.iter().collect();
            if order.len() > room {
                order.sort_by_key(|case| {
                    !matches!(case.result, CaseResult::Fail | CaseResult::Unknown)
                });
                order.truncate(room);
            }
            room -= order.len();
            let case = |case: &crate::model::record::Case| CaseView {
                name: text::shorten(&case.name, 200),
                result: case.result.as_str(),
                value: case.value.map(text::measurement).unwrap_or_default(),
                units: text::shorten(case.units.as_deref().unwrap_or_default(), 20),
                took: case.seconds.map(text::duration).unwrap_or_default(),
                why: text::shorten(case.why.as_deref().unwrap_or_default(), 500),
            };
            SuiteView {
                name: text::shorten(&suite.name, 200),
                counts,
                open: counts.failed > 0 || suite.cases.len() <= 20,
                hidden: suite.cases.len() - order.len(),
                cases: order.into_iter().map(case).collect(),
            }
        })
        .collect()
}
