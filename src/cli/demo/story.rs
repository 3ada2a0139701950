//! What people do in the demo, by real commits and pushes.

use std::path::Path;
use std::process::Command;

use super::embedded::{self, File, path};
use super::expected;
use super::folders::{Folders, MAIN};
use super::kernels::{self, Kernels};
use super::runner_process::RunnerProcess;
use super::stage::Stage;
use crate::cli::error::{Attempt, Error, Kind};
use crate::git::{RefStatus, WorkTree};
use crate::model::record::StepState;
use crate::model::{ObjectId, State};

/// The people of the example lab, as its `lab.yaml` knows them.
#[derive(Debug, Clone, Copy)]
enum Person {
    Alice,
    Bob,
    Carol,
    Dave,
}

impl Person {
    fn name(self) -> &'static str {
        match self {
            Self::Alice => "Alice",
            Self::Bob => "Bob",
            Self::Carol => "Carol",
            Self::Dave => "Dave",
        }
    }

    fn email(self) -> &'static str {
        match self {
            Self::Alice => "alice@example.org",
            Self::Bob => "bob@example.org",
            Self::Carol => "carol@example.org",
            Self::Dave => "dave@example.org",
        }
    }
}

/// The clone, and the program that people use in it.
pub struct Story<'a> {
    pub folders: &'a Folders,
    pub tree: &'a WorkTree,
    pub program: &'a Path,
    pub kernels: &'a Kernels,
}

