//! Finds and kills processes by a mark in their environment: what has left its group and session
//! still carries the environment it was started with.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal, test_kill_process,
};

use super::Moment;

/// How often the search is repeated while it still finds something: who forks faster than we look
/// has as many rounds to lose.
const ROUNDS: usize = 20;

/// How many process numbers are tried one by one before reading all of `/proc` is cheaper.
const NEARBY: i32 = 1024;

/// How long all killed processes together may take to be gone.
const VANISH: Duration = Duration::from_secs(1);

/// An environment entry, as bytes.
#[derive(Debug, Clone, Copy)]
pub enum Mark<'a> {
    /// `NAME=value`.
    Whole(&'a [u8]),
    /// `NAME=beginning`.
    Beginning(&'a [u8]),
}

impl Mark<'_> {
    fn is_in(&self, environment: &[u8]) -> bool {
        environment
            .split(|&byte| byte == 0)
            .any(|entry| match self {
                Self::Whole(mark) => entry == *mark,
                Self::Beginning(mark) => entry.starts_with(mark),
            })
    }
}

/// Kills every process that carries the mark, but never this one, and waits until they are gone;
/// returns how many were found.
///
/// `newer_than` names a process that was started shortly before any that may be found: with it
/// only the numbers given out since are looked at, which costs microseconds on a busy host.
pub fn sweep(mark: Mark<'_>, newer_than: Option<u32>) -> u32 {
    let mut killed = HashMap::new();
    for _ in 0..ROUNDS {
        // A killed process may be found again while it is still dying.
        let before = killed.len();
        for pid in candidates(newer_than) {
            if let Some(pidfd) = kill_if_marked(pid, mark) {
                killed.insert(pid, pidfd);
            }
        }
        if killed.len() == before {
            break;
        }
    }
    wait_until_gone(killed.values());
    killed.len() as u32
}

fn candidates(newer_than: Option<u32>) -> Vec<i32> {
    if let Some(first) = newer_than.and_then(|pid| i32::try_from(pid).ok())
        && let Some(last) = last_given_out()
        && (first..=first.saturating_add(NEARBY)).contains(&last)
    {
        return (first..=last)
            .filter(|&pid| Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok()))
            .collect();
    }
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The process number given out last, the end of `/proc/loadavg`.
fn last_given_out() -> Option<i32> {
    let line = fs::read_to_string("/proc/loadavg").ok()?;
    line.rsplit(' ').next()?.trim().parse().ok()
}

/// The descriptor is opened before the environment is read, so that the signal reaches the very
/// process that was looked at or nobody.
fn kill_if_marked(pid: i32, mark: Mark<'_>) -> Option<OwnedFd> {
    let pid = Pid::from_raw(pid).filter(|&pid| pid != getpid())?;
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_pid())).ok()?;
    let killed = mark.is_in(&environment) && pidfd_send_signal(&pidfd, Signal::KILL).is_ok();
    killed.then_some(pidfd)
}

/// A killed process may still finish a system call, such as a write to a file that somebody is
/// about to read.
fn wait_until_gone<'a>(killed: impl Iterator<Item = &'a OwnedFd>) {
    let end = Moment::now().plus(VANISH);
    for pidfd in killed {
        let left = end.since(Moment::now());
        let timeout = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let _ = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&timeout));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_a_whole_entry_or_its_beginning() {
        let environment = b"PATH=/bin\0COOKIE=ab-1\0X=COOKIE=zz\0";
        assert!(Mark::Whole(b"COOKIE=ab-1").is_in(environment));
        assert!(!Mark::Whole(b"COOKIE=ab").is_in(environment));
        assert!(Mark::Beginning(b"COOKIE=ab").is_in(environment));
        assert!(!Mark::Beginning(b"COOKIE=zz").is_in(environment));
    }

    #[test]
    fn kills_the_marked_and_no_other() {
        let start = |mark: &str| {
            std::process::Command::new("sleep")
                .arg("600")
                .env("PUMICE_TEST_MARK", mark)
                .spawn()
                .unwrap()
        };
        let name = format!("sweep-{}", std::process::id());
        let (mut mine, mut other) = (start(&name), start("another"));
        let mark = format!("PUMICE_TEST_MARK={name}");
        assert_eq!(sweep(Mark::Whole(mark.as_bytes()), Some(mine.id())), 1);
        assert!(!mine.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none(), "the other one lives");
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(sweep(Mark::Whole(mark.as_bytes()), None), 0);
    }
}
