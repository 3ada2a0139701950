//! The board and type files that put a kit into a lab.

use std::path::Path;

use super::{FetchError, Kind, Kit};
use crate::model::BoardName;

/// Files of a lab, by path and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardFiles {
    pub board: (String, String),
    /// Absent where the lab's own type file shall stay.
    pub device_type: Option<(String, String)>,
    /// What the runner that drives the board has to be allowed.
    pub allow: String,
}

/// The files of a board with this kit. `present` is the lab's file of the device type, if it has one. It
/// stays: where it was made on another host, or changed by hand, the board names its console itself.
pub fn board_files(
    kit: &Kit,
    name: &BoardName,
    present: Option<&[u8]>,
) -> Result<BoardFiles, FetchError> {
    let console = console(kit)?;
    let device_type = device_type(kit.kind, &console);
    let is_same = present.is_none_or(|bytes| bytes == device_type.as_bytes());
    let kind = kit.kind.device_type();
    let mut board = format!("# Made by `pumice board fetch {}`.\n", kit.kind.as_str());
    board.push_str(&format!("device_type: {kind}\n"));
    board.push_str("# Only the host that fetched the board has its files. Name that host's runner here if the lab has several.\n# runner: lab-a\n");
    if !is_same {
        board.push_str("dispatchers: [console]\n");
        board.push_str(&console);
    }
    Ok(BoardFiles {
        board: (format!("boards/{name}.yaml"), board),
        device_type: present
            .is_none()
            .then(|| (type_path(kit.kind), device_type)),
        allow: format!("console,{}", text(&kit.program)?),
    })
}

/// Where a kind's device type is described.
pub fn type_path(kind: Kind) -> String {
    format!("boards/types/{}.yaml", kind.device_type())
}

fn device_type(kind: Kind, console: &str) -> String {
    let (what, description) = match kind {
        Kind::Uml => (
            "User Mode Linux: a kernel that runs as an ordinary program of the lab host, without root and\n# without hardware support.",
            "A virtual board: **User Mode Linux** with busybox. It boots in a second or two and has no network.",
        ),
        Kind::Qemu => (
            "An emulated PC: slower than User Mode Linux, but a whole machine.",
            "A virtual board: an emulated **PC** with Debian's cloud kernel and busybox. It has no network.",
        ),
        Kind::QemuArm64 => (
            "An emulated 64-bit ARM machine.",
            "A virtual board: an emulated **64-bit ARM** machine with Debian's cloud kernel and busybox. It has no\n  network.",
        ),
    };
    format!(
        "# {what} Made by `pumice board fetch {}`.\n\
         # The paths are in the cache of the user who fetched it; fetching on another host gives that host's\n\
         # boards a console of their own.\n\
         tags: [virtual]\n\
         dispatchers: [console]\n\
         {console}\
         description: |\n  {description}\n",
        kind.as_str()
    )
}

fn console(kit: &Kit) -> Result<String, FetchError> {
    let mut text = "console:\n".to_owned();
    text.push_str(match kit.kind {
        Kind::Uml => "  # The program is the kernel itself; a job may bring another ramdisk.\n",
        Kind::Qemu | Kind::QemuArm64 => "  # A job may bring another kernel and another ramdisk.\n",
    });
    text.push_str("  command:\n");
    let program = self::text(&kit.program)?.to_owned();
    for word in [program].into_iter().chain(kit.arguments(&[])) {
        text.push_str(&format!("    - {}\n", quoted(&word)));
    }
    text.push_str("  images:\n");
    for (name, path) in [("kernel", &kit.kernel), ("ramdisk", &kit.ramdisk)] {
        text.push_str(&format!("    {name}: {}\n", quoted(self::text(path)?)));
    }
    text.push_str("  prompt: 'board# '\n");
    Ok(text)
}

/// A JSON text is a YAML text, whatever the path holds.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn text(path: &Path) -> Result<&str, FetchError> {
    path.to_str().ok_or_else(|| FetchError::Missing {
        attempt: format!("name {} in a board file", path.display()),
        what: "the path is not UTF-8".to_owned(),
        remedy: "set PUMICE_CACHE to a folder with a plain name and fetch again".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::{self, File};

    fn kit(kind: Kind) -> Kit {
        Kit {
            kind,
            program: "/cache: \"odd\"/program".into(),
            kernel: "/cache/kernel".into(),
            ramdisk: "/cache/initramfs.cpio".into(),
            packages: Vec::new(),
        }
    }

    fn lab(files: &[&(String, String)]) -> Vec<File> {
        let lab = ("lab.yaml".to_owned(), String::new());
        [&lab]
            .into_iter()
            .chain(files.iter().copied())
            .map(|(path, text)| File {
                path: path.clone(),
                bytes: text.clone().into_bytes(),
                mode: check::REGULAR,
            })
            .collect()
    }

    #[test]
    fn the_files_of_every_kind_have_no_problems() {
        for kind in Kind::ALL {
            let name = "b1".parse().unwrap();
            let made = board_files(&kit(kind), &name, None).unwrap();
            let files = lab(&[&made.board, &made.device_type.unwrap()]);
            let problems = check::validate_tree(&files);
            assert!(problems.is_empty(), "{problems:?}");
            let boards = check::lab_files(&files).boards;
            let console = boards[&name].console.as_ref().unwrap();
            assert_eq!(console.command[0], "/cache: \"odd\"/program");
            assert_eq!(console.images["ramdisk"], "/cache/initramfs.cpio");
            assert_eq!(made.allow, "console,/cache: \"odd\"/program");
        }
    }

    #[test]
    fn a_type_of_another_host_stays_and_the_board_names_its_own_console() {
        let name = "b1".parse().unwrap();
        let here = kit(Kind::Uml);
        let first = board_files(&here, &name, None).unwrap();
        let (path, text) = first.device_type.unwrap();
        let again = board_files(&here, &name, Some(text.as_bytes())).unwrap();
        assert_eq!(again.device_type, None);
        assert!(!again.board.1.contains("console:"));

        let there = Kit {
            program: "/home/b/linux.uml".into(),
            ..here
        };
        let other = board_files(&there, &name, Some(text.as_bytes())).unwrap();
        assert_eq!(other.device_type, None);
        let files = lab(&[&other.board, &(path, text)]);
        assert!(check::validate_tree(&files).is_empty());
        let boards = check::lab_files(&files).boards;
        let console = boards[&name].console.as_ref().unwrap();
        assert_eq!(console.command[0], "/home/b/linux.uml");
    }
}
