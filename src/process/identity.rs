//! Names a process so that no later one can be taken for it: a number alone is used again.

use std::fs;
use std::io;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::orphans::parse_stat;

/// A process of one boot: its number together with its start time, which are never used twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The kernel's id of this boot.
    pub boot: String,
    pub pid: i32,
    /// In clock ticks since the boot, as `/proc/PID/stat` says it.
    pub started: u64,
}

impl Identity {
    pub fn of(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).map_err(io::Error::other)?;
        Ok(Self {
            boot: boot()?,
            pid,
            started: started(pid)?,
        })
    }

    /// Kills the process and its group if it still is this very one; says whether it was.
    pub fn kill(&self) -> bool {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.pid > 1) else {
            return false;
        };
        // The descriptor comes first: from then on the number cannot change its owner unseen.
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else {
            return false;
        };
        let same = boot().is_ok_and(|boot| boot == self.boot)
            && started(self.pid).is_ok_and(|started| started == self.started);
        if !same {
            return false;
        }
        // It led its own group, and as long as it is not buried nobody else's can have its number.
        let _ = kill_process_group(pid, Signal::KILL);
        pidfd_send_signal(&pidfd, Signal::KILL).is_ok()
    }
}

fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .to_owned())
}

fn started(pid: i32) -> io::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, _, started) =
        parse_stat(&stat).ok_or_else(|| io::Error::other("a strange line in /proc"))?;
    Ok(started)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn kills_this_very_process_and_no_stranger() {
        let mut child = Command::new("sleep")
            .arg("600")
            .process_group(0)
            .spawn()
            .unwrap();
        let identity = Identity::of(child.id()).unwrap();
        let later = Identity {
            started: identity.started + 1,
            ..identity.clone()
        };
        let other_boot = Identity {
            boot: "another".into(),
            ..identity.clone()
        };
        assert!(!later.kill() && !other_boot.kill());
        assert!(child.try_wait().unwrap().is_none(), "it lives");
        assert!(identity.kill());
        assert!(!child.wait().unwrap().success());
        assert!(!identity.kill(), "it is gone");
    }
}
