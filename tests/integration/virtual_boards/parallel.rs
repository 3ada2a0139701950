//! Many boards under one runner: all at once, in little memory, and nothing is left.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use pumice::fetch::Kind;
use pumice::model::Verdict;

use super::kit;
use super::lab::{add_board, boot_job, processes_of};
use crate::harness::Lab;
use crate::program::Program;

const BOARDS: usize = 16;

/// What the runner may use, in MiB: shared pages count by their share.
const MEMORY: f64 = 40.0;

/// Sixteen kernels on two cores take seconds; a loaded machine takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

fn pss_mib(pid: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

#[test]
fn sixteen_boards_boot_at_once_under_one_runner() {
    let Some(kit) = kit(Kind::Uml) else { return };
    let lab = Lab::new();
    for n in 0..BOARDS {
        add_board(&lab, &kit, &format!("uml{n:02}"), "");
        boot_job(
            &lab,
            &format!("queue/j{n}.json"),
            &kit,
            // Long enough that the last board boots before the first job ends.
            &["uname -r", "sleep 5"],
        );
    }
    lab.submit("Submit");
    let begun = Instant::now();
    let mut program = Program::start(&lab, "r1", &["--until-idle", "--allow", "any"]);
    let (mut most, mut processes) = (0.0_f64, 0);
    let status = loop {
        most = most.max(pss_mib(program.id()).unwrap_or_default());
        processes = processes.max(processes_of(lab.root()).len());
        if let Some(status) = program.ended() {
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", program.said());
        thread::sleep(Duration::from_millis(50));
    };
    let seconds = begun.elapsed().as_secs_f64();
    assert!(status.success(), "{}", program.said());

    let records: Vec<_> = lab.records().into_values().collect();
    assert_eq!(records.len(), BOARDS);
    for record in &records {
        assert_eq!(
            record.verdict,
            Some(Verdict::Pass),
            "{record:#?}\n{}",
            lab.log_of(record)
        );
    }
    let last_start = records.iter().filter_map(|record| record.started_at).max();
    let first_end = records.iter().filter_map(|record| record.finished_at).min();
    assert!(last_start < first_end, "not all ran at once");
    // A kernel and a dispatcher for each board, so that the next line cannot pass by seeing nothing.
    assert!(processes > 2 * BOARDS, "only {processes} processes");
    let left = processes_of(lab.root());
    assert!(left.is_empty(), "{}", left.join("\n"));
    let boots = records
        .iter()
        .filter_map(|record| record.steps[0].duration_s);
    let slowest = boots.fold(0.0, f64::max);
    println!(
        "boards16_runner_pss\t{most:.1}\tMiB\nboards16_slowest_boot\t{slowest:.1}\ts\nboards16_all\t{seconds:.1}\ts"
    );
    assert!(most <= MEMORY, "the runner used {most:.1} MiB");
}
