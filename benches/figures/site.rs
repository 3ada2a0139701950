//! The site of ten thousand finished jobs, from nothing and again without a change.

use std::path::Path;
use std::time::Instant;

use pumice::model::Time;
use pumice::site::sample::Sample;
use pumice::site::{BuildOptions, build_from};

use crate::Figures;

const JOBS: usize = 10_000;

pub fn measure() -> Figures {
    // Making files is the disk's figure; in memory it is ours.
    let shared_memory = Path::new("/dev/shm");
    let out = if shared_memory.is_dir() {
        tempfile::tempdir_in(shared_memory)
    } else {
        tempfile::tempdir()
    };
    let out = out.expect("a temporary folder");
    let now = Time::from_unix(1_790_000_000);
    let sample = Sample::new(JOBS, now);
    let options = BuildOptions {
        out: out.path().to_owned(),
        now,
        full: false,
    };
    let start = Instant::now();
    let built = build_from(&sample, &options).expect("the site is built");
    let full = start.elapsed().as_secs_f64();
    assert!(built.pages_written > JOBS, "{} pages", built.pages_written);
    let start = Instant::now();
    let again = build_from(&sample, &options).expect("the site is looked at");
    let unchanged = start.elapsed().as_secs_f64();
    assert!(again.unchanged);
    vec![
        ("site_10000", full, "s"),
        ("site_10000_unchanged", unchanged, "s"),
    ]
}
