//! Test definitions, fetched to this host and judged before the board is switched on: a mistake in one
//! costs no time on the board.

use std::path::Path;
use std::rc::Rc;

use super::Steps;
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::plan::{Origin, Planned, Wanted, Work};
use crate::dispatch::built_in::console::testdef::{Files, TestDef, checkout};
use crate::dispatch::built_in::log::say;

/// A definition that is at hand, with the files it came with.
pub(super) struct Definition {
    pub testdef: TestDef,
    pub files: Files,
}

impl Steps<'_> {
    /// Fetches every definition that the plan names.
    pub(super) fn fetch_definitions(&mut self, plan: &[Planned]) -> Result<(), Halt> {
        for planned in plan {
            let Work::TestShell(test) = &planned.work else {
                continue;
            };
            for wanted in &test.definitions {
                let definition = self.definition(wanted)?;
                if !matches!(wanted.origin, Origin::Inline(_)) {
                    let name = &definition.testdef.name;
                    say(&format!("{}: test definition {name}", wanted.place));
                }
                let place = wanted.place.clone();
                self.definitions.insert(place, Rc::new(definition));
            }
        }
        Ok(())
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
