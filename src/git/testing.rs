//! Real repositories for tests, apart from whatever git settings the user of this machine has.
//!
//! Uses only the standard library and tempfile, so that the integration tests can include this file too.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests, of which each test binary uses a part"
)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder with a bare repository `lab.git` and a clone `work` in it.
pub struct Server {
    dir: TempDir,
}

/// Runs git in a folder, with a fixed identity and none of the user's settings, and gives its output.
/// Fails the test when git fails.
pub fn git<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> String {
    let (ok, out, err) = try_git(dir, args);
    assert!(ok, "git failed in {}: {out}{err}", dir.display());
    out
}

/// The same, giving success, output and standard error.
pub fn try_git<S: AsRef<OsStr>>(
    dir: &Path,
    args: impl IntoIterator<Item = S>,
) -> (bool, String, String) {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    let output = command
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("LC_ALL", "C")
        .env("GIT_AUTHOR_NAME", "Ann Author")
        .env("GIT_AUTHOR_EMAIL", "ann@example.org")
        .env("GIT_COMMITTER_NAME", "Carl Committer")
        .env("GIT_COMMITTER_EMAIL", "carl@example.org")
        .args(["-c", "protocol.file.allow=always", "-c", "gc.auto=0"])
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

impl Server {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        git(
            dir.path(),
            ["init", "-q", "--bare", "-b", "main", "lab.git"],
        );
        git(dir.path(), ["init", "-q", "-b", "main", "work"]);
        let server = Self { dir };
        git(&server.work(), ["remote", "add", "origin", "../lab.git"]);
        server
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("lab.git")
    }

    pub fn url(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// The clone's folder.
    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// Runs git in the clone.
    pub fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        git(&self.work(), args)
    }

    /// Runs git in the bare repository.
    pub fn bare<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        git(&self.path(), args)
    }

    /// Writes files in the clone, commits and pushes main; the commit's id.
    pub fn push(&self, files: &[(&str, &str)]) -> String {
        self.write(files);
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "-m", "change"]);
        self.git(["push", "-q", "origin", "HEAD:refs/heads/main"]);
        self.git(["rev-parse", "HEAD"])
    }

    /// Writes files in the clone.
    pub fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.work().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    /// Installs an executable hook at the server.
    pub fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path().join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}
