//! No bytes, however broken, may make a check panic.

use super::{shared, small_lab};
use crate::model::Diagnostic;
use crate::model::check::{board, device_type, job, lab_config, render, to_gitlab};

/// The numbers of a seeded generator (SplitMix64), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.max(1) as u64) as usize
    }
}

const JOB: &str = r#"{
  "job_name": "smoke ü", "device_type": "qemu", "tags": ["net", "hdmi"], "priority": "high",
  "timeout": "1h30m", "expires": 90.5, "retries": 2, "stream": "/public/team/",
  "notify": ["alice@example.org"], "metadata": {"a": "b"}, "device_group": null,
  "actions": [
    {"command": "run", "timeout": "2m", "parameters": {"commands": ["uname -a"], "cases": ["x"], "parse": "tap"}},
    {"command": "submit_results", "parameters": {"server": "{server}", "stream": "/a/"}}
  ]
}"#;
const BOARD: &str = "device_type: qemu # a comment\nrunner: lab-a\ntags: &t [virtual, 'net']\n\
    service: {state: maintenance, reason: \"fan\\n\", since: 2026-11-20T09:00:00Z}\nowners: [alice]\n\
    power: {on: [a, b], off: [c]}\ndispatchers:\n  - console\n  - name: mine\n    command: [/bin/x, -y]\n\
    console: {tcp: localhost:5555}\ndescription: |\n  Some **text**\n\n  more\n";
const TYPE: &str = "tags: [a]\nhealth_check:\n  job: templates/jobs/health.json\n  every: 24h\nconsole: {command: [qemu]}\n";
const LAB: &str = "name: Lab\ntimeouts: {job: 1h, max: 24h, grace: 30s}\nheartbeat: 10\nlease: 5m\n\
    users:\n  alice: {emails: [alice@example.org], groups: [k]}\n  bob: &b\n    emails: [b@c]\n\
    groups: {k: {owners: [alice]}}\nadmins: [alice]\nnotify: {x: [1, 0x1F, .5, ~, *b]}\nforge: {kind: gitlab, url: 'https://x'}\n";

const PIECES: [&[u8]; 40] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"'",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\n",
    b"\r\n",
    b"\t",
    b"//",
    b"/*",
    b"*/",
    b"#",
    b"-",
    b"- ",
    b"? ",
    b"&a ",
    b"*a",
    b"!!str ",
    b"|\n",
    b">",
    b"%",
    b"---\n",
    b"...\n",
    b"<<: ",
    b"0x",
    b"1e999",
    b"-0",
    b".",
    b"\xff",
    b"\xc3",
    b"\0",
    b"\xef\xbb\xbf",
    "\u{2028}".as_bytes(),
    "é".as_bytes(),
];

fn mutate(original: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            2 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
            3 => {
                let open: &[u8] =
                    [&b"["[..], b"{\"a\":", b"{a: ", b"- ", b"[{", b"&x [", b"? "][random.below(7)];
                let depth = 1 << random.below(12);
                let nested = open.repeat(depth);
                bytes.splice(at..at, nested);
            }
            4 => {
                let end = (at + random.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            5 => {
                let end = (at + random.below(60)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            _ => {
                let end = (at + random.below(8)).min(bytes.len());
                for byte in &mut bytes[at..end] {
                    *byte = random.below(256) as u8;
                }
            }
        }
    }
    bytes
}

/// 5,000 files; 100,000 with `PUMICE_LONG=1`.
#[test]
fn no_file_makes_a_check_panic() {
    let long = std::env::var_os("PUMICE_LONG").is_some();
    let count = if long { 100_000 } else { 5_000 };
    let mut jobs = vec![JOB.as_bytes().to_vec()];
    if let Some(shared) = shared() {
        for folder in ["corpus/lava-v1", "corpus/lava-v1-broken"] {
            let mut paths: Vec<_> = std::fs::read_dir(shared.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_none_or(|end| end != "tsv"))
                .collect();
            paths.sort();
            jobs.extend(paths.iter().map(|path| std::fs::read(path).unwrap()));
        }
    }
    let lab = small_lab();
    let mut random = Random(20_261_124);
    for n in 0..count {
        let pick = random.below(8);
        let original: &[u8] = match pick {
            0..=3 => &jobs[random.below(jobs.len())],
            4 => BOARD.as_bytes(),
            5 => TYPE.as_bytes(),
            6 => LAB.as_bytes(),
            _ => JOB.as_bytes(),
        };
        let bytes = mutate(original, &mut random);
        let told = std::panic::catch_unwind(|| {
            let (any, diagnostics) = match pick {
                4 => {
                    let checked = board("boards/b.yaml", &bytes, Some(&lab));
                    (checked.value.is_some(), checked.diagnostics)
                }
                5 => {
                    let checked = device_type("boards/types/t.yaml", &bytes);
                    (checked.value.is_some(), checked.diagnostics)
                }
                6 => {
                    let checked = lab_config("lab.yaml", &bytes);
                    (checked.value.is_some(), checked.diagnostics)
                }
                _ => {
                    let checked = job("queue/j.json", &bytes, Some(&lab));
                    (checked.value.is_some(), checked.diagnostics)
                }
            };
            assert_eq!(any, !diagnostics.iter().any(Diagnostic::is_error));
            for one in &diagnostics {
                assert!(one.line > 0 && one.column > 0);
                assert!(!one.message.contains('\u{1b}'));
                // The type must never refuse what schema and rules let pass: it knows no place.
                assert!(!one.message.contains("cannot be read:"), "{}", one.message);
            }
            render(&diagnostics, &bytes, n % 2 == 0);
            to_gitlab(&diagnostics);
        });
        assert!(
            told.is_ok(),
            "file {n} (kind {pick}) makes the check panic:\n{}",
            bytes.escape_ascii()
        );
    }
}
