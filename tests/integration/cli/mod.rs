//! The command line as people and scripts use it: the program itself, on real repositories.

mod board;
mod board_fetch;
mod change;
mod demo;
mod look;
mod manual;
mod new_lab;
mod simulate;
mod watch;
mod when;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::Lab;

/// What a command ended with.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// The program in a folder, as Alice, with nothing of the machine's configuration.
fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pumice"));
    command.current_dir(dir).args(args).env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    let home = tempfile_home();
    command.envs([
        ("HOME", home.as_os_str()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".as_ref()),
        ("GIT_CONFIG_NOSYSTEM", "1".as_ref()),
        ("GIT_AUTHOR_NAME", "Alice".as_ref()),
        ("GIT_AUTHOR_EMAIL", "alice@example.org".as_ref()),
        ("GIT_COMMITTER_NAME", "Alice".as_ref()),
        ("GIT_COMMITTER_EMAIL", "alice@example.org".as_ref()),
    ]);
    command
}

/// A home for the mirrors, beside the test program: one for all tests, each of which has other URLs.
fn tempfile_home() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("home")
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("an exit code"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn pumice_in(dir: &Path, args: &[&str]) -> Ran {
    ran(command(dir, args).output().expect("the program starts"))
}

/// In the lab's work tree.
fn pumice(lab: &Lab, args: &[&str]) -> Ran {
    pumice_in(&lab.work(), args)
}

impl Ran {
    fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    fn ok(self) -> Self {
        self.code(0)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The id in the first word.
    fn id(&self) -> String {
        let word = self.out.split_whitespace().next().expect("a word");
        assert_eq!(word.len(), 36, "{}", self.out);
        word.to_owned()
    }
}

/// The values of one key of a JSON array, in its order.
fn column(list: &Value, key: &str) -> Vec<String> {
    let entries = list.as_array().expect("an array").iter();
    entries
        .map(|entry| entry[key].as_str().unwrap_or("null").to_owned())
        .collect()
}
