//! Groups of cgroup v2: found, made, killed, removed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::process::{Leader, Moment, Program};

/// How long killed processes may take to be gone: only one that the kernel cannot interrupt needs more.
const VANISH: Duration = Duration::from_secs(1);

/// What is tried in a group before it is trusted: a program that only `cgroup.kill` ends soon.
const PROBE: [&str; 2] = ["/bin/sleep", "60"];

/// The folder in which this process makes its groups.
#[derive(Debug)]
pub struct Groups {
    folder: PathBuf,
}

impl Groups {
    /// Makes the folder below this process's own group, and tries it. `Err` says why it cannot be used.
    pub fn open(name: &str) -> Result<Self, String> {
        let own = own_group()?;
        let folder = own.join(name);
        if folder.is_dir() {
            kill(&folder);
            remove(&folder);
        }
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(format!("cannot make {}: {error}", folder.display()));
            }
            _ => {}
        }
        let groups = Self { folder };
        groups.probe().map_err(|error| {
            remove(&groups.folder);
            format!("groups in {} do not work: {error}", own.display())
        })?;
        Ok(groups)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn make(&self, name: &str) -> io::Result<Group> {
        let folder = self.folder.join(name);
        if folder.is_dir() {
            // Left by an attempt that could not be killed; whoever is still in it is ended now.
            kill(&folder);
            remove(&folder);
        }
        match fs::create_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let members = File::options()
            .write(true)
            .open(folder.join("cgroup.procs"))?;
        Ok(Group { folder, members })
    }

    /// A process must enter a group, be seen there and be killed with it.
    fn probe(&self) -> io::Result<()> {
        let group = self.make("probe")?;
        let argv = PROBE.map(OsString::from);
        let leader = Leader::spawn(&Program {
            argv: &argv,
            env: &[],
            folder: Path::new("/"),
            channel: false,
            group: Some(&group),
        })?;
        let caught = group.kill();
        drop(leader);
        if caught == 1 {
            Ok(())
        } else {
            Err(io::Error::other("a process did not enter its group"))
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        kill(&self.folder);
        remove(&self.folder);
    }
}

/// A group of one attempt. Dropping it kills who is in it and removes it.
#[derive(Debug)]
pub struct Group {
    folder: PathBuf,
    members: File,
}

impl Group {
    /// Kills everybody in the group and waits until they are gone; says how many there were.
    pub fn kill(&self) -> u32 {
        kill(&self.folder)
    }

    /// Where a process writes `0` to enter.
    pub(in crate::process) fn members(&self) -> BorrowedFd<'_> {
        self.members.as_fd()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        kill(&self.folder);
        remove(&self.folder);
    }
}

/// The folder of the group that this process is in.
fn own_group() -> Result<PathBuf, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    let mounts = read("/proc/self/mountinfo")?;
    let memberships = read("/proc/self/cgroup")?;
    place(&mounts, &memberships).ok_or_else(|| "no cgroup v2 is mounted".to_owned())
}

/// Where the group of `/proc/self/cgroup` lies below a mount of `/proc/self/mountinfo`.
fn place(mounts: &str, memberships: &str) -> Option<PathBuf> {
    let own = memberships
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        if kind.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = Path::new(own).strip_prefix(root).ok()?;
        Some(Path::new(point).join(below))
    })
}

/// Kills all in a group and below it, and waits until they are gone.
fn kill(folder: &Path) -> u32 {
    let found = count(folder);
    if found > 0 && fs::write(folder.join("cgroup.kill"), "1").is_ok() {
        wait_until_empty(folder);
    }
    found
}

