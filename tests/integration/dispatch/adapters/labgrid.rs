//! The built-in dispatcher `labgrid` with the real pytest and labgrid.
//!
//! `PUMICE_LABGRID_PYTHON` may name a Python that has both, as of a virtual environment.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use pumice::dispatch::{Exit, Outcome, outcome};
use pumice::model::Reason;
use serde_json::{Value, json};

use crate::dispatch::ending::wait_for_log;
use crate::dispatch::harness::{Attempt, PATIENCE, built_in, built_in_with};
use crate::harness::skip;

/// The folder of a Python's programs that has pytest and labgrid; none, with the reason printed.
fn labgrid() -> Option<PathBuf> {
    let python = std::env::var("PUMICE_LABGRID_PYTHON").unwrap_or_else(|_| "python3".into());
    let asked = Command::new(&python)
        .args(["-c", "import sys, labgrid, pytest; print(sys.executable)"])
        .stderr(Stdio::null())
        .output();
    let found = asked.ok().filter(|output| output.status.success());
    let Some(found) = found else {
        skip(&format!(
            "`{python}` has no pytest with labgrid; name one in PUMICE_LABGRID_PYTHON"
        ));
        return None;
    };
    let executable = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
    Some(executable.parent().unwrap().to_owned())
}

/// A job that runs pytest on this text.
fn pytest(bin: &Path, tests: &str, args: Value) -> Attempt {
    let write = format!("mkdir suite; cat >suite/test_it.py <<'END'\n{tests}\nEND");
    built_in_with(
        bin,
        "labgrid",
        json!([
            {"command": "run", "parameters": {"suite": "prepare", "commands": [write]}},
            {"command": "pytest", "parameters": {"suite": "board", "args": args}},
        ]),
    )
}

const TESTS: &str = "
import pytest
def test_pass(record_property):
    record_property('value', 1.5)
    record_property('units', 'ms')
def test_fail(): assert 1 == 2, 'one is not two'
@pytest.mark.skip(reason='no board')
def test_skip(): pass
@pytest.mark.xfail(reason='known')
def test_xfail(): assert False
@pytest.fixture
def broken(): raise RuntimeError('no power')
class TestAll:
    @pytest.mark.parametrize('n', [1])
    def test_setup(self, broken, n): pass
";

/// What TESTS gives, the exit of the preparation before it.
const RESULTS: [&str; 6] = [
    "prepare/command-1 pass",
    "board/suite.test_it.test_pass pass",
    "board/suite.test_it.test_fail fail",
    "board/suite.test_it.test_skip skip",
    "board/suite.test_it.test_xfail skip",
    "board/suite.test_it.TestAll.test_setup[1] fail",
];

fn without_reasons(results: &[String]) -> Vec<String> {
    let plain = |line: &String| line.split(" (").next().unwrap().to_owned();
    results.iter().map(plain).collect()
}

#[test]
fn results_come_while_pytest_runs() {
    let Some(bin) = labgrid() else { return };
    let ended = pytest(&bin, TESTS, json!(["suite"])).run();
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(without_reasons(&ended.results()), RESULTS);
    let told = ended.results().join("\n");
    for why in ["one is not two", "no board", "XFAIL known", "no power"] {
        assert!(told.contains(why), "{told}");
    }
    let measured = &ended.end.suites[1].cases[0];
    assert_eq!(
        (measured.value, measured.units.as_deref()),
        (Some(1.5), Some("ms"))
    );
    assert!(measured.seconds.is_some());
    assert_eq!(ended.end.bad_events, 0);
    let names: Vec<&str> = ended
        .end
        .attachments
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["pytest-1.xml.txt"]);
}

#[test]
fn without_the_plugin_the_report_gives_the_same() {
    let Some(bin) = labgrid() else { return };
    let ended = pytest(&bin, TESTS, json!(["-p", "no:pumice_labgrid", "suite"])).run();
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert!(
        ended
            .log()
            .contains("the results are taken from the report")
    );
    assert_eq!(without_reasons(&ended.results()), RESULTS);
}

#[test]
fn a_pytest_that_dies_keeps_what_it_told() {
    let Some(bin) = labgrid() else { return };
    let tests =
        "import os\ndef test_a(): pass\ndef test_b(): os.kill(os.getpid(), 9)\ndef test_c(): pass";
    let ended = pytest(&bin, tests, json!(["suite"])).run();
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results()[1..],
        [
            "board/suite.test_it.test_a pass",
            "board/suite.test_it.test_b unknown (pytest ended before this test did)",
            "board/exit fail (signal 9)"
        ]
    );
}

#[test]
fn a_failure_that_no_case_shows_is_a_case() {
    let Some(bin) = labgrid() else { return };
    let tests = "import atexit, os\natexit.register(lambda: os._exit(1))\ndef test_a(): pass";
    let ended = pytest(&bin, tests, json!(["suite"])).run();
    assert_eq!(
        ended.results()[1..],
        [
            "board/suite.test_it.test_a pass",
            "board/exit fail (exit code 1)"
        ]
    );
}

