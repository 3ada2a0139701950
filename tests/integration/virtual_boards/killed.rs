//! A runner that is killed with -9 at random moments while real kernels boot on its boards, and started
//! again at once. In the end every job has one record, every board is switched off, and nothing that any
//! attempt started lives on. `PUMICE_LONG=1` kills 200 times during 200 jobs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use pumice::fetch::{Kind, Kit};
use pumice::model::{Health, Reason, Record};

use super::kit;
use super::lab::{add_board, boot_job, processes_of};
use crate::dice::Dice;
use crate::harness::Lab;
use crate::program::Program;

struct Plan {
    boards: usize,
    /// Submitted little by little, so that there is always something to do.
    jobs: usize,
    kills: usize,
    seed: u64,
    /// The longest that a runner lives.
    life: Duration,
}

/// How long the last runner may take to end what is left, on a machine that does other things.
const PATIENCE: Duration = Duration::from_secs(600);

const ARGUMENTS: [&str; 2] = ["--allow", "any"];

/// Switches a board: a file is there while it is powered.
const POWER: &str = "#!/bin/sh
case $1 in
on) : >\"$2\" ;;
off) rm -f \"$2\" ;;
esac
";

fn lab(kit: &Kit, boards: usize) -> Lab {
    let lab = Lab::new();
    let script = lab.root().join("power");
    fs::write(&script, POWER).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(lab.root().join("powered")).unwrap();
    for n in 0..boards {
        let name = format!("uml{n:02}");
        let mark = lab.root().join("powered").join(&name);
        let argv = |what: &str| format!("[{}, {what}, {}]", script.display(), mark.display());
        let power = format!(
            "power:\n  \"on\": {}\n  \"off\": {}\n",
            argv("\"on\""),
            argv("\"off\"")
        );
        add_board(&lab, kit, &name, &power);
    }
    // A lab without journals starts from the present queue; what follows is seen from its beginning.
    boot_job(&lab, "queue/first.json", kit, &["true"]);
    lab.submit("Add boards");
    lab.run_until_idle("r1");
    lab
}

/// How many boards are powered.
fn powered(lab: &Lab) -> usize {
    fs::read_dir(lab.root().join("powered")).unwrap().count()
}

/// One life of the runner, ended by KILL. Gives how long it took until none of the claims that it found
/// open was left as it was; `None` where it found none, or died before.
fn live(lab: &Lab, life: Duration) -> Option<f64> {
    let claims = || lab.refs("refs/pumice/claims/");
    let found = claims();
    let born = Instant::now();
    let mut program = Program::start(lab, "r1", &ARGUMENTS);
    let mut recovered = None;
    while born.elapsed() < life {
        if recovered.is_none() && !found.is_empty() {
            let now = claims();
            let is_left = found.iter().any(|(name, id)| now.get(name) == Some(id));
            recovered = (!is_left).then(|| born.elapsed().as_secs_f64());
        }
        thread::sleep(Duration::from_millis(10));
    }
    let ended = program.ended();
    assert!(ended.is_none(), "ended by itself: {}", program.said());
    recovered
}

fn drain(kit: &Kit, plan: &Plan) {
    let lab = lab(kit, plan.boards);
    let dice = Dice::new(plan.seed);
    let begun = Instant::now();
    let mut recoveries = Vec::new();
    let mut hit = 0;
    for kill in 0..plan.kills {
        let batch = plan.jobs * kill / plan.kills..plan.jobs * (kill + 1) / plan.kills;
        if !batch.is_empty() {
            for n in batch {
                boot_job(&lab, &format!("queue/j{n}.json"), kit, &["uname -r"]);
            }
            lab.submit("Submit a batch");
        }
        let life = plan.life.mul_f64(dice.below(1000) as f64 / 1000.0);
        recoveries.extend(live(&lab, life));
        hit += usize::from(powered(&lab) > 0);
    }
    let mut last = Program::start(&lab, "r1", &[&ARGUMENTS[..], &["--until-idle"]].concat());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = last.ended() {
            break status;
        }
        assert!(started.elapsed() < PATIENCE, "{}", last.said());
        thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{}", last.said());
    let seconds = begun.elapsed().as_secs_f64();

    lab.has_no_claims();
    // A second record of a job is refused here.
    let records: Vec<Record> = lab.records().into_values().collect();
    assert_eq!(records.len(), plan.jobs + 1, "seed {}", plan.seed);
    for record in &records {
        let ended_well = record.health == Some(Health::Complete)
            || (record.health == Some(Health::Incomplete) && record.reason == Some(Reason::Lost));
        assert!(ended_well, "{record:#?}");
    }
    assert_eq!(powered(&lab), 0, "boards are left powered");
    let left = processes_of(lab.root());
    assert!(left.is_empty(), "{}", left.join("\n"));
    assert!(hit > 0, "no kill has hit a powered board");

    let lost = records
        .iter()
        .filter(|record| record.reason == Some(Reason::Lost))
        .count();
    let repeats: usize = records
        .iter()
        .map(|record| record.attempts.len().saturating_sub(1))
        .sum();
    recoveries.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let last = recoveries.len().saturating_sub(1);
        let value = recoveries.get((last as f64 * share) as usize);
        value.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2}"))
    };
    println!(
        "seed {}: {} jobs, {} kills, {hit} of them with powered boards, {repeats} attempts repeated, {lost} jobs \
         lost after their last retry, {seconds:.0} s\nkilled_recovery_min_med_max\t{} {} {}\ts ({} seen)",
        plan.seed,
        records.len(),
        plan.kills,
        at(0.0),
        at(0.5),
        at(1.0),
        recoveries.len()
    );
}

#[test]
fn kills_leave_no_board_powered_and_no_process() {
    let Some(kit) = kit(Kind::Uml) else { return };
    let long = std::env::var_os("PUMICE_LONG").is_some();
    let (boards, jobs, kills, life) = if long {
        (4, 200, 200, 5000)
    } else {
        (2, 6, 6, 3000)
    };
    let seed = std::env::var("PUMICE_SEED").map_or(1, |seed| seed.parse().unwrap());
    drain(
        &kit,
        &Plan {
            boards,
            jobs,
            kills,
            seed,
            life: Duration::from_millis(life),
        },
    );
}
