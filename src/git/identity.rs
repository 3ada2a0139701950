//! Who the user is, and whether a commit is signed by someone the lab knows.

use std::path::Path;
use std::time::Duration;

use super::command::{Place, git, run};
use super::commit::Person;
use super::error::GitError;
use super::mirror::Mirror;
use super::porcelain::parse_identity;
use crate::model::{ObjectId, Time};

const LIMIT: Duration = Duration::from_secs(60);

/// Who git says the user is, in that folder or anywhere, and the time now.
pub fn identity(dir: Option<&Path>) -> Result<Person, GitError> {
    let attempt = "find out who you are";
    let mut command = git(Place::Person(dir.unwrap_or(Path::new("."))));
    command.args(["var", "GIT_AUTHOR_IDENT"]);
    let output = run(command, attempt, LIMIT)?.success(attempt, LIMIT)?;
    let (name, email, seconds) = parse_identity(output.line().as_bytes());
    Ok(Person {
        name,
        email,
        time: Time::from_unix(seconds),
    })
}

impl Mirror {
    /// Whether the commit carries a good ssh signature by one of the keys in that file, which has the form
    /// that `ssh-keygen` calls allowed signers.
    pub fn is_signed(&self, commit: ObjectId, allowed_signers: &Path) -> Result<bool, GitError> {
        let attempt = format!("verify the signature of {commit}");
        let mut command = git(Place::Mirror(self.path()));
        let mut signers = std::ffi::OsString::from("gpg.ssh.allowedSignersFile=");
        signers.push(allowed_signers);
        command.arg("-c").arg(signers);
        // The file alone decides: no other program of the user's settings, no key ring, any trust level.
        command.args(["-c", "gpg.format=ssh", "-c", "gpg.ssh.program=ssh-keygen"]);
        command.args(["-c", "gpg.ssh.revocationFile=", "-c", "gpg.program=false"]);
        command.args([
            "-c",
            "gpg.openpgp.program=false",
            "-c",
            "gpg.x509.program=false",
        ]);
        command.args(["verify-commit", &commit.to_string()]);
        Ok(run(command, &attempt, LIMIT)?.ok())
    }
}
