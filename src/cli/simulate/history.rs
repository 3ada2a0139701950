//! A lab whose history is a simulation, so that reports and the site can show it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::cli::error::{Attempt, Error, Kind};
use crate::git::{self, CommitBuilder, GitError, Person, Repo};
use crate::lab::{self, Refs};
use crate::model::{LabConfig, Record, RunnerName, Time};
use crate::simulate::{Played, Workload};

/// A bare repository without a commit.
pub struct History {
    repo: Repo,
}

/// Makes the repository: in `dir`, which must be empty or not there yet.
pub fn begin(dir: &Path) -> Result<History, Error> {
    let shown = dir.display();
    let attempt = || format!("make a lab in {shown}");
    std::fs::create_dir_all(dir).attempt(Kind::Lab, attempt)?;
    let mut entries = std::fs::read_dir(dir).attempt(Kind::Lab, attempt)?;
    if entries.next().is_some() {
        return Err(Error::new(Kind::Lab, attempt())
            .because("the folder is not empty")
            .hint("name a folder that is empty or not there yet"));
    }
    let refs = Refs::default();
    git::init_bare(dir, refs.branch())?;
    let repo = Repo::open(dir)?;
    Ok(History { repo })
}

impl History {
    /// Commits the lab's files, and the records to the journals of their runners.
    pub fn write(
        &self,
        workload: &Workload,
        config: &LabConfig,
        played: &Played,
    ) -> Result<(), Error> {
        let refs = Refs::default();
        let begin = workload
            .jobs
            .first()
            .map_or(Time::from_unix(0), |job| job.at);
        let main = self.main(workload, config, begin)?;
        self.repo.set_reference(&refs.main(), Some(main))?;
        let runners: BTreeSet<&RunnerName> =
            played.boards.iter().map(|board| &board.runner).collect();
        for runner in runners {
            let mut commit = CommitBuilder::new(&self.repo, None);
            let mut last = begin;
            let theirs = |record: &&Record| {
                let claim = record.claim.as_ref();
                claim.is_some_and(|claim| claim.runner == *runner)
            };
            for record in played.records.iter().filter(theirs) {
                let Some(finished) = record.finished_at else {
                    continue;
                };
                last = last.max(finished);
                let record = Record {
                    commit: main,
                    ..record.clone()
                };
                let path = lab::record_path(record.id, finished);
                commit.put(&path, &lab::to_json(&record))?;
            }
            let journal = commit.commit(&person(last), "Keep the simulated jobs")?;
            self.repo
                .set_reference(&refs.journal(runner), Some(journal))?;
        }
        Ok(())
    }

    fn main(
        &self,
        workload: &Workload,
        config: &LabConfig,
        at: Time,
    ) -> Result<crate::model::ObjectId, GitError> {
        let mut commit = CommitBuilder::new(&self.repo, None);
        commit.put("lab.yaml", lab_yaml(config).as_bytes())?;
        commit.put("queue/.gitkeep", b"")?;
        for board in &workload.boards {
            let text = format!(
                "device_type: {}\nrunner: {}\n",
                board.device_type, board.runner
            );
            commit.put(&format!("boards/{}.yaml", board.name), text.as_bytes())?;
            let path = format!("boards/types/{}.yaml", board.device_type);
            commit.put(&path, b"description: Simulated.\ndispatchers: [exec]\n")?;
        }
        commit.commit(&person(at), "Make the simulated lab")
    }
}

fn person(time: Time) -> Person {
    Person {
        name: "pumice simulate".to_owned(),
        email: "simulate@farm.invalid".to_owned(),
        time,
    }
}

/// The rules and the users; their names are all of letters, digits and dashes.
fn lab_yaml(config: &LabConfig) -> String {
    let mut text = format!(
        "name: Simulated lab\nplan: {{age_step: {}, urgent_per_group: {}}}\nusers:\n",
        config.plan.age_step.seconds(),
        config.plan.urgent_per_group,
    );
    if config.users.is_empty() {
        text = text.replace("users:\n", "");
    }
    for (user, known) in &config.users {
        // Writing into a text never fails.
        let _ = writeln!(
            text,
            "  {user}: {{emails: [{}], groups: [{}]}}",
            known.emails.join(", "),
            known.groups.join(", "),
        );
    }
    text
}
