//! A test repository, checked out on this host.

use std::fs;
use std::path::{self, Path};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::on_host::on_host;
use crate::dispatch::built_in::console::plan::Repository;
use crate::dispatch::built_in::terminated::Bell;

/// How long git may take for one command.
const LIMIT: Duration = Duration::from_secs(600);

/// A repository that the host shares may belong to whoever keeps it.
const CONFIG: &str = "[safe]\n\tdirectory = *\n";

/// Without the keys, the agent and the settings of the runner's user.
const SSH: &str =
    "ssh -F none -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityFile=none -o IdentityAgent=none";

/// Clones a repository into a folder of the job and checks the revision out.
pub fn checkout(
    place: &str,
    repository: &Repository,
    revision: Option<&str>,
    bell: &Bell,
) -> Result<TempDir, Halt> {
    let folder = tempfile::Builder::new()
        .prefix("testdef-")
        .tempdir_in(path::absolute(".")?)?;
    let config = folder.path().join("gitconfig");
    fs::write(&config, CONFIG)?;
    let source = match repository {
        Repository::Url(url) => url.as_ref(),
        Repository::Path(path) => path.as_os_str(),
    };
    let mut clone = git(&config);
    clone.arg("clone").arg("--quiet").arg("--no-checkout");
    if revision.is_none() {
        clone.arg("--depth=1");
    }
    clone.arg("--").arg(source).arg(folder.path().join("tree"));
    let failed = |what: &str, why: String| format!("{place}: git {what}: {why}");
    match on_host(&mut clone, LIMIT, bell)? {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(Halt::Infrastructure(failed("clone", status.to_string()))),
        Err(why) => return Err(Halt::Infrastructure(failed("clone", why))),
    }
    let mut check_out = git(&config);
    check_out.arg("-C").arg(folder.path().join("tree"));
    check_out.args(["checkout", "--quiet", "--detach"]);
    check_out.arg(revision.unwrap_or("HEAD"));
    match on_host(&mut check_out, LIMIT, bell)? {
        Ok(status) if status.success() => Ok(folder),
        // The repository is there, so it is the name that is wrong.
        Ok(status) => Err(Halt::Job(failed("checkout", status.to_string()))),
        Err(why) => Err(Halt::Infrastructure(failed("checkout", why))),
    }
}

/// A git command that runs nothing of the repository's own and asks nobody.
fn git(config: &Path) -> Command {
    let mut command = Command::new("git");
    command
        // As a file: git does not hand settings of its command line on to the other repository.
        .env("GIT_CONFIG_GLOBAL", config)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        // A job must not read by the runner's user what its author may not read.
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .env("GIT_SSH_COMMAND", SSH)
        .env_remove("SSH_AUTH_SOCK")
        // Where curl looks for the passwords of hosts.
        .env("HOME", "/nonexistent")
        .env("GIT_ALLOW_PROTOCOL", "file:http:https:git:ssh")
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .env("LC_ALL", "C")
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.symlinks=false",
        ]);
    command
}