impl Story<'_> {
    /// The lab itself and its example jobs: what has to be there before a runner starts.
    pub fn begin(&self, stage: &Stage) -> Result<(), Error> {
        stage
            .display
            .say("Dave pushes the lab, Alice its example jobs")?;
        stage.display.say(self.kernels.said())?;
        let lab = [&embedded::lab()[..], self.kernels.files()].concat();
        self.commit(Person::Dave, "Make the lab", &lab)?;
        self.push()?;
        self.commit(Person::Alice, "Submit the examples", &embedded::examples())?;
        self.push()
    }

    /// Starts the runner, which may do what the lab's boards need.
    pub fn runner(&self) -> Result<RunnerProcess, Error> {
        RunnerProcess::start(self.folders, self.program, self.kernels.allow())
    }

    /// All that happens then, until every job has ended.
    pub fn tell(&self, stage: &mut Stage) -> Result<(), Error> {
        stage.display.say("Bob pushes a long job for sandbox03")?;
        let long = self.submit(Person::Bob, &["cancelled-running"])?;
        stage.until("cancelled-running run", |jobs| {
            jobs.at(&path("cancelled-running")).is_some_and(|job| {
                let runs = |state| matches!(state, StepState::Running);
                job.record.state == State::Running
                    && job.record.steps.iter().any(|step| runs(step.state))
            })
        })?;

        stage
            .display
            .say("Carol and Alice push jobs that must wait for sandbox03")?;
        self.submit(Person::Carol, &["low-priority"])?;
        let queued = self.submit(Person::Carol, &["cancelled-queued"])?;
        self.submit(Person::Alice, &["urgent"])?;
        stage.until("cancelled-queued wait", |jobs| {
            jobs.at(&path("cancelled-queued")).is_some()
        })?;
        stage
            .display
            .say("Carol reverts the commit of cancelled-queued")?;
        self.revert(Person::Carol, queued)?;

        stage
            .display
            .say("Everybody pushes jobs; Dave's file is invalid; Carol merges a branch")?;
        self.submit(
            Person::Alice,
            &["pass-smoke", "pass-tap", "pass-measure", "resubmitted"],
        )?;
        self.submit(Person::Bob, &["fail-test", "timeout-action"])?;
        if self.kernels.are_there() {
            self.submit(Person::Bob, &kernels::CASES)?;
        }
        self.submit(Person::Carol, &["tagged-net", "other-type"])?;
        self.submit(Person::Dave, &["invalid"])?;
        self.merge_branch(Person::Carol, &["merged-a", "merged-b"])?;

        stage.until("cancelled-queued end", |jobs| {
            jobs.has_ended(&path("cancelled-queued"))
        })?;
        stage
            .display
            .say("Bob reverts the commit of cancelled-running, which runs")?;
        self.revert(Person::Bob, long)?;

        stage.until("resubmitted end", |jobs| {
            jobs.has_ended(&path("resubmitted"))
        })?;
        stage.display.say("Alice resubmits a job that has ended")?;
        self.resubmit(Person::Alice, &path("resubmitted"))?;

        stage.until("every job end", |jobs| {
            let ended = |state| matches!(state, State::Finished);
            jobs.all().count() >= expected::count(self.kernels.are_there())
                && jobs.all().all(|job| ended(job.record.state))
        })
    }

    fn acting(&self, person: Person) -> WorkTree {
        self.tree.acting_as(person.name(), person.email())
    }

    /// Commits files as they are given.
    fn commit(&self, person: Person, message: &str, files: &[File]) -> Result<ObjectId, Error> {
        for (path, bytes) in files {
            let file = self.tree.root().join(path);
            let write = || {
                if let Some(parent) = file.parent() {
                    std::fs::create_dir_all(parent)?;
                }
                std::fs::write(&file, bytes)
            };
            write().attempt(Kind::Failed, || format!("write {}", file.display()))?;
        }
        let paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        Ok(self.acting(person).commit_paths(&paths, message)?)
    }

    /// Commits and pushes cases; gives the commit.
    fn submit(&self, person: Person, stems: &[&str]) -> Result<ObjectId, Error> {
        let message = format!("Submit {}", stems.join(", "));
        let commit = self.commit(person, &message, &cases(stems)?)?;
        self.push()?;
        Ok(commit)
    }

    fn revert(&self, person: Person, commit: ObjectId) -> Result<(), Error> {
        self.acting(person).revert(commit)?;
        self.push()
    }

    /// Commits each case on a branch, merges it into main and pushes main.
    fn merge_branch(&self, person: Person, stems: &[&str]) -> Result<(), Error> {
        let tree = self.acting(person);
        tree.start_branch("new-jobs")?;
        for stem in stems {
            self.commit(person, &format!("Add {stem}"), &cases(&[stem])?)?;
        }
        tree.switch(MAIN)?;
        tree.merge("new-jobs", "Merge branch new-jobs")?;
        self.push()
    }

    /// As a person does it: with the command line.
    fn resubmit(&self, person: Person, job: &str) -> Result<(), Error> {
        let output = Command::new(self.program)
            .arg("-C")
            .arg(self.tree.root())
            .args(["resubmit", job])
            .env("PUMICE_CACHE", self.folders.cache())
            .env("GIT_AUTHOR_NAME", person.name())
            .env("GIT_AUTHOR_EMAIL", person.email())
            .env("GIT_COMMITTER_NAME", person.name())
            .env("GIT_COMMITTER_EMAIL", person.email())
            .output()
            .attempt(Kind::Failed, || "start `pumice resubmit`".to_owned())?;
        if output.status.success() {
            return Ok(());
        }
        Err(Error::new(Kind::Failed, format!("resubmit {job}"))
            .because(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// A real `git push`.
    fn push(&self) -> Result<(), Error> {
        let pushed = self.tree.push_branch(MAIN)?;
        match pushed.status(&format!("refs/heads/{MAIN}")) {
            RefStatus::Done | RefStatus::UpToDate => Ok(()),
            // Somebody may push from the clone meanwhile.
            RefStatus::Refused { retry: true, .. } => {
                self.tree.pull_rebase(MAIN)?;
                match self.tree.push_branch(MAIN)?.all_done() {
                    true => Ok(()),
                    false => Err(Error::new(Kind::Git, "push to the demo's repository")
                        .because(pushed.message.trim())),
                }
            }
            _ => Err(Error::new(Kind::Git, "push to the demo's repository")
                .because(pushed.message.trim())),
        }
    }
}

fn cases(stems: &[&str]) -> Result<Vec<File>, Error> {
    let case = |stem: &&str| {
        embedded::case(stem).ok_or_else(|| {
            Error::new(Kind::Failed, format!("find the case {stem}"))
                .because("this program was built without it")
        })
    };
    stems.iter().map(case).collect()
}
