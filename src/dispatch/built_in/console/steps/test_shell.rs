//! `test` and `lava_test_shell`: test definitions on the board's shell, one suite each.

use std::time::Instant;

use super::Steps;
use super::commands::{LINE, seconds, shown};
use crate::dispatch::action::run::Parse;
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::plan::TestShell;
use crate::dispatch::built_in::console::testdef::{TestDef, script};
use crate::dispatch::built_in::log::say;
use crate::dispatch::parse::Parser;
use crate::dispatch::protocol::lines::{Line, Lines};
use crate::model::record::CaseResult;

/// Closes what signals left open, in their own words.
const END_OF_RUN: &[u8] = b"\n<LAVA_SIGNAL_ENDRUN>\n";

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
            let Some(definition) = self.definitions.get(&wanted.place).cloned() else {
                let why = format!("{}: the test definition is not at hand", wanted.place);
                return Err(Halt::Infrastructure(why));
            };
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
            say(&format!("test definition {suite}"));
            for step in &definition.testdef.steps {
                shown(step);
            }
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
        self.running = Some(suite.to_owned());
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
            // It has a case of its own.
            Err(Halt::Panic(why)) => Err(Halt::Panic(why)),
            Err(halt) => {
                let why = Some(format!("cut short: {}", halt.why()));
                found.case("run", CaseResult::Unknown, why, Some(seconds(started)));
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
}
