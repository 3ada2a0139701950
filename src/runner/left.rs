//! What an attempt that was cut short left in its folder: its log, its diary and its events, which go to
//! the log ref as those of any other attempt do. Its attachments are not looked for: nobody says that
//! they are whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::core::Held;
use super::outbox::{LogFile, Role};
use super::start::LOG_CAP;

/// More than the driver writes of events or of its diary: a longer file is not its own.
const LONGEST: u64 = 16 << 20;

/// What the folder of a held claim's attempt still has, a group's below its members' names.
pub(super) fn files(held: &Held, folder: &Path) -> Vec<LogFile> {
    let members = &held.claim.members;
    if members.is_empty() {
        return of_board("", folder);
    }
    let names = members.iter().map(|member| &member.name);
    names
        .flat_map(|name| of_board(&format!("{name}/"), &folder.join(name)))
        .collect()
}

/// Whether one of the logs had begun to forget its middle. Its second half is a ring, and where that
/// began was known to the runner that is gone.
pub(super) fn is_out_of_order(files: &[LogFile]) -> bool {
    let full = |file: &LogFile| matches!(file.role, Role::Log { bytes, .. } if bytes >= LOG_CAP);
    files.iter().any(full)
}

fn of_board(prefix: &str, folder: &Path) -> Vec<LogFile> {
    let log = folder.join("log");
    let Some(bytes) = length(&log).filter(|bytes| *bytes <= LOG_CAP) else {
        return Vec::new();
    };
    let file = |name: &str, file: PathBuf, role| LogFile {
        path: format!("{prefix}{name}"),
        file,
        role,
    };
    let mut files = vec![file("log.txt", log, Role::Log { bytes, dropped: 0 })];
    let diary = folder.join("runner.txt");
    if length(&diary).is_some_and(|bytes| bytes <= LONGEST) {
        files.push(file("runner.txt", diary, Role::Runner));
    }
    let events = folder.join("events.jsonl");
    if end_at_a_line(&events).is_ok_and(|bytes| bytes > 0) {
        files.push(file("events.jsonl", events, Role::Events));
    }
    files
}

/// The length of a file that is one: the folder was open to the job.
fn length(path: &Path) -> Option<u64> {
    let data = fs::symlink_metadata(path).ok()?;
    data.is_file().then_some(data.len())
}

/// Cuts off the line that was being written. Gives what is left.
fn end_at_a_line(path: &Path) -> io::Result<u64> {
    if length(path).is_none_or(|bytes| bytes > LONGEST) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let flags = OFlags::NOFOLLOW.bits() as i32;
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(path);
    let file: File = open?;
    let mut bytes = Vec::new();
    (&file).take(LONGEST).read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = whole.map_or(0, |at| at as u64 + 1);
    file.set_len(whole)?;
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(folder: &Path) -> Vec<String> {
        let files = of_board("a/", folder);
        files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn events_end_with_a_whole_line_and_links_are_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(paths(folder.path()).is_empty());
        fs::write(at("log"), "begun").unwrap();
        fs::write(at("events.jsonl"), "{\"t\":\"step\"}\n{\"t\":").unwrap();
        fs::write(at("elsewhere"), "secret").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("runner.txt")).unwrap();
        assert_eq!(paths(folder.path()), ["a/log.txt", "a/events.jsonl"]);
        let events = fs::read_to_string(at("events.jsonl")).unwrap();
        assert_eq!(events, "{\"t\":\"step\"}\n");
        fs::write(at("events.jsonl"), "{\"t\":").unwrap();
        assert_eq!(paths(folder.path()), ["a/log.txt"]);
        let file = File::create(at("log")).unwrap();
        file.set_len(LOG_CAP).unwrap();
        assert!(is_out_of_order(&of_board("", folder.path())));
        file.set_len(LOG_CAP + 1).unwrap();
        assert!(paths(folder.path()).is_empty(), "not written by the driver");
    }
}
