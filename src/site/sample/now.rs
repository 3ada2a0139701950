//! The present of a made-up lab: its configuration, its boards in every state, its queue.

use std::collections::BTreeMap;

use serde_json::json;

use super::facts::{TYPES, USERS, name, object};
use super::records::{claimed, steps, submitted};
use crate::model::board::{Board, BoardFile, DeviceType, Service, ServiceState};
use crate::model::lab::{Forge, ForgeKind, LabFiles, User};
use crate::model::record::{BoardHealth, BoardRecord, StepState};
use crate::model::status::{BoardStatus, BoardUse, Pace, RunnerStatus, Underway};
use crate::model::{Job, Priority, Record, State, Time};
use crate::site::source::{BoardState, LiveJob, Snapshot};

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

/// The definition as its job's record tells it.
fn definition_of(record: &Record) -> Option<Job> {
    let job: Job = serde_json::from_value(record.definition.clone()).ok()?;
    Some(Job {
        priority: record.priority,
        ..job
    })
}

pub(super) fn snapshot(now: Time) -> Snapshot {
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
                job: definition_of(&record),
                record,
                order: n as i64,
                attempt: 1,
                progress: [72, 41, 8, 55][n as usize],
                underway: Some(Underway {
                    at: now.plus_seconds(-4.0),
                    expected_end: Some(now.plus_seconds(90.0 * (n as f64 + 1.0))),
                    p90: Some(now.plus_seconds(150.0 * (n as f64 + 1.0))),
                    pace: [Pace::Usual, Pace::Usual, Pace::Overdue, Pace::Hanging][n as usize],
                }),
            }
        })
        .collect();
    let waiting = (0..6_u64).map(|n| {
        let mut record = submitted(9_100_000 + n, now.plus_seconds(-900.0 + 60.0 * n as f64));
        match n {
            // It has waited long enough to rise by a level.
            0 => {
                record.submitted_at = now.plus_seconds(-5.0 * 3600.0);
                record.priority = Priority::Low;
            }
            // No board can take it.
            3 => record.definition["tags"] = json!(["hdmi"]),
            // It never ran.
            4 => record.job_name = "thermal-soak".to_owned(),
            _ => {}
        }
        LiveJob {
            job: definition_of(&record),
            record,
            order: 10 + n as i64,
            attempt: 0,
            progress: 0,
            underway: None,
        }
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
                noted: (health == BoardHealth::Bad).then(|| BoardRecord {
                    version: 1,
                    board: name(&board_name),
                    health,
                    reason: reason.clone(),
                    at: now.plus_seconds(-7200.0),
                    job: None,
                    file: None,
                    checked: None,
                }),
                reason,
            });
        }
    }
    let runner = |runner: &str, paused: Option<&str>| RunnerStatus {
        version: 1,
        runner: name(runner),
        instance: "1".to_owned(),
        counter: 1,
        at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        main: None,
        boards: boards
            .iter()
            .filter(|state| {
                let own = state.board.runner.as_ref();
                own.is_some_and(|own| own.as_str() == runner)
            })
            .map(|state| BoardStatus {
                name: state.board.name.clone(),
                usage: BoardUse::Idle,
                health: state.health,
                reason: None,
            })
            .collect(),
        running: Vec::new(),
        free_disk_bytes: Some(1 << 40),
        paused: paused.map(ToOwned::to_owned),
        containment: Some("cgroup /system.slice/pumice.service".to_owned()),
        factors: None,
    };
    let runners = vec![
        runner("lab-a", None),
        runner("lab-b", Some("less than 1 GiB is free in /var/lib/pumice")),
    ];
    Snapshot {
        main: Some(object(4, 1)),
        files,
        live: running.into_iter().chain(waiting).collect(),
        boards,
        runners,
    }
}
