//! The ways to a console, each with a real shell behind it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;

use pumice::dispatch::Exit;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use serde_json::{Value, json};

use super::fake::{SHELL, board, run, script};
use crate::dispatch::harness::Ended;

/// What is the same on every way: exit codes, a file that is sent, signals that come from it.
fn works(board: Value) -> Ended {
    let ended = run(
        board,
        json!([
            {"command": "run", "parameters": {"suite": "s", "commands": ["true", "exit 3"]}},
            {"command": "test", "parameters": {"testdefs": [{"metadata": {"name": "t"}, "run": {"steps": [
                "lava-test-case shell --shell true", "lava-test-case speed --result pass --measurement 12 --units MB/s"]}}]}},
        ]),
    );
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results(),
        [
            "s/command-1 pass",
            "s/command-2 fail (exit code 3)",
            "t/shell pass",
            "t/speed pass"
        ]
    );
    assert_eq!(ended.end.leaked, 0);
    ended
}

fn at(keys: Value) -> Value {
    let mut console = json!({"prompt": "board# ", "boot_timeout": "30s"});
    super::fake::merge(&mut console, keys);
    board(console)
}

fn pty() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let terminal = ioctl_tiocgptpeer(&master, flags).unwrap();
    (master, terminal)
}

/// A shell whose input and output are one descriptor.
fn shell_on(fd: OwnedFd) -> Child {
    script_on(fd, SHELL)
}

fn script_on(fd: OwnedFd, script: &str) -> Child {
    let stdio = || Stdio::from(fd.try_clone().unwrap());
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script])
        .stdin(stdio())
        .stdout(stdio())
        .stderr(stdio());
    command.process_group(0).spawn().unwrap()
}

#[test]
fn a_process_on_a_pty() {
    let ended = works(script(
        &format!("[ -t 0 ] && [ -t 1 ] && echo on a terminal; {SHELL}"),
        json!({"pty": true}),
    ));
    assert!(ended.log().contains("on a terminal"), "{}", ended.log());
}

#[test]
fn a_raw_tcp_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        shell_on(stream.into()).wait().unwrap();
    });
    works(at(json!({"tcp": address})));
    server.join().unwrap();
}

/// Behind the port stands a terminal that echoes and edits lines, as a board's serial line does.
fn echoing(script: &str) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let script = script.to_owned();
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let (master, terminal) = pty();
        let mut shell = script_on(terminal, &script);
        let from_board = File::from(master.try_clone().unwrap());
        let to_board = File::from(master);
        let (input, output) = (stream.try_clone().unwrap(), stream);
        let writer = thread::spawn(move || copy(input, to_board));
        let reader = thread::spawn(move || copy(from_board, output));
        let _ = writer.join();
        let _ = shell.kill();
        let _ = shell.wait();
        let _ = reader.join();
    });
    let ended = works(at(json!({"tcp": address})));
    server.join().unwrap();
    ended
}

/// Each command stands in the log once, and nothing of what else was typed.
fn is_quiet(log: &str) {
    assert_eq!(log.matches("exit 3").count(), 1, "{log}");
    assert!(log.contains("\n$ exit 3\n"), "{log}");
    for typed in ["printf", "PS1", "/pumice-", "</dev/null"] {
        assert!(!log.contains(typed), "{typed}: {log}");
    }
}

#[test]
fn a_tcp_port_that_echoes() {
    is_quiet(&echoing(SHELL).log());
}

#[test]
fn a_board_that_cannot_be_kept_from_echoing() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/bin/false", folder.path().join("stty")).unwrap();
    let script = format!("PATH={}:$PATH; {SHELL}", folder.path().display());
    is_quiet(&echoing(&script).log());
}

/// A kernel may speak at any time.
#[test]
fn what_a_board_says_into_our_typing_stays_in_the_log() {
    let ticking = format!(
        "(i=0; while [ $i -lt 300 ]; do echo \"tick $i.\"; i=$((i+1)); sleep 0.01; done) & {SHELL}"
    );
    let log = echoing(&ticking).log();
    let ticks = log.split("tick ").skip(1);
    let ticks: Vec<usize> = ticks
        .map(|tick| tick.split_once('.').unwrap().0.parse().unwrap())
        .collect();
    let all: Vec<usize> = (0..ticks.len()).collect();
    assert!(ticks.len() > 5, "{log}");
    assert_eq!(ticks, all, "{log}");
}

fn copy(mut from: impl Read, mut to: impl Write) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

/// A pair of ptys stands in for a serial line: the board holds the one end.
#[test]
fn a_serial_device() {
    let (master, terminal) = pty();
    let device = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let mut shell = shell_on(master.as_fd().try_clone_to_owned().unwrap());
    works(at(json!({"serial": device, "baud": 115_200})));
    drop(terminal);
    shell.kill().unwrap();
    shell.wait().unwrap();
}

#[test]
fn a_port_that_nobody_serves_is_tried_until_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let ended = run(
        at(json!({"tcp": address.to_string(), "boot_timeout": "1s"})),
        json!([{"command": "boot"}]),
    );
    assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
    let why = ended.end.said.clone().unwrap();
    assert!(
        why.starts_with("did not boot: the console cannot be opened: Connection refused"),
        "{why}"
    );
}

/// A console that hangs on its board's power: nobody listens before.
#[test]
fn a_port_that_comes_with_the_power() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("power");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let waiting = fifo.clone();
    let server = thread::spawn(move || -> io::Result<()> {
        File::open(waiting)?.read_to_end(&mut Vec::new())?;
        let (stream, _): (TcpStream, _) = TcpListener::bind(address)?.accept()?;
        shell_on(stream.into()).wait().map(drop)
    });
    let mut board = at(json!({"tcp": address.to_string()}));
    let on = format!("echo on >{}", fifo.display());
    super::fake::merge(&mut board, json!({"power": {"on": ["/bin/sh", "-c", on]}}));
    let ended = run(
        board,
        json!([{"command": "boot"}, {"command": "run", "parameters": {"commands": ["true"]}}]),
    );
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    server.join().unwrap().unwrap();
}
