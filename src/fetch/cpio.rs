//! Writes a cpio archive as the kernel reads it ("newc"), the same bytes for the same entries.

use std::collections::BTreeMap;

/// What stands at a path. Owners are root and times are zero, so nothing of the host gets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    /// A file that everybody may read and execute, or only read.
    File {
        bytes: Vec<u8>,
        executable: bool,
    },
    Link {
        to: String,
    },
}

impl Entry {
    /// Type and permissions, as `stat` has them.
    fn mode(&self) -> u32 {
        match self {
            Self::Folder => 0o040_755,
            Self::File {
                executable: true, ..
            } => 0o100_755,
            Self::File { .. } => 0o100_644,
            Self::Link { .. } => 0o120_777,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Folder => &[],
            Self::File { bytes, .. } => bytes,
            Self::Link { to } => to.as_bytes(),
        }
    }
}

/// The archive's end is padded to this, as every cpio program does.
const BLOCK: usize = 512;

/// The archive of all entries by their path, which has no leading slash. A map is sorted, so a folder comes
/// before what lies in it.
pub(super) fn archive(entries: &BTreeMap<String, Entry>) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, (path, entry)) in (1..).zip(entries) {
        // A folder has a second link from within itself.
        let links = if *entry == Entry::Folder { 2 } else { 1 };
        member(&mut out, number, entry.mode(), links, path, entry.bytes());
    }
    member(&mut out, 0, 0, 1, "TRAILER!!!", &[]);
    pad(&mut out, BLOCK);
    out
}

fn member(out: &mut Vec<u8>, inode: u32, mode: u32, links: u32, path: &str, bytes: &[u8]) {
    // A path with its final zero, and a size: neither comes near the format's 32 bits.
    let (size, name_size) = (bytes.len() as u32, path.len() as u32 + 1);
    let fields = [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, name_size, 0];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(path.as_bytes());
    out.push(0);
    pad(out, 4);
    out.extend_from_slice(bytes);
    pad(out, 4);
}

fn pad(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    fn sample() -> BTreeMap<String, Entry> {
        let file = |text: &str, executable| Entry::File {
            bytes: text.into(),
            executable,
        };
        let link = Entry::Link { to: "tool".into() };
        [
            ("bin".to_owned(), Entry::Folder),
            ("bin/tool".to_owned(), file("#!/bin/sh\n", true)),
            ("bin/alias".to_owned(), link),
            ("text".to_owned(), file("odd", false)),
            ("empty".to_owned(), file("", false)),
        ]
        .into()
    }

    #[test]
    fn the_layout_is_newc() {
        let bytes = archive(&[("a".to_owned(), Entry::Link { to: "bcd".into() })].into());
        let text = String::from_utf8(bytes).unwrap();
        let expected = concat!(
            "070701", "00000001", "0000a1ff", "00000000", "00000000", "00000001", "00000000",
            "00000003", "00000000", "00000000", "00000000", "00000000", "00000002", "00000000",
            "a\0", "bcd\0", "070701",
        );
        assert!(text.starts_with(expected), "{text:?}");
        assert_eq!(text.len(), BLOCK);
    }

    #[test]
    fn cpio_itself_unpacks_it() {
        let dir = tempfile::tempdir().unwrap();
        let unpack = Command::new("cpio")
            .args(["--extract", "--quiet", "--no-absolute-filenames"])
            .current_dir(dir.path())
            .stdin(Stdio::piped())
            .spawn();
        let Ok(mut unpack) = unpack else {
            // Written past the capture of a passing test's output.
            let said = b"skipped: there is no program `cpio`\n";
            std::io::Write::write_all(&mut std::io::stderr(), said).unwrap();
            return;
        };
        let mut input = unpack.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, &archive(&sample())).unwrap();
        drop(input);
        assert!(unpack.wait().unwrap().success());
        let at = |path: &str| dir.path().join(path);
        assert_eq!(std::fs::read_to_string(at("text")).unwrap(), "odd");
        assert_eq!(
            std::fs::read_to_string(at("bin/alias")).unwrap(),
            "#!/bin/sh\n"
        );
        assert_eq!(
            std::fs::read_link(at("bin/alias")).unwrap().to_str(),
            Some("tool")
        );
        let mode = |path: &str| at(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("bin/tool"), 0o755);
        assert_eq!(mode("empty"), 0o644);
    }
}
