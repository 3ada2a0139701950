//! Synthetic labs for tests and benchmarks: any number of finished jobs of every kind, boards in
//! every state, a queue. The same number always gives the same lab.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::json;

use super::SiteError;
use super::source::{BoardState, Change, Journals, LiveJob, Reader, Snapshot, Source};
use crate::model::board::{Board, BoardFile, DeviceType, Service, ServiceState};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::job::Job;
use crate::model::lab::{Forge, ForgeKind, LabFiles, User};
use crate::model::record::{
    Attachment, Attempt, BoardHealth, Canceled, Case, CaseResult, ClaimFacts, Estimate, Estimates,
    LogLocation, Step, StepState, Submitter, Suite, verdict,
};
use crate::model::status::RunnerStatus;
use crate::model::{
    Health, JobId, ObjectId, Priority, Reason, Record, RunnerName, State, Time, Verdict,
};

/// A lab that exists only in memory.
#[derive(Clone)]
pub struct Sample {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    snapshot: Snapshot,
    /// The journals' heads and what they hold, now and before.
    states: HashMap<ObjectId, BTreeMap<JobId, ObjectId>>,
    journals: Journals,
    /// Records that were given rather than made up.
    given: HashMap<ObjectId, Record>,
    files: BTreeMap<String, Vec<u8>>,
    refs: BTreeMap<String, ObjectId>,
    changes: u64,
    start: Time,
}

/// Seconds between two finished jobs.
const STEP: f64 = 1500.0;
const LOG_REF: &str = "refs/pumice/logs/lab-a/2026-11";

impl Sample {
    /// A lab with so many finished jobs, the last of which ended just before `now`.
    pub fn new(jobs: usize, now: Time) -> Self {
        let start = now.plus_seconds(-STEP * (jobs as f64 + 0.2));
        let mut inner = Inner {
            snapshot: snapshot(now),
            states: HashMap::new(),
            journals: Journals::new(),
            given: HashMap::new(),
            files: BTreeMap::new(),
            refs: BTreeMap::from([(LOG_REF.to_owned(), object(9, 0))]),
            changes: 0,
            start,
        };
        let mut states: BTreeMap<RunnerName, BTreeMap<JobId, ObjectId>> = BTreeMap::new();
        for i in 0..jobs {
            let runner = name(["lab-a", "lab-b"][i % 2]);
            states
                .entry(runner)
                .or_default()
                .insert(job_id(i as u64), object(1, i as u64));
        }
        for (runner, state) in states {
            inner.commit(runner, state);
        }
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Changes the lab by hand: its boards, its queue, its configuration.
    pub fn edit(&mut self, change: impl FnOnce(&mut Snapshot)) {
        let inner = Arc::make_mut(&mut self.inner);
        change(&mut inner.snapshot);
        inner.changes += 1;
    }

    /// Puts a file on main.
    pub fn file(&mut self, path: &str, text: &str) {
        let inner = Arc::make_mut(&mut self.inner);
        inner
            .files
            .insert(path.to_owned(), text.as_bytes().to_vec());
        inner.changes += 1;
    }

    /// Adds a finished job to a journal, or replaces it.
    pub fn finish(&mut self, runner: &str, record: Record) {
        let inner = Arc::make_mut(&mut self.inner);
        let blob = object(2, inner.given.len() as u64);
        let mut state = inner.state(&name(runner));
        state.insert(record.id, blob);
        inner.given.insert(blob, record);
        inner.commit(name(runner), state);
    }

    /// Takes a job out of every journal.
    pub fn drop_job(&mut self, id: JobId) {
        let inner = Arc::make_mut(&mut self.inner);
        let runners: Vec<RunnerName> = inner.journals.keys().cloned().collect();
        for runner in runners {
            let mut state = inner.state(&runner);
            if state.remove(&id).is_some() {
                inner.commit(runner, state);
            }
        }
    }

    /// Lets the logs expire.
    pub fn drop_logs(&mut self) {
        Arc::make_mut(&mut self.inner).refs.remove(LOG_REF);
    }

    /// The record of the finished job that was made up as the `i`th.
    pub fn record(&self, i: u64) -> Record {
        finished(i, self.inner.start)
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.inner.snapshot
    }
}

impl Inner {
    fn state(&self, runner: &RunnerName) -> BTreeMap<JobId, ObjectId> {
        let head = self.journals.get(runner);
        head.and_then(|head| self.states.get(head))
            .cloned()
            .unwrap_or_default()
    }