fn count(folder: &Path) -> u32 {
    let own = fs::read_to_string(folder.join("cgroup.procs"))
        .map_or(0, |members| members.lines().count() as u32);
    own + below(folder).iter().map(|inner| count(inner)).sum::<u32>()
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

/// The kernel marks `cgroup.events` as changed when the last member is gone.
fn wait_until_empty(folder: &Path) {
    let end = Moment::now().plus(VANISH);
    // Opened anew for every look: what changes after the reading wakes the very descriptor that read.
    while let Ok(mut events) = File::open(folder.join("cgroup.events")) {
        let mut text = String::new();
        let left = end.since(Moment::now());
        if events.read_to_string(&mut text).is_err()
            || !text.lines().any(|line| line == "populated 1")
            || left.is_zero()
        {
            return;
        }
        let timeout = Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let _ = poll(&mut [PollFd::new(&events, PollFlags::PRI)], Some(&timeout));
    }
}

/// Removes a group with those below it. One that still has members stays.
fn remove(folder: &Path) {
    for inner in below(folder) {
        remove(&inner);
    }
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
30 22 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:5 - cgroup2 cgroup2 rw,nsdelegate
32 30 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
";

    #[test]
    fn finds_the_own_group_of_a_hybrid_and_of_a_plain_host() {
        let found = place(MOUNTS, "4:pids:/x\n0::/system.slice/pumice.service\n");
        let expected = "/sys/fs/cgroup/unified/system.slice/pumice.service";
        assert_eq!(found.unwrap(), Path::new(expected));
        let plain = "30 22 0:26 /a /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        assert_eq!(
            place(plain, "0::/a/b\n").unwrap(),
            Path::new("/sys/fs/cgroup/b")
        );
        assert_eq!(place(plain, "0::/c\n"), None, "outside what is mounted");
        assert_eq!(place(MOUNTS, "4:pids:/x\n"), None);
        assert_eq!(place("", "0::/\n"), None);
    }

    /// Written past the capture of a passing test's output, in one piece.
    fn skip(why: &str) {
        let line = format!("skipped: {why}\n");
        let _ = io::Write::write_all(&mut io::stderr(), line.as_bytes());
    }

    #[test]
    fn kills_who_left_session_and_environment() {
        let name = format!("pumice-test-{}", std::process::id());
        let groups = match Groups::open(&name) {
            Ok(groups) => groups,
            Err(why) => return skip(&why),
        };
        let group = groups.make("attempt").unwrap();
        let script = "for n in 1 2 3; do setsid env -i /bin/sh -c \
            'trap \"\" TERM; /bin/sleep 600 & /bin/sleep 600' & done; echo begun; wait";
        let argv = ["/bin/sh", "-c", script].map(OsString::from);
        let leader = Leader::spawn(&Program {
            argv: &argv,
            env: &[("PATH".into(), "/usr/bin:/bin".into())],
            folder: Path::new("/"),
            channel: false,
            group: Some(&group),
        })
        .unwrap();
        while count(&group.folder) < 10 {
            std::thread::yield_now();
        }
        assert_eq!(group.kill(), 10);
        assert_eq!(count(&group.folder), 0);
        drop(leader);
        let folder = groups.folder().to_owned();
        drop(group);
        drop(groups);
        assert!(!folder.exists());
    }

    #[test]
    fn what_a_predecessor_left_is_killed() {
        let name = format!("pumice-left-{}", std::process::id());
        let first = match Groups::open(&name) {
            Ok(groups) => groups,
            Err(why) => return skip(&why),
        };
        let group = first.make("attempt").unwrap();
        let argv = PROBE.map(OsString::from);
        let leader = Leader::spawn(&Program {
            argv: &argv,
            env: &[],
            folder: Path::new("/"),
            channel: false,
            group: Some(&group),
        })
        .unwrap();
        // As after a kill -9: nobody tidied up.
        std::mem::forget((first, group));
        let second = Groups::open(&name).unwrap();
        assert!(!second.folder().join("attempt").exists());
        // A test beside this one buries dead children of this process; then nobody can say how it ended.
        if let Ok(exit) = leader.reap() {
            assert_eq!(exit, crate::process::Exit::Signal(9));
        }
    }
}
