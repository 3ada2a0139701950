//! What is said of a lab with hand-made boards, runners and jobs.

use serde_json::json;

use super::*;
use crate::model::board::{DispatcherChoice, HealthCheck};
use crate::model::record::Basis;
use crate::model::status::{BoardStatus, BoardUse, RunningJob, STOPPED};
use crate::model::{BoardFile, DeviceType, RunnerName};

const NOW: i64 = 1_800_000_000;

/// A lab, in words that read like a story.
struct Lab {
    files: LabFiles,
    boards: Vec<Board>,
    /// Health and reason of boards that are not good, by name.
    unwell: BTreeMap<String, (BoardHealth, Option<&'static str>)>,
    runners: Vec<RunnerStatus>,
    jobs: Vec<(Record, Option<Job>)>,
    past: Past,
}

fn now() -> Time {
    Time::from_unix(NOW)
}

fn id(n: u8) -> JobId {
    JobId::from_bytes([n; 16])
}

impl Lab {
    fn new() -> Self {
        Self {
            files: LabFiles::default(),
            boards: Vec::new(),
            unwell: BTreeMap::new(),
            runners: Vec::new(),
            jobs: Vec::new(),
            past: Past::default(),
        }
    }

    /// Four panda boards with tag `usb`, the second in maintenance, driven by `lab-a`.
    fn pandas() -> Self {
        let mut lab = Self::new();
        for n in 1..=4 {
            lab.board(&format!("panda0{n}"), "panda", &["usb"], "lab-a");
        }
        lab.is("panda02", BoardHealth::Maintenance, Some("no cable"));
        lab
    }

    fn runner(&mut self, name: &str) -> &mut RunnerStatus {
        let name: RunnerName = name.parse().unwrap();
        if let Some(at) = self.runners.iter().position(|runner| runner.runner == name) {
            return &mut self.runners[at];
        }
        let status = json!({"version": 1, "runner": name, "instance": "i", "counter": 1, "at": now(),
            "program": "0", "main": null, "boards": [], "running": [], "free_disk_bytes": null, "paused": null});
        self.runners.push(serde_json::from_value(status).unwrap());
        self.runners.last_mut().unwrap()
    }

    fn board(&mut self, name: &str, device_type: &str, tags: &[&str], runner: &str) {
        let file = BoardFile {
            device_type: device_type.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            dispatchers: Some(vec![DispatcherChoice::BuiltIn("exec".to_owned())]),
            ..Default::default()
        };
        let types = [(device_type.to_owned(), DeviceType::default())];
        let board = Board::new(name.parse().unwrap(), file, &types.into());
        self.boards.push(board);
        if !runner.is_empty() {
            self.runner(runner).boards.push(BoardStatus {
                name: name.parse().unwrap(),
                usage: BoardUse::Idle,
                health: BoardHealth::Good,
                reason: None,
            });
        }
    }

    fn is(&mut self, board: &str, health: BoardHealth, why: Option<&'static str>) {
        self.unwell.insert(board.to_owned(), (health, why));
    }

    fn job(&mut self, n: u8, keys: serde_json::Value) -> &mut Record {
        let mut definition = json!({"actions": [{"command": "run"}], "timeout": "10m"});
        let (map, keys) = (
            definition.as_object_mut().unwrap(),
            keys.as_object().unwrap(),
        );
        map.extend(keys.clone());
        let job: Job = serde_json::from_value(definition.clone()).unwrap();
        let record = json!({
            "version": 1, "id": id(n), "job_name": format!("job-{n}"), "path": format!("queue/{n}.json"),
            "commit": "0123456789abcdef0123456789abcdef01234567", "submitted_at": now().plus_seconds(-60.0),
            "submitter": {"name": "A", "email": "a@example.org", "user": "a", "verified": false},
            "stream": "/", "priority": job.priority, "tags": job.tags, "definition": definition,
            "state": "submitted",
        });
        self.jobs
            .push((serde_json::from_value(record).unwrap(), Some(job)));
        &mut self.jobs.last_mut().unwrap().0
    }

