//! The plan under random queues and farms: what the manual promises of it, one property each.
//!
//! `cargo test` tries a few cases from a fixed seed; `PUMICE_LONG=1` tries very many.

mod ageing;
mod best;
mod choice;
mod farm;
mod foresight;
mod life;
mod make;
mod oracle;
mod peers;
mod steady;
mod turns;
mod wait;
mod wear;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// How many cases of each property the long run tries.
const LONG: u32 = 100_000;

/// Whether very many cases are to be tried.
fn is_long() -> bool {
    std::env::var_os("PUMICE_LONG").is_some()
}

/// So many cases, the same in every run, or very many.
fn cases(few: u32) -> ProptestConfig {
    ProptestConfig {
        cases: if is_long() { LONG } else { few },
        rng_seed: RngSeed::Fixed(0x09a1_1ce5),
        failure_persistence: None,
        // Assumptions of some properties hold in a small part of the cases.
        max_global_rejects: u32::MAX,
        ..ProptestConfig::default()
    }
}

/// Prints a figure in the form of the drills, for `.ci/run` to gather.
fn figure(what: &str, value: f64, unit: &str) {
    use std::io::Write;
    // In one piece: other tests write at the same time.
    let line = format!("drill\t{what}\t{value:.3}\t{unit}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
