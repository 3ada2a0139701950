//! Runner processes killed with -9 at random moments while they drain a queue, and started again at
//! once, on one real bare repository. What a kill leaves behind is as real: a push in flight, half a
//! spool, dispatchers, a mirror in the middle of a fetch.
//!
//! What must hold in the end: every job has exactly one record, no claim is left, no board ever ran
//! two attempts at a time, and no process of any attempt lives on. `PUMICE_LONG=1` kills more often.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pumice::model::{Health, Reason, Record};
use serde_json::json;

use crate::dice::Dice;
use crate::harness::{Lab, git, until};
use crate::program::Program;

const RUNNERS: [&str; 2] = ["r1", "r2"];

/// So many jobs, in as many batches as each runner is killed.
struct Plan {
    jobs: usize,
    kills: usize,
    seed: u64,
    /// A runner lives at most so long, and a little more where the kill waits for a beginning attempt.
    life: Duration,
}

/// A runner's program, started again and again.
struct Host<'a> {
    lab: &'a Lab,
    name: &'a str,
    dice: Dice,
}

impl Host<'_> {
    /// How many attempts this runner has begun and not yet seen to their published end.
    fn started(&self) -> usize {
        fs::read_dir(self.lab.state(self.name).join("started")).map_or(0, Iterator::count)
    }

    /// Lives for a random time, or until shortly after an attempt began; then dies.
    fn live(&self, life: Duration) {
        let mut program = Program::start(self.lab, self.name, &[]);
        let random = |longest: Duration| longest.mul_f64(self.dice.below(1000) as f64 / 1000.0);
        if self.dice.one_in(2) {
            thread::sleep(random(life));
        } else {
            let born = Instant::now();
            while self.started() == 0 && born.elapsed() < life {
                thread::sleep(Duration::from_millis(2));
            }
            thread::sleep(random(Duration::from_millis(100)));
        }
        let ended = program.ended();
        assert!(
            ended.is_none(),
            "{} ended by itself: {ended:?}\n{}",
            self.name,
            program.said()
        );
    }

    /// Whether anything that an attempt of this runner started is alive.
    fn has_strays(&self) -> bool {
        let instance = fs::read_to_string(self.lab.state(self.name).join("instance")).unwrap();
        let cookie = format!("PUMICE_COOKIE={}:", instance.trim());
        let environments = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| fs::read(entry.unwrap().path().join("environ")).ok());
        environments
            .flat_map(|environment| {
                environment
                    .split(|byte| *byte == 0)
                    .map(<[u8]>::to_vec)
                    .collect::<Vec<_>>()
            })
            .any(|entry| entry.starts_with(cookie.as_bytes()))
    }
}

/// A command that takes a while, says if another attempt runs on the board, and does not mind TERM.
fn command(root: &Path, n: usize) -> String {
    let trap = if n.is_multiple_of(5) {
        "trap '' TERM; "
    } else {
        ""
    };
    let folder = root.display();
    format!(
        "{trap}exec 9>'{folder}'/$PUMICE_BOARD.lock; \
         flock --nonblock 9 || echo $PUMICE_BOARD >> '{folder}'/overlaps; echo {n}; sleep 0.1"
    )
}

/// Submits a batch, some of it invalid, and cancels one of its jobs, which may come back. Counts every
/// path's submissions: a job that comes back is two.
fn submit_some(
    lab: &Lab,
    plan: &Plan,
    round: usize,
    dice: &Dice,
    expected: &mut BTreeMap<String, usize>,
) {
    let batch = plan.jobs * round / plan.kills..plan.jobs * (round + 1) / plan.kills;
    let mut paths = Vec::new();
    for n in batch {
        let path = format!("queue/j{n}.json");
        if dice.one_in(12) {
            lab.write(&path, "{\"device_type\": 7}");
        } else {
            lab.job(&path, &command(lab.root(), n));
        }
        expected.insert(path.clone(), 1);
        paths.push(path);
    }
    lab.submit("Submit a batch");
    let path = &paths[dice.below(paths.len())];
    lab.ok(&["rm", "-q", path]);
    lab.submit("Cancel a job");
    if dice.one_in(2) {
        lab.ok(&["revert", "--no-edit", "HEAD"]);
        lab.push();
        expected.insert(path.clone(), 2);
    }
}

