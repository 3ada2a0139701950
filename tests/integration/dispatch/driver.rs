//! What a dispatcher is given and what is made of what it says.

use std::collections::BTreeSet;
use std::fs;

use pumice::dispatch::{Exit, Progress};
use pumice::model::record::{BoardHealth, StepState};
use serde_json::{Value, json};

use super::harness::{program, script, spec};

#[test]
fn the_environment_is_built_from_empty() {
    let ended = program(&["/usr/bin/env"]).run();
    let log = ended.log();
    let entries: Vec<(&str, &str)> = log
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let keys: BTreeSet<&str> = entries.iter().map(|entry| entry.0).collect();
    assert_eq!(
        keys,
        BTreeSet::from([
            "PATH",
            "LANG",
            "TERM",
            "HOME",
            "TMPDIR",
            "PUMICE_PROTOCOL",
            "PUMICE_JOB_ID",
            "PUMICE_JOB_FILE",
            "PUMICE_BOARD",
            "PUMICE_BOARD_FILE",
            "PUMICE_ATTEMPT",
            "PUMICE_DEADLINE_S",
            "PUMICE_COOKIE",
        ])
    );
    let folder = ended.attempt.spec.folder.display().to_string();
    for (key, value) in [
        ("LANG", "C.UTF-8"),
        ("TERM", "dumb"),
        ("PUMICE_PROTOCOL", "1"),
        ("PUMICE_BOARD", "board-1"),
        ("PUMICE_ATTEMPT", "1"),
        ("PUMICE_DEADLINE_S", "60"),
        ("HOME", &format!("{folder}/home")),
        ("TMPDIR", &format!("{folder}/tmp")),
        ("PUMICE_JOB_FILE", &format!("{folder}/job.json")),
        ("PUMICE_BOARD_FILE", &format!("{folder}/board.json")),
    ] {
        assert!(entries.contains(&(key, value)), "{key} in {entries:?}");
    }
}

#[test]
fn a_dispatcher_runs_in_the_job_folder_with_its_files_and_descriptors() {
    let ended = script(
        "pwd; ls; echo descriptors; ls /proc/self/fd; cat job.json; read line || echo no input; \
         ps -o pgid= -p $$ | tr -d ' ' > out/group; echo $$ > out/pid",
    )
    .run();
    let log = ended.log();
    let folder = &ended.attempt.spec.folder;
    assert!(log.starts_with(&format!(
        "{}\nboard.json\nhome\njob.json\nlog\nout\nrunner.txt\ntmp\ndescriptors\n",
        folder.display()
    )));
    // The fourth is the folder that `ls` itself reads.
    assert!(log.contains("descriptors\n0\n1\n2\n3\n4\n{"), "{log}");
    assert!(log.contains("no input"));
    let job: Value = serde_json::from_slice(&fs::read(folder.join("job.json")).unwrap()).unwrap();
    assert_eq!(
        job,
        json!({"device_type": "host", "actions": [], "job_name": "smoke"})
    );
    let read = |name| fs::read_to_string(folder.join("out").join(name)).unwrap();
    assert_eq!(read("group"), read("pid"), "it leads its own group");
    assert_eq!(ended.end.attachments.len(), 2);
}

#[test]
fn what_an_attempt_that_was_cut_short_left_is_removed() {
    let attempt = script("ls out");
    fs::create_dir_all(attempt.spec.folder.join("out")).unwrap();
    fs::write(attempt.spec.folder.join("out/old"), "x").unwrap();
    let ended = attempt.run();
    assert_eq!(ended.log(), "");
    assert!(ended.end.attachments.is_empty());
}

