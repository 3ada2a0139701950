//! Objects written and read in process, compared with the git program.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::protocol::person;
use crate::git::testing::{Server, git};
use crate::git::{CommitBuilder, FILE_MODE, Repo};
use crate::model::ObjectId;

fn repo(server: &Server) -> Repo {
    Repo::open(&server.path()).unwrap()
}

fn build(repo: &Repo, base: Option<ObjectId>, changes: &[(&str, Option<&str>)]) -> ObjectId {
    let mut builder = CommitBuilder::new(repo, base);
    for (path, text) in changes {
        match text {
            Some(text) => drop(builder.put(path, text.as_bytes()).unwrap()),
            None => drop(builder.remove(path)),
        }
    }
    builder.commit(&person(), "change\n").unwrap()
}

#[test]
fn a_commit_is_what_git_reads() {
    let server = Server::new();
    let repo = repo(&server);
    let first = build(
        &repo,
        None,
        &[("a/b/c", Some("1")), ("a.txt", Some("2")), ("z", Some("3"))],
    );
    let second = build(&repo, Some(first), &[("a/b/c", None), ("a/d", Some("4"))]);
    let listed = server.bare(["ls-tree", "-r", "--name-only", &second.to_string()]);
    assert_eq!(listed, "a.txt\na/d\nz");
    assert_eq!(server.bare(["fsck", "--strict", "--no-dangling"]), "");
    let commit = repo.commit(second).unwrap();
    assert_eq!(commit.parents, [first]);
    assert_eq!((commit.author, commit.committer), (person(), person()));
    assert_eq!(commit.subject, "change");
    assert_eq!(repo.file(second, "a/d").unwrap().unwrap(), b"4");
    assert_eq!(repo.file(second, "a").unwrap(), None);
    assert_eq!(repo.entry(second, "a/b/c").unwrap(), None);
    assert_eq!(repo.entry(second, "z").unwrap().unwrap().mode, FILE_MODE);
    assert_eq!(
        repo.blob_size(repo.entry(second, "z").unwrap().unwrap().id)
            .unwrap(),
        1
    );
    assert!(repo.is_ancestor(first, second).unwrap());
    assert!(repo.is_ancestor(first, first).unwrap());
    assert!(!repo.is_ancestor(second, first).unwrap());
}

#[test]
fn no_change_is_no_commit() {
    let server = Server::new();
    let repo = repo(&server);
    let first = build(&repo, None, &[("a/b", Some("1"))]);
    assert_eq!(
        build(&repo, Some(first), &[("a/b", Some("1")), ("x/y", None)]),
        first
    );
    assert_eq!(build(&repo, Some(first), &[("a/b/c", None)]), first);
    let emptied = build(&repo, Some(first), &[("a/b", None)]);
    assert_eq!(repo.files(emptied, "").unwrap(), []);
}

#[test]
fn an_orphan_has_no_parent_and_names_are_made_harmless() {
    let server = Server::new();
    let repo = repo(&server);
    let mut author = person();
    author.name = "<\n>".to_owned();
    author.email = "a>\nparent".to_owned();
    let mut builder = CommitBuilder::new(&repo, None);
    builder.put("status.json", b"{}").unwrap();
    let id = builder.commit_orphan(&author, "heartbeat").unwrap();
    let commit = repo.commit(id).unwrap();
    assert!(commit.parents.is_empty());
    assert_eq!(commit.author.name, "nobody");
    assert_eq!(commit.author.email, "a parent");
}

#[test]
fn paths_that_leave_the_repository_are_refused() {
    let server = Server::new();
    let repo = repo(&server);
    for path in ["", "/a", "a//b", "../a", "a/.git/hooks/x", "a/"] {
        let mut builder = CommitBuilder::new(&repo, None);
        builder.put(path, b"x").unwrap();
        assert!(builder.commit(&person(), "m").is_err(), "{path}");
    }
}

#[test]
fn a_file_becomes_a_blob_as_it_is() {
    let server = Server::new();
    let path = server.dir().join("log");
    std::fs::write(&path, b"a\r\nb\0").unwrap();
    let repo = repo(&server);
    let blob = repo.write_blob_file(&path).unwrap();
    assert_eq!(repo.blob(blob).unwrap(), b"a\r\nb\0");
    assert_eq!(repo.write_blob(b"a\r\nb\0").unwrap(), blob);
    assert!(repo.write_blob_file(&server.dir().join("none")).is_err());
}

