//! Runs one attempt in a folder of its own and gives what came of it.

use std::ffi::OsString;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use pumice::dispatch::{self, AttemptEnd, AttemptHandle, AttemptMessage, AttemptSpec, Progress};
use pumice::model::{JobId, ObjectId};
use pumice::process::Containment;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::{Value, json};

/// Far longer than anything here takes: a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Attempt {
    pub spec: AttemptSpec,
    _keep: tempfile::TempDir,
}

/// A dispatcher that is a shell script, for a job with the actions `deploy` and `run`.
pub fn script(script: &str) -> Attempt {
    program(&["/bin/sh", "-c", script])
}

pub fn program(argv: &[&str]) -> Attempt {
    let keep = tempfile::tempdir().unwrap();
    Attempt {
        spec: spec(keep.path().join("jobs/attempt"), argv),
        _keep: keep,
    }
}

/// The built-in `exec` with a job of these actions.
pub fn exec(actions: Value) -> Attempt {
    built_in("exec", actions)
}

/// A built-in dispatcher with a job of these actions.
pub fn built_in(name: &str, actions: Value) -> Attempt {
    with_actions(&[env!("CARGO_BIN_EXE_pumice"), "dispatch", name], actions)
}

/// A built-in dispatcher that finds programs in a folder before those of the machine.
pub fn built_in_with(folder: &Path, name: &str, actions: Value) -> Attempt {
    let start = format!(
        "PATH={}:$PATH exec {} dispatch {name}",
        folder.display(),
        env!("CARGO_BIN_EXE_pumice")
    );
    with_actions(&["/bin/sh", "-c", &start], actions)
}

/// A dispatcher with a job of these actions.
pub fn with_actions(argv: &[&str], actions: Value) -> Attempt {
    let mut attempt = program(argv);
    attempt.spec.actions = actions
        .as_array()
        .unwrap()
        .iter()
        .map(|action| (action["command"].as_str().unwrap().to_owned(), None))
        .collect();
    attempt.spec.job = json!({"device_type": "host", "actions": actions});
    attempt
}

pub fn spec(folder: PathBuf, argv: &[&str]) -> AttemptSpec {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    AttemptSpec {
        id: JobId::new(ObjectId::ZERO, &format!("queue/{n}.json")),
        attempt: 1,
        board: "board-1".parse().unwrap(),
        folder,
        job_name: "smoke".into(),
        job: json!({"device_type": "host", "actions": []}),
        board_file: json!({"device_type": "host"}),
        argv: argv.iter().map(OsString::from).collect(),
        actions: vec![("deploy".into(), None), ("run".into(), None)],
        deadline: PATIENCE,
        idle: None,
        grace: PATIENCE,
        log_cap: 64 << 20,
        cookie: format!("test-{}-{n}", std::process::id()),
        preface: Vec::new(),
        power: None,
        containment: Containment::sweep_only("a test"),
        trace: None,
        group: None,
    }
}

/// An attempt under way.
pub struct Running {
    pub handle: AttemptHandle,
    messages: Receiver<AttemptMessage>,
    pub heard: Vec<Progress>,
    _attempt: Attempt,
}

impl Attempt {
    pub fn start(self) -> Running {
        let (sender, messages) = channel();
        let handle = dispatch::start(self.spec.clone(), move |message| {
            let _ = sender.send(message);
        })
        .unwrap();
        Running {
            handle,
            messages,
            heard: Vec::new(),
            _attempt: self,
        }
    }

    pub fn run(self) -> Ended {
        self.start().wait()
    }
}

impl Running {
    /// Waits for the first progress of that kind.
    pub fn until(&mut self, wanted: impl Fn(&Progress) -> bool) {
        while !self.heard.last().is_some_and(&wanted) {
            match self.messages.recv_timeout(PATIENCE).unwrap() {
                AttemptMessage::Progress(progress) => self.heard.push(progress),
                AttemptMessage::Ended(end) => panic!("ended too early: {end:?}"),
            }
        }
    }

    pub fn wait(mut self) -> Ended {
        let end = loop {
            match self.messages.recv_timeout(2 * PATIENCE).unwrap() {
                AttemptMessage::Progress(progress) => self.heard.push(progress),
                AttemptMessage::Ended(end) => break *end,
            }
        };
        assert!(self.messages.recv().is_err(), "nothing comes after the end");
        Ended {
            log: fs::read(&end.log).unwrap(),
            end,
            heard: self.heard,
            attempt: self._attempt,
        }
    }
}

pub struct Ended {
    pub end: AttemptEnd,
    pub heard: Vec<Progress>,
    pub log: Vec<u8>,
    pub attempt: Attempt,
}

impl Ended {
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log).into_owned()
    }

    /// `suite/case result`, with the reason if there is one.
    pub fn results(&self) -> Vec<String> {
        self.end
            .suites
            .iter()
            .flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
            .map(|(suite, case)| {
                let why = case.why.as_ref().map(|why| format!(" ({why})"));
                format!(
                    "{}/{} {}{}",
                    suite.name,
                    case.name,
                    case.result,
                    why.unwrap_or_default()
                )
            })
            .collect()
    }

    /// `name state result reason` of each step.
    pub fn steps(&self) -> Vec<String> {
        self.end
            .steps
            .iter()
            .map(|step| {
                let result = step.result.map_or("-", |result| result.as_str());
                let reason = step.reason.as_deref().unwrap_or("-");
                format!("{} {:?} {result} {reason}", step.name, step.state)
            })
            .collect()
    }
}

/// A hold on a process that tells when it is gone, whoever buries it.
pub struct Witness(OwnedFd);

impl Witness {
    pub fn of(pid: i32) -> Self {
        let pid = Pid::from_raw(pid).unwrap();
        Self(pidfd_open(pid, PidfdFlags::empty()).expect("the process is there"))
    }

    pub fn assert_gone(&self) {
        let patience = Timespec {
            tv_sec: PATIENCE.as_secs() as i64,
            tv_nsec: 0,
        };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        assert_eq!(
            poll(&mut fds, Some(&patience)).unwrap(),
            1,
            "it still lives"
        );
    }
}
