//! A thousand files in one push, until the runner has taken them all in.

use std::time::Instant;

use crate::Figures;
use crate::farm::{Farm, wait};

const FILES: usize = 1000;

pub fn measure() -> Figures {
    let farm = Farm::new(1, "exec");
    let runner = farm.start_runner(false);
    for n in 0..FILES {
        // No board has this tag, so that accepting is all there is to do; the last one is wrong, and its
        // rejection in the journal says that the whole push has been judged.
        let job = serde_json::json!({"device_type": "shell", "tags": ["nowhere"], "actions": [{"command": "run"}]});
        farm.write(
            &format!("queue/{:02}/j{n:04}.json", n % 32),
            &job.to_string(),
        );
    }
    farm.write("queue/zz/last.json", "{}");
    farm.commit("Submit a thousand");
    let start = Instant::now();
    farm.git(&["push", "-q", "origin", "main"]);
    wait("the last one's record", || !farm.journal().is_empty());
    let seconds = start.elapsed().as_secs_f64();
    runner.stop();
    vec![("submit_1000", seconds, "s")]
}
