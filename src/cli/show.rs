//! `pumice show`: everything about one job.

use std::fmt::Write as _;
use std::io::Write;

use chrono::Utc;

use super::context::Context;
use super::error::{Attempt, Error, Kind, Outcome};
use super::table::{Cell, Table};
use super::terminal::{Colour, Terminal};
use super::text::{one_line, visible};
use super::view::Job;
use super::{attempts, diagnostics, find, moment, outlook};
use crate::model::lab::LabFiles;
use crate::model::record::{AttemptRecord, Case, CaseResult, Step};
use crate::model::{Health, State, Time, Verdict};
use crate::schedule::outlook::Outlook;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job: any unique prefix of its id, or the path of its file.
    #[arg(value_name = "JOB")]
    pub job: String,
    /// Prints a JSON object.
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let opened = context.open()?;
    let seen = opened.fetch()?;
    let job = find::job(&seen, &args.job)?;
    let files = &seen.snapshot.files;
    let now = Time::new(Utc::now());
    let outlook = match job.record.state {
        State::Finished => Outlook::default(),
        _ => outlook::of(&seen, now)?,
    };
    if args.json {
        let shown = job
            .shown(files, &outlook)
            .attempt(Kind::Failed, || format!("write {} as JSON", job.record.id))?;
        context.print_json(&shown)?;
        return Ok(Outcome::Done);
    }
    let mut out = context.out();
    let past = seen.reader.retried(&job.record)?;
    let lab = Lab {
        files,
        outlook: &outlook,
        now,
    };
    out.write_all(render(&job, &past, &lab, context.terminal).as_bytes())?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// What a job's page tells besides the job.
struct Lab<'a> {
    files: &'a LabFiles,
    outlook: &'a Outlook,
    now: Time,
}

/// The page of one job, for people.
fn render(job: &Job, past: &[AttemptRecord], lab: &Lab<'_>, terminal: Terminal) -> String {
    let mut page = Page {
        text: String::new(),
        terminal,
    };
    facts(&mut page, job, lab);
    members(&mut page, job);
    page.table("Attempts", &attempts::table(job, past));
    steps(&mut page, job);
    suites(&mut page, job);
    if !job.record.diagnostics.is_empty() {
        page.heading("Problems");
        for problem in &job.record.diagnostics {
            page.text.push_str(&diagnostics::line(problem));
        }
    }
    page.text
}

struct Page {
    text: String,
    terminal: Terminal,
}

impl Page {
    fn fact(&mut self, name: &str, value: impl AsRef<str>) {
        self.painted(name, value, Colour::Plain);
    }

    fn painted(&mut self, name: &str, value: impl AsRef<str>, colour: Colour) {
        let value = self.terminal.paint(colour, &visible(value.as_ref()));
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{name:<11}{value}");
    }

    fn heading(&mut self, title: &str) {
        let title = self.terminal.paint(Colour::Strong, title);
        let _ = writeln!(self.text, "\n{title}");
    }

    fn table(&mut self, title: &str, table: &Table) {
        if !table.is_empty() {
            self.heading(title);
            self.text.push_str(&table.render(self.terminal));
        }
    }
}

fn facts(page: &mut Page, job: &Job, lab: &Lab<'_>) {
    let (record, now) = (&job.record, lab.now);
    page.fact("job", record.id.to_string());
    page.fact("name", &record.job_name);
    page.fact("path", &record.path);
    page.painted("state", job.standing(), colour(job));
    if let Some(message) = &record.message {
        page.fact("message", one_line(message));
    }
    if let Some(board) = &record.health_check {
        page.fact("checks", format!("the health of {board}"));
    }
    let submitter = &record.submitter;
    let verified = if submitter.verified { ", verified" } else { "" };
    page.fact(
        "submitted",
        format!(
            "{} by {} <{}> ({}{verified})",
            moment::moment(record.submitted_at),
            submitter.name,
            submitter.email,
            submitter.user
        ),
    );
    page.fact("commit", record.commit.to_string());
    if let Some(started) = record.started_at {
        let waited = started.seconds_since(record.submitted_at);
        page.fact(
            "started",
            format!(
                "{} after {}",
                moment::moment(started),
                moment::length(waited)
            ),
        );
    }
    match (record.started_at, record.finished_at) {
        (Some(started), Some(finished)) => {
            let took = moment::length(finished.seconds_since(started));
            page.fact(
                "ended",
                format!("{} after {took}", moment::moment(finished)),
            );
        }
        (None, Some(finished)) => page.fact("ended", moment::moment(finished)),
        (Some(started), None) => page.fact("running", moment::length(now.seconds_since(started))),
        (None, None) => {}
    }
    if matches!(record.state, State::Submitted | State::Running) {
        expected(page, job, lab);
    }
    estimates(page, job, now);
    if let Some(canceled) = &record.canceled {
        let by = canceled.by.as_deref().unwrap_or("nobody known");
        let allowed = if canceled.allowed {
            ""
        } else {
            ", whom the lab's policy does not let"
        };
        let commit = canceled
            .commit
            .map(|commit| format!(" by commit {}", commit.short()));
        page.fact(
            "canceled",
            format!(
                "{} by {by}{allowed}{}",
                moment::moment(canceled.at),
                commit.unwrap_or_default()
            ),
        );
    }
    if let Some(boards) = job.on() {
        let one = job.record.members.is_empty();
        page.fact(if one { "board" } else { "boards" }, boards);
    }
    if let Some(device_type) = job.device_type(lab.files) {
        page.fact("type", device_type);
    }
    if let Some(runner) = job.runner() {
        page.fact("runner", runner.as_str());
    }
    page.fact("priority", record.priority.as_str());
    if !record.tags.is_empty() {
        page.fact("tags", record.tags.join(" "));
    }
    page.fact("stream", &record.stream);
    if let Some(from) = record
        .definition
        .get("resubmitted_from")
        .and_then(|from| from.as_str())
    {
        page.fact("copy of", from);
    }
    if let Some(log) = &record.log {
        let dropped = match log.dropped {
            0 => String::new(),
            dropped => format!(", {dropped} more dropped from its middle"),
        };
        let members = match record.members.is_empty() {
            true => "",
            false => " --role MEMBER",
        };
        let id = record.id.short();
        page.fact(
            "log",
            format!("{} bytes{dropped}: pumice log {id}{members}", log.bytes),
        );
    }
    for attachment in &record.attachments {
        page.fact(
            "attached",
            format!("{} ({} bytes)", attachment.name, attachment.bytes),
        );
    }
}