    /// A job that runs on a board since 100 s.
    fn runs(&mut self, n: u8, board: &str) {
        let keys = json!({"target": board});
        let started = now().plus_seconds(-100.0);
        let record = self.job(n, keys);
        record.state = State::Running;
        record.started_at = Some(started);
        let claim =
            json!({"runner": "lab-a", "board": board, "device_type": "panda", "at": started});
        record.claim = Some(serde_json::from_value(claim).unwrap());
    }

    fn facts(&self) -> Facts<'_> {
        let running = |board: &Board| {
            let on = |(record, _): &&(Record, _)| record.boards().any(|on| *on == board.name);
            self.jobs.iter().find(on).map(|(record, _)| record.id)
        };
        let board = |board| {
            let good = (BoardHealth::Good, None);
            let board: &Board = board;
            let (health, reason) = *self.unwell.get(board.name.as_str()).unwrap_or(&good);
            let job = running(board);
            BoardNow {
                board,
                health,
                reason,
                job,
            }
        };
        Facts {
            files: &self.files,
            runners: &self.runners,
            boards: self.boards.iter().map(board).collect(),
            jobs: self
                .jobs
                .iter()
                .enumerate()
                .map(|(at, (record, job))| JobNow {
                    record,
                    job: job.as_ref(),
                    order: at as i64,
                })
                .collect(),
            past: &self.past,
            now: now(),
        }
    }

    fn outlook(&self) -> Outlook {
        Outlook::new(&self.facts())
    }

    /// Why the last job waits, in words.
    fn why(&self) -> String {
        let last = self.jobs.last().unwrap().0.id;
        let outlook = self.outlook();
        let why = outlook.why(last).unwrap();
        let expected = outlook
            .estimate(last)
            .is_some_and(|one| one.start.is_some());
        let possible = why.is_possible() && !why.besides.contains(&Besides::Expires);
        assert_eq!(expected, possible, "an expected start and {why}");
        why.to_string()
    }
}

fn panda_with_usb() -> serde_json::Value {
    json!({"device_type": "panda", "tags": ["usb"]})
}

