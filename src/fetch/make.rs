//! Makes a kit: looks its packages up, downloads and unpacks them, builds the ramdisk, and puts all in its
//! place at once.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use super::apt::{self, Apt, Offer};
use super::error::{FetchError, attempt};
use super::kit::{self, Kit, MANIFEST, Manifest, RAMDISK, VERSION};
use super::{Kind, Package, program, ramdisk};

/// What the unfinished kits in the cache are called.
const UNFINISHED: &str = ".fetching-";

/// How far a fetch is.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress<'a> {
    /// Another fetch is under way, whose end is waited for.
    Waiting,
    /// The package lists are fetched, since this machine's know too little.
    Lists { architecture: &'a str },
    /// These packages are about to be downloaded.
    Download(&'a [&'a Package]),
    /// So much of the download is done.
    Percent(f64),
    /// The packages are unpacked.
    Unpack,
}

/// Fetches the newest kit of a kind into a cache, where it takes the place of an older one. Boards that run
/// keep the files that they have opened.
pub fn fetch(
    cache: &Path,
    kind: Kind,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Kit, FetchError> {
    if let Some(emulator) = kind.emulator()
        && program::find(emulator.program).is_none()
    {
        return Err(FetchError::Missing {
            attempt: format!("find an emulator for {} boards", kind.as_str()),
            what: format!("there is no program `{}`", emulator.program),
            remedy: format!(
                "run `apt-get install --no-install-recommends {}` as root",
                emulator.package
            ),
        });
    }
    for name in ["apt-get", "apt-cache", "dpkg-deb"] {
        apt::required(name)?;
    }
    let boards = cache.join("boards");
    fs::create_dir_all(&boards)
        .map_err(attempt(|| format!("make the folder {}", boards.display())))?;
    let lock = lock(&boards, progress)?;
    remove_unfinished(&boards);
    let scratch = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(&boards)
        .map_err(attempt(|| format!("make a folder in {}", boards.display())))?;
    let offers = download(cache, kind, scratch.path(), progress)?;
    progress(Progress::Unpack);
    assemble(kind, scratch.path(), &offers)?;
    let place = kit::folder(cache, kind);
    put_in_place(&scratch, &place)?;
    drop(lock);
    kit::find_in(cache, kind).ok_or_else(|| FetchError::Failed {
        attempt: format!("use the new kit in {}", place.display()),
        said: "it vanished at once".to_owned(),
    })
}

/// Only one fetch works in a cache at a time; the lock ends with the file.
fn lock(boards: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<File, FetchError> {
    let path = boards.join(".lock");
    let shown = || format!("lock {}", path.display());
    let file = File::create(&path).map_err(attempt(shown))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(Progress::Waiting);
            file.lock().map_err(attempt(shown))?;
        }
        Err(TryLockError::Error(error)) => return Err(attempt(shown)(error)),
    }
    Ok(file)
}

