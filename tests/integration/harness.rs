//! A lab on a real bare upstream, in words that read like a story.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pumice::lab::{self, Journals, Scope, Snapshot};
use pumice::model::{JobId, ObjectId, Record};
use pumice::process::Containment;
use pumice::runner::{Daemon, Environment, Options, Processes, StateFolder, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Long enough for a loaded machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Says why a test does nothing; `.ci/run` counts these lines.
pub fn skip(why: &str) {
    tell(&format!("skipped: {why}"));
}

/// Writes a line past the test program's own capture of output, so that it is seen although the test passes.
pub fn tell(line: &str) {
    // In one piece: other tests write at the same time.
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// A bare upstream, a person's clone of it, and folders for runners.
pub struct Lab {
    root: TempDir,
}

/// Runs `git` with nothing of the machine's configuration.
pub fn git(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.current_dir(dir).args(args).env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    command.envs([
        ("HOME", dir.as_os_str()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".as_ref()),
        ("GIT_CONFIG_NOSYSTEM", "1".as_ref()),
        ("GIT_AUTHOR_NAME", "Alice".as_ref()),
        ("GIT_AUTHOR_EMAIL", "alice@example.org".as_ref()),
        ("GIT_COMMITTER_NAME", "Alice".as_ref()),
        ("GIT_COMMITTER_EMAIL", "alice@example.org".as_ref()),
        ("GIT_MERGE_AUTOEDIT", "no".as_ref()),
    ]);
    command.output().expect("git runs")
}

/// The real surroundings of a runner.
pub fn environment(lab: lab::Lab, say: impl Fn(&str) + Send + 'static) -> Environment {
    Environment {
        remote: Box::new(lab),
        driver: Box::new(Processes(Containment::sweep_only("a test"))),
        clock: Box::new(SystemClock),
        dies_at: Box::new(|_| false),
        say: Box::new(say),
    }
}

impl Lab {
    /// An empty lab file, one `exec` board type, no boards.
    pub fn new() -> Self {
        let lab = Self {
            root: tempfile::tempdir().expect("a temporary folder"),
        };
        fs::create_dir_all(lab.work()).expect("a folder");
        lab.ok_in(
            lab.root.path(),
            &["init", "-q", "--bare", "-b", "main", "lab.git"],
        );
        lab.ok_in(lab.root.path(), &["clone", "-q", "lab.git", "work"]);
        lab.ok(&["checkout", "-q", "-B", "main"]);
        lab.write(
            "lab.yaml",
            "name: Test lab\nheartbeat: 1s\npoll: 1s\ntimeouts: {grace: 1s}\n",
        );
        lab.write("boards/types/shell.yaml", "dispatchers: [exec]\n");
        lab.commit("Set up the lab");
        lab.push();
        lab
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn url(&self) -> PathBuf {
        self.root.path().join("lab.git")
    }

    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    fn ok_in(&self, dir: &Path, args: &[&str]) -> String {
        let output = git(dir, args);
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs `git` in the work tree; it must succeed.
    pub fn ok(&self, args: &[&str]) -> String {
        self.ok_in(&self.work(), args)
    }

    pub fn write(&self, path: &str, text: &str) -> &Self {
        let file = self.work().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
        self
    }

    /// Commits everything in the work tree; gives the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.ok(&["add", "-A"]);
        self.ok(&["commit", "-q", "-m", message]);
        self.ok(&["rev-parse", "HEAD"])
    }

    /// Pushes, after taking in what others pushed.
    pub fn push(&self) -> &Self {
        for _ in 0..20 {
            if git(&self.work(), &["push", "-q", "origin", "main"])
                .status
                .success()
            {
                return self;
            }
            self.ok(&["pull", "-q", "--no-rebase", "origin", "main"]);
        }
        panic!("cannot push");
    }

    /// A board of the type `shell`, driven by `runner`.
    pub fn board(&self, name: &str, runner: &str) -> &Self {
        self.write(
            &format!("boards/{name}.yaml"),
            &format!("device_type: shell\nrunner: {runner}\n"),
        )
    }

    /// Writes a job that runs one command; nothing is committed yet.
    pub fn job(&self, path: &str, command: &str) -> &Self {
        self.job_with(path, command, json!({}))
    }

    /// The same, with more keys.
    pub fn job_with(&self, path: &str, command: &str, more: Value) -> &Self {
        let mut job = json!({
            "device_type": "shell",
            "actions": [{"command": "run", "parameters": {"commands": [command]}}],
        });
        if let (Some(job), Some(more)) = (job.as_object_mut(), more.as_object()) {
            job.extend(more.clone());
        }
        self.write(path, &serde_json::to_string_pretty(&job).expect("JSON"))
    }

    /// Commits and pushes what was written.
    pub fn submit(&self, message: &str) -> String {
        let commit = self.commit(message);
        self.push();
        commit
    }

    pub fn options(&self, name: &str) -> Options {
        Options {
            name: name.parse().expect("a name"),
            boards: None,
            allow: vec!["any".to_owned()],
            images: Vec::new(),
            until_idle: true,
            accept_rewrite: None,
            program: env!("CARGO_BIN_EXE_pumice").into(),
        }
    }

    pub fn state(&self, runner: &str) -> PathBuf {
        self.root.path().join("state").join(runner)
    }

    /// A runner's daemon in this process; its lines are kept.
    pub fn daemon(&self, options: Options) -> (Daemon, Arc<Mutex<Vec<String>>>) {
        let folder = self.state(options.name.as_str());
        let state = StateFolder::open(&folder).expect("a state folder");
        let lab =
            lab::Lab::open(&self.url().to_string_lossy(), &state.mirror()).expect("the lab opens");
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = said.clone();
        let env = environment(lab.clone(), move |line| {
            lines.lock().expect("lines").push(line.to_owned());
        });
        (
            Daemon::new(lab, options, env, state).expect("a daemon"),
            said,
        )
    }

    /// Runs a runner until nothing more could start.
    pub fn run_until_idle(&self, runner: &str) -> Vec<String> {
        let (daemon, said) = self.daemon(self.options(runner));
        let result = daemon.run();
        let said = said.lock().expect("lines").clone();
        if let Err(error) = result {
            panic!("the runner ended: {error}\n{}", said.join("\n"));
        }
        said
    }

    /// Runs the program on this lab in the clone; gives what it printed. It must succeed.
    pub fn cli(&self, args: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_pumice"))
            .args(["-C".as_ref(), self.work().as_os_str()])
            .args(args)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
            .env("HOME", self.root())
            .output()
            .expect("the program runs");
        assert!(
            output.status.success(),
            "pumice {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The lab as anybody reads it.
    pub fn open(&self) -> lab::Lab {
        let lab = lab::Lab::open(
            &self.url().to_string_lossy(),
            &self.root.path().join("reader.git"),
        )
        .expect("opens");
        lab.fetch(Scope::WithLogs).expect("a fetch");
        lab
    }

    /// Every record in every journal; a job with two is an error.
    pub fn records(&self) -> BTreeMap<JobId, Record> {
        let reader = self.open().reader().expect("a reader");
        let journals = reader.journals().expect("journals");
        let mut records = BTreeMap::new();
        for change in reader
            .record_changes(&Journals::new(), &journals)
            .expect("records")
        {
            let record = reader
                .record(change.new.expect("a blob"))
                .expect("a record");
            assert!(
                records.insert(record.id, record).is_none(),
                "{} has two records",
                change.id
            );
        }
        records
    }

    /// The records of one path, oldest first.
    pub fn records_of(&self, path: &str) -> Vec<Record> {
        let mut records: Vec<Record> = self
            .records()
            .into_values()
            .filter(|record| record.path == path)
            .collect();
        records.sort_by_key(|record| record.finished_at);
        records
    }

    /// The one record of a path.
    pub fn record_of(&self, path: &str) -> Record {
        let mut records = self.records_of(path);
        assert_eq!(records.len(), 1, "{path} has {} records", records.len());
        records.remove(0)
    }

    pub fn log_of(&self, record: &Record) -> String {
        let reader = self.open().reader().expect("a reader");
        let log = reader
            .log(record.log.as_ref().expect("a log"))
            .expect("a log")
            .expect("its blob");
        String::from_utf8_lossy(&log).into_owned()
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot::load(&self.open().reader().expect("a reader")).expect("a snapshot")
    }

    /// The refs of the server below a prefix.
    pub fn refs(&self, prefix: &str) -> BTreeMap<String, ObjectId> {
        let listed = self.ok_in(
            &self.url(),
            &["for-each-ref", "--format=%(objectname) %(refname)", prefix],
        );
        let lines = listed.lines().filter_map(|line| line.split_once(' '));
        lines
            .map(|(id, name)| (name.to_owned(), id.parse().expect("an id")))
            .collect()
    }

    /// No claim is left on the server.
    pub fn has_no_claims(&self) {
        assert_eq!(self.refs("refs/pumice/claims/"), BTreeMap::new());
    }
}