#[test]
fn odd_entries_are_seen_and_marked() {
    use std::os::unix::ffi::OsStrExt;
    let server = Server::new();
    let queue = server.work().join("queue");
    std::fs::create_dir(&queue).unwrap();
    std::fs::write(queue.join(std::ffi::OsStr::from_bytes(b"a\xff.json")), "{}").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", queue.join("link.json")).unwrap();
    let main = server.push(&[("queue/b.json", "{}")]).parse().unwrap();
    let repo = repo(&server);
    let files = repo.files(main, "queue").unwrap();
    let seen: Vec<_> = files
        .iter()
        .map(|(path, entry)| (path.as_str(), entry.mode, entry.odd))
        .collect();
    assert_eq!(
        seen,
        [
            (r"queue/a\xff.json", 0o100_644, true),
            ("queue/b.json", 0o100_644, false),
            ("queue/link.json", 0o120_000, false)
        ]
    );
    assert_eq!(repo.file(main, "queue/link.json").unwrap(), None);
}

#[test]
fn what_is_missing_is_told_apart_from_what_is_broken() {
    let server = Server::new();
    let repo = repo(&server);
    let nothing = ObjectId::from_bytes([7; 20]);
    assert!(repo.commit(nothing).unwrap_err().is_not_found());
    assert!(!repo.exists(nothing));
    assert_eq!(repo.reference("refs/heads/none").unwrap(), None);
    let blob = repo.write_blob(b"x").unwrap();
    assert!(!repo.commit(blob).unwrap_err().is_not_found());
    repo.set_reference("refs/heads/none", None).unwrap();
}

/// A tree as a map from path to text, with files and folders of like names.
fn tree() -> impl Strategy<Value = BTreeMap<String, String>> {
    let path = proptest::collection::vec("[ab.-]{1,2}", 1..4).prop_map(|parts| {
        let parts: Vec<_> = parts.iter().map(|part| format!("n{part}")).collect();
        parts.join("/")
    });
    proptest::collection::btree_map(path, "[xy]", 0..8).prop_map(|mut tree| {
        let paths: Vec<String> = tree.keys().cloned().collect();
        tree.retain(|path, _| {
            let below = format!("{path}/");
            !paths.iter().any(|other| other.starts_with(&below))
        });
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn trees_and_their_differences_are_what_git_says(old in tree(), new in tree()) {
        let server = Server::new();
        let repo = repo(&server);
        let write = |base, tree: &BTreeMap<String, String>, gone: &BTreeMap<String, String>| {
            let mut builder = CommitBuilder::new(&repo, base);
            for path in gone.keys().filter(|path| !tree.contains_key(*path)) {
                builder.remove(path);
            }
            for (path, text) in tree {
                builder.put(path, text.as_bytes()).unwrap();
            }
            builder.commit(&person(), "m").unwrap()
        };
        let before = write(None, &old, &BTreeMap::new());
        let after = write(Some(before), &new, &old);

        let files: BTreeMap<_, _> = repo
            .files(after, "")
            .unwrap()
            .into_iter()
            .map(|(path, entry)| (path, String::from_utf8(repo.blob(entry.id).unwrap()).unwrap()))
            .collect();
        prop_assert_eq!(&files, &new);

        let said = git(
            &server.path(),
            ["diff-tree", "-r", "--no-renames", "--raw", "--abbrev=40", &before.to_string(), &after.to_string()],
        );
        let ours: Vec<_> = repo
            .diff(Some(before), Some(after), "")
            .unwrap()
            .into_iter()
            .map(|change| {
                let side = |entry: Option<crate::git::Entry>| {
                    let id = entry.map_or(ObjectId::ZERO, |entry| entry.id);
                    (entry.map_or(0, |entry| entry.mode), id)
                };
                let ((old_mode, old), (new_mode, new)) = (side(change.old), side(change.new));
                let letter = match (old_mode, new_mode) {
                    (0, _) => 'A',
                    (_, 0) => 'D',
                    _ => 'M',
                };
                format!(":{old_mode:06o} {new_mode:06o} {old} {new} {letter}\t{}", change.path)
            })
            .collect();
        prop_assert_eq!(ours.join("\n"), said);
    }
}