#[test]
fn what_pytest_refuses_is_told() {
    let Some(bin) = labgrid() else { return };
    let ended = pytest(&bin, TESTS, json!(["--no-such-option"])).run();
    assert_eq!(
        outcome(&ended.end),
        Outcome::Incomplete(Reason::JobError),
        "{}",
        ended.log()
    );
    let ended = pytest(&bin, "import nothing_of_that_name", json!(["suite"])).run();
    let results = without_reasons(&ended.results());
    assert_eq!(
        results[1..],
        ["board/suite.test_it fail", "board/exit fail"],
        "{}",
        ended.log()
    );
    let ended = pytest(&bin, "x = 1", json!(["suite"])).run();
    assert_eq!(
        ended.results()[1..],
        ["board/exit fail (exit code 5: no tests were found)"]
    );
}

#[test]
fn without_pytest_the_host_lacks_something() {
    let empty = tempfile::tempdir().unwrap();
    let mut attempt = built_in("labgrid", json!([{"command": "pytest"}]));
    attempt.spec.argv = [
        "/bin/sh".into(),
        "-c".into(),
        format!(
            "PATH={} exec {} dispatch labgrid",
            empty.path().display(),
            env!("CARGO_BIN_EXE_pumice")
        )
        .into(),
    ]
    .into();
    let ended = attempt.run();
    assert_eq!(ended.end.exit, Exit::Code(78));
    assert_eq!(
        ended.end.said.as_deref(),
        Some("`pytest` is not in the PATH of the runner")
    );
}

/// A board whose shell is this machine's, by labgrid's own drivers.
#[test]
fn labgrid_gets_its_environment() {
    let Some(bin) = labgrid() else { return };
    let folder = tempfile::tempdir().unwrap();
    let env = folder.path().join("env.yaml");
    fs::write(
        &env,
        "targets:\n  main:\n    resources: {}\n    drivers:\n      ExternalConsoleDriver: {cmd: cat}\n",
    )
    .unwrap();
    let tests = "def test_console(target):\n    console = target.get_driver('ConsoleProtocol')\n    console.write(b'hello')\n    console.expect('hello', timeout=30)\n";
    let mut attempt = pytest(&bin, tests, json!(["suite"]));
    attempt.spec.board_file = json!({"device_type": "x", "labgrid": {"env": env}});
    let ended = attempt.run();
    assert_eq!(
        ended.results()[1..],
        ["board/suite.test_it.test_console pass"],
        "{}",
        ended.log()
    );
}

/// A coordinator with one place.
struct Coordinator {
    bin: PathBuf,
    address: String,
    process: Child,
    _folder: tempfile::TempDir,
}

impl Coordinator {
    fn start(bin: &Path) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{port}");
        let process = Command::new(bin.join("labgrid-coordinator"))
            .args(["-l", &address])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut new = Self {
            bin: bin.to_owned(),
            address,
            process,
            _folder: folder,
        };
        let started = Instant::now();
        while TcpStream::connect(&new.address).is_err() {
            assert!(new.process.try_wait().unwrap().is_none() && started.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        new.client("create");
        new
    }

    fn client(&self, verb: &str) -> String {
        let output = Command::new(self.bin.join("labgrid-client"))
            .args(["-x", &self.address, "-p", "shelf", verb])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{verb}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn is_acquired(&self) -> bool {
        !self.client("show").contains("acquired: None")
    }

    fn board(&self) -> Value {
        json!({"device_type": "x", "labgrid": {"place": "shelf", "coordinator": self.address}})
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_place_is_held_for_as_long_as_the_attempt_takes() {
    let Some(bin) = labgrid() else { return };
    let coordinator = Coordinator::start(&bin);
    let tests = "import os, subprocess\ndef test_place():\n    shown = subprocess.check_output(['labgrid-client', '-p', os.environ['LG_PLACE'], 'show'], text=True)\n    assert 'acquired: None' not in shown, shown\n";
    let mut attempt = pytest(&bin, tests, json!(["suite"]));
    attempt.spec.board_file = coordinator.board();
    let ended = attempt.run();
    assert_eq!(
        ended.results()[1..],
        ["board/suite.test_it.test_place pass"],
        "{}",
        ended.log()
    );
    assert!(!coordinator.is_acquired());

    // A place is given back when the attempt is ended.
    let mut attempt = pytest(
        &bin,
        "import time\ndef test_long():\n    print('long', flush=True)\n    time.sleep(600)",
        json!(["-s", "suite"]),
    );
    attempt.spec.board_file = coordinator.board();
    let mut running = attempt.start();
    wait_for_log(&mut running, "long\n");
    assert!(coordinator.is_acquired());
    running.handle.terminate();
    let ended = running.wait();
    assert_eq!(ended.end.exit, Exit::Code(143), "{}", ended.log());
    assert!(!coordinator.is_acquired());

    // One that somebody holds is none of ours to take.
    coordinator.client("acquire");
    let mut attempt = pytest(&bin, tests, json!(["suite"]));
    attempt.spec.board_file = coordinator.board();
    let ended = attempt.run();
    assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
    let said = ended.end.said.unwrap();
    assert!(
        said.starts_with("cannot acquire the place shelf: "),
        "{said}"
    );
    assert!(coordinator.is_acquired());
}
