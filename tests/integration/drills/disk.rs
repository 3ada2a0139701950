//! A full disk cuts the log, never the result.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pumice::model::{Health, Verdict};

use super::{figure, skipped};
use crate::harness::Lab;

/// A small file system in memory, taken off when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Result<Self, String> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(at)
            .output()
            .map_err(|error| error.to_string())?;
        if mounted.status.success() {
            Ok(Self(at.to_owned()))
        } else {
            Err(String::from_utf8_lossy(&mounted.stderr).trim().to_owned())
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn a_full_disk_cuts_the_log_and_not_the_result() {
    let lab = Lab::new();
    let disk = match SmallDisk::mount(&lab.state("r1").join("jobs")) {
        Ok(disk) => disk,
        Err(why) => return skipped("disk_full_bytes_dropped", &why),
    };
    lab.board("b1", "r1");
    lab.job("queue/long.json", "head -c 5000000 /dev/zero | tr '\\0' x");
    lab.submit("Submit");
    lab.run_until_idle("r1");
    let record = lab.record_of("queue/long.json");
    assert_eq!(
        (record.health, record.verdict),
        (Some(Health::Complete), Some(Verdict::Pass))
    );
    let log = record.log.as_ref().unwrap();
    figure("disk_full_bytes_kept", log.bytes as f64, "bytes");
    figure("disk_full_bytes_dropped", log.dropped as f64, "bytes");
    assert!(log.dropped > 4_000_000 && log.bytes > 100_000, "{log:?}");
    lab.has_no_claims();
    drop(disk);
}
