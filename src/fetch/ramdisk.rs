//! The initial ramdisk of a virtual board: busybox and a few lines of shell.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::cpio::{self, Entry};

const INIT: &str = include_str!("../../templates/virtual/init");
const INITTAB: &str = include_str!("../../templates/virtual/inittab");

/// The folders that a board starts with. Busybox installs its links into `bin` and `sbin`, here and in `usr`.
const FOLDERS: [&str; 14] = [
    "bin", "dev", "etc", "mnt", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "usr/bin",
    "usr/sbin", "var",
];

/// The archive with this busybox. The kernels of all kinds read it as it is; compressed it would be half as
/// big and boot no faster.
pub(super) fn build(busybox: Vec<u8>) -> Vec<u8> {
    let mut entries: BTreeMap<String, Entry> = FOLDERS
        .iter()
        .map(|folder| ((*folder).to_owned(), Entry::Folder))
        .collect();
    let mut put = |path: &str, entry| entries.insert(path.to_owned(), entry);
    let executable = |bytes| Entry::File {
        bytes,
        executable: true,
    };
    put("bin/busybox", executable(busybox));
    put("init", executable(INIT.into()));
    put(
        "etc/inittab",
        Entry::File {
            bytes: INITTAB.into(),
            executable: false,
        },
    );
    // The other names of busybox are made by busybox itself, which alone knows them all.
    put(
        "bin/sh",
        Entry::Link {
            to: "busybox".to_owned(),
        },
    );
    cpio::archive(&entries)
}

/// What the ramdisk is made of besides busybox: a kit with another one is out of date.
pub(super) fn recipe() -> String {
    format!("{:016x}", xxh3_64(&build(Vec::new())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_busybox_gives_the_same_bytes() {
        let first = build(b"\x7fELF busybox".to_vec());
        assert_eq!(first, build(b"\x7fELF busybox".to_vec()));
        assert_ne!(first, build(b"\x7fELF another".to_vec()));
        assert_eq!(first.len() % 512, 0);
    }
}