/// Removes what fetches that were killed left behind; under the lock nobody else works on it.
fn remove_unfinished(boards: &Path) {
    let entries = fs::read_dir(boards).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            // What cannot be removed is only lost space.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Downloads a kind's packages into `scratch`: by this machine's lists where they know them, else by lists
/// of our own. Those of the machine can be missing, lack the architecture, or name what is gone.
fn download(
    cache: &Path,
    kind: Kind,
    scratch: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Offer>, FetchError> {
    if let Ok(offers) = download_by(&Apt::of_system(scratch)?, kind, progress) {
        return Ok(offers);
    }
    let architecture = kind.architecture();
    progress(Progress::Lists { architecture });
    let lists = cache.join("apt").join(architecture);
    let apt = Apt::of_our_own(scratch, &lists, architecture)?;
    let updated = apt.update();
    // A source of the system's that fails and has none of these packages must not stand in the way; where
    // the packages are missing, it is the likely reason.
    download_by(&apt, kind, progress).map_err(|error| updated.err().unwrap_or(error))
}

fn download_by(
    apt: &Apt,
    kind: Kind,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Offer>, FetchError> {
    let architecture = kind.architecture();
    let named = |name: &str| format!("{name}:{architecture}");
    let kernel = if kind.follows_dependency() {
        apt.dependency(&named(kind.kernel_package()), "linux-image-")?
    } else {
        kind.kernel_package().to_owned()
    };
    let offers = apt.offers(&[named(&kernel), named("busybox-static")])?;
    let packages: Vec<&Package> = offers.iter().map(|offer| &offer.package).collect();
    progress(Progress::Download(&packages));
    apt.download(&offers, &mut |percent| progress(Progress::Percent(percent)))?;
    Ok(offers)
}

/// Makes `kit` in `scratch` out of the downloaded packages.
fn assemble(kind: Kind, scratch: &Path, offers: &[Offer]) -> Result<(), FetchError> {
    let unpacked = scratch.join("unpacked");
    let made = scratch.join("kit");
    for folder in [&unpacked, &made] {
        fs::create_dir(folder)
            .map_err(attempt(|| format!("make the folder {}", folder.display())))?;
    }
    for offer in offers {
        apt::unpack(&scratch.join(&offer.file), &unpacked)?;
    }
    let kernel = kernel(kind, &unpacked)?;
    let to = made.join(kind.kernel_file());
    fs::rename(&kernel, &to).map_err(attempt(|| format!("move {}", kernel.display())))?;
    let busybox = unpacked.join("bin/busybox");
    let busybox = fs::read(&busybox)
        .or_else(|_| fs::read(unpacked.join("usr/bin/busybox")))
        .map_err(attempt(|| format!("read {}", busybox.display())))?;
    write(&made.join(RAMDISK), &ramdisk::build(busybox))?;
    let manifest = Manifest {
        version: VERSION,
        recipe: ramdisk::recipe(),
        packages: offers.iter().map(|offer| offer.package.clone()).collect(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest)
        .map_err(io::Error::from)
        .map_err(attempt(|| format!("write {MANIFEST}")))?;
    write(&made.join(MANIFEST), &manifest)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    fs::write(path, bytes).map_err(attempt(|| format!("write {}", path.display())))
}

/// The kernel among the unpacked files.
fn kernel(kind: Kind, unpacked: &Path) -> Result<PathBuf, FetchError> {
    let (folder, prefix) = kind.kernel_in_package();
    let folder = unpacked.join(folder);
    let looked = || format!("look for {prefix}… in {}", folder.display());
    for entry in fs::read_dir(&folder).map_err(attempt(looked))? {
        let entry = entry.map_err(attempt(looked))?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            return Ok(entry.path());
        }
    }
    Err(attempt(looked)(io::ErrorKind::NotFound.into()))
}

/// Moves the finished kit to `place`. One that is there already changes places with it, so that at every
/// moment there is a whole one, and goes with the scratch folder.
fn put_in_place(scratch: &TempDir, place: &Path) -> Result<(), FetchError> {
    let made = scratch.path().join("kit");
    let moved = match renameat_with(CWD, &made, CWD, place, RenameFlags::EXCHANGE) {
        // Nothing is there yet, or the file system cannot exchange.
        Err(_) => fs::remove_dir_all(place)
            .or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })
            .and_then(|()| fs::rename(&made, place)),
        Ok(()) => Ok(()),
    };
    moved.map_err(attempt(|| format!("put the kit in {}", place.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_kit_takes_the_place_of_an_old_one() {
        let boards = tempfile::tempdir().unwrap();
        let place = boards.path().join("uml");
        for text in ["old", "new"] {
            let scratch = tempfile::tempdir_in(boards.path()).unwrap();
            fs::create_dir(scratch.path().join("kit")).unwrap();
            write(&scratch.path().join("kit/file"), text.as_bytes()).unwrap();
            put_in_place(&scratch, &place).unwrap();
            assert_eq!(fs::read_to_string(place.join("file")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(boards.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_fetch_left_is_removed() {
        let boards = tempfile::tempdir().unwrap();
        fs::create_dir(boards.path().join(".fetching-x")).unwrap();
        fs::create_dir(boards.path().join("uml")).unwrap();
        remove_unfinished(boards.path());
        assert!(boards.path().join("uml").is_dir());
        assert!(!boards.path().join(".fetching-x").exists());
    }
}
