//! A lab with a runner as its own process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A bare upstream and a person's clone of it.
pub struct Farm {
    root: TempDir,
}

/// A runner's process; ended with the value.
pub struct RunnerProcess(Child);

impl RunnerProcess {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// TERM, and the end.
    pub fn stop(mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.0.id() as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        self.0.wait().expect("the runner ends");
    }
}

impl Drop for RunnerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Farm {
    /// A lab with `boards` boards of the type `shell`, driven by the runner `r1` through `dispatcher`
    /// (YAML of one entry of `dispatchers`).
    pub fn new(boards: usize, dispatcher: &str) -> Self {
        let farm = Self::bare();
        farm.write("lab.yaml", "name: Bench\n");
        farm.write(
            "boards/types/shell.yaml",
            &format!("dispatchers: [{dispatcher}]\nrunner: r1\n"),
        );
        for n in 0..boards {
            farm.write(&format!("boards/b{n:02}.yaml"), "device_type: shell\n");
        }
        farm.commit_and_push("Set up");
        farm
    }

    /// An upstream and a clone of it, with nothing in them.
    pub fn bare() -> Self {
        let farm = Self {
            root: tempfile::tempdir().expect("a temporary folder"),
        };
        farm.git_in(
            farm.root.path(),
            &["init", "-q", "--bare", "-b", "main", "lab.git"],
        );
        farm.git_in(farm.root.path(), &["clone", "-q", "lab.git", "work"]);
        farm.git(&["checkout", "-q", "-B", "main"]);
        farm.git(&["config", "user.name", "Bench"]);
        farm.git(&["config", "user.email", "bench@example.org"]);
        farm
    }

    pub fn root(&self) -> &Path {
        self.root.path()
    }

    pub fn url(&self) -> PathBuf {
        self.root.path().join("lab.git")
    }

    pub fn git_in(&self, dir: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(dir)
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git runs");
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.root.path().join("work"), args)
    }

    pub fn write(&self, path: &str, text: &str) {
        let file = self.root.path().join("work").join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("a file");
    }

    pub fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    pub fn commit_and_push(&self, message: &str) {
        self.commit(message);
        self.git(&["push", "-q", "origin", "main"]);
    }

    /// A job definition that runs one command.
    pub fn job(&self, path: &str, command: &str) {
        let job = serde_json::json!({
            "device_type": "shell",
            "actions": [{"command": "run", "parameters": {"commands": [command]}}],
        });
        self.write(path, &job.to_string());
    }

    pub fn start_runner(&self, until_idle: bool) -> RunnerProcess {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pumice"));
        command
            .arg("-C")
            .arg(self.url())
            .args(["runner", "--name", "r1", "--allow", "any", "--state"]);
        command
            .arg(self.root.path().join("state"))
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command.env("XDG_CACHE_HOME", self.root.path().join("cache"));
        if until_idle {
            command.arg("--until-idle");
        }
        let runner = RunnerProcess(command.spawn().expect("the runner starts"));
        if !until_idle {
            let heartbeat = self.url().join("refs/pumice/runners/r1");
            wait("the runner's heartbeat", || heartbeat.exists());
        }
        runner
    }

    /// The journal's head as the server has it; empty before the first.
    pub fn journal(&self) -> String {
        fs::read_to_string(self.url().join("refs/pumice/journal/r1")).unwrap_or_default()
    }

    /// How many records the journal holds.
    pub fn records(&self) -> usize {
        if self.journal().is_empty() {
            return 0;
        }
        self.records_of("r1").len()
    }

    /// The jobs with a record in one runner's journal, which must exist.
    pub fn records_of(&self, runner: &str) -> Vec<String> {
        let journal = format!("refs/pumice/journal/{runner}");
        let list = ["ls-tree", "-r", "--name-only", &journal, "--", "jobs/"];
        let listed = self.git_in(&self.url(), &list);
        let stem = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        listed.lines().map(stem).collect()
    }
}

/// Waits for a condition, looking every half millisecond, a minute at most.
pub fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited in vain for {what}"
        );
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// The value below which the given share of the sorted values lies.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len());
    sorted[at - 1]
}