    fn commit(&mut self, runner: RunnerName, state: BTreeMap<JobId, ObjectId>) {
        self.changes += 1;
        let head = object(3, self.changes);
        self.states.insert(head, state);
        self.journals.insert(runner, head);
    }
}

impl Source for Sample {
    type Reader = Self;

    fn reader(&self) -> Result<Self, SiteError> {
        Ok(self.clone())
    }
}

impl Reader for Sample {
    fn heads(&self) -> Result<BTreeMap<String, ObjectId>, SiteError> {
        let journals = self.inner.journals.iter();
        let mut heads: BTreeMap<String, ObjectId> = journals
            .map(|(runner, head)| (format!("refs/pumice/journal/{runner}"), *head))
            .collect();
        heads.insert("refs/heads/main".to_owned(), object(4, self.inner.changes));
        heads.extend(self.inner.refs.clone());
        Ok(heads)
    }

    fn journals(&self) -> Result<Journals, SiteError> {
        Ok(self.inner.journals.clone())
    }

    fn changes(&self, old: &Journals, new: &Journals) -> Result<Vec<Change>, SiteError> {
        let none = BTreeMap::new();
        let mut changes = Vec::new();
        for (runner, head) in new {
            let new = self.inner.states.get(head).unwrap_or(&none);
            let old = old
                .get(runner)
                .and_then(|head| self.inner.states.get(head))
                .unwrap_or(&none);
            let gone = old.keys().filter(|id| !new.contains_key(*id));
            for id in new.keys().chain(gone) {
                let (old, new) = (old.get(id).copied(), new.get(id).copied());
                if old != new {
                    changes.push(Change {
                        runner: runner.clone(),
                        id: *id,
                        old,
                        new,
                    });
                }
            }
        }
        Ok(changes)
    }

    fn record(&self, blob: ObjectId) -> Result<Record, SiteError> {
        match (blob.as_bytes()[0], self.inner.given.get(&blob)) {
            (1, _) => Ok(finished(number(blob), self.inner.start)),
            (_, Some(record)) => Ok(record.clone()),
            _ => Err(SiteError::Read {
                what: format!("the record {blob}"),
                why: "there is none".to_owned(),
            }),
        }
    }

    fn log(&self, at: &LogLocation) -> Result<Option<Vec<u8>>, SiteError> {
        Ok(self
            .inner
            .refs
            .contains_key(&at.reference)
            .then(|| log(number(at.blob))))
    }

    fn log_tail(&self, _: &RunnerName, _: JobId) -> Result<Option<Vec<u8>>, SiteError> {
        Ok(Some(b"[    3.100000] smp: Brought up 1 node, 4 CPUs\n[    3.412000] random: crng init done\n".to_vec()))
    }

    fn blob(&self, id: ObjectId) -> Result<Option<Vec<u8>>, SiteError> {
        let index = number(id) as usize;
        Ok(match id.as_bytes()[0] {
            5 => self.inner.files.values().nth(index).cloned(),
            6 => Some(b"{\"cpu\": 4}\n".to_vec()),
            _ => None,
        })
    }

    fn files(&self, under: &str) -> Result<Vec<(String, ObjectId)>, SiteError> {
        let files = self.inner.files.keys().enumerate();
        let below = files.filter(|(_, path)| path.starts_with(&format!("{under}/")));
        Ok(below
            .map(|(i, path)| (path.clone(), object(5, i as u64)))
            .collect())
    }

    fn snapshot(&self) -> Result<Snapshot, SiteError> {
        Ok(self.inner.snapshot.clone())
    }
}

fn object(kind: u8, number: u64) -> ObjectId {
    let mut bytes = [0; 20];
    bytes[0] = kind;
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

fn number(id: ObjectId) -> u64 {
    id.as_bytes()[12..]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A number that looks like chance and is always the same.
fn dice(i: u64, salt: u64, sides: u64) -> u64 {
    let mut x = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xd134_2543_de82_ef95);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ x >> 32) % sides
}

/// The id of the `i`th made-up job.
pub fn job_id(i: u64) -> JobId {
    JobId::new(object(7, i), "queue/sample.json")
}

#[expect(
    clippy::expect_used,
    reason = "the names below are fixed and fit the alphabet"
)]
fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a plain name")
}