/// What is expected of a living job, and why it waits.
fn expected(page: &mut Page, job: &Job, lab: &Lab<'_>) {
    let expected = outlook::expectation(job, lab.outlook, lab.now);
    let estimate = job.expected(lab.outlook);
    let basis = estimate.and_then(outlook::basis);
    let basis = basis.map(|basis| format!(" ({basis})")).unwrap_or_default();
    match expected.strip_prefix("expected ") {
        Some(text) => page.fact("expected", format!("{text}{basis}")),
        None if job.record.state == State::Running => {
            page.painted(
                "expected",
                "until when it runs is not known",
                Colour::Doubtful,
            );
        }
        None => page.painted(
            "expected",
            "nothing: as things are it cannot start",
            Colour::Doubtful,
        ),
    }
    if let Some(why) = lab.outlook.why(job.record.id) {
        page.fact("why", why.to_string());
    }
}

/// What its runner expected of it, as recorded.
fn estimates(page: &mut Page, job: &Job, now: Time) {
    for said in outlook::recorded(&job.record, now) {
        page.fact("estimate", said);
    }
}

fn colour(job: &Job) -> Colour {
    match (job.record.state, job.record.health) {
        (State::Running, _) => Colour::Active,
        (State::Finished, Some(Health::Complete)) => match job.record.verdict {
            Some(Verdict::Fail) => Colour::Bad,
            _ => Colour::Good,
        },
        (State::Finished, Some(Health::Canceled)) | (State::Canceling, _) => Colour::Doubtful,
        (State::Finished, _) => Colour::Bad,
        (State::Submitted, _) => Colour::Plain,
    }
}

/// Who takes part in a group.
fn members(page: &mut Page, job: &Job) {
    let mut table = Table::new()
        .column("MEMBER")
        .column("BOARD")
        .column("TYPE")
        .column("ENDED")
        .right("LOG")
        .cut("WHY");
    for member in &job.record.members {
        let ended = match (member.health, member.reason) {
            (Some(_), Some(reason)) => Some(reason.as_str()),
            (Some(health), None) => Some(health.as_str()),
            (None, _) => None,
        };
        let bytes = member.log.as_ref().map(|log| log.bytes.to_string());
        table.row([
            Cell::from(&member.name),
            member.board.as_str().into(),
            Cell::opt(member.device_type.as_deref()),
            Cell::opt(ended),
            Cell::opt(bytes),
            Cell::new(
                one_line(member.message.as_deref().unwrap_or_default()),
                Colour::Plain,
            ),
        ]);
    }
    page.table("Members", &table);
}

/// A step's name, after its member's in a group, as the suites are named.
fn member_step(step: &Step) -> String {
    match &step.member {
        Some(member) => format!("{member}/{}", step.name),
        None => step.name.clone(),
    }
}

fn steps(page: &mut Page, job: &Job) {
    use crate::model::record::StepState;
    let mut table = Table::new()
        .right("N")
        .cut("STEP")
        .column("STATE")
        .column("RESULT")
        .right("TOOK")
        .cut("REASON");
    for step in &job.record.steps {
        let state = match step.state {
            StepState::Waiting => "waiting",
            StepState::Running => "running",
            StepState::Done => "done",
        };
        table.row([
            // People count from 1, as the messages about time limits do.
            step.n.saturating_add(1).to_string().into(),
            Cell::from(&member_step(step)),
            state.into(),
            result(step.result),
            Cell::opt(step.duration_s.map(moment::length)),
            Cell::new(step.reason.as_deref().unwrap_or_default(), Colour::Plain),
        ]);
    }
    page.table("Steps", &table);
}

fn suites(page: &mut Page, job: &Job) {
    let mut table = Table::new()
        .cut("SUITE")
        .cut("CASE")
        .column("RESULT")
        .right("VALUE")
        .right("TOOK")
        .cut("WHY");
    for suite in &job.record.suites {
        for case in &suite.cases {
            table.row([
                Cell::from(&suite.name),
                Cell::from(&case.name),
                result(Some(case.result)),
                Cell::new(value(case), Colour::Plain),
                Cell::opt(case.seconds.map(moment::length)),
                Cell::new(case.why.as_deref().unwrap_or_default(), Colour::Plain),
            ]);
        }
    }
    page.table("Test results", &table);
}

fn value(case: &Case) -> String {
    match (case.value, &case.units) {
        (Some(value), Some(units)) => format!("{value} {units}"),
        (Some(value), None) => value.to_string(),
        (None, _) => String::new(),
    }
}

fn result(result: Option<CaseResult>) -> Cell {
    match result {
        Some(result) => {
            let colour = match result {
                CaseResult::Pass => Colour::Good,
                CaseResult::Fail | CaseResult::Unknown => Colour::Bad,
                CaseResult::Skip => Colour::Doubtful,
            };
            Cell::new(result.as_str(), colour)
        }
        None => Cell::opt(None::<&str>),
    }
}

#[cfg(test)]
mod tests;
