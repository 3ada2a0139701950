//! The action `pytest`.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use command_fds::{CommandFdExt, FdMapping};

use super::events::{Plugin, Told};
use crate::dispatch::action::{Action, JobError};
use crate::dispatch::built_in::adapters::parameters::Parameters;
use crate::dispatch::built_in::commands::{Commands, Halt, failure};
use crate::dispatch::built_in::log::say;
use crate::dispatch::built_in::{host, output, report};
use crate::dispatch::parse::junit;
use crate::dispatch::protocol::event::ResultEvent;
use crate::dispatch::protocol::text::clean;
use crate::model::adapters::Labgrid;
use crate::model::record::CaseResult;

const PYTEST: &str = "pytest";

/// The plugin that tells results while pytest runs.
const PLUGIN: (&str, &str) = (
    "pumice_labgrid",
    include_str!("../../../../../templates/adapters/pumice_labgrid.py"),
);

/// Where the plugin is written, in the job folder.
const PLUGIN_FOLDER: &str = "tmp/pytest-plugin";

/// The descriptor that the plugin writes to.
const CHANNEL: i32 = 3;

/// How pytest says that its tests failed.
const TESTS_FAILED: i32 = 1;

/// How pytest says that its arguments are wrong.
const USAGE: i32 = 4;

pub struct PytestAction {
    args: Vec<String>,
    suite: Option<String>,
}

impl PytestAction {
    pub fn read(action: &Action) -> Result<Self, JobError> {
        let parameters = Parameters::of(action, &["args", "suite"])?;
        Ok(Self {
            args: parameters.texts("args")?,
            suite: parameters.text("suite")?,
        })
    }

    /// Runs pytest to its end. Its results come from the plugin, or from the report if the plugin
    /// said nothing.
    pub fn run(&self, board: &Labgrid, n: u32, commands: &mut Commands<'_>) -> Result<(), Halt> {
        let suite = commands.suite(self.suite.as_deref());
        let path = PathBuf::from(format!("out/pytest-{n}.xml"));
        let lost = |error: io::Error| Halt::Infrastructure(format!("pytest was lost: {error}"));
        let (channel, channel_end) = io::pipe().map_err(lost)?;
        let mut child = self.start(board, &path, channel_end.into())?;
        commands.pass_on(&child);
        let mut plugin = Plugin::new(&suite, n);
        output::read(&child, channel, |bytes| plugin.feed(bytes, commands)).map_err(lost)?;
        let status = child.wait().map_err(lost)?;
        commands.go_on()?;
        let (told, mut failed) = plugin.finish(commands);
        if status.code() == Some(USAGE) {
            return Err(Halt::Job("pytest does not take these arguments".to_owned()));
        }
        if told == Told::Nothing {
            failed |= self.fall_back(&suite, &path, commands);
        }
        // A failure that no case shows must show here.
        let is_shown = status.code() == Some(TESTS_FAILED) && told != Told::Part && failed;
        if let Some(why) = failure(status).filter(|_| !is_shown) {
            let event = ResultEvent::new("exit", CaseResult::Fail);
            let why = Some(explained(&why, status.code()));
            commands.found(&suite, ResultEvent { why, ..event });
        }
        Ok(())
    }

    fn start(&self, board: &Labgrid, report: &Path, channel: OwnedFd) -> Result<Child, Halt> {
        let io = |error: io::Error| {
            Halt::Infrastructure(format!("cannot write the plugin for pytest: {error}"))
        };
        let (name, text) = PLUGIN;
        let folder = env::current_dir().map_err(io)?.join(PLUGIN_FOLDER);
        fs::create_dir_all(&folder).map_err(io)?;
        fs::write(folder.join(format!("{name}.py")), text).map_err(io)?;
        let mut pytest = Command::new(PYTEST);
        pytest
            .args(["-p", name])
            .arg(format!("--junitxml={}", report.display()));
        // In one word: pytest takes a path that stands alone for a place where tests are.
        if let Some(environment) = &board.env {
            pytest.arg(format!("--lg-env={environment}"));
        }
        pytest.args(&self.args);
        // What labgrid's own variables say holds for the tests too.
        pytest.envs(board.place.as_ref().map(|place| ("LG_PLACE", place)));
        let coordinator = board.coordinator.as_ref();
        pytest.envs(coordinator.map(|coordinator| ("LG_COORDINATOR", coordinator)));
        pytest.env("PYTHONPATH", &folder).stdin(Stdio::null());
        let shown: Vec<_> = pytest.get_args().map(OsStr::to_string_lossy).collect();
        say(&format!("$ {PYTEST} {}", clean(&shown.join(" "), 4000)));
        let mapping = FdMapping {
            parent_fd: channel,
            child_fd: CHANNEL,
        };
        pytest
            .fd_mappings(vec![mapping])
            .map_err(|error| Halt::Infrastructure(error.to_string()))?
            .spawn()
            .map_err(|error| Halt::Board(host::not_started(PYTEST, &error)))
    }

    /// Takes the results from the report, in which every suite is the one suite of the action. Gives
    /// whether any failed.
    fn fall_back(&self, suite: &str, path: &Path, commands: &mut Commands<'_>) -> bool {
        let mut failed = false;
        say("the plugin said nothing: the results are taken from the report");
        let read = report::read(path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| {
                let mut give = |found: ResultEvent| {
                    failed |= found.result == CaseResult::Fail;
                    commands.found(
                        suite,
                        ResultEvent {
                            suite: None,
                            ..found
                        },
                    );
                };
                junit::read(&bytes, &mut give).map_err(|error| error.to_string())
            });
        if let Err(why) = read {
            let event = ResultEvent::new("report", CaseResult::Fail);
            let why = Some(format!("{}: {why}", path.display()));
            commands.found(suite, ResultEvent { why, ..event });
            failed = true;
        }
        failed
    }
}

/// An exit code of pytest with what it means.
fn explained(why: &str, code: Option<i32>) -> String {
    let meaning = match code {
        Some(2) => "interrupted, or tests could not be collected",
        Some(3) => "an internal error of pytest",
        Some(5) => "no tests were found",
        _ => return why.to_owned(),
    };
    format!("{why}: {meaning}")
}
