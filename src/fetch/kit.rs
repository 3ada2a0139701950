//! A fetched kit: its files in the cache, and how they are booted.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Kind, cache_folder, program, ramdisk};

/// The layout of a kit's folder; one with another version is fetched anew.
pub(super) const VERSION: u32 = 1;

pub(super) const RAMDISK: &str = "initramfs.cpio";
pub(super) const MANIFEST: &str = "kit.json";

/// All that a virtual board needs to boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kit {
    pub kind: Kind,
    /// The program to start: an absolute path.
    pub program: PathBuf,
    pub kernel: PathBuf,
    pub ramdisk: PathBuf,
    /// What the files came from.
    pub packages: Vec<Package>,
}

/// A package of Debian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub bytes: u64,
}

/// What stands in `kit.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub version: u32,
    pub recipe: String,
    pub packages: Vec<Package>,
}

/// The kit in the user's cache; `None` where none was fetched, where it is out of date, or where its
/// emulator is not installed.
pub fn find(kind: Kind) -> Option<Kit> {
    find_in(&cache_folder()?, kind)
}

/// As [`find`], in another cache.
pub fn find_in(cache: &Path, kind: Kind) -> Option<Kit> {
    let folder = folder(cache, kind);
    let manifest = fs::read(folder.join(MANIFEST)).ok()?;
    let manifest: Manifest = serde_json::from_slice(&manifest).ok()?;
    if manifest.version != VERSION || manifest.recipe != ramdisk::recipe() {
        return None;
    }
    let kernel = folder.join(kind.kernel_file());
    let program = match kind.emulator() {
        None => kernel.clone(),
        Some(emulator) => program::find(emulator.program)?,
    };
    let kit = Kit {
        kind,
        program,
        kernel,
        ramdisk: folder.join(RAMDISK),
        packages: manifest.packages,
    };
    (kit.kernel.is_file() && kit.ramdisk.is_file()).then_some(kit)
}

/// Where a kind's kit lies.
pub(super) fn folder(cache: &Path, kind: Kind) -> PathBuf {
    cache.join("boards").join(kind.as_str())
}

impl Kit {
    /// The arguments that boot it, with `{kernel}` and `{ramdisk}` for the images. User Mode Linux *is* its
    /// kernel, so it names none. `words` are added to the kernel's command line.
    pub fn arguments(&self, words: &[&str]) -> Vec<String> {
        let mut arguments: Vec<&str> = match self.kind {
            // With less memory it does not boot. The console is the process's own input and output.
            Kind::Uml => vec![
                "mem=64M",
                "initrd={ramdisk}",
                "con=null",
                "con0=fd:0,fd:1",
                // Else its root could mount the folders of the host.
                "hostfs=/dev/null",
                "quiet",
            ],
            Kind::Qemu => vec!["-M", "pc", "-m", "96"],
            Kind::QemuArm64 => vec![
                "-M",
                "virt,gic-version=3",
                "-cpu",
                "cortex-a57",
                "-m",
                "128",
            ],
        };
        let serial = match self.kind {
            Kind::Uml => {
                arguments.extend(words);
                return arguments.into_iter().map(str::to_owned).collect();
            }
            Kind::Qemu => "ttyS0",
            Kind::QemuArm64 => "ttyAMA0",
        };
        arguments.extend([
            // Not KVM: that /dev/kvm opens is no proof that a guest runs. The buffer of translated code is
            // kept small, since most of what it holds is used once.
            "-accel",
            "tcg,tb-size=32",
            "-no-reboot",
            "-nodefaults",
            "-no-user-config",
            "-nographic",
            "-serial",
            "stdio",
            "-kernel",
            "{kernel}",
            "-initrd",
            "{ramdisk}",
            "-append",
        ]);
        let mut line = format!("console={serial} quiet panic=-1");
        for word in words {
            line.push(' ');
            line.push_str(word);
        }
        arguments
            .into_iter()
            .map(str::to_owned)
            .chain([line])
            .collect()
    }

    /// The whole command that boots it, with its own images.
    pub fn command(&self, words: &[&str]) -> Vec<OsString> {
        let fill = |argument: String| -> OsString {
            // The paths come from the environment and need not be UTF-8.
            for (placeholder, path) in [("{kernel}", &self.kernel), ("{ramdisk}", &self.ramdisk)] {
                if let Some((before, after)) = argument.split_once(placeholder) {
                    let mut filled = OsString::from(before);
                    filled.push(path);
                    filled.push(after);
                    return filled;
                }
            }
            argument.into()
        };
        [self.program.clone().into_os_string()]
            .into_iter()
            .chain(self.arguments(words).into_iter().map(fill))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kit_counts_only_when_it_is_whole_and_current() {
        let cache = tempfile::tempdir().unwrap();
        let at = folder(cache.path(), Kind::Uml);
        fs::create_dir_all(&at).unwrap();
        let mut manifest = Manifest {
            version: VERSION,
            recipe: ramdisk::recipe(),
            packages: Vec::new(),
        };
        let found = |manifest: &Manifest| {
            fs::write(at.join(MANIFEST), serde_json::to_vec(manifest).unwrap()).unwrap();
            find_in(cache.path(), Kind::Uml)
        };
        assert_eq!(found(&manifest), None);
        fs::write(at.join("linux.uml"), "").unwrap();
        fs::write(at.join(RAMDISK), "").unwrap();
        let kit = found(&manifest).unwrap();
        assert_eq!(kit.program, at.join("linux.uml"));
        assert_eq!(kit.kernel, kit.program);
        manifest.recipe = "another".to_owned();
        assert_eq!(found(&manifest), None);
    }

    #[test]
    fn the_command_names_the_images() {
        let kit = Kit {
            kind: Kind::Qemu,
            program: "/usr/bin/qemu".into(),
            kernel: "/kit/vmlinuz".into(),
            ramdisk: "/kit/initramfs.cpio".into(),
            packages: Vec::new(),
        };
        let command = kit.command(&["board.hang"]);
        let command: Vec<&str> = command.iter().filter_map(|word| word.to_str()).collect();
        assert_eq!(command[0], "/usr/bin/qemu");
        assert!(command.contains(&"/kit/vmlinuz") && command.contains(&"/kit/initramfs.cpio"));
        assert_eq!(
            command.last(),
            Some(&"console=ttyS0 quiet panic=-1 board.hang")
        );
    }
}