const TYPES: [&str; 3] = ["qemu-x86_64", "beaglebone-black", "rk3399-rock-pi"];
const USERS: [(&str, &str); 5] = [
    ("amara", "Amara Okafor"),
    ("bjorn", "Björn Lindqvist"),
    ("chen", "Chen Wei"),
    ("dolores", "Dolores Ibárruri"),
    ("kernel-ci", "Kernel CI"),
];
const JOBS: [&str; 8] = [
    "boot-mainline",
    "kselftest-net",
    "ltp-syscalls",
    "smoke",
    "usb-hotplug",
    "write-throughput",
    "suspend-resume-100-cycles-with-rtc-wakeup-and-display-attached",
    "bootloader-update",
];

/// The board and its type on which the `i`th job ran.
fn board_of(i: u64) -> (String, &'static str) {
    let kind = dice(i, 1, 3) as usize;
    let short = ["qemu", "bbb", "rock"][kind];
    (format!("{short}{:02}", dice(i, 2, 4) + 1), TYPES[kind])
}

fn submitter(i: u64) -> Submitter {
    let (user, full) = USERS[dice(i, 3, 5) as usize];
    Submitter {
        name: full.to_owned(),
        email: format!("{user}@example.org"),
        user: user.to_owned(),
        verified: dice(i, 4, 3) > 0,
    }
}

fn definition(i: u64) -> serde_json::Value {
    let kind = board_of(i).1;
    json!({
        "job_name": JOBS[dice(i, 5, 8) as usize],
        "device_type": kind,
        "tags": if i.is_multiple_of(5) { vec!["usb"] } else { Vec::new() },
        "timeout": "30m",
        "actions": [
            {"command": "deploy", "parameters": {"kernel": "https://images.example.org/6.17/zImage", "rootfs": "rootfs.ext4.zst"}},
            {"command": "boot", "timeout": "5m"},
            {"command": "run", "parameters": {"commands": ["uname -a", "./run-tests.sh"], "suite": "smoke", "parse": "tap"}},
        ],
    })
}

/// A waiting job, the base of all the others.
fn submitted(i: u64, at: Time) -> Record {
    let submitter = submitter(i);
    Record {
        version: 1,
        id: job_id(i),
        job_name: JOBS[dice(i, 5, 8) as usize].to_owned(),
        path: format!(
            "queue/{}/{}-{i}.json",
            submitter.user,
            JOBS[dice(i, 5, 8) as usize]
        ),
        commit: object(7, i),
        stream: format!("/public/{}/", submitter.user),
        submitter,
        submitted_at: at,
        priority: [
            Priority::Low,
            Priority::Medium,
            Priority::Medium,
            Priority::High,
        ][dice(i, 6, 4) as usize],
        tags: if i.is_multiple_of(5) {
            vec!["usb".to_owned()]
        } else {
            Vec::new()
        },
        definition: definition(i),
        state: State::Submitted,
        health: None,
        reason: None,
        verdict: None,
        message: None,
        claim: None,
        started_at: None,
        finished_at: None,
        attempts: Vec::new(),
        steps: Vec::new(),
        suites: Vec::new(),
        estimate: Some(Estimates {
            at_submission: Some(Estimate {
                start: Some(at.plus_seconds(90.0)),
                end: Some(at.plus_seconds(600.0)),
                p90: Some(at.plus_seconds(1200.0)),
            }),
            at_claim: None,
        }),
        log: None,
        attachments: Vec::new(),
        canceled: None,
        diagnostics: Vec::new(),
    }
}

fn claimed(i: u64, at: Time) -> Record {
    let mut record = submitted(i, at);
    let (board, kind) = board_of(i);
    let claimed = at.plus_seconds(20.0 + dice(i, 7, 900) as f64);
    record.state = State::Running;
    record.started_at = Some(claimed.plus_seconds(1.0));
    record.claim = Some(ClaimFacts {
        runner: name(["lab-a", "lab-b"][i as usize % 2]),
        board: Some(name(&board)),
        device_type: Some(kind.to_owned()),
        at: claimed,
    });
    record
}

