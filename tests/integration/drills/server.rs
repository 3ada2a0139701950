//! A git server that dies in a push, answers too late, or keeps half of one; a spool that a power cut
//! has cut short.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pumice::git::{GitError, Push, Pushed, RefChange};
use pumice::lab::{self, LabError};
use pumice::model::{Health, Reason};
use pumice::runner::{Both, Daemon, Environment, Options, Remote, Signal, StateFolder};

use super::figure;
use crate::harness::{Lab, environment, git, until};

type Meddler = Box<dyn Fn(&Push, bool) + Send + Sync>;

/// The server, with somebody who does things before (`false`) and after (`true`) a push, and with a
/// runner that waits for an answer so long and no longer.
struct Meddled {
    lab: lab::Lab,
    meddler: Meddler,
    limit: Duration,
}

impl Remote for Meddled {
    fn fetch(&self) -> Result<Vec<RefChange>, LabError> {
        Remote::fetch(&self.lab)
    }

    fn push(&self, push: &Push) -> Result<Pushed, GitError> {
        (self.meddler)(push, false);
        let mirror = self.lab.mirror().clone().with_time_limit(self.limit);
        let pushed = mirror.push(push);
        (self.meddler)(push, true);
        pushed
    }

    fn push_both(&self, endings: &Push, claims: &Push) -> Both {
        (self.push(endings), self.push(claims))
    }
}

/// A runner on such a server, until it is idle; gives its lines.
fn run(lab: &Lab, name: &str, limit: Duration, meddler: Meddler) -> Vec<String> {
    let state = StateFolder::open(&lab.state(name)).unwrap();
    let seen = lab::Lab::open(&lab.url().to_string_lossy(), &state.mirror()).unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let lines = said.clone();
    let env = Environment {
        remote: Box::new(Meddled {
            lab: seen.clone(),
            meddler,
            limit,
        }),
        ..environment(seen.clone(), move |line| {
            lines.lock().unwrap().push(line.to_owned());
        })
    };
    let daemon = Daemon::new(seen, lab.options(name), env, state).unwrap();
    let ended = daemon.run();
    let said = said.lock().unwrap().clone();
    assert!(ended.is_ok(), "{ended:?}\n{}", said.join("\n"));
    said
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.board("b1", "r1").submit("Add a board");
    lab
}

