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
use super::{attempts, diagnostics, find, moment};
use crate::model::lab::LabFiles;
use crate::model::record::{AttemptRecord, Case, CaseResult, Step};
use crate::model::{Health, State, Time, Verdict};

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
    if args.json {
        let shown = job
            .shown(files)
            .attempt(Kind::Failed, || format!("write {} as JSON", job.record.id))?;
        context.print_json(&shown)?;
        return Ok(Outcome::Done);
    }
    let now = Time::new(Utc::now());
    let mut out = context.out();
    let past = seen.reader.retried(&job.record)?;
    out.write_all(render(&job, &past, files, now, context.terminal).as_bytes())?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// The page of one job, for people.
fn render(
    job: &Job,
    past: &[AttemptRecord],
    files: &LabFiles,
    now: Time,
    terminal: Terminal,
) -> String {
    let mut page = Page {
        text: String::new(),
        terminal,
    };
    facts(&mut page, job, files, now);
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

fn facts(page: &mut Page, job: &Job, files: &LabFiles, now: Time) {
    let record = &job.record;
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
    if let Some(device_type) = job.device_type(files) {
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
mod tests {
    use serde_json::json;

    use super::super::view::tests::waiting;
    use super::*;

    #[test]
    fn everything_of_a_finished_job_is_on_its_page() {
        let mut record = serde_json::to_value(waiting(1).record).unwrap();
        let more = json!({
            "state": "finished", "health": "incomplete", "reason": "timeout", "verdict": "fail",
            "message": "action 1 `run` took longer than 2m", "tags": ["net"],
            "claim": {"runner": "lab-a", "board": "b1", "device_type": "qemu", "at": "2026-11-24T01:00:02Z"},
            "started_at": "2026-11-24T01:00:03Z", "finished_at": "2026-11-24T01:03:08Z",
            "attempts": [
                {"n": 1, "board": "b2", "runner": "lab-a", "started_at": "2026-11-24T01:00:02Z",
                 "finished_at": "2026-11-24T01:00:03Z", "reason": "board"},
                {"n": 2, "board": "b1", "runner": "lab-a", "started_at": "2026-11-24T01:00:03Z",
                 "finished_at": "2026-11-24T01:03:08Z", "reason": "timeout"}
            ],
            "steps": [{"n": 0, "name": "boot\u{1b}[2J", "state": "done", "result": "pass", "reason": null,
                       "started_s": 0.1, "duration_s": 12.0}],
            "suites": [{"name": "net", "cases": [
                {"name": "ping", "result": "pass", "value": 1.5, "units": "ms", "seconds": 0.2, "why": null},
                {"name": "dhcp", "result": "fail", "value": null, "units": null, "seconds": null, "why": "no lease"}
            ]}],
            "diagnostics": [{"path": "queue/a.json", "line": 3, "column": 5, "severity": "warning",
                             "code": "unknown-tag", "message": "no board has the tag `net`", "hint": null}]
        });
        for (key, value) in more.as_object().unwrap() {
            record[key] = value.clone();
        }
        let job = Job::from(serde_json::from_value::<crate::model::Record>(record).unwrap());
        let now = "2026-11-24T02:00:00Z".parse().unwrap();
        let page = render(&job, &[], &LabFiles::default(), now, Terminal::PLAIN);
        // Moments are in the zone one lives in, which is not the same everywhere.
        let zoned: Vec<&str> = page
            .lines()
            .filter(|line| {
                !["submitted", "started", "ended"]
                    .iter()
                    .any(|key| line.starts_with(key))
            })
            .collect();
        insta::assert_snapshot!(zoned.join("\n"), @r"
        job        01000000-0000-5000-8000-000000000000
        name       job-1
        path       queue/job-1.json
        state      incomplete (timeout), fail
        message    action 1 `run` took longer than 2m
        commit     0123456789abcdef0123456789abcdef01234567
        board      b1
        type       qemu
        runner     lab-a
        priority   medium
        tags       net
        stream     /public/alice/

        Attempts
        N  BOARD  RUNNER   TOOK  REASON   LOG  WHY
        1  b2     lab-a    1.0s  board    -
        2  b1     lab-a   3m05s  timeout  -

        Steps
        N  STEP           STATE  RESULT  TOOK  REASON
        1  boot\u{1b}[2J  done   pass     12s

        Test results
        SUITE  CASE  RESULT   VALUE  TOOK  WHY
        net    ping  pass    1.5 ms  0.2s
        net    dhcp  fail               -  no lease

        Problems
        queue/a.json:3:5: warning: no board has the tag `net`
        ");
        assert!(page.contains("after 3m05s"), "{page}");
    }

    #[test]
    fn a_groups_members_are_told_apart() {
        let mut record = serde_json::to_value(waiting(1).record).unwrap();
        let member = |name: &str, board: &str, health: Option<&str>, message: &str| {
            json!({"name": name, "role": name, "board": board, "device_type": "qemu",
                "health": health, "reason": health.map(|_| "board"), "message": message, "log": null})
        };
        record["claim"] = json!({"runner": "lab-a", "board": "b1", "device_type": "qemu", "at": "2026-11-24T01:00:02Z"});
        record["members"] = json!([
            member("server", "b1", None, "ended with the group"),
            member(
                "client",
                "b2",
                Some("incomplete"),
                "the dispatcher exited with 69"
            ),
        ]);
        record["steps"] = json!([{"n": 0, "member": "client", "name": "boot", "state": "done",
            "result": "pass", "reason": null, "started_s": 0.1, "duration_s": 12.0}]);
        let job = Job::from(serde_json::from_value::<crate::model::Record>(record).unwrap());
        let now = "2026-11-24T02:00:00Z".parse().unwrap();
        let page = render(&job, &[], &LabFiles::default(), now, Terminal::PLAIN);
        let from = page.find("boards").unwrap();
        insta::assert_snapshot!(&page[from..], @r"
        boards     b1, b2
        type       qemu
        runner     lab-a
        priority   medium
        stream     /public/alice/

        Members
        MEMBER  BOARD  TYPE  ENDED  LOG  WHY
        server  b1     qemu  -        -  ended with the group
        client  b2     qemu  board    -  the dispatcher exited with 69

        Steps
        N  STEP         STATE  RESULT  TOOK  REASON
        1  client/boot  done   pass     12s
        ");
    }

    #[test]
    fn attempts_that_are_over_say_why_and_how_to_see_their_logs() {
        let mut job = waiting(1);
        let attempt = json!({"n": 1, "board": "b2", "runner": "lab-a",
            "started_at": "2026-11-24T01:00:02Z", "finished_at": "2026-11-24T01:00:03Z", "reason": "board"});
        let past = json!({"version": 1, "id": job.record.id, "claim": "0".repeat(40), "attempt": attempt,
            "message": "the dispatcher exited with 69: boot\nno serial\u{1b}[2J output", "log": {
                "ref": "refs/pumice/logs/lab-a/2026-11", "path": "24/x/1/log.txt",
                "blob": "0".repeat(40), "bytes": 5, "dropped": 0, "runner": null}});
        let past: AttemptRecord = serde_json::from_value(past).unwrap();
        job.record.attempts = vec![past.attempt.clone()];
        job.record.health_check = Some("b2".parse().unwrap());
        let now = "2026-11-24T02:00:00Z".parse().unwrap();
        let page = render(&job, &[past], &LabFiles::default(), now, Terminal::PLAIN);
        assert!(page.contains("checks     the health of b2\n"), "{page}");
        let from = page.find("Attempts").unwrap();
        insta::assert_snapshot!(&page[from..], @r"
        Attempts
        N  BOARD  RUNNER  TOOK  REASON  LOG                              WHY
        1  b2     lab-a   1.0s  board   pumice log 01000000 --attempt 1  the dispatcher exited with 69: boot | no serial\u{1b}[2J output
        ");
    }
}