fn steps(i: u64, failed: Option<usize>) -> Vec<Step> {
    const NAMES: [&str; 5] = ["power on", "deploy", "boot", "run smoke", "collect"];
    let mut start = 0.0;
    let step = |(n, name): (usize, &&str)| {
        let took = [2.0, 31.0, 24.5, 140.0, 3.2][n] + dice(i, n as u64, 40) as f64 / 3.0;
        let (state, result) = match failed {
            Some(at) if n == at => (StepState::Done, Some(CaseResult::Fail)),
            Some(at) if n > at => (StepState::Waiting, None),
            _ => (StepState::Done, Some(CaseResult::Pass)),
        };
        let begun = state != StepState::Waiting;
        let step = Step {
            n: n as u32,
            name: (*name).to_owned(),
            state,
            result,
            reason: (failed == Some(n)).then(|| "no prompt within 5m".to_owned()),
            started_s: begun.then_some(start),
            duration_s: begun.then_some(took),
        };
        start += took;
        step
    };
    NAMES.iter().enumerate().map(step).collect()
}

fn suites(i: u64, failing: bool) -> Vec<Suite> {
    let case = |n: u64, name: &str, result, value: Option<f64>, units: &str, why: &str| Case {
        name: name.to_owned(),
        result,
        value,
        units: value.map(|_| units.to_owned()),
        seconds: Some(dice(i, 40 + n, 90) as f64 / 10.0),
        why: (!why.is_empty()).then(|| why.to_owned()),
    };
    let bad = if failing {
        CaseResult::Fail
    } else {
        CaseResult::Pass
    };
    let why = if failing {
        "expected 0 dropped frames, got 17"
    } else {
        ""
    };
    vec![
        Suite {
            name: "smoke".to_owned(),
            cases: vec![
                case(1, "uname", CaseResult::Pass, None, "", ""),
                case(2, "mounts", CaseResult::Pass, None, "", ""),
                case(
                    3,
                    "network-up",
                    CaseResult::Pass,
                    Some(1.2 + dice(i, 9, 30) as f64 / 10.0),
                    "s",
                    "",
                ),
                case(4, "selinux", CaseResult::Skip, None, "", "not configured"),
            ],
        },
        Suite {
            name: "net".to_owned(),
            cases: vec![
                case(
                    5,
                    "ping",
                    CaseResult::Pass,
                    Some(0.42 + dice(i, 10, 50) as f64 / 100.0),
                    "ms",
                    "",
                ),
                case(
                    6,
                    "iperf-tcp",
                    bad,
                    Some(941.0 - dice(i, 11, 60) as f64),
                    "Mbit/s",
                    why,
                ),
                case(7, "iperf-udp", CaseResult::Pass, Some(890.5), "Mbit/s", ""),
            ],
        },
    ]
}

/// The `i`th finished job: most pass, and every other kind occurs among any hundred.
fn finished(i: u64, start: Time) -> Record {
    let end = start.plus_seconds(STEP * (i as f64 + 1.0) - dice(i, 12, 900) as f64);
    let took = 200.0 + dice(i, 13, 600) as f64;
    let mut record = claimed(i, end.plus_seconds(-took - 950.0));
    record.started_at = Some(end.plus_seconds(-took));
    if let Some(claim) = &mut record.claim {
        claim.at = end.plus_seconds(-took - 1.0);
    }
    record.state = State::Finished;
    record.finished_at = Some(end);
    record.steps = steps(i, None);
    record.suites = suites(i, i % 7 == 3);
    record.health = Some(Health::Complete);
    match i % 50 {
        11 | 31 => incomplete(
            &mut record,
            Reason::Timeout,
            "the action boot ran longer than its timeout of 5m",
            Some(2),
        ),
        17 => incomplete(
            &mut record,
            Reason::JobError,
            "unknown command `flash_everything`",
            Some(1),
        ),
        23 => incomplete(
            &mut record,
            Reason::Infrastructure,
            "the tftp server did not answer, three times",
            Some(1),
        ),
        29 => canceled_queued(&mut record, end),
        37 => canceled_running(&mut record, end),
        41 => rejected(&mut record, end),
        47 => retried(&mut record, end, took),
        _ => {}
    }
    record.verdict = match record.health {
        Some(Health::Canceled | Health::Rejected) => Some(Verdict::None),
        _ => Some(verdict(&record.suites)),
    };
    if record.claim.is_some() {
        record.log = Some(LogLocation {
            reference: LOG_REF.to_owned(),
            path: format!("24/{}/1/log.txt", record.id),
            blob: object(8, i),
            bytes: log(i).len() as u64,
            dropped: 0,
        });
        if record.attempts.is_empty() {
            record
                .attempts
                .push(attempt(&record, 1, took, end, record.reason));
        }
    }
    if i % 10 == 4 && record.claim.is_some() {
        record.attachments.push(Attachment {
            name: "lscpu.json".to_owned(),
            media_type: "application/json".to_owned(),
            bytes: 11,
            blob: object(6, i),
        });
    }
    record
}

