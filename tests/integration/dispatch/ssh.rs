//! The built-in dispatcher `ssh` against a real server on a loopback port.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

use pumice::dispatch::{Exit, Outcome, outcome};
use pumice::model::record::verdict;
use pumice::model::{Reason, Verdict};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::skip;

use super::ending::wait_for_log;
use super::harness::{Attempt, PATIENCE, Witness, built_in, built_in_with};

/// A server with keys made on the spot, and a client that trusts nothing else.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Server {
    /// None, with the reason printed, where this machine has no server.
    fn start() -> Option<Self> {
        let programs = ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"];
        if let Some(missing) = programs.into_iter().find(|path| !Path::new(path).exists()) {
            skip(&format!("{missing} is not there; install openssh-server"));
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for key in ["host_key", "key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(at(key))
                .status()
                .unwrap();
            assert!(made.success());
        }
        fs::copy(at("key.pub"), at("authorized_keys")).unwrap();
        let port = free_port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host_key\nPidFile none\nStrictModes no\n\
             AuthorizedKeysFile {dir}/authorized_keys\nPermitRootLogin prohibit-password\nUsePAM no\n",
            dir = folder.path().display()
        );
        fs::write(at("sshd_config"), config).unwrap();
        // What the system's start script makes.
        let _ = fs::create_dir("/run/sshd");
        let process = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stderr(fs::File::create(at("sshd.log")).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self {
            folder,
            port,
            process,
        };
        server.await_answer();
        server.configure_client("");
        Some(server)
    }

    fn await_answer(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || fs::read_to_string(self.folder.path().join("sshd.log")).unwrap();
            assert!(self.process.try_wait().unwrap().is_none(), "{}", log());
            assert!(started.elapsed() < PATIENCE, "{}", log());
            std::thread::yield_now();
        }
    }

    /// A `ssh` that reads a configuration of ours, as a host would have it in its own.
    fn configure_client(&self, more: &str) {
        let dir = self.folder.path().display();
        let config =
            format!("UserKnownHostsFile {dir}/known_hosts\nGlobalKnownHostsFile none\n{more}");
        fs::write(self.folder.path().join("ssh_config"), config).unwrap();
        let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F {dir}/ssh_config \"$@\"\n");
        let program = self.bin().join("ssh");
        fs::create_dir_all(self.bin()).unwrap();
        fs::write(&program, script).unwrap();
        let made = Command::new("chmod").arg("755").arg(&program).status();
        assert!(made.unwrap().success());
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// A job of these actions on the board that this server is.
    fn job(&self, actions: Value) -> Attempt {
        let mut attempt = built_in_with(&self.bin(), "ssh", actions);
        attempt.spec.board_file = json!({"device_type": "remote", "ssh": {
            "host": "127.0.0.1",
            "user": user(),
            "port": self.port,
            "identity": self.folder.path().join("key"),
        }});
        attempt
    }

    /// Ends the server with its connections, which are processes of its own kind below it.
    fn kill(&mut self) {
        let mut doomed = vec![self.process.id()];
        let mut found = 0;
        while found < doomed.len() {
            let children = children(doomed[found]);
            doomed.extend(children.into_iter().filter(|pid| is_server(*pid)));
            found += 1;
        }
        for pid in doomed {
            let _ = kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect()
}

fn is_server(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("sshd"))
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn run(commands: Value) -> Value {
    json!([{"command": "run", "parameters": {"commands": commands}}])
}

/// The number that stands behind a word in the log.
fn number(log: &str, word: &str) -> i32 {
    let rest = log.split(word).last().unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn commands_run_on_the_board_and_give_results() {
    let Some(server) = Server::start() else {
        return;
    };
    let ended = server
        .job(json!([
            {"command": "run", "parameters": {
                "commands": ["echo \"it's $0\" in $SSH_CONNECTION; echo to stderr >&2; cat", "exit 3", "exit 255", "kill -9 $$"],
                "cases": ["echo", "three"]}},
            {"command": "run", "parameters": {"parse": "tap", "suite": "kernel", "commands": [
                "printf '1..3\\nok 1 - a\\nnot ok 2 - b\\n'"]}},
            {"command": "run", "parameters": {"parse": "junit", "suite": "unit", "report": "/tmp/no such 'file'", "commands": [
                "true"]}},
            {"command": "submit_results"},
        ]))
        .run();
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results(),
        [
            "smoke/echo pass",
            "smoke/three fail (exit code 3)",
            "smoke/command-3 fail (exit code 255)",
            "smoke/command-4 fail (exit code 137)",
            "kernel/a pass",
            "kernel/b fail",
            "kernel/test-3 unknown (planned but not seen)",
            "unit/report fail (/tmp/no such 'file': cannot be read on the board)",
        ]
    );
    assert_eq!(verdict(&ended.end.suites), Verdict::Fail);
    let log = ended.log();
    assert!(log.contains("it's sh in 127.0.0.1 "), "{log}");
    assert!(log.contains("to stderr\n"), "{log}");
    assert_eq!((ended.end.bad_events, ended.end.leaked), (0, 0), "{log}");
    let known = fs::read_to_string(server.folder.path().join("known_hosts")).unwrap();
    assert!(known.contains(&format!("[127.0.0.1]:{}", server.port)));
}

#[test]
fn a_report_is_read_on_the_board() {
    let Some(server) = Server::start() else {
        return;
    };
    let report = server.folder.path().join("it's a report.xml");
    fs::write(&report, "<testsuite><testcase name='a'/></testsuite>").unwrap();
    let ended = server
        .job(json!([{"command": "run", "parameters": {
            "parse": "junit", "report": report, "commands": ["true"]}}]))
        .run();
    assert_eq!(ended.results(), ["smoke/a pass"], "{}", ended.log());
}

#[test]
fn a_board_that_refuses_is_an_infrastructure_failure() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut attempt = server.job(run(json!(["true"])));
    attempt.spec.board_file["ssh"]["port"] = free_port().into();
    let ended = attempt.run();
    assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
    let said = ended.end.said.clone().unwrap();
    assert!(
        said.starts_with("no connection: ssh: connect to host"),
        "{said}"
    );
    assert!(said.ends_with("Connection refused"), "{said}");
    assert!(ended.results().is_empty());

    let mut attempt = server.job(run(json!(["true"])));
    attempt.spec.board_file["ssh"]["identity"] = "/nonexistent".into();
    let ended = attempt.run();
    assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
    assert!(ended.end.said.unwrap().contains("Permission denied"));
}

