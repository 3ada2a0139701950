//! `test` and `lava_test_shell`: test definitions on the board's shell, one suite each.

use std::path::Path;
use std::time::Instant;

use super::Steps;
use super::commands::{LINE, seconds};
use crate::dispatch::action::run::Parse;
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::plan::{Origin, TestShell, Wanted};
use crate::dispatch::built_in::console::testdef::{Files, TestDef, checkout, script};
use crate::dispatch::built_in::log::say;
use crate::dispatch::parse::Parser;
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::model::record::CaseResult;

/// Closes what signals left open, in their own words.
const END_OF_RUN: &[u8] = b"\n<LAVA_SIGNAL_ENDRUN>\n";

/// A definition that is at hand, with the files it came with.
struct Definition {
    testdef: TestDef,
    files: Files,
}

impl Steps<'_> {
    pub(super) fn test_shell(
        &mut self,
        n: u32,
        test: &TestShell,
        repeated: bool,
    ) -> Result<(), Halt> {
        let mut session = self.session()?;
        let helpers = session.helpers()?;
        let count = test.definitions.len();
        for (i, wanted) in test.definitions.iter().enumerate() {
            let definition = self.definition(wanted)?;
            let install = self.installs(&definition.testdef, test.skip_install);
            let folder = format!("{}/{i}", session.folder()?);
            session.send_files(&folder, &definition.files)?;
            let path = format!("{folder}/.run");
            let text = script(
                &definition.testdef,
                &wanted.parameters,
                &folder,
                &helpers,
                install,
            );
            session.put(&path, text.as_bytes())?;
            let suite = self.suite(&definition.testdef.name);
            say(&format!("\ntest definition {suite}"));
            self.run_definition(&mut session, &suite, &definition.testdef, &path)?;
            if i + 1 < count && !repeated {
                let done = (i + 1) * 100 / count;
                self.events.step_progress(n, done.min(99) as u8);
            }
        }
        self.session = Some(session);
        Ok(())
    }

    fn run_definition(
        &mut self,
        session: &mut super::Session<'_>,
        suite: &str,
        testdef: &TestDef,
        path: &str,
    ) -> Result<(), Halt> {
        let started = Instant::now();
        let mut found = self.found(suite);
        let mut signals = Parser::new(&Parse::LavaSignals).in_suite(suite);
        let mut lines = Lines::new(LINE);
        let ended = session.run(&format!("sh {path}"), &mut |bytes| {
            signals.feed(bytes, &mut |result| found.give(result));
            lines.feed(bytes, |line| {
                if let (Line::Whole(line), Some(pattern)) = (line, &testdef.pattern)
                    && let Some(result) = pattern.read(line.trim_ascii_end())
                {
                    found.give(result);
                }
            });
        });
        signals.feed(END_OF_RUN, &mut |result| found.give(result));
        match ended {
            Ok(0) => Ok(()),
            Ok(code) => {
                let why = Some(format!("exit code {code}; the steps after it were not run"));
                found.case("exit", CaseResult::Fail, why, Some(seconds(started)));
                Ok(())
            }
            Err(halt) => {
                let (case, result) = match halt {
                    Halt::Panic(_) => ("kernel-panic", CaseResult::Fail),
                    _ => ("run", CaseResult::Unknown),
                };
                let why = Some(format!("cut short: {}", halt.why()));
                found.case(case, result, why, Some(seconds(started)));
                Err(halt)
            }
        }
    }

    /// Whether what the definition wants installed is to be installed.
    fn installs(&self, testdef: &TestDef, skip: bool) -> bool {
        if testdef.install.is_empty() {
            return false;
        }
        let why = if skip {
            "the job says `skip_install`"
        } else if !self.board.has_network() {
            "the board has no network: it has no tag `net`"
        } else {
            if !testdef.install.repositories.is_empty() {
                say("note: repositories are not installed: name them in `testdef_repos`");
            }
            return true;
        };
        say(&format!("note: nothing is installed: {why}"));
        false
    }

    /// Fetches a definition to this host.
    fn definition(&self, wanted: &Wanted) -> Result<Definition, Halt> {
        let bad = |why: String| Halt::Job(format!("{}: bad test definition: {why}", wanted.place));
        let read = |path: &Path| {
            let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
            TestDef::from_yaml(&bytes).map_err(bad)
        };
        match &wanted.origin {
            Origin::Inline(testdef) => Ok(Definition {
                testdef: (**testdef).clone(),
                files: Files::default(),
            }),
            Origin::File(image) => Ok(Definition {
                testdef: read(&image.get(&self.board.cache, self.bell)?)?,
                files: Files::default(),
            }),
            Origin::Git {
                repository,
                revision,
                testdef,
            } => {
                let checkout = checkout(&wanted.place, repository, revision.as_deref(), self.bell)?;
                let files = Files::read(&checkout.path().join("tree"))
                    .map_err(|why| Halt::Job(format!("{}: {why}", wanted.place)))?;
                let file = files
                    .0
                    .iter()
                    .find(|file| file.path == *testdef)
                    .ok_or_else(|| bad(format!("the repository has no file `{testdef}`")))?;
                Ok(Definition {
                    testdef: TestDef::from_yaml(&file.content).map_err(bad)?,
                    files,
                })
            }
        }
    }
}