#[test]
fn events_become_steps_results_and_words() {
    let ended = script(
        r#"
        say() { echo "$1" >&3; }
        say '{"t":"step","n":0,"of":3,"name":"boot","state":"start"}'
        say '{"t":"step","n":0,"state":"progress","pct":50}'
        say '{"t":"step","n":0,"state":"end","result":"pass"}'
        say '{"t":"step","n":1,"state":"start"}'
        say '{"t":"result","suite":"net","case":"ping","result":"fail"}'
        say '{"t":"result","suite":"net","case":"ping","result":"pass","value":1.2,"units":"ms","seconds":3}'
        say '{"t":"result","case":"loose","result":"skip","why":"no cable","more":{}}'
        say '{"t":"board","health":"unknown","reason":"slow"}'
        say '{"t":"note","level":"warning","msg":"hot"}'
        say '{"t":"alive"}'
        say '{"t":"from the future"}'
        say '{"t":"step","n":1,"state":"end","result":"fail","reason":"flaky"}'
        say '{"t":"end","reason":"all said"}'
        echo a line for the log; echo another >&2
        "#,
    )
    .run();
    let end = &ended.end;
    assert_eq!(end.exit, Exit::Code(0));
    assert_eq!(
        ended.steps(),
        [
            "boot Done pass -",
            "run Done fail flaky",
            "step-2 Waiting - -"
        ]
    );
    assert!(end.steps[0].started_s.unwrap() <= end.steps[1].started_s.unwrap());
    assert_eq!(
        ended.results(),
        [
            "net/ping fail",
            "net/ping #2 pass",
            "smoke/loose skip (no cable)"
        ]
    );
    let ping = &end.suites[0].cases[1];
    assert_eq!(
        (ping.value, ping.units.as_deref(), ping.seconds),
        (Some(1.2), Some("ms"), Some(3.0))
    );
    assert_eq!(end.board, Some((BoardHealth::Unknown, Some("slow".into()))));
    assert_eq!(end.notes, ["warning: hot"]);
    assert_eq!(end.said.as_deref(), Some("all said"));
    assert_eq!(end.bad_events, 0);
    assert_eq!(ended.log(), "a line for the log\nanother\n");
    assert_eq!(end.log_bytes, ended.log.len() as u64);

    assert!(matches!(ended.heard[0], Progress::Started { pid } if pid > 1));
    let states: Vec<StepState> = ended
        .heard
        .iter()
        .filter_map(|progress| match progress {
            Progress::Step(step) => Some(step.state),
            _ => None,
        })
        .collect();
    use StepState::{Done, Running};
    assert_eq!(states, [Running, Done, Running, Done]);
    assert!(ended.heard.contains(&Progress::Pct {
        member: None,
        n: 0,
        pct: 50
    }));
    assert!(ended.heard.contains(&Progress::Result));

    let events = fs::read_to_string(end.events.as_ref().unwrap()).unwrap();
    let events: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 13);
    assert!(
        events
            .iter()
            .all(|event| event["at"].is_string() && event["s"].is_f64())
    );
    assert_eq!(events[6]["more"], json!({}));
}

#[test]
fn garbage_is_counted_and_quoted_and_hurts_nothing() {
    let ended = script(
        r#"
        echo 'plain words' >&3
        printf '\377\376\0\033[2J\n' >&3
        echo '{"t":"result"' >&3
        echo '[]' >&3
        head -c 300000 /dev/zero | tr '\0' x >&3; echo >&3
        echo '{"t":"result","case":"good","result":"pass"}' >&3
        for i in 1 2 3; do echo "$i" >&3; done
        echo >&3
        printf '{"t":"result","case":"last","result":"pass"}' >&3
        printf '\000\377\033[31m raw' 
        "#,
    )
    .run();
    let end = &ended.end;
    assert_eq!(end.exit, Exit::Code(0));
    assert_eq!(ended.results(), ["smoke/good pass", "smoke/last pass"]);
    assert_eq!(end.bad_events, 8);
    assert_eq!(end.notes.len(), 6, "{:?}", end.notes);
    assert!(end.notes[0].contains("`plain words`"));
    assert!(end.notes[4].contains("longer than 64 KiB"));
    assert_eq!(end.notes[5], "3 more lines were no events");
    assert!(!end.notes.iter().any(|note| note.contains(char::is_control)));
    assert_eq!(ended.log, b"\0\xff\x1b[31m raw");
}

#[test]
fn a_burst_of_events_is_slowed_down_and_nothing_is_lost() {
    let ended =
        script(r#"seq 11000 | sed 's/.*/{"t":"result","case":"&","result":"pass"}/' >&3"#).run();
    assert_eq!(ended.end.suites[0].cases.len(), 11_000);
    assert_eq!(ended.end.suites[0].cases[10_999].name, "11000");
    assert_eq!(ended.end.notes, Vec::<String>::new());
}

#[test]
fn a_flood_keeps_head_and_tail() {
    let mut attempt = script("echo first; yes flood | head -c 6000000; echo last");
    attempt.spec.log_cap = 64 << 10;
    let ended = attempt.run();
    let log = ended.log();
    assert!(log.starts_with("first\nflood\nflood\n"));
    assert!(log.ends_with("flood\nflood\nlast\n"));
    let dropped = 6_000_000 + 11 - (64 << 10);
    assert_eq!(ended.end.log_dropped, dropped);
    assert!(log.contains(&format!("\n[pumice: {dropped} bytes dropped here]\n")));
    assert_eq!(ended.end.log_bytes, ended.log.len() as u64);
}

#[test]
fn only_regular_files_become_attachments() {
    let ended = script(
        r#"
        mkdir -p out/sub out/.git
        echo '<p>' > out/page.html; echo x > out/sub/data.csv; echo y > out/.git/config
        ln -s /etc/passwd out/secret; mkfifo out/pipe
        echo '{"t":"attach","path":"sub/data.csv","name":"numbers.csv"}' >&3
        "#,
    )
    .run();
    let shown: Vec<String> = ended
        .end
        .attachments
        .iter()
        .map(|file| format!("{} {} {}", file.name, file.media_type, file.bytes))
        .collect();
    assert_eq!(
        shown,
        [
            "_.git/config application/octet-stream 2",
            "numbers.csv text/csv 2",
            "page.html.txt text/plain 4"
        ]
    );
    assert_eq!(
        ended.end.notes,
        ["2 entries in out/ are not regular files and were left out"]
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_no_fault_of_the_board() {
    let spec = spec("/proc/no/such/folder".into(), &["/bin/true"]);
    assert!(pumice::dispatch::start(spec, |_| {}).is_err());
}
