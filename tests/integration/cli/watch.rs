//! `watch`: a job step by step, in lines and in bars.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::json;

use super::{command, pumice};
use crate::harness::{Lab, until};

/// A lab with a job of two steps.
fn lab(first: &str, second: &str) -> Lab {
    let lab = Lab::new();
    lab.write(
        "lab.yaml",
        "name: Test lab\nheartbeat: 200ms\npoll: 1s\ntimeouts: {grace: 1s}\n",
    );
    lab.board("b1", "r");
    let action = |command: &str| json!({"command": "run", "parameters": {"commands": [command]}});
    let actions = json!({"actions": [action(first), action(second)]});
    lab.job_with("queue/two.json", "true", actions);
    lab.submit("Submit a job of two steps");
    lab
}

#[test]
fn elsewhere_each_change_is_a_line() {
    let lab = lab("sleep 0.8", "sleep 0.8; false");
    let watching = command(&lab.work(), &["watch", "queue/two.json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    lab.run_until_idle("r");
    let output = watching.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let mut rest = said.as_str();
    for words in [
        "queue/two.json submitted",
        "queue/two.json running on b1",
        "step 1 of 2, run begins",
        "step 1 of 2, run: pass, 0.8s",
        "step 2 of 2, run begins",
        "step 2 of 2, run: pass, 0.",
        "queue/two.json complete, fail",
        "two command-2 failed: exit code 1",
        "shows its log",
    ] {
        let (_, after) = rest
            .split_once(words)
            .unwrap_or_else(|| panic!("no {words}: {said}"));
        rest = after;
    }
    assert_eq!(rest, "\n");
    let again = pumice(&lab, &["watch", "queue/two.json"]).code(1);
    let cause = "two command-2 failed: exit code 1\n";
    assert!(again.out.contains("complete, fail\n"), "{}", again.out);
    assert!(again.out.contains(cause), "{}", again.out);
}

/// The program on a terminal of so many columns, and what it has drawn so far.
struct Terminal {
    child: Child,
    drawn: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    fn new(lab: &Lab, columns: u16, args: &[&str]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave: OwnedFd = ioctl_tiocgptpeer(&master, flags).unwrap();
        let size = Winsize {
            ws_row: 30,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&slave, size).unwrap();
        let child = command(&lab.work(), args)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap();
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&drawn);
        let reader = thread::spawn(move || {
            let mut master = File::from(master);
            let mut piece = [0; 4096];
            // Reading fails once nobody has the other side open.
            while let Ok(n @ 1..) = master.read(&mut piece) {
                shared.lock().unwrap().extend_from_slice(&piece[..n]);
            }
        });
        Self {
            child,
            drawn,
            reader,
        }
    }

    fn drawn(&self) -> String {
        String::from_utf8_lossy(&self.drawn.lock().unwrap()).into_owned()
    }

    fn end(mut self) -> (std::process::ExitStatus, String) {
        let status = self.child.wait().unwrap();
        self.reader.join().unwrap();
        let drawn = self.drawn.lock().unwrap();
        (status, String::from_utf8_lossy(&drawn).into_owned())
    }
}

#[test]
fn on_a_terminal_bars_move_and_stay_on_clean_lines() {
    let lab = lab("sleep 1", "true");
    let terminal = Terminal::new(&lab, 100, &["watch", "queue/two.json"]);
    lab.run_until_idle("r");
    let (status, drawn) = terminal.end();
    assert!(status.success(), "{drawn}");
    assert!(
        drawn.contains("running ") && drawn.contains(" 1 run"),
        "{drawn}"
    );
    assert!(drawn.contains("complete, pass · took "), "{drawn}");
    assert!(
        drawn.contains("100 %") && drawn.ends_with("\r\n"),
        "{drawn}"
    );
    let codes = drawn.split("\u{1b}[").skip(1);
    let mut ends = codes.filter_map(|code| {
        code.trim_start_matches(|c: char| c.is_ascii_digit())
            .chars()
            .next()
    });
    assert!(ends.all(|end| end != 'm'), "NO_COLOR: {drawn}");
}

#[test]
fn interrupted_it_ends_as_the_signal_would_have_ended_it() {
    let lab = lab("true", "true");
    let terminal = Terminal::new(&lab, 40, &["watch", "queue/two.json"]);
    until("it says that the job waits", || {
        terminal.drawn().contains("submitted")
    });
    let pid = Pid::from_raw(terminal.child.id() as i32).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let (status, drawn) = terminal.end();
    assert_eq!(status.signal(), Some(2), "{drawn}");
    assert!(drawn.ends_with("\r\n"), "{drawn}");
}
