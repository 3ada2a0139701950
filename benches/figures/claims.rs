//! Four runners with four boards each on one far server, and whether a job was ever run twice.
//!
//! The way to the server is real for git: an ssh URL, whose command sleeps half a round trip, runs the
//! server's side, and sleeps the other half. So each fetch and each push costs one added round trip.
//! A real connection that is kept open costs two for each; what is compared here is the protocol, in
//! steps that wait for the server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Figures;
use crate::farm::{Farm, wait};

const RUNNERS: usize = 4;
const BOARDS_EACH: usize = 4;

/// Jobs of one measurement, submitted in one push: more than the window below takes.
const JOBS: usize = 2000;

/// How long results are counted, from the moment at which every runner has published its first.
const WINDOW: Duration = Duration::from_secs(15);

pub fn measure() -> Figures {
    let mut figures = Vec::new();
    let mut double = 0;
    for (name, milliseconds) in [
        ("claims_4x4_rtt0", 0),
        ("claims_4x4_rtt50", 50),
        ("claims_4x4_rtt200", 200),
    ] {
        let (per_second, twice) = drain(Duration::from_millis(milliseconds));
        double += twice;
        figures.push((name, per_second, "jobs/s"));
    }
    figures.push(("double_claims", double as f64, "jobs"));
    figures
}

/// Jobs a second, and how many jobs ran twice: two attempts at the same time by the dispatchers' own
/// marks, more attempts than one where none failed, or two records.
fn drain(round_trip: Duration) -> (f64, usize) {
    let marks = tempfile::tempdir().expect("a temporary folder");
    let dispatcher = program(
        &marks.path().join("dispatcher"),
        // The folder is made by one attempt at a time only; each attempt leaves a line.
        &format!(
            "cd {}\nmkdir $PUMICE_JOB_ID || echo $PUMICE_JOB_ID >> overlaps\n\
             echo $PUMICE_JOB_ID >> attempts.$PUMICE_BOARD\nrmdir $PUMICE_JOB_ID\n",
            marks.path().display()
        ),
    );
    let half = round_trip.as_secs_f64() / 2.0;
    let ssh = program(
        &marks.path().join("ssh"),
        &format!(
            "for command; do :; done\nsleep {half}\nsh -c \"$command\"\nstatus=$?\nsleep {half}\nexit $status\n"
        ),
    );
    let farm = Farm::bare();
    farm.write("lab.yaml", "name: Bench\npoll: 1s\n");
    farm.write(
        "boards/types/shell.yaml",
        &format!(
            "dispatchers: [{{name: mark, command: ['{}']}}]\n",
            dispatcher.display()
        ),
    );
    for n in 0..RUNNERS * BOARDS_EACH {
        let board = format!("device_type: shell\nrunner: r{}\n", n % RUNNERS);
        farm.write(&format!("boards/b{n:02}.yaml"), &board);
    }
    farm.commit_and_push("Set up");
    let runners: Vec<Runner> = (0..RUNNERS)
        .map(|n| Runner::start(&farm, n, &ssh))
        .collect();
    let beats = farm.url().join("refs/pumice/runners");
    wait("the runners' heartbeats", || {
        fs::read_dir(&beats).is_ok_and(|beats| beats.count() == RUNNERS)
    });
    for n in 0..JOBS {
        farm.job(&format!("queue/{:02}/j{n:05}.json", n % 64), "unused");
    }
    farm.commit("Submit");
    farm.git(&["push", "-q", "origin", "main"]);
    let journals = farm.url().join("refs/pumice/journal");
    wait("the first results", || {
        (0..RUNNERS).all(|n| journals.join(format!("r{n}")).exists())
    });
    let records = || -> Vec<String> {
        let all = (0..RUNNERS).flat_map(|n| farm.records_of(&format!("r{n}")));
        all.collect()
    };
    let (before, begun) = (records().len(), Instant::now());
    let mut after = before;
    while begun.elapsed() < WINDOW && after < JOBS {
        std::thread::sleep(Duration::from_millis(250));
        after = records().len();
    }
    let seconds = begun.elapsed().as_secs_f64();
    drop(runners);
    let (recorded, again) = doubles(records());
    assert!(recorded >= after, "a record is for ever");
    let (_, begun_again) = doubles(lines(marks.path(), "attempts."));
    let twice = again + begun_again + lines(marks.path(), "overlaps").len();
    ((after - before) as f64 / seconds, twice)
}

/// How many there are, each counted once, and how many there are beyond that.
fn doubles(mut all: Vec<String>) -> (usize, usize) {
    let count = all.len();
    all.sort();
    all.dedup();
    (all.len(), count - all.len())
}

/// The lines of all files of a folder whose names begin so.
fn lines(folder: &Path, prefix: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .flat_map(|entry| {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

fn program(path: &Path, text: &str) -> PathBuf {
    fs::write(path, format!("#!/bin/sh\n{text}")).expect("a script");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, mode).expect("a mode");
    path.to_owned()
}

/// A runner's process on the far server; ended with the value.
struct Runner(Child);

impl Runner {
    fn start(farm: &Farm, n: usize, ssh: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_pumice"))
            .arg("-C")
            .arg(format!("ssh://far{}", farm.url().display()))
            .args([
                "runner",
                "--name",
                &format!("r{n}"),
                "--allow",
                "any",
                "--state",
            ])
            .arg(farm.root().join(format!("state-{n}")))
            .env("XDG_CACHE_HOME", farm.root().join("cache"))
            .env("GIT_SSH_COMMAND", ssh)
            .env("GIT_SSH_VARIANT", "ssh")
            .stdin(Stdio::null())
            .stderr(fs::File::create(farm.root().join(format!("r{n}.log"))).expect("a file"))
            .spawn();
        Self(child.expect("the runner starts"))
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
