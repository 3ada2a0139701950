//! The built-in dispatcher `junit`: runs a command on the host and reads the JUnit reports it leaves.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};

use crate::dispatch::action::{Action, JobError};
use crate::dispatch::built_in;
use crate::dispatch::built_in::adapters::parameters::Parameters;
use crate::dispatch::built_in::commands::{Commands, Halt, Shell, failure};
use crate::dispatch::built_in::log::say;
use crate::dispatch::built_in::plan::{Dispatcher, reports_below};
use crate::dispatch::built_in::{host, report};
use crate::dispatch::protocol::event::ResultEvent;
use crate::dispatch::protocol::text::clean;
use crate::model::record::CaseResult;

/// How many reports are read; what is beyond is a failing case.
const MOST: usize = 200;

/// Runs as a dispatcher; returns the exit code of the protocol.
pub fn main() -> i32 {
    built_in::main("junit", |job, events| {
        let junit = Dispatcher {
            name: "junit",
            own: Some(("test", TestAction::read)),
        };
        let actions = junit.plan(job)?;
        reports_below(&actions)?;
        Ok(Commands::new(job, events).run(&actions, &mut Junit))
    })
}

/// The action `test`.
struct TestAction {
    command: String,
    /// Patterns of paths below the job folder.
    reports: Vec<glob::Pattern>,
    suite: Option<String>,
}

impl TestAction {
    fn read(action: &Action) -> Result<Self, JobError> {
        let parameters = Parameters::of(action, &["command", "reports", "suite"])?;
        let command = parameters
            .text("command")?
            .ok_or_else(|| parameters.wrong("command", "must say what to run"))?;
        let reports = parameters.texts("reports")?;
        if reports.is_empty() {
            return Err(parameters.wrong("reports", "must name at least one report"));
        }
        let patterns = reports.iter().map(|text| {
            let below = Path::new(text)
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
            if !below {
                return Err(parameters.wrong(
                    "reports",
                    "must be paths below the job folder, such as build/**/*.xml",
                ));
            }
            let text = text.trim_start_matches("./");
            glob::Pattern::new(text)
                .map_err(|error| parameters.wrong("reports", &error.to_string()))
        });
        Ok(Self {
            command,
            reports: patterns.collect::<Result<_, _>>()?,
            suite: parameters.text("suite")?,
        })
    }
}

struct Junit;

impl Shell for Junit {
    type Own = TestAction;

    fn own(&mut self, test: &TestAction, n: u32, commands: &mut Commands<'_>) -> Result<(), Halt> {
        let suite = commands.suite(test.suite.as_deref());
        say(&format!("$ {}", clean(&test.command, 4000)));
        let mut child =
            host::shell(&test.command, Stdio::inherit()).map_err(Halt::Infrastructure)?;
        commands.pass_on(&child);
        let status = child
            .wait()
            .map_err(|error| Halt::Infrastructure(format!("the command was lost: {error}")))?;
        commands.go_on()?;
        if let Some(why) = failure(status) {
            let event = ResultEvent::new("exit", CaseResult::Fail);
            let why = Some(why);
            commands.found(&suite, ResultEvent { why, ..event });
        }
        let reports = find(&test.reports);
        if reports.is_empty() {
            let none = io::Error::other("no file has such a path");
            let patterns: Vec<&str> = test.reports.iter().map(glob::Pattern::as_str).collect();
            commands.judge_report(&suite, &patterns.join(", "), Err(none));
        }
        for (i, path) in reports.iter().enumerate() {
            let name = path.to_string_lossy();
            if i == MOST {
                let many = io::Error::other(format!("one of more than {MOST} reports"));
                commands.judge_report(&suite, &name, Err(many));
                break;
            }
            commands.judge_report(&suite, &name, report::read(path));
            attach(path, n);
        }
        Ok(())
    }

    fn start(&mut self, command: &str, output: Stdio) -> Result<Child, String> {
        host::shell(command, output)
    }

    fn judge(&mut self, _: ExitStatus) -> Result<(), String> {
        Ok(())
    }

    fn report(&mut self, path: &str) -> io::Result<Vec<u8>> {
        report::read(path.as_ref())
    }
}

/// The files of the job folder that a pattern fits, sorted. Links are not followed.
fn find(patterns: &[glob::Pattern]) -> Vec<PathBuf> {
    let strict = glob::MatchOptions {
        require_literal_separator: true,
        ..glob::MatchOptions::default()
    };
    walkdir::WalkDir::new(".")
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| Some(entry.path().strip_prefix(".").ok()?.to_owned()))
        .filter(|path| {
            patterns
                .iter()
                .any(|one| one.matches_path_with(path, strict))
        })
        .take(MOST + 1)
        .collect()
}

/// Puts a report where attachments are taken from, unless the command did.
fn attach(report: &Path, n: u32) {
    if report.starts_with("out") {
        return;
    }
    let target = Path::new("out").join(format!("reports-{n}")).join(report);
    let copied = target
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::copy(report, &target));
    if let Err(error) = copied {
        say(&format!("{} is not attached: {error}", report.display()));
    }
}
