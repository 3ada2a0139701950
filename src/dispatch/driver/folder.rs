//! The job folder and the environment of a dispatcher.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::attempt::AttemptSpec;
use super::sweep;
use crate::dispatch::protocol;
use crate::dispatch::rendezvous::{self, tool};
use crate::process::CappedLog;

/// Where programs are looked up when this process has no `PATH` itself.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub fn job_file(folder: &Path) -> PathBuf {
    folder.join("job.json")
}

pub fn board_file(folder: &Path) -> PathBuf {
    folder.join("board.json")
}

pub fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

pub fn events(folder: &Path) -> PathBuf {
    folder.join("events.jsonl")
}

pub fn diary(folder: &Path) -> PathBuf {
    folder.join("runner.txt")
}

pub fn out(folder: &Path) -> PathBuf {
    folder.join("out")
}

fn group_file(folder: &Path) -> PathBuf {
    folder.join("group.json")
}

/// Where the tools of the rendezvous are found.
fn bin(folder: &Path) -> PathBuf {
    folder.join("bin")
}

/// Makes the folder with its files and gives the log. What stands there is removed: it can only be
/// the rest of an attempt whose runner was killed.
pub fn make(spec: &AttemptSpec) -> io::Result<CappedLog> {
    let folder = &spec.folder;
    let mut private = DirBuilder::new();
    private.mode(0o700);
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match private.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_dir_all(folder)?;
            private.create(folder)?;
        }
        made => made?,
    }
    for name in ["out", "home", "tmp"] {
        private.create(folder.join(name))?;
    }
    write_json(&job_file(folder), &with_name(spec))?;
    write_json(&board_file(folder), &spec.board_file)?;
    if let Some(group) = &spec.group {
        write_json(&group_file(folder), &group.file)?;
        private.create(bin(folder))?;
        for tool in tool::NAMES {
            symlink(&group.program, bin(folder).join(tool))?;
        }
    }
    CappedLog::create(&log(folder), spec.log_cap)
}

/// The definition with its `job_name`, which a dispatcher could not know when the file's name gives it.
fn with_name(spec: &AttemptSpec) -> Value {
    let mut job = spec.job.clone();
    if let Value::Object(keys) = &mut job
        && keys.get("job_name").is_none_or(Value::is_null)
    {
        keys.insert("job_name".into(), spec.job_name.clone().into());
    }
    job
}

fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let file = File::create_new(path)?;
    serde_json::to_writer(io::BufWriter::new(file), value).map_err(io::Error::from)
}

/// What every program is given that is started for a board: nothing of this process's own but `PATH`,
/// so no agent's socket and no setting of git reaches it.
pub fn surroundings(folder: &Path) -> Vec<(OsString, OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
    [
        ("PATH", path),
        ("LANG", "C.UTF-8".into()),
        ("TERM", "dumb".into()),
        ("HOME", folder.join("home").into()),
        ("TMPDIR", folder.join("tmp").into()),
    ]
    .map(|(key, value)| (key.into(), value))
    .into()
}

/// The whole environment of a dispatcher.
pub fn environment(spec: &AttemptSpec) -> Vec<(OsString, OsString)> {
    let folder = &spec.folder;
    let own: [(&str, OsString); 8] = [
        ("PUMICE_PROTOCOL", protocol::VERSION.to_string().into()),
        ("PUMICE_JOB_ID", spec.id.to_string().into()),
        ("PUMICE_JOB_FILE", job_file(folder).into()),
        ("PUMICE_BOARD", spec.board.as_str().into()),
        ("PUMICE_BOARD_FILE", board_file(folder).into()),
        ("PUMICE_ATTEMPT", spec.attempt.to_string().into()),
        ("PUMICE_DEADLINE_S", whole_seconds(spec.deadline).into()),
        (sweep::COOKIE, spec.cookie.clone().into()),
    ];
    let mut all = surroundings(folder);
    all.extend(own.map(|(key, value)| (key.into(), value)));
    if let Some(group) = &spec.group {
        for (key, value) in &mut all {
            if *key == "PATH" {
                let mut longer = bin(folder).into_os_string();
                longer.push(":");
                longer.push(&value);
                *value = longer;
            }
        }
        all.extend([
            ("PUMICE_ROLE".into(), group.file.role.clone().into()),
            (rendezvous::GROUP_FILE.into(), group_file(folder).into()),
            (rendezvous::SOCKET.into(), group.socket.clone().into()),
        ]);
    }
    all
}

/// Rounded up: a shell reckons with whole numbers only, and zero would mean "already over".
fn whole_seconds(span: Duration) -> String {
    (span.as_secs() + u64::from(span.subsec_nanos() > 0)).to_string()
}
