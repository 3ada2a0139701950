//! What a dispatcher left in `out/`: walked after its end, when nothing can change it any more.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::attempt::FoundAttachment;
use crate::dispatch::protocol::event::AttachEvent;

/// How many files are taken, and how many bytes in all.
const FILES: usize = 1000;
const BYTES: u64 = 64 << 20;

/// How many entries are looked at and how deep, whatever they are: a job may leave millions.
const ENTRIES: usize = 20_000;
const DEPTH: usize = 16;

/// The longest part of a name, in characters; git and every file system take it.
const PART: usize = 100;

/// Regular files below `out`, sorted by name. `declared` maps paths below it to what `attach`
/// events called them; what is left out is said in `notes`.
pub fn find(
    out: &Path,
    declared: &HashMap<PathBuf, AttachEvent>,
    notes: &mut Vec<String>,
) -> Vec<FoundAttachment> {
    // The job may have put a symbolic link in the folder's place.
    if !fs::symlink_metadata(out).is_ok_and(|data| data.is_dir()) {
        return Vec::new();
    }
    let (mut found, mut names) = (Vec::new(), Names::default());
    let (mut bytes, mut left_out, mut strange) = (0, 0, 0);
    let mut walk = WalkDir::new(out)
        .follow_links(false)
        .max_depth(DEPTH)
        .sort_by_file_name()
        .into_iter();
    for entry in walk.by_ref().take(ENTRIES) {
        let Ok(entry) = entry else {
            strange += 1;
            continue;
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let data = entry.metadata().ok().filter(fs::Metadata::is_file);
        let (Some(data), Ok(relative)) = (data, entry.path().strip_prefix(out)) else {
            strange += 1;
            continue;
        };
        if found.len() >= FILES || data.len() > BYTES - bytes {
            left_out += 1;
            continue;
        }
        bytes += data.len();
        let event = declared.get(relative);
        let called = event.and_then(|event| event.name.as_deref());
        let (name, forced) = harmless_ending(match called {
            Some(name) => git_name(name.split('/')),
            None => git_name(relative.iter().map(|part| part.to_string_lossy())),
        });
        let media_type = match event.and_then(|event| event.media_type.as_deref()) {
            Some(declared) if !forced && is_harmless_type(declared) => declared.to_owned(),
            _ => media_type(&name).to_owned(),
        };
        found.push(FoundAttachment {
            name: names.take(name),
            media_type,
            bytes: data.len(),
            path: entry.into_path(),
        });
    }
    if walk.next().is_some() {
        notes.push(format!(
            "out/ holds more than {ENTRIES} entries: the rest was left out"
        ));
    }
    if left_out > 0 {
        notes.push(format!(
            "{left_out} files in out/ were left out: at most {FILES} files and {} MiB are kept",
            BYTES >> 20
        ));
    }
    if strange > 0 {
        notes.push(format!(
            "{strange} entries in out/ are not regular files and were left out"
        ));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// A path whose parts are letters, digits and a few signs: anything that git, a file system or a
/// link could take amiss becomes `_`.
fn git_name(parts: impl Iterator<Item = impl AsRef<str>>) -> String {
    let parts: Vec<String> = parts
        .filter(|part| !part.as_ref().is_empty())
        .map(|part| git_part(part.as_ref()))
        .collect();
    if parts.is_empty() {
        "_".to_owned()
    } else {
        parts.join("/")
    }
}

fn git_part(part: &str) -> String {
    let mut name: String = part
        .chars()
        .take(PART)
        .map(|c| {
            if c.is_alphanumeric() || "._-+=@,() ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    // Some systems drop blanks and dots at the end, which could make `.git ` out of a harmless name.
    let kept = name.trim_end_matches(['.', ' ']).len();
    if kept < name.len() {
        name.truncate(kept);
        name.push('_');
    }
    // Everything that begins with `.git` means something to git.
    let begins_with_git = name
        .get(..4)
        .is_some_and(|four| four.eq_ignore_ascii_case(".git"));
    if begins_with_git || name.starts_with(' ') || name.starts_with('-') {
        name.insert(0, '_');
    }
    name
}

/// Appends `.txt` to what a browser would run; says whether it did.
fn harmless_ending(name: String) -> (String, bool) {
    const ACTIVE: [&str; 17] = [
        "htm", "html", "xhtml", "xht", "shtml", "hta", "mht", "mhtml", "svg", "svgz", "xml", "xsl",
        "xslt", "rss", "atom", "rdf", "xul",
    ];
    if ACTIVE.contains(&ending(&name).as_str()) {
        (name + ".txt", true)
    } else {
        (name, false)
    }
}

fn ending(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase())
        .unwrap_or_default()
}

fn media_type(name: &str) -> &'static str {
    match ending(name).as_str() {
        "txt" | "log" | "md" | "tap" | "conf" | "cfg" | "ini" | "dts" | "patch" | "diff" => {
            "text/plain"
        }
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "json" => "application/json",
        "jsonl" => "application/jsonl",
        "yaml" | "yml" => "application/yaml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "gz" | "tgz" => "application/gzip",
        "xz" => "application/x-xz",
        "zst" => "application/zstd",
        "bz2" => "application/x-bzip2",
        "zip" => "application/zip",
        "tar" => "application/x-tar",
        "pdf" => "application/pdf",
        "pcap" => "application/vnd.tcpdump.pcap",
        _ => "application/octet-stream",
    }
}

/// A declared type is taken if it has the shape of one and no browser runs it.
fn is_harmless_type(declared: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b".+-".contains(&c))
    };
    let lower = declared.to_ascii_lowercase();
    declared
        .split_once('/')
        .is_some_and(|(kind, name)| part(kind) && part(name))
        && !["html", "xml", "svg", "script", "multipart", "message/"]
            .iter()
            .any(|active| lower.contains(active))
}

/// Keeps names apart: no two files have the same, and none is the folder of another.
#[derive(Default)]
struct Names {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Names {
    fn take(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut n = 1;
        while !self.is_free(&name) {
            n += 1;
            name = numbered(&wanted, n);
        }
        let folders: Vec<String> = parents(&name).map(str::to_owned).collect();
        self.folders.extend(folders);
        self.files.insert(name.clone());
        name
    }

    fn is_free(&self, name: &str) -> bool {
        !self.files.contains(name)
            && !self.folders.contains(name)
            && !parents(name).any(|folder| self.files.contains(folder))
    }
}

fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

/// `2-name` in the outermost part, where it ends any clash of files with folders too.
fn numbered(name: &str, n: usize) -> String {
    format!("{n}-{name}")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    fn shown(found: &[FoundAttachment]) -> Vec<String> {
        found
            .iter()
            .map(|file| format!("{} {} {}", file.name, file.media_type, file.bytes))
            .collect()
    }

    fn folder(files: &[(&[u8], &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(OsStr::from_bytes(name));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    fn names(files: &[(&[u8], &str)]) -> Vec<String> {
        let folder = folder(files);
        let mut notes = Vec::new();
        let found = find(folder.path(), &HashMap::new(), &mut notes);
        assert_eq!(notes, Vec::<String>::new());
        shown(&found)
    }

    #[test]
    fn takes_regular_files_with_their_types() {
        assert_eq!(
            names(&[(b"a.log", "x"), (b"sub/b.PNG", "yz"), (b"noend", "")]),
            [
                "a.log text/plain 1",
                "noend application/octet-stream 0",
                "sub/b.PNG image/png 2"
            ]
        );
    }

    #[test]
    fn renames_what_git_refuses_and_what_a_browser_runs() {
        assert_eq!(
            names(&[
                (b".git/config", "1"),
                (b".GIT", "2"),
                (b".gitmodules", "3"),
                (b"a\\b:c", "4"),
                (b"bad\xff\x1b", "5"),
                (b"dot.", "6"),
                (b"git~1", "7"),
                (b"page.html", "8"),
                (b"pic.SVG", "9"),
            ]),
            [
                "_.GIT application/octet-stream 1",
                "_.git/config application/octet-stream 1",
                "_.gitmodules application/octet-stream 1",
                "a_b_c application/octet-stream 1",
                "bad__ application/octet-stream 1",
                "dot_ application/octet-stream 1",
                "git_1 application/octet-stream 1",
                "page.html.txt text/plain 1",
                "pic.SVG.txt text/plain 1",
            ]
        );
    }

    #[test]
    fn renamed_files_do_not_cover_each_other() {
        assert_eq!(
            names(&[(b"x\x01", "1"), (b"x\x02", "2"), (b"x_/y", "3")]),
            [
                "2-x_ application/octet-stream 1",
                "3-x_/y application/octet-stream 1",
                "x_ application/octet-stream 1",
            ]
        );
    }

    #[test]
    fn links_and_specials_are_not_followed() {
        let folder = folder(&[(b"real", "1")]);
        symlink("/etc/passwd", folder.path().join("link")).unwrap();
        symlink("/etc", folder.path().join("linked-folder")).unwrap();
        let mut notes = Vec::new();
        let found = find(folder.path(), &HashMap::new(), &mut notes);
        assert_eq!(shown(&found), ["real application/octet-stream 1"]);
        assert_eq!(
            notes,
            ["2 entries in out/ are not regular files and were left out"]
        );
        let link = folder.path().join("linked-folder");
        assert!(find(&link, &HashMap::new(), &mut notes).is_empty());
    }

    #[test]
    fn too_much_is_left_out_and_said() {
        let folder = folder(&[(b"a", "1"), (b"z", "2")]);
        let huge = fs::File::create(folder.path().join("huge")).unwrap();
        huge.set_len(BYTES + 1).unwrap();
        let mut notes = Vec::new();
        let found = find(folder.path(), &HashMap::new(), &mut notes);
        assert_eq!(found.len(), 2);
        assert_eq!(
            notes,
            ["1 files in out/ were left out: at most 1000 files and 64 MiB are kept"]
        );
    }

    #[test]
    fn an_event_may_name_a_file_but_not_harmfully() {
        let folder = folder(&[(b"1.bin", "x"), (b"2.bin", "y"), (b"3.html", "z")]);
        let declare = |path: &str, name: Option<&str>, media_type: &str| {
            (
                PathBuf::from(path),
                AttachEvent {
                    path: path.to_owned(),
                    name: name.map(str::to_owned),
                    media_type: Some(media_type.to_owned()),
                },
            )
        };
        let declared = HashMap::from([
            declare("1.bin", Some("../screen.png"), "image/png"),
            declare("2.bin", None, "text/html"),
            declare("3.html", None, "image/png"),
        ]);
        let found = find(folder.path(), &declared, &mut Vec::new());
        assert_eq!(
            shown(&found),
            [
                "2.bin application/octet-stream 1",
                "3.html.txt text/plain 1",
                "_/screen.png image/png 1",
            ]
        );
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_git_takes(raw in "\\PC{0,40}|[./\\\\ \\x00-\\x20gitGIT~-]{0,30}") {
            let name = git_name(raw.split('/'));
            for part in name.split('/') {
                prop_assert!(!part.is_empty() && part != "." && part != "..", "{name:?}");
                prop_assert!(!part.to_ascii_lowercase().starts_with(".git"), "{name:?}");
                prop_assert!(!part.chars().any(|c| c.is_control() || "\\:*?\"<>|~".contains(c)), "{name:?}");
                prop_assert!(!part.ends_with(['.', ' ']), "{name:?}");
            }
        }
    }
}