fn attempt(record: &Record, n: u32, took: f64, end: Time, reason: Option<Reason>) -> Attempt {
    let claim = record.claim.as_ref();
    Attempt {
        n,
        board: claim.and_then(|claim| claim.board.clone()),
        runner: claim.map_or_else(|| name("lab-a"), |claim| claim.runner.clone()),
        started_at: Some(end.plus_seconds(-took)),
        finished_at: end,
        reason,
    }
}

fn incomplete(record: &mut Record, reason: Reason, message: &str, failed: Option<usize>) {
    record.health = Some(Health::Incomplete);
    record.reason = Some(reason);
    record.message = Some(message.to_owned());
    record.steps = steps(dice(record.path.len() as u64, 1, 99), failed);
    record.suites.clear();
}

fn never_started(record: &mut Record) {
    record.claim = None;
    record.started_at = None;
    record.steps.clear();
    record.suites.clear();
}

fn canceled_queued(record: &mut Record, end: Time) {
    never_started(record);
    record.health = Some(Health::Canceled);
    record.canceled = Some(Canceled {
        by: Some(record.submitter.user.clone()),
        at: end,
        commit: Some(object(7, 99)),
        allowed: true,
    });
}

fn canceled_running(record: &mut Record, end: Time) {
    record.health = Some(Health::Canceled);
    record.message = Some("stopped after 84 s; the board was switched off".to_owned());
    record.suites.clear();
    record.canceled = Some(Canceled {
        by: Some("dolores".to_owned()),
        at: end.plus_seconds(-3.0),
        commit: Some(object(7, 98)),
        allowed: false,
    });
}

fn rejected(record: &mut Record, _end: Time) {
    never_started(record);
    record.health = Some(Health::Rejected);
    record.message = Some("the file is not a job definition".to_owned());
    record.diagnostics = vec![Diagnostic {
        path: record.path.clone(),
        line: 4,
        column: 3,
        severity: Severity::Error,
        code: "unknown-key".to_owned(),
        message: "`timout` is not a key of a job definition".to_owned(),
        hint: Some("did you mean `timeout`?".to_owned()),
    }];
}

fn retried(record: &mut Record, end: Time, took: f64) {
    let mut first = attempt(
        record,
        1,
        60.0,
        end.plus_seconds(-took - 30.0),
        Some(Reason::Infrastructure),
    );
    first.board = Some(name("bbb01"));
    record.attempts = vec![first, attempt(record, 2, took, end, None)];
}

/// A console log of a few kilobytes; each thousandth is long.
fn log(i: u64) -> Vec<u8> {
    let mut log = String::from("\x1b[1m== power on\x1b[0m\r\n");
    let count = if i % 1000 == 999 { 12_000 } else { 30 };
    for n in 0..count {
        log.push_str(&format!(
            "[{:12.6}] console: line {n} of job {i}\r\n",
            n as f64 / 7.0
        ));
    }
    if i % 7 == 3 {
        log.push_str("not ok 6 - iperf-tcp # expected 0 dropped frames, got 17\n");
    }
    log.push_str("\x1b[32mok\x1b[0m 7 - iperf-udp\nreboot: System halted\n");
    log.into_bytes()
}

fn board(
    board_name: &str,
    kind: &str,
    service: Option<Service>,
    types: &BTreeMap<String, DeviceType>,
) -> Board {
    let file = BoardFile {
        device_type: kind.to_owned(),
        runner: Some(name(if board_name.ends_with('3') {
            "lab-b"
        } else {
            "lab-a"
        })),
        tags: vec!["usb".to_owned(), "net".to_owned()],
        service,
        owners: vec!["amara".to_owned(), "kernel-team".to_owned()],
        description: Some(format!(
            "The board **{board_name}** on shelf 3.\n\n- power: `pdu-2`, outlet 4\n- serial: 115200 8N1\n\n\
             See the [vendor's page](https://example.org/boards) for its schematics.\n"
        )),
        ..BoardFile::default()
    };
    Board::new(name(board_name), file, types)
}

