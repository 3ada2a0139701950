//! Made-up jobs of every kind.

use serde_json::json;

use super::estimates::{estimates, waited};
use super::facts::{JOBS, board_of, dice, job_id, name, object, submitter};
use super::lab::{LOG_REF, STEP};
use crate::model::diagnostic::{Diagnostic, Severity};
use crate::model::job::Job;
use crate::model::record::{
    Attachment, Attempt, AttemptRecord, Basis, Canceled, Case, CaseResult, ClaimFacts, Estimate,
    Estimates, LogLocation, Step, StepState, Suite, verdict,
};
use crate::model::{Health, Priority, Reason, Record, State, Time, Verdict};

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
pub(super) fn submitted(i: u64, at: Time) -> Record {
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
        members: Vec::new(),
        started_at: None,
        finished_at: None,
        attempts: Vec::new(),
        steps: Vec::new(),
        suites: Vec::new(),
        estimate: Some(Estimates {
            at_submission: Some(Estimate {
                at: Some(at),
                start: Some(at.plus_seconds(90.0)),
                start_p90: Some(at.plus_seconds(300.0)),
                end: Some(at.plus_seconds(600.0)),
                p90: Some(at.plus_seconds(1200.0)),
                basis: Some(Basis::Runs),
            }),
            at_claim: None,
        }),
        log: None,
        attachments: Vec::new(),
        canceled: None,
        diagnostics: Vec::new(),
        health_check: None,
    }
}

pub(super) fn claimed(i: u64, at: Time) -> Record {
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

pub(super) fn steps(i: u64, failed: Option<usize>) -> Vec<Step> {
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
            member: None,
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
pub(super) fn finished(i: u64, start: Time) -> Record {
    let end = start.plus_seconds(STEP * (i as f64 + 1.0) - dice(i, 12, 900) as f64);
    let took = 200.0 + dice(i, 13, 600) as f64;
    let waited = waited(i);
    let mut record = claimed(i, end.plus_seconds(-took - waited));
    record.started_at = Some(end.plus_seconds(-took));
    if let Some(claim) = &mut record.claim {
        claim.at = end.plus_seconds(-took - 1.0);
    }
    record.estimate = Some(estimates(i, &record, waited, took));
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
        41 => rejected(&mut record),
        47 => tried_twice(&mut record, end, took),
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
            runner: Some(object(7, i)),
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
        boards: Vec::new(),
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

fn rejected(record: &mut Record) {
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

fn tried_twice(record: &mut Record, end: Time, took: f64) {
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

/// The records of the attempts before the last one.
pub(super) fn retried(record: &Record) -> Vec<AttemptRecord> {
    let past = record
        .attempts
        .split_last()
        .map_or(&[][..], |(_, past)| past);
    past.iter()
        .map(|attempt| AttemptRecord {
            version: 1,
            id: record.id,
            claim: object(3, u64::from(attempt.n)),
            attempt: attempt.clone(),
            message: Some("the tftp server did not answer".to_owned()),
            log: Some(LogLocation {
                reference: LOG_REF.to_owned(),
                path: format!("24/{}/{}/log.txt", record.id, attempt.n),
                blob: object(8, u64::from(attempt.n)),
                bytes: log(u64::from(attempt.n)).len() as u64,
                dropped: 0,
                runner: Some(object(7, u64::from(attempt.n))),
            }),
            members: Vec::new(),
        })
        .collect()
}

/// A console log of a few kilobytes; each thousandth is long.
pub(super) fn log(i: u64) -> Vec<u8> {
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

/// The definition of a made-up job as the model reads it; tests check that it is one.
pub fn parsed_definition(i: u64) -> Result<Job, serde_json::Error> {
    serde_json::from_value(definition(i))
}