fn drain(plan: &Plan) {
    let lab = Lab::new();
    for board in 0..4 {
        lab.board(&format!("b{board}"), RUNNERS[board % 2]);
    }
    lab.submit("Add boards");
    // A lab without journals starts from the present queue; what follows is seen from its beginning.
    lab.job("queue/first.json", "true").submit("Submit");
    lab.run_until_idle(RUNNERS[0]);
    let dice = Dice::new(plan.seed);
    let hosts = RUNNERS.map(|name| Host {
        lab: &lab,
        name,
        dice: Dice::new(plan.seed + u64::from(name.as_bytes()[1])),
    });

    let begun = Instant::now();
    let mut expected = BTreeMap::from([("queue/first.json".to_owned(), 1)]);
    let kills = AtomicUsize::new(0);
    thread::scope(|scope| {
        for host in &hosts {
            scope.spawn(|| {
                for _ in 0..plan.kills {
                    host.live(plan.life);
                    kills.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..plan.kills {
            submit_some(&lab, plan, round, &dice, &mut expected);
            until("this batch has had its kills", || {
                kills.load(Ordering::Relaxed) >= hosts.len() * round
            });
        }
    });
    // One may end while the other still holds claims, but both at rest leave nothing.
    let mut last = RUNNERS.map(|name| Program::start(&lab, name, &["--until-idle"]));
    for program in &mut last {
        assert!(program.end().success(), "{}", program.said());
    }
    let seconds = begun.elapsed().as_secs_f64();

    lab.has_no_claims();
    let records: Vec<Record> = lab.records().into_values().collect();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for record in &records {
        *found.entry(record.path.clone()).or_default() += 1;
        let numbers: Vec<u32> = record.attempts.iter().map(|attempt| attempt.n).collect();
        assert_eq!(
            numbers,
            (1..=numbers.len() as u32).collect::<Vec<_>>(),
            "{}",
            record.id
        );
        let as_it_must = match record.health {
            Some(Health::Incomplete) => record.reason == Some(Reason::Lost),
            Some(_) => record.reason.is_none(),
            None => false,
        };
        assert!(
            as_it_must,
            "{}: {:?} {:?}",
            record.path, record.health, record.reason
        );
    }
    assert_eq!(found, expected, "seed {}", plan.seed);
    assert!(
        !lab.root().join("overlaps").exists(),
        "a board ran two attempts at a time"
    );
    for host in &hosts {
        assert!(!host.has_strays(), "{} left processes", host.name);
        assert_eq!(host.started(), 0, "{} left marks", host.name);
        let spool = lab.state(host.name).join("spool");
        assert_eq!(
            fs::read_dir(spool).unwrap().count(),
            0,
            "{} left a spool",
            host.name
        );
    }
    let repeats: usize = records
        .iter()
        .map(|record| record.attempts.len().saturating_sub(1))
        .sum();
    let lost = records
        .iter()
        .filter(|record| record.reason == Some(Reason::Lost))
        .count();
    println!(
        "seed {}: {} records, {} kills, {repeats} attempts repeated, {lost} jobs lost after \
         their last retry, {seconds:.1} s",
        plan.seed,
        records.len(),
        kills.into_inner(),
    );
    assert!(repeats > 0, "no kill has hit an attempt");
}

#[test]
fn kills_lose_no_job_and_double_none() {
    let long = std::env::var_os("PUMICE_LONG").is_some();
    let (jobs, kills, life) = if long { (500, 20, 1500) } else { (40, 6, 800) };
    let seed = std::env::var("PUMICE_SEED").map_or(1, |seed| seed.parse().unwrap());
    drain(&Plan {
        jobs,
        kills,
        seed,
        life: Duration::from_millis(life),
    });
}

#[test]
fn an_attempt_that_a_kill_cut_short_keeps_its_log() {
    let lab = Lab::new();
    lab.board("b1", "r1").board("b2", "r1");
    let command = "echo life $PUMICE_ATTEMPT; test $PUMICE_ATTEMPT = 2 || sleep 600";
    lab.job_with("queue/again.json", command, json!({"retries": 1}));
    lab.job_with("queue/once.json", command, json!({"retries": 0}));
    lab.submit("Submit");
    let begun = || {
        let folders = fs::read_dir(lab.state("r1").join("jobs"));
        let logs = folders
            .into_iter()
            .flatten()
            .map(|entry| fs::read_to_string(entry.unwrap().path().join("log")).unwrap_or_default());
        logs.filter(|log| log.contains("life 1\n")).count()
    };
    let program = Program::start(&lab, "r1", &[]);
    until("both jobs run", || begun() == 2);
    drop(program);
    lab.run_until_idle("r1");

    let again = lab.record_of("queue/again.json");
    assert_eq!(
        (again.health, again.attempts.len()),
        (Some(Health::Complete), 2)
    );
    assert_eq!(lab.record_of("queue/once.json").reason, Some(Reason::Lost));
    for path in ["queue/again.json", "queue/once.json"] {
        let log = lab.cli(&["log", path, "--attempt", "1"]);
        assert!(log.contains("life 1\n"), "{path}: {log}");
    }
    let told = lab.cli(&["log", "queue/once.json", "--runner"]);
    assert!(told.contains("the dispatcher is process"), "{told}");
    // The events have their place beside the log.
    let place = lab.record_of("queue/once.json").log.expect("a log");
    let folder = place.path.trim_end_matches("log.txt");
    let output = git(
        &lab.url(),
        &["show", &format!("{}:{folder}events.jsonl", place.reference)],
    );
    let events = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        events.contains("\"step\"") && events.ends_with('\n'),
        "{events}"
    );
}
