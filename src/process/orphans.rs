//! Processes whose own parent is gone: this process takes them in and buries them.

use std::collections::HashSet;
use std::{fs, io};

use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};

/// Makes this process the parent of every descendant whose own parent ends, so that none of them
/// leaves the tree.
pub fn become_subreaper() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Buries the dead that nobody waits for. A child that somebody waits for is dead for a moment
/// only, so whoever is found dead by two calls in a row, some seconds apart, is an orphan.
#[derive(Default)]
pub struct Orphans {
    dead: HashSet<(i32, u64)>,
}

impl Orphans {
    /// To be called every few seconds; returns how many were buried.
    pub fn bury(&mut self) -> usize {
        let dead = dead_children();
        let mut buried = 0;
        for &(pid, _) in dead.intersection(&self.dead) {
            if let Some(pid) = Pid::from_raw(pid)
                && let Ok(Some(_)) = waitpid(Some(pid), WaitOptions::NOHANG)
            {
                buried += 1;
            }
        }
        self.dead = dead;
        buried
    }
}

/// This process's dead children: number and start time, which together are never used twice.
fn dead_children() -> HashSet<(i32, u64)> {
    let own = getpid().as_raw_pid();
    let Ok(processes) = fs::read_dir("/proc") else {
        return HashSet::new();
    };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (state, parent, started) = parse_stat(&stat)?;
            (state == "Z" && parent == own).then_some((pid, started))
        })
        .collect()
}

/// State, parent and start time from a line of `/proc/PID/stat`. The second field is the program's
/// name in parentheses, which may itself hold blanks and parentheses.
pub(super) fn parse_stat(stat: &str) -> Option<(&str, i32, u64)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let started = fields.nth(17)?.parse().ok()?;
    Some((state, parent, started))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_cannot_forge_the_fields() {
        let line = "42 (evil) Z 1 (x) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9876 1 2";
        assert_eq!(parse_stat(line), Some(("S", 7, 9876)));
        assert_eq!(parse_stat("42 (x"), None);
    }

    #[test]
    fn buries_a_dead_child_only_when_nobody_took_it_in_time() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let id = child.id() as i32;
        while !dead_children().iter().any(|&(pid, _)| pid == id) {
            std::thread::yield_now();
        }
        let mut orphans = Orphans::default();
        orphans.bury();
        assert!(orphans.dead.iter().any(|&(pid, _)| pid == id));
        assert!(orphans.bury() >= 1);
        assert!(child.wait().is_err(), "it was buried already");
    }
}
