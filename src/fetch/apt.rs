//! Debian's packages by `apt-get`, without root and without installing anything.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::{FetchError, attempt};
use super::{Package, program};

/// Keeps away the commands that the system runs after a change of its own lists, and those lists that no
/// board needs, which are half of the bytes. A list that cannot be fetched must be an error, since otherwise
/// a machine without network seems to have no such package.
const SETTINGS: &str = r#"#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
"#;

/// `apt-get` with one set of package lists.
pub(super) struct Apt {
    settings: PathBuf,
    options: Vec<OsString>,
    /// A folder that commands run in.
    folder: PathBuf,
}

/// A package that can be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub package: Package,
    /// Name and architecture, as `apt-get` takes them.
    pub wanted: String,
    /// The name of the file that `apt-get download` leaves.
    pub file: String,
}

impl Apt {
    /// With the lists that this machine has, if it has any. `scratch` holds the settings.
    pub fn of_system(scratch: &Path) -> Result<Self, FetchError> {
        let settings = scratch.join("apt.conf");
        fs::write(&settings, SETTINGS)
            .map_err(attempt(|| format!("write {}", settings.display())))?;
        Ok(Self {
            settings,
            // As root `apt-get` would run its downloads as a user who may not write here, and complain.
            options: vec!["-o".into(), "APT::Sandbox::User=root".into()],
            folder: scratch.to_owned(),
        })
    }

    /// With lists of our own in `lists`, for one architecture, and as if nothing were installed. The sources
    /// and the keys that they are checked by are the system's.
    pub fn of_our_own(
        scratch: &Path,
        lists: &Path,
        architecture: &str,
    ) -> Result<Self, FetchError> {
        let mut apt = Self::of_system(scratch)?;
        let status = lists.join("status");
        for folder in ["lists/partial", "cache/archives/partial"] {
            let folder = lists.join(folder);
            fs::create_dir_all(&folder)
                .map_err(attempt(|| format!("make the folder {}", folder.display())))?;
        }
        fs::write(&status, "").map_err(attempt(|| format!("write {}", status.display())))?;
        let mut set = |name: &str, value: &Path| {
            let mut option = OsString::from(format!("{name}="));
            option.push(value);
            apt.options.extend(["-o".into(), option]);
        };
        set("Dir::State", lists);
        set("Dir::State::lists", &lists.join("lists"));
        set("Dir::State::status", &status);
        set("Dir::Cache", &lists.join("cache"));
        set("APT::Architecture", Path::new(architecture));
        set("APT::Architectures", Path::new(architecture));
        Ok(apt)
    }

    /// Brings the lists up to date; an error if any list could not be fetched, whether or not it matters.
    pub fn update(&self) -> Result<(), FetchError> {
        let words = ["update".to_owned()];
        self.run("fetch the package lists", "apt-get", &words, &mut |_| {})?;
        Ok(())
    }

    /// The package that `package` depends on and whose name begins with `prefix`.
    pub fn dependency(&self, package: &str, prefix: &str) -> Result<String, FetchError> {
        let attempted = format!("look up the package {package}");
        let words = [
            "show".to_owned(),
            "--no-all-versions".to_owned(),
            package.to_owned(),
        ];
        let shown = self.run(&attempted, "apt-cache", &words, &mut |_| {})?;
        dependency(&shown, prefix).ok_or_else(|| FetchError::Failed {
            attempt: attempted,
            said: format!("it does not depend on any {prefix}…"),
        })
    }

    /// What a download of these packages would fetch, in any order.
    pub fn offers(&self, wanted: &[String]) -> Result<Vec<Offer>, FetchError> {
        let attempted = format!("look up the packages {}", wanted.join(", "));
        let mut words = vec!["--print-uris".to_owned(), "download".to_owned()];
        words.extend_from_slice(wanted);
        let printed = self.run(&attempted, "apt-get", &words, &mut |_| {})?;
        let offers: Vec<Offer> = printed
            .lines()
            .filter_map(|line| offer(line, wanted))
            .collect();
        if offers.len() == wanted.len() {
            Ok(offers)
        } else {
            Err(FetchError::Failed {
                attempt: attempted,
                said: format!("only {} of {} are offered", offers.len(), wanted.len()),
            })
        }
    }

    /// Downloads packages into the working folder; they are checked against the signed lists. `percent` is
    /// told how far it is.
    pub fn download(
        &self,
        offers: &[Offer],
        percent: &mut dyn FnMut(f64),
    ) -> Result<(), FetchError> {
        let names: Vec<&str> = offers
            .iter()
            .map(|offer| offer.package.name.as_str())
            .collect();
        let attempted = format!("download {}", names.join(", "));
        let mut words = vec![
            "-o".to_owned(),
            "APT::Status-Fd=3".to_owned(),
            "download".to_owned(),
        ];
        words.extend(offers.iter().map(|offer| offer.wanted.clone()));
        let mut line = Vec::new();
        self.run(&attempted, "apt-get", &words, &mut |bytes| {
            for &byte in bytes {
                if byte != b'\n' {
                    line.push(byte);
                } else if let Some(done) = progress(&String::from_utf8_lossy(&line)) {
                    percent(done);
                    line.clear();
                } else {
                    line.clear();
                }
            }
        })?;
        Ok(())
    }

