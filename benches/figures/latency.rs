//! From `git push` to the dispatcher, and from the dispatcher's end to the journal.

use std::fs;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::Figures;
use crate::farm::{Farm, quantile, wait};

/// Jobs measured, one after another on an idle board.
const JOBS: usize = 100;

/// Seconds since 1970, as `date +%s.%N` in the dispatcher says it.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock")
        .as_secs_f64()
}

pub fn measure() -> Figures {
    let times = tempfile::tempdir().expect("a temporary folder");
    let script = times.path().join("dispatcher");
    // The shell's own start is in the figure; the board has nothing else to do.
    let text = format!(
        "#!/bin/sh\ndate +%s.%N > {0}/start.$PUMICE_JOB_ID\nmv {0}/start.$PUMICE_JOB_ID {0}/started\ndate +%s.%N > {0}/ended\n",
        times.path().display()
    );
    fs::write(&script, text).expect("a script");
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("a mode");
    let farm = Farm::new(
        1,
        &format!("{{name: stamp, command: ['{}']}}", script.display()),
    );
    let runner = farm.start_runner(false);
    let read = |name: &str| -> f64 {
        fs::read_to_string(times.path().join(name))
            .expect("a stamp")
            .trim()
            .parse()
            .expect("seconds")
    };
    let (mut starts, mut publishes) = (Vec::new(), Vec::new());
    for n in 0..JOBS {
        farm.job(&format!("queue/j{n:03}.json"), "unused");
        farm.commit("Submit");
        let before = farm.journal();
        let (begun, clock) = (now(), Instant::now());
        farm.git(&["push", "-q", "origin", "main"]);
        let mut published = 0.0;
        wait("a result", || {
            let there = farm.journal() != before;
            if there {
                published = begun + clock.elapsed().as_secs_f64();
            }
            there
        });
        starts.push(read("started") - begun);
        publishes.push(published - read("ended"));
    }
    runner.stop();
    starts.sort_by(f64::total_cmp);
    publishes.sort_by(f64::total_cmp);
    vec![
        ("start_p50", quantile(&starts, 0.5), "s"),
        ("start_p95", quantile(&starts, 0.95), "s"),
        ("publish_p50", quantile(&publishes, 0.5), "s"),
        ("publish_p95", quantile(&publishes, 0.95), "s"),
    ]
}