#[test]
fn the_hosts_own_configuration_counts_for_more() {
    let Some(server) = Server::start() else {
        return;
    };
    server.configure_client("StrictHostKeyChecking yes\n");
    let ended = server.job(run(json!(["true"]))).run();
    assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
    assert!(
        ended
            .end
            .said
            .unwrap()
            .contains("Host key verification failed")
    );
}

#[test]
fn a_server_that_dies_is_an_infrastructure_failure() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let mut running = server
        .job(run(json!(["true", "echo pid $$; sleep 600; true", "true"])))
        .start();
    wait_for_log(&mut running, "\npid ");
    server.kill();
    let ended = running.wait();
    assert_eq!(ended.end.exit, Exit::Code(75), "{}", ended.log());
    assert_eq!(ended.results(), ["smoke/command-1 pass"]);
    let said = ended.end.said.unwrap();
    assert!(said.starts_with("the connection was lost: "), "{said}");
}

#[test]
fn what_runs_on_the_board_ends_with_the_attempt() {
    let Some(server) = Server::start() else {
        return;
    };
    let attempt = server.job(run(json!(["sleep 600 & echo child $! .; wait"])));
    let mut running = attempt.start();
    wait_for_log(&mut running, " .\n");
    let log = running.handle.log_tail(4096).unwrap();
    let child = Witness::of(number(&String::from_utf8_lossy(&log), "child "));
    running.handle.terminate();
    let ended = running.wait();
    assert_eq!(ended.end.exit, Exit::Code(143), "{}", ended.log());
    assert!(ended.end.terminated);
    assert!(ended.results().is_empty());
    child.assert_gone();
}

#[test]
fn a_time_limit_ends_it_too() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut attempt = server.job(run(json!(["echo child $$ .; exec sleep 600"])));
    attempt.spec.deadline = std::time::Duration::from_secs(10);
    let mut running = attempt.start();
    wait_for_log(&mut running, " .\n");
    let log = running.handle.log_tail(4096).unwrap();
    let child = Witness::of(number(&String::from_utf8_lossy(&log), "child "));
    let ended = running.wait();
    assert!(matches!(
        outcome(&ended.end),
        Outcome::Incomplete(Reason::Timeout)
    ));
    child.assert_gone();
}

#[test]
fn a_board_without_an_address_is_misconfigured() {
    for (ssh, why) in [
        (Value::Null, "the board's file has no `ssh`"),
        (
            json!({"host": "-oProxyCommand=touch out/x"}),
            "`ssh.host` in the board's file is no host's name",
        ),
        (
            json!({"host": "a", "user": "-x"}),
            "`ssh.user` in the board's file is no user's name",
        ),
    ] {
        let mut attempt = built_in("ssh", run(json!(["true"])));
        attempt.spec.board_file = json!({"device_type": "remote", "ssh": ssh});
        let ended = attempt.run();
        assert_eq!(ended.end.exit, Exit::Code(78), "{}", ended.log());
        assert_eq!(ended.end.said.as_deref(), Some(why));
        assert!(ended.end.attachments.is_empty());
    }
}