    fn run(
        &self,
        attempted: &str,
        name: &str,
        words: &[String],
        channel: &mut dyn FnMut(&[u8]),
    ) -> Result<String, FetchError> {
        let mut argv: Vec<OsString> = vec![required(name)?.into(), "-q".into(), "-c".into()];
        argv.push(self.settings.clone().into());
        argv.extend_from_slice(&self.options);
        argv.extend(words.iter().map(OsString::from));
        program::run(attempted, &argv, &self.folder, channel)
    }
}

/// A program of Debian's that must be there.
pub(super) fn required(name: &str) -> Result<PathBuf, FetchError> {
    program::find(name).ok_or_else(|| FetchError::Missing {
        attempt: "use Debian's packages".to_owned(),
        what: format!("there is no program `{name}`"),
        remedy: "virtual boards are made from Debian's packages: fetch them on Debian or a system made from it, or write a board file for a kernel of your own".to_owned(),
    })
}

/// Unpacks a package into a folder.
pub(super) fn unpack(package: &Path, into: &Path) -> Result<(), FetchError> {
    let argv = [
        required("dpkg-deb")?.into(),
        "--extract".into(),
        package.into(),
        into.into(),
    ];
    let attempted = format!("unpack {}", package.display());
    program::run(&attempted, &argv, into, &mut |_| {})?;
    Ok(())
}

/// `Depends: linux-image-6.1.0-1-cloud-amd64 (= 6.1.1-1), other` holds what begins with `prefix`.
fn dependency(shown: &str, prefix: &str) -> Option<String> {
    let depends = shown
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))?;
    depends
        .split([',', '|'])
        .filter_map(|one| one.split_whitespace().next())
        .find(|name| name.starts_with(prefix))
        .map(str::to_owned)
}

/// `'http://…' NAME_VERSION_ARCH.deb BYTES SHA256:…`, for one of the wanted packages.
fn offer(line: &str, wanted: &[String]) -> Option<Offer> {
    let mut words = line.strip_prefix('\'')?.split_whitespace().skip(1);
    let file = words.next()?;
    let bytes = words.next()?.parse().ok()?;
    let mut parts = file.strip_suffix(".deb")?.split('_');
    let (name, version) = (parts.next()?, parts.next()?);
    let wanted = wanted
        .iter()
        .find(|one| one.split(':').next() == Some(name))?;
    // The file is opened by this name.
    if file.contains('/') {
        return None;
    }
    Some(Offer {
        package: Package {
            name: name.to_owned(),
            // A file's name cannot hold the colon of an epoch in every file system.
            version: version.replace("%3a", ":"),
            bytes,
        },
        wanted: wanted.clone(),
        file: file.to_owned(),
    })
}

/// `dlstatus:1:33.3:Retrieving file 1 of 2` as a percentage.
fn progress(line: &str) -> Option<f64> {
    let mut parts = line.split(':');
    (parts.next() == Some("dlstatus")).then_some(())?;
    parts.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_kernel_is_what_the_empty_package_depends_on() {
        let shown = "Package: linux-image-cloud-amd64\nDepends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2), kmod | x\n";
        let found = dependency(shown, "linux-image-");
        assert_eq!(found.as_deref(), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(dependency("Package: x\n", "linux-image-"), None);
    }

    #[test]
    fn an_offer_has_name_version_and_size() {
        let wanted = ["busybox-static:arm64".to_owned()];
        let line = "'http://packages.example.org/debian/pool/main/b/busybox/busybox-static_1.35.0-4_arm64.deb' busybox-static_1%3a1.35.0-4+b1_arm64.deb 822236 SHA256:732c";
        let found = offer(line, &wanted).unwrap();
        assert_eq!(found.package.name, "busybox-static");
        assert_eq!(found.package.version, "1:1.35.0-4+b1");
        assert_eq!(found.package.bytes, 822_236);
        assert_eq!(found.wanted, wanted[0]);
        assert_eq!(offer("W: unsandboxed", &wanted), None);
        assert_eq!(
            offer("'http://x' other_1_all.deb 5 SHA256:1", &wanted),
            None
        );
        let outside = "'http://x' busybox-static_1_/../../x.deb 5 SHA256:1";
        assert_eq!(offer(outside, &wanted), None);
    }

    #[test]
    fn progress_is_read_from_the_status_lines() {
        let line = "dlstatus:1:33.3333:Retrieving file 1 of 2 (0s remaining)";
        assert_eq!(progress(line), Some(33.3333));
        assert_eq!(progress("pmstatus:x:1:y"), None);
        assert_eq!(progress("dlstatus:1"), None);
    }
}