fn snapshot(now: Time) -> Snapshot {
    let mut types = BTreeMap::new();
    for kind in TYPES {
        types.insert(
            kind.to_owned(),
            DeviceType {
                tags: vec![
                    if kind.starts_with("qemu") {
                        "virtual"
                    } else {
                        "arm"
                    }
                    .to_owned(),
                ],
                description: Some(format!("Boards of the kind *{kind}*.\n")),
                ..DeviceType::default()
            },
        );
    }
    let mut files = LabFiles {
        types,
        ..LabFiles::default()
    };
    files.config.name = "Harbour lab".to_owned();
    files.config.description =
        "Boards of the kernel team. Ask in `#boards` before you unplug anything; the rules are in \
        the [handbook](https://example.org/handbook).\n"
            .to_owned();
    files.config.forge = Some(Forge {
        kind: ForgeKind::Gitlab,
        url: "https://git.example.org/boards/lab".to_owned(),
    });
    files.config.admins = vec!["amara".to_owned()];
    for (user, _) in USERS {
        files.config.users.insert(
            user.to_owned(),
            User {
                emails: vec![format!("{user}@example.org")],
                groups: vec!["kernel-team".to_owned()],
            },
        );
    }
    let running: Vec<LiveJob> = (0..4_u64)
        .map(|n| {
            let i = 9_000_000 + n * 13;
            let mut record = claimed(i, now.plus_seconds(-1500.0));
            record.state = if n == 3 {
                State::Canceling
            } else {
                State::Running
            };
            record.started_at = Some(now.plus_seconds(-120.0 * (n as f64 + 1.0)));
            let mut steps = steps(i, Some(3));
            steps[3].state = StepState::Running;
            steps[3].result = None;
            steps[3].reason = None;
            record.steps = steps;
            LiveJob {
                record,
                attempt: 1,
                progress: [72, 41, 8, 55][n as usize],
            }
        })
        .collect();
    let waiting = (0..6_u64).map(|n| LiveJob {
        record: submitted(9_100_000 + n, now.plus_seconds(-900.0 + 60.0 * n as f64)),
        attempt: 0,
        progress: 0,
    });
    let busy = |wanted: &str| {
        let on = |job: &&LiveJob| {
            let claim = job.record.claim.as_ref();
            claim
                .and_then(|claim| claim.board.as_ref())
                .is_some_and(|board| board.as_str() == wanted)
        };
        running.iter().find(on).map(|job| job.record.id)
    };
    let mut boards = Vec::new();
    for (kind, short) in [
        ("qemu-x86_64", "qemu"),
        ("beaglebone-black", "bbb"),
        ("rk3399-rock-pi", "rock"),
    ] {
        for n in 1..=4 {
            let board_name = format!("{short}{n:02}");
            let (service, health, reason) = match board_name.as_str() {
                "bbb04" => (
                    Some(Service {
                        state: ServiceState::Maintenance,
                        reason: Some("waits for a new SD card".to_owned()),
                        since: Some(now.plus_seconds(-86_400.0 * 3.0)),
                    }),
                    BoardHealth::Maintenance,
                    Some("waits for a new SD card".to_owned()),
                ),
                "rock02" => (
                    None,
                    BoardHealth::Bad,
                    Some("no serial output in three attempts".to_owned()),
                ),
                _ => (None, BoardHealth::Good, None),
            };
            let board = board(&board_name, kind, service, &files.types);
            files.boards.insert(board.name.clone(), board.clone());
            boards.push(BoardState {
                job: busy(&board_name),
                board,
                health,
                reason,
            });
        }
    }
    let runner = RunnerStatus {
        version: 1,
        runner: name("lab-a"),
        instance: "1".to_owned(),
        counter: 1,
        at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        main: None,
        boards: Vec::new(),
        running: Vec::new(),
        free_disk_bytes: Some(1 << 40),
        paused: None,
    };
    Snapshot {
        main: Some(object(4, 1)),
        files,
        live: running.into_iter().chain(waiting).collect(),
        boards,
        runners: vec![runner],
    }
}

/// The definition of a made-up job as the model reads it; tests check that it is one.
pub fn parsed_definition(i: u64) -> Result<Job, serde_json::Error> {
    serde_json::from_value(definition(i))
}