#[test]
fn busy_boards_and_those_that_are_out_are_told_with_the_jobs_ahead() {
    let mut said = Vec::new();
    let mut lab = Lab::pandas();
    lab.job(90, panda_with_usb());
    said.push(lab.why());
    lab.runs(1, "panda01");
    lab.jobs.swap(0, 1);
    said.push(lab.why());
    for (n, board) in [(2, "panda03"), (3, "panda04")] {
        lab.runs(n, board);
    }
    for n in 10..13 {
        lab.job(n, panda_with_usb());
        said.push(lab.why());
    }
    lab.unwell.clear();
    said.push(lab.why());
    lab.runs(4, "panda02");
    lab.job(13, panda_with_usb());
    said.push(lab.why());
    insta::assert_snapshot!(said.join("\n"), @r"
    3 of 4 `panda` boards with tag `usb` are idle, `panda02` is in maintenance (no cable); this job is next
    1 of 4 `panda` boards with tag `usb` is busy, 2 are idle, `panda02` is in maintenance (no cable); this job is next
    3 of 4 `panda` boards with tag `usb` are busy, `panda02` is in maintenance (no cable); 1 job is ahead
    3 of 4 `panda` boards with tag `usb` are busy, `panda02` is in maintenance (no cable); 2 jobs are ahead
    3 of 4 `panda` boards with tag `usb` are busy, `panda02` is in maintenance (no cable); 3 jobs are ahead
    all 4 `panda` boards with tag `usb` are busy; 3 jobs are ahead
    all 4 `panda` boards with tag `usb` are busy; 4 jobs are ahead
    ");
}

#[test]
fn few_boards_are_told_as_people_would() {
    let mut said = Vec::new();
    let mut lab = Lab::new();
    lab.board("b1", "qemu", &[], "lab-a");
    lab.runs(1, "b1");
    lab.job(2, json!({"device_type": "qemu"}));
    said.push(lab.why());
    lab.board("b2", "qemu", &[], "lab-a");
    lab.runs(3, "b2");
    lab.job(4, json!({"device_type": "qemu"}));
    said.push(lab.why());
    lab.is("b2", BoardHealth::Retired, None);
    said.push(lab.why());
    lab.job(5, json!({"target": "b1"}));
    said.push(lab.why());
    lab.is("b1", BoardHealth::Bad, Some("no serial\n\u{1b}[2Joutput"));
    said.push(lab.why());
    lab.job(6, json!({"device_type": "qemu"}));
    said.push(lab.why());
    insta::assert_snapshot!(said.join("\n"), @r"
    the only `qemu` board, `b1`, is busy
    both `qemu` boards are busy; 1 job is ahead
    1 of 2 `qemu` boards is busy, `b2` is retired; 1 job is ahead
    `b1` is busy; 2 jobs are ahead
    `b1` is bad (no serial \u{1b}[2Joutput)
    neither of the 2 `qemu` boards takes jobs: `b1` is bad (no serial \u{1b}[2Joutput), `b2` is retired
    ");
}

#[test]
fn an_idle_board_that_a_job_ahead_takes_is_as_good_as_busy() {
    let mut lab = Lab::new();
    lab.board("b1", "qemu", &[], "lab-a");
    lab.job(1, json!({"device_type": "qemu"}));
    assert_eq!(
        lab.why(),
        "the only `qemu` board, `b1`, is idle; this job is next"
    );
    lab.job(2, json!({"device_type": "qemu"}));
    assert_eq!(
        lab.why(),
        "the only `qemu` board, `b1`, is busy; 1 job is ahead"
    );
}

#[test]
fn what_no_board_can_ever_do_is_told_with_the_nearest() {
    let mut said = Vec::new();
    let mut lab = Lab::pandas();
    for (n, keys) in [
        json!({"device_type": "panda", "tags": ["hdmi"]}),
        json!({"device_type": "pamda"}),
        json!({"target": "panda05"}),
        json!({"target": "panda02", "tags": ["hdmi", "net"]}),
        json!({"device_type": "panda", "dispatcher": "ssh"}),
    ]
    .into_iter()
    .enumerate()
    {
        lab.job(n as u8 + 1, keys);
        said.push(lab.why());
    }
    lab.is("panda01", BoardHealth::Bad, None);
    lab.job(9, json!({"device_type": "panda", "tags": ["hdmi"]}));
    said.push(lab.why());
    lab.boards.clear();
    said.push(lab.why());
    insta::assert_snapshot!(said.join("\n"), @r"
    the lab has no `panda` boards with tag `hdmi`; nearest is `panda01`, which lacks tag `hdmi`
    the lab has no `pamda` boards; nearest is `panda01`, which is a `panda`
    the lab has no board `panda05`; did you mean `panda01`?
    `panda02` lacks tags `hdmi` and `net` and is in maintenance (no cable)
    the lab has no `panda` boards with dispatcher `ssh`; nearest is `panda01`, which has no dispatcher `ssh`
    the lab has no `panda` boards with tag `hdmi`; nearest is `panda03`, which lacks tag `hdmi`
    the lab has no boards
    ");
}

#[test]
fn boards_without_a_living_runner_take_nothing() {
    let mut said = Vec::new();
    let mut lab = Lab::new();
    lab.board("b1", "qemu", &[], "");
    lab.job(1, json!({"target": "b1"}));
    said.push(lab.why());
    lab.boards[0].runner = Some("lab-a".parse().unwrap());
    said.push(lab.why());
    lab.job(2, json!({"device_type": "qemu"}));
    said.push(lab.why());
    lab.jobs.pop();
    lab.boards.clear();
    lab.board("b1", "qemu", &[], "lab-a");
    lab.runner("lab-a").at = now().plus_seconds(-301.0);
    said.push(lab.why());
    lab.runner("lab-a").at = now();
    said.push(lab.why());
    lab.runner("lab-a").paused = Some("less than 1 GiB of disk is free".to_owned());
    said.push(lab.why());
    lab.runner("lab-a").paused = Some(STOPPED.to_owned());
    said.push(lab.why());
    lab.runner("lab-a").paused = None;
    lab.runner("lab-a").boards[0].usage = BoardUse::Unavailable;
    lab.runner("lab-a").boards[0].reason = Some("its power is being switched off".to_owned());
    said.push(lab.why());
    lab.boards[0].health_check = Some(HealthCheck {
        job: "x.json".to_owned(),
        every: None,
        jobs: None,
    });
    lab.is("b1", BoardHealth::Unknown, None);
    lab.runner("lab-a").boards[0].reason = Some("no health check has run yet".to_owned());
    said.push(lab.why());
    insta::assert_snapshot!(said.join("\n"), @r"
    `b1` is driven by no runner
    `b1` is driven by no runner (its file says `lab-a`)
    the only `qemu` board, `b1`, is driven by no runner (its file says `lab-a`)
    `b1` is driven by `lab-a`, which is silent
    `b1` is idle; this job is next
    `b1` is driven by `lab-a`, which takes no jobs (less than 1 GiB of disk is free)
    `b1` is driven by `lab-a`, which has stopped
    `b1` takes no jobs (its power is being switched off)
    `b1` waits for its health check (no health check has run yet); this job is next
    ");
}

#[test]
fn many_boards_are_not_all_named() {
    let mut lab = Lab::new();
    for n in 1..=7 {
        lab.board(&format!("b{n}"), "qemu", &[], "");
    }
    lab.job(1, json!({"device_type": "qemu"}));
    insta::assert_snapshot!(lab.why(), @r"none of the 7 `qemu` boards takes jobs: each is driven by no runner");
}

#[test]
fn a_board_that_failed_under_a_job_is_none_for_it() {
    let mut lab = Lab::pandas();
    let record = lab.job(1, panda_with_usb());
    let attempt = json!({"n": 1, "board": "panda01", "runner": "lab-a", "started_at": null,
        "finished_at": now(), "reason": "board"});
    record.attempts = vec![serde_json::from_value(attempt).unwrap()];
    lab.is("panda03", BoardHealth::Bad, None);
    lab.is("panda04", BoardHealth::Bad, None);
    insta::assert_snapshot!(lab.why(), @r"none of the 4 `panda` boards with tag `usb` takes jobs: `panda01` failed under this job, `panda02` is in maintenance (no cable), `panda03` is bad, `panda04` is bad");
}

fn group(members: &[(u32, &str)]) -> serde_json::Value {
    let member = |(n, (count, device_type)): (usize, &(u32, &str))| json!({"role": format!("r{n}"), "count": count, "device_type": device_type});
    let members: Vec<_> = members.iter().enumerate().map(member).collect();
    json!({ "device_group": members })
}

#[test]
fn groups_need_their_boards_together() {
    let mut said = Vec::new();
    let mut lab = Lab::new();
    lab.board("p1", "panda", &[], "lab-a");
    lab.board("p2", "panda", &[], "lab-a");
    lab.board("q1", "qemu", &[], "lab-a");
    lab.job(1, group(&[(2, "panda"), (1, "qemu")]));
    said.push(lab.why());
    lab.runs(2, "p1");
    lab.jobs.swap(0, 1);
    said.push(lab.why());
    lab.job(3, group(&[(3, "panda")]));
    said.push(lab.why());
    lab.job(4, group(&[(1, "beagle"), (1, "qemu")]));
    said.push(lab.why());
    lab.board("b1", "beagle", &[], "lab-b");
    said.push(lab.why());
    insta::assert_snapshot!(said.join("\n"), @r"
    it needs 2 `panda` boards: both are idle; it needs 1 `qemu` board: the only one, `q1`, is idle; this job is next
    it needs 2 `panda` boards: 1 of 2 is busy, 1 is idle; it needs 1 `qemu` board: the only one, `q1`, is idle
    it needs 3 `panda` boards, and the lab has 2: 1 of 2 is busy, 1 is idle
    the lab has no `beagle` boards; nearest is `p1`, which is a `panda`; it needs 1 `qemu` board: the only one, `q1`, is idle
    it needs 1 `beagle` board: the only one, `b1`, is idle; it needs 1 `qemu` board: the only one, `q1`, is idle; all boards of a group job must be of one runner, and none has them all
    ");
}

#[test]
fn a_group_job_that_can_never_start_is_ahead_of_nobody() {
    let mut lab = Lab::new();
    lab.board("p1", "panda", &[], "lab-a");
    lab.board("p2", "panda", &[], "lab-b");
    lab.runs(1, "p1");
    lab.runs(2, "p2");
    lab.job(3, group(&[(2, "panda")]));
    lab.job(4, json!({"device_type": "panda"}));
    insta::assert_snapshot!(lab.why(), @"both `panda` boards are busy");
}

#[test]
fn an_idle_board_that_is_kept_for_a_group_is_told_as_such() {
    let mut lab = Lab::new();
    lab.board("p1", "panda", &[], "lab-a");
    lab.board("p2", "panda", &[], "lab-a");
    lab.runs(2, "p1");
    let waits = lab.job(1, group(&[(2, "panda")]));
    waits.submitted_at = now().plus_seconds(-HOLD_AFTER_S - 1.0);
    lab.job(3, json!({"device_type": "panda"}));
    insta::assert_snapshot!(lab.why(), @r"1 of 2 `panda` boards is busy, 1 is idle; idle boards are kept for the group job 01010101, which has waited for long; 1 job is ahead");
    lab.jobs[1].0.submitted_at = now();
    insta::assert_snapshot!(lab.why(), @r"1 of 2 `panda` boards is busy, 1 is idle; this job is next");
}

#[test]
fn urgent_jobs_beyond_the_quota_and_those_that_expire_are_told() {
    let mut said = Vec::new();
    let mut lab = Lab::new();
    lab.board("b1", "qemu", &[], "lab-a");
    lab.runs(1, "b1");
    for n in 2..5 {
        lab.job(n, json!({"device_type": "qemu", "priority": "urgent"}));
        said.push(lab.why());
    }
    lab.job(6, json!({"device_type": "qemu", "expires": "2m"}));
    said.push(lab.why());
    lab.job(7, json!({"device_type": "qemu"}));
    lab.jobs.last_mut().unwrap().1 = None;
    said.push(lab.outlook().why(id(7)).unwrap().to_string());
    insta::assert_snapshot!(said.join("\n"), @r"
    the only `qemu` board, `b1`, is busy
    the only `qemu` board, `b1`, is busy; 1 job is ahead
    the only `qemu` board, `b1`, is busy; only 2 urgent jobs of a group go before others at a time: this one goes with the high ones; 2 jobs are ahead
    the only `qemu` board, `b1`, is busy; it is expected to expire before its turn; 3 jobs are ahead
    its definition has an error: a runner will reject it
    ");
}

#[test]
fn jobs_on_one_board_start_one_after_another() {
    let mut lab = Lab::new();
    lab.board("b1", "qemu", &[], "lab-a");
    lab.runs(1, "b1");
    lab.job(2, json!({"device_type": "qemu", "priority": "low"}));
    lab.job(3, json!({"device_type": "qemu"}));
    let risen = lab.job(4, json!({"device_type": "qemu", "priority": "low"}));
    risen.submitted_at = now().plus_seconds(-9.0 * 3600.0);
    let outlook = lab.outlook();
    let in_s = |time: Option<Time>| time.map(|time| time.seconds_since(now()));
    let expected = |n| {
        let one = outlook.estimate(id(n)).unwrap();
        (
            in_s(one.start),
            in_s(one.start_p90),
            in_s(one.end),
            in_s(one.p90),
        )
    };
    // Never run, each takes 60 % of its 10 minutes: the running one has 260 s left.
    assert_eq!(expected(1), (None, None, Some(260.0), Some(500.0)));
    assert_eq!(
        expected(4),
        (Some(260.0), Some(780.0), Some(620.0), Some(1860.0))
    );
    assert_eq!(
        expected(3),
        (Some(620.0), Some(1860.0), Some(980.0), Some(2940.0))
    );
    assert_eq!(
        expected(2),
        (Some(980.0), Some(2940.0), Some(1340.0), Some(4020.0))
    );
    assert_eq!(outlook.estimate(id(2)).unwrap().basis, Some(Basis::Timeout));
    let levels = [2, 3, 4].map(|n| outlook.level(id(n)).unwrap());
    assert_eq!(levels, [Priority::Low, Priority::Medium, Priority::High]);
    let order: Vec<JobId> = outlook.order().iter().map(|(_, id)| *id).collect();
    assert_eq!(order, [id(4), id(3), id(2)]);

    // What the runner says of what it runs goes before what history says, and its factors before a guess.
    let end = now().plus_seconds(30.0);
    let running = json!({"id": id(1), "board": "b1", "attempt": 1, "started_at": now(), "progress": 1,
        "canceling": false, "steps": [], "expected_end": end, "p90": end.plus_seconds(9.0)});
    let running: RunningJob = serde_json::from_value(running).unwrap();
    lab.runner("lab-a").running.push(running);
    lab.runner("lab-a").factors = Some(Factors {
        start: [2.0; 4],
        end: [1.0; 4],
    });
    let outlook = lab.outlook();
    let first = outlook.estimate(id(4)).unwrap();
    let told = (
        in_s(first.start),
        in_s(first.start_p90),
        in_s(first.end),
        in_s(first.p90),
    );
    assert_eq!(told, (Some(30.0), Some(60.0), Some(390.0), Some(390.0)));
    assert_eq!(in_s(outlook.estimate(id(1)).unwrap().p90), Some(39.0));
}

#[test]
fn a_definition_is_judged_before_it_is_submitted() {
    let lab = Lab::pandas();
    let would = |keys: serde_json::Value| {
        let mut definition = json!({"actions": [{"command": "run"}]});
        definition
            .as_object_mut()
            .unwrap()
            .extend(keys.as_object().unwrap().clone());
        let job: Job = serde_json::from_value(definition).unwrap();
        would_wait(&lab.facts(), &job).unwrap()
    };
    assert!(would(panda_with_usb()).is_possible());
    assert!(would(group(&[(3, "panda")])).is_possible());
    assert!(!would(group(&[(4, "panda")])).is_possible());
    let none = would(json!({"target": "panda02"}));
    assert!(!none.is_possible());
    assert_eq!(none.to_string(), "`panda02` is in maintenance (no cable)");
}

#[test]
fn nothing_is_expected_of_a_job_whose_runner_is_silent() {
    let mut lab = Lab::pandas();
    lab.runs(1, "panda01");
    assert!(lab.outlook().estimate(id(1)).unwrap().end.is_some());
    assert_eq!(lab.outlook().why(id(1)), None);
    lab.runner("lab-a").at = now().plus_seconds(-400.0);
    let outlook = lab.outlook();
    let expected = outlook.estimate(id(1)).unwrap();
    assert_eq!(
        (expected.end, expected.p90, expected.basis),
        (None, None, None)
    );
    insta::assert_snapshot!(outlook.why(id(1)).unwrap(), @"its runner `lab-a` has been silent for 6m40s; start it again, or another runner takes the job over");
}

#[test]
fn the_last_words_of_a_runner_that_is_gone_are_not_believed() {
    let mut lab = Lab::new();
    lab.board("panda01", "panda", &[], "a");
    let said = lab.runner("a").boards.clone();
    lab.runner("a").at = now().plus_seconds(-4000.0);
    lab.runner("b").boards = said.clone();
    lab.runner("c").boards = said;
    lab.runner("c").paused = Some(STOPPED.to_owned());
    let driver = |lab: &Lab| {
        let facts = lab.facts();
        let boards = board_facts(&facts);
        boards[0].plan.as_ref().map(|plan| plan.runner.to_string())
    };
    assert_eq!(driver(&lab).as_deref(), Some("b"));
    lab.boards[0].runner = Some("c".parse().unwrap());
    assert_eq!(
        driver(&lab),
        None,
        "its file allows only one that has stopped"
    );
}

#[test]
fn an_overdue_job_is_ended_by_its_time_limit() {
    let mut lab = Lab::pandas();
    lab.runs(1, "panda01");
    let run = |at| crate::schedule::runs::Run::new(at, 50.0, &[]);
    (0..3).for_each(|at| lab.past.runs.add("job-1", "panda", run(at)));
    let expected = *lab.outlook().estimate(id(1)).unwrap();
    assert_eq!(expected.basis, Some(Basis::Timeout));
    assert_eq!(expected.end, Some(now().plus_seconds(500.0)));
    lab.past.runs.add(
        "job-1",
        "panda",
        crate::schedule::runs::Run::new(9, 200.0, &[]),
    );
    assert_eq!(
        lab.outlook().estimate(id(1)).unwrap().basis,
        Some(Basis::Runs)
    );
}