/// A hook on the server that does something, once, to the first push that changes a journal. `$state` is
/// what a reference transaction has come to.
fn hook(lab: &Lab, name: &str, action: &str) {
    let hooks = lab.url().join("hooks");
    fs::create_dir_all(&hooks).unwrap();
    let done = lab.root().join("hook-done");
    let text = format!(
        "#!/bin/sh\nstate=$1\nif [ ! -e {0} ] && grep -q refs/pumice/journal/; then\n{action}\nfi\nexit 0\n",
        done.display()
    )
    .replace("ONCE", &format!("touch {}", done.display()));
    fs::write(hooks.join(name), text).unwrap();
    fs::set_permissions(hooks.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_server_that_dies_in_a_push_loses_no_result() {
    for (name, script, action) in [
        ("before_the_update", "pre-receive", "ONCE; kill -9 $PPID"),
        (
            "after_the_update",
            "reference-transaction",
            "[ $state = committed ] && { ONCE; kill -9 $PPID; }",
        ),
    ] {
        let lab = lab();
        hook(&lab, script, action);
        lab.job("queue/job.json", "true").submit("Submit");
        let begun = Instant::now();
        let said = run(&lab, "r1", LONG, Box::new(|_, _| {}));
        assert!(lab.root().join("hook-done").exists(), "{name}");
        let record = lab.record_of("queue/job.json");
        assert_eq!(
            (record.health, record.attempts.len()),
            (Some(Health::Complete), 1),
            "{name}: {said:?}"
        );
        assert!(record.log.is_some());
        lab.has_no_claims();
        let took = begun.elapsed().as_secs_f64();
        figure(&format!("server_killed_{name}"), took, "s");
    }
}

#[test]
fn a_push_that_times_out_after_it_was_accepted_is_found_as_done() {
    let lab = lab();
    // Longer than the runner waits; the server's side has changed the references by then.
    hook(
        &lab,
        "reference-transaction",
        "[ $state = committed ] && { ONCE; sleep 20; }",
    );
    lab.job("queue/job.json", "true").submit("Submit");
    let begun = Instant::now();
    let said = run(&lab, "r1", Duration::from_secs(3), Box::new(|_, _| {}));
    let took = begun.elapsed().as_secs_f64();
    assert!(
        said.iter().any(|line| line.contains("not published yet")),
        "the push had no answer: {said:?}"
    );
    let record = lab.record_of("queue/job.json");
    assert_eq!(
        (record.health, record.attempts.len()),
        (Some(Health::Complete), 1)
    );
    assert_eq!(
        fs::read_dir(lab.state("r1").join("evidence"))
            .unwrap()
            .count(),
        0,
        "it is no late result"
    );
    lab.has_no_claims();
    figure("push_accepted_unanswered", took, "s");
}

#[test]
fn a_claim_left_beside_its_result_is_cleared_away_by_anyone() {
    let lab = Lab::new();
    lab.write("lab.yaml", "heartbeat: 500ms\npoll: 500ms\nlease: 2s\n");
    lab.board("b1", "r1").board("b2", "r2");
    lab.job("queue/job.json", "true").submit("Submit");
    let claim = Arc::new(Mutex::new(None));
    let (seen, url) = (claim.clone(), lab.url());
    // What a server leaves that dies between the two references of one push.
    let leave = move |url: &std::path::Path, seen: &Mutex<Option<(String, String)>>| {
        let held = seen.lock().unwrap().clone();
        let (name, id) = held.expect("a claim was made");
        assert!(git(url, &["update-ref", &name, &id]).status.success());
    };
    let first = leave;
    run(
        &lab,
        "r1",
        LONG,
        Box::new(move |push, after| {
            let made = push.updates.iter().find(|u| u.name.contains("/claims/"));
            let Some(update) = made.filter(|_| after) else {
                return;
            };
            match update.target {
                Some(id) => *seen.lock().unwrap() = Some((update.name.clone(), id.to_string())),
                None if push.atomic => first(&url, &seen),
                None => {}
            }
        }),
    );
    // Its own runner has found it at the next look.
    lab.has_no_claims();
    assert_eq!(
        lab.record_of("queue/job.json").health,
        Some(Health::Complete)
    );
    // The same where its runner has gone: another one, after the lease.
    leave(&lab.url(), &claim);
    let (daemon, said) = lab.daemon(Options {
        until_idle: false,
        ..lab.options("r2")
    });
    let signals = daemon.sender();
    let thread = thread::spawn(move || daemon.run());
    until("the claim is gone", || {
        lab.refs("refs/pumice/claims/").is_empty()
    });
    signals.send(Signal::Stop).unwrap();
    thread.join().unwrap().unwrap();
    let record = lab.record_of("queue/job.json");
    assert_eq!(record.attempts.len(), 1, "{:?}", said.lock().unwrap());
}

#[test]
fn a_job_that_left_and_came_back_while_it_was_claimed_is_two_jobs() {
    let lab = lab();
    lab.job("queue/job.json", "true").submit("Submit");
    let done = Mutex::new(false);
    let work = lab.work();
    let said = run(
        &lab,
        "r1",
        LONG,
        Box::new(move |push, after| {
            let claims = push.updates.iter().any(|u| u.name.contains("/claims/"));
            let mut done = done.lock().unwrap();
            if !claims || !after || std::mem::replace(&mut *done, true) {
                return;
            }
            // Between the claim and the look that decides about it.
            for revert in ["HEAD", "HEAD"] {
                assert!(
                    git(&work, &["revert", "--no-edit", revert])
                        .status
                        .success()
                );
            }
            assert!(
                git(&work, &["push", "-q", "origin", "main"])
                    .status
                    .success()
            );
        }),
    );
    let mut ends: Vec<(Option<Health>, usize)> = lab
        .records_of("queue/job.json")
        .iter()
        .map(|record| (record.health, record.attempts.len()))
        .collect();
    ends.sort_by_key(|(_, attempts)| *attempts);
    assert_eq!(
        ends,
        [(Some(Health::Canceled), 0), (Some(Health::Complete), 1)],
        "{said:?}"
    );
}

#[test]
fn what_the_fence_refused_is_not_published_with_the_next_result() {
    let lab = lab();
    lab.board("b2", "r1");
    lab.job("queue/one.json", "true")
        .job("queue/two.json", "true");
    lab.submit("Submit");
    let taken = Arc::new(Mutex::new(None));
    let (seen, url) = (taken.clone(), lab.url());
    let said = run(
        &lab,
        "r1",
        LONG,
        Box::new(move |push, after| {
            let mut taken = seen.lock().unwrap();
            if !push.atomic || after || taken.is_some() {
                return;
            }
            // Somebody deletes the claim just before its ending is pushed.
            let update = push.updates.iter().find(|u| u.name.contains("/claims/"));
            let name = update.unwrap().name.clone();
            assert!(git(&url, &["update-ref", "-d", &name]).status.success());
            *taken = Some(name);
        }),
    );
    let name = taken.lock().unwrap().clone().unwrap();
    let job = name.rsplit('/').next().unwrap().to_owned();
    let log = git(
        &lab.url(),
        &[
            "log",
            "--format=",
            "--name-status",
            "refs/pumice/journal/r1",
        ],
    );
    let log = String::from_utf8(log.stdout).unwrap();
    let published = log.lines().filter(|line| line.contains(&job)).count();
    // It ran again, under another claim, and that is the one time that it is in the journal.
    assert_eq!((published, lab.records().len()), (1, 2), "{log}\n{said:?}");
    assert_eq!(
        fs::read_dir(lab.state("r1").join("evidence"))
            .unwrap()
            .count(),
        2,
        "record and folder of the refused one"
    );
    lab.has_no_claims();
}

#[test]
fn a_spool_file_cut_short_is_set_aside_and_its_job_runs_again() {
    let lab = lab();
    lab.job("queue/job.json", "while [ ! -e done ]; do sleep 0.05; done")
        .submit("Submit");
    let away = lab.root().join("away.git");
    let (daemon, _) = lab.daemon(lab.options("r1"));
    let signals = daemon.sender();
    let thread = thread::spawn(move || daemon.run());
    let jobs = lab.state("r1").join("jobs");
    until("it runs", || fs::read_dir(&jobs).unwrap().count() > 0);
    fs::rename(lab.url(), &away).unwrap();
    let folder = fs::read_dir(&jobs).unwrap().next().unwrap().unwrap().path();
    fs::write(folder.join("done"), "").unwrap();
    let spool = lab.state("r1").join("spool");
    until("it is spooled", || {
        fs::read_dir(&spool).unwrap().count() > 0
    });
    signals.send(Signal::Stop).unwrap();
    thread.join().unwrap().unwrap();
    // The power cut: half of the file has reached the disk.
    let file = fs::read_dir(&spool)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let length = fs::metadata(&file).unwrap().len();
    let cut = fs::File::options().write(true).open(&file).unwrap();
    cut.set_len(length / 2).unwrap();
    fs::rename(&away, lab.url()).unwrap();
    let (daemon, said) = lab.daemon(lab.options("r1"));
    let thread = thread::spawn(move || daemon.run());
    let again = |path: &std::path::Path| path.to_string_lossy().ends_with("-2");
    until("it runs again", || {
        let folders = fs::read_dir(&jobs).unwrap().flatten();
        let second = folders.map(|entry| entry.path()).find(|path| again(path));
        second.is_some_and(|path| fs::write(path.join("done"), "").is_ok())
    });
    thread.join().unwrap().unwrap();
    let record = lab.record_of("queue/job.json");
    let reasons: Vec<_> = record.attempts.iter().map(|a| a.reason).collect();
    assert_eq!(
        (record.health, reasons),
        (Some(Health::Complete), vec![Some(Reason::Lost), None]),
        "{:?}",
        said.lock().unwrap()
    );
    assert!(file.with_extension("unreadable").exists());
    lab.has_no_claims();
}
