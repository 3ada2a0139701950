//! `board fetch`: a board from packages, whose programs are played by scripts, so that no network is needed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{Ran, command, ran};
use crate::harness::Lab;

/// Offers nothing before it was told to fetch the package lists, as on a machine without any.
const APT_GET: &str = r#"#!/bin/sh
lists=$(dirname "$0")/lists
case "$*" in
*update*) touch "$lists" ;;
*--print-uris*)
    [ -e "$lists" ] || { echo "E: Unable to locate package user-mode-linux"; exit 100; }
    echo "W: something else"
    echo "'http://x/u.deb' user-mode-linux_6.1um4_amd64.deb 41388548 SHA256:1"
    echo "'http://x/b.deb' busybox-static_1%3a1.35_amd64.deb 928188 SHA256:2"
    ;;
*download*)
    echo "dlstatus:1:50.0:Retrieving file 1 of 2" >&3
    touch user-mode-linux_6.1um4_amd64.deb busybox-static_1%3a1.35_amd64.deb
    ;;
esac
"#;

const DPKG_DEB: &str = r#"#!/bin/sh
mkdir -p "$3/usr/bin" "$3/bin"
case $2 in
*user-mode-linux*) echo kernel >"$3/usr/bin/linux.uml" ;;
*busybox*) echo busybox >"$3/bin/busybox" ;;
esac
"#;

fn tools(folder: &Path) {
    for (name, script) in [
        ("apt-get", APT_GET),
        ("apt-cache", "#!/bin/sh\n"),
        ("dpkg-deb", DPKG_DEB),
    ] {
        let file = folder.join(name);
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

struct Host {
    lab: Lab,
    tools: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        let host = Self {
            lab: Lab::new(),
            tools: tempfile::tempdir().unwrap(),
            cache: tempfile::tempdir().unwrap(),
        };
        tools(host.tools.path());
        host
    }

    fn fetch(&self, words: &[&str]) -> Ran {
        let mut command = command(&self.lab.work(), &[&["board", "fetch"], words].concat());
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", self.tools.path().display());
        self.run(command.env("PATH", path))
    }

    fn run(&self, command: &mut Command) -> Ran {
        ran(command
            .env("PUMICE_CACHE", self.cache.path())
            .output()
            .unwrap())
    }
}

#[test]
fn a_board_is_made_from_packages_and_lands_on_main() {
    let host = Host::new();
    let fetched = host.fetch(&["uml"]).ok();
    let lines: Vec<&str> = fetched.err.lines().collect();
    assert_eq!(
        lines,
        [
            "fetching the package lists for amd64",
            "fetching user-mode-linux 6.1um4 (41.4 MB), busybox-static 1:1.35 (0.9 MB)",
            "unpacking"
        ]
    );
    let kit = host.cache.path().join("boards/uml");
    let program = kit.join("linux.uml");
    assert_eq!(fs::read_to_string(&program).unwrap(), "kernel\n");
    let ramdisk = fs::read(kit.join("initramfs.cpio")).unwrap();
    assert!(ramdisk.starts_with(b"070701"));
    let allow = format!("  pumice runner --allow console,{}", program.display());
    assert!(
        fetched.out.lines().any(|line| line == allow),
        "{}",
        fetched.out
    );
    let images = format!("images: [{}]", host.cache.path().join("boards").display());
    assert!(fetched.out.trim_end().ends_with(&images), "{}", fetched.out);

    // It is committed and pushed, as a submitted job is.
    let boards = host.lab.snapshot().files.boards;
    let board = &boards[&"uml01".parse().unwrap()];
    let console = board.console.as_ref().unwrap();
    assert_eq!(console.command[0], program.to_str().unwrap());
    assert_eq!(host.lab.ok(&["status", "--porcelain"]), "");
    super::pumice(&host.lab, &["validate"]).ok();

    // The next one takes the next name, and the kit that is there.
    let again = host.fetch(&["uml"]).ok();
    assert!(again.out.contains("already"), "{}", again.out);
    assert_eq!(again.err, "");
    assert!(host.lab.work().join("boards/uml02.yaml").is_file());
    host.fetch(&["uml", "--name", "uml02"]).code(2);
    host.fetch(&["uml", "--name", "spare"]).ok();
    assert!(host.lab.work().join("boards/spare.yaml").is_file());
    let refreshed = host.fetch(&["uml", "--kit-only", "--refresh"]).ok();
    assert!(refreshed.err.contains("unpacking"), "{}", refreshed.err);
    // Nothing is left but the kit and the lock.
    let left = fs::read_dir(host.cache.path().join("boards")).unwrap();
    assert_eq!(left.count(), 2);
}

#[test]
fn a_file_that_nobody_committed_is_not_overwritten() {
    let host = Host::new();
    host.lab
        .write("boards/uml01.yaml", "device_type: shell\n# mine\n");
    host.fetch(&["uml"]).ok();
    let own = fs::read_to_string(host.lab.work().join("boards/uml01.yaml")).unwrap();
    assert!(own.contains("# mine"));
    assert!(host.lab.work().join("boards/uml02.yaml").is_file());
}

#[test]
fn what_the_machine_lacks_is_said() {
    let host = Host::new();
    let git = Command::new("sh")
        .args(["-c", "command -v git"])
        .output()
        .unwrap();
    let git = String::from_utf8(git.stdout).unwrap();
    let bare = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(git.trim(), bare.path().join("git")).unwrap();
    let fetch = |kind: &str| {
        let mut command = command(&host.lab.work(), &["board", "fetch", kind]);
        host.run(command.env("PATH", bare.path())).code(3).err
    };
    let said = fetch("uml");
    assert!(said.contains("there is no program `apt-get`"), "{said}");
    let said = fetch("qemu");
    let remedy = "apt-get install --no-install-recommends qemu-system-x86";
    assert!(said.contains(remedy), "{said}");
}
