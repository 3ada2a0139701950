//! What a person's clone does for submit and cancel.

use crate::git::testing::{Server, git};
use crate::git::{GitErrorKind, RefStatus, WorkTree, clone, init, init_bare, set};

/// A clone with an identity in its own settings, so that the tests need none of the user's.
fn work_tree(server: &Server) -> WorkTree {
    server.git(["config", "user.name", "Ann Author"]);
    server.git(["config", "user.email", "ann@example.org"]);
    WorkTree::discover(&server.work()).unwrap().unwrap()
}

#[test]
fn a_folder_knows_its_work_tree() {
    let server = Server::new();
    server.push(&[("queue/a.json", "{}")]);
    let tree = WorkTree::discover(&server.work().join("queue"))
        .unwrap()
        .unwrap();
    assert_eq!(tree.root(), server.work().canonicalize().unwrap());
    assert_eq!(tree.branch().unwrap().as_deref(), Some("main"));
    assert!(WorkTree::discover(server.dir()).unwrap().is_none());
    assert!(WorkTree::discover(&server.path()).unwrap().is_none());
    server.git(["checkout", "-q", "--detach"]);
    assert_eq!(tree.branch().unwrap(), None);
}

#[test]
fn the_lab_is_origin_or_the_repository_itself() {
    let server = Server::new();
    let tree = work_tree(&server);
    let lab = server.path().canonicalize().unwrap();
    assert_eq!(tree.lab_url().unwrap(), lab.to_str().unwrap());
    server.git(["remote", "set-url", "origin", "git@host:lab.git"]);
    assert_eq!(tree.lab_url().unwrap(), "git@host:lab.git");
    server.git(["remote", "remove", "origin"]);
    assert!(!tree.has_origin().unwrap());
    assert_eq!(tree.lab_url().unwrap(), tree.root().to_str().unwrap());
}

#[test]
fn only_the_named_paths_are_committed() {
    let server = Server::new();
    server.push(&[("queue/old.json", "{}"), ("other", "1")]);
    let tree = work_tree(&server);
    server.write(&[
        ("other", "2"),
        ("queue/-new [x].json", "{}"),
        ("queue/loose.json", "{}"),
    ]);
    server.git(["add", "other"]);
    std::fs::remove_file(server.work().join("queue/old.json")).unwrap();
    let paths = ["queue/-new [x].json", "queue/old.json"].map(String::from);
    let id = tree.commit_paths(&paths, "-m is a message").unwrap();
    assert_eq!(id, tree.resolve("HEAD").unwrap());
    let named = server.git([
        "show",
        "--format=%s",
        "--no-renames",
        "--name-status",
        "HEAD",
    ]);
    assert_eq!(
        named,
        "-m is a message\n\nA\tqueue/-new [x].json\nD\tqueue/old.json"
    );
    assert_eq!(server.git(["diff", "--cached", "--name-only"]), "other");
    assert_eq!(tree.uncommitted("queue").unwrap(), ["queue/loose.json"]);
    assert_eq!(tree.uncommitted("").unwrap(), ["other", "queue/loose.json"]);
    let error = tree.commit_paths(&paths[..1], "again").unwrap_err();
    assert!(error.to_string().contains("already committed"), "{error}");
}

#[test]
fn a_person_s_hooks_decide() {
    let server = Server::new();
    server.push(&[("f", "1")]);
    let tree = work_tree(&server);
    let hook = server.work().join(".git/hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho not today >&2; exit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    server.write(&[("g", "2")]);
    let error = tree.commit_paths(&["g".to_owned()], "m").unwrap_err();
    assert!(error.to_string().contains("not today"), "{error}");
}

#[test]
fn a_push_that_lost_the_race_is_pulled_and_repeated() {
    let server = Server::new();
    server.push(&[("queue/a.json", "{}")]);
    let other = server.dir().join("other");
    clone(&server.url(), &other).unwrap();
    std::fs::write(other.join("b"), "theirs").unwrap();
    git(&other, ["add", "b"]);
    git(&other, ["commit", "-qm", "b"]);
    git(&other, ["push", "-q"]);
    let tree = work_tree(&server);
    server.write(&[("queue/c.json", "{}"), ("uncommitted", "x")]);
    server.git(["add", "uncommitted"]);
    tree.commit_paths(&["queue/c.json".to_owned()], "c")
        .unwrap();
    let pushed = tree.push_branch("main").unwrap();
    let status = pushed.status("refs/heads/main").clone();
    assert!(
        matches!(status, RefStatus::Refused { retry: true, .. }),
        "{pushed:?}"
    );
    tree.pull_rebase("main").unwrap();
    assert!(tree.push_branch("main").unwrap().all_done());
    assert_eq!(tree.uncommitted("").unwrap(), ["uncommitted"]);
    assert_eq!(server.bare(["rev-list", "--count", "main"]), "3");
}

#[test]
fn a_conflict_leaves_everything_as_it_was() {
    let server = Server::new();
    server.push(&[("f", "1")]);
    let other = server.dir().join("other");
    clone(&server.url(), &other).unwrap();
    std::fs::write(other.join("f"), "theirs").unwrap();
    git(&other, ["commit", "-qam", "theirs"]);
    git(&other, ["push", "-q"]);
    let tree = work_tree(&server);
    server.write(&[("f", "mine")]);
    let mine = tree.commit_paths(&["f".to_owned()], "mine").unwrap();
    let error = tree.pull_rebase("main").unwrap_err();
    assert!(error.to_string().contains("git pull --rebase"), "{error}");
    assert_eq!(tree.resolve("HEAD").unwrap(), mine);
    assert_eq!(tree.branch().unwrap().as_deref(), Some("main"));
    server.git(["remote", "set-url", "origin", "/nowhere"]);
    let error = tree.pull_rebase("main").unwrap_err();
    assert!(matches!(error.kind, GitErrorKind::Failed { .. }), "{error}");
}

#[test]
fn revisions_and_branches_that_git_would_misread_are_refused() {
    let server = Server::new();
    server.push(&[("f", "1")]);
    let tree = work_tree(&server);
    for bad in ["--all", "none", "", "HEAD:f"] {
        assert!(tree.resolve(bad).is_err(), "{bad}");
    }
    assert!(tree.push_branch("a..b").is_err());
    assert!(clone("--upload-pack=x", &server.dir().join("c")).is_err());
}

#[test]
fn repositories_are_made() {
    let server = Server::new();
    let bare = server.dir().join("new/bare.git");
    init_bare(&bare, "trunk").unwrap();
    assert_eq!(git(&bare, ["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    let dir = server.dir().join("new/work");
    init(&dir, "main").unwrap();
    assert!(WorkTree::discover(&dir).unwrap().is_some());
}

#[test]
fn the_user_is_who_git_says() {
    let server = Server::new();
    let tree = work_tree(&server);
    let person = crate::git::identity(Some(tree.root())).unwrap();
    assert_eq!(
        (person.name.as_str(), person.email.as_str()),
        ("Ann Author", "ann@example.org")
    );
    server.git(["config", "user.name", ""]);
    let error = crate::git::identity(Some(tree.root())).unwrap_err();
    assert!(
        error.to_string().starts_with("find out who you are: "),
        "{error}"
    );
    assert!(
        error.hint().is_some_and(|hint| hint.contains("git config")),
        "{error}"
    );
}

#[test]
fn signatures_are_judged_by_the_lab_s_signers_alone() {
    let server = Server::new();
    let key = server.dir().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        // Written past the capture of a passing test's output.
        let said = b"skipped: this machine has no ssh-keygen\n";
        std::io::Write::write_all(&mut std::io::stderr(), said).unwrap();
        return;
    }
    let key = key.to_str().unwrap();
    let unsigned = server.push(&[("f", "1")]).parse().unwrap();
    for (name, value) in [
        ("gpg.format", "ssh"),
        ("user.signingKey", key),
        ("commit.gpgSign", "true"),
    ] {
        server.git(["config", name, value]);
    }
    let signed = server.push(&[("f", "2")]).parse().unwrap();
    let mirror = crate::git::Mirror::open(&server.dir().join("m"), &server.url()).unwrap();
    mirror.fetch(&["refs/heads/main".to_owned()]).unwrap();
    let public = std::fs::read_to_string(format!("{key}.pub")).unwrap();
    let (known, unknown) = (server.dir().join("known"), server.dir().join("unknown"));
    std::fs::write(&known, format!("ann@example.org {public}")).unwrap();
    std::fs::write(&unknown, "").unwrap();
    assert!(mirror.is_signed(signed, &known).unwrap());
    assert!(!mirror.is_signed(signed, &unknown).unwrap());
    assert!(!mirror.is_signed(unsigned, &known).unwrap());
}

#[test]
fn somebody_branches_merges_and_reverts() {
    let server = Server::new();
    server.push(&[("a", "1")]);
    let carol = work_tree(&server).acting_as("Carol", "carol@example.org");
    set(carol.root(), "commit.gpgSign", "false").unwrap();
    carol.start_branch("feature").unwrap();
    server.write(&[("b", "2")]);
    let feature = carol.commit_paths(&["b".to_owned()], "Add b").unwrap();
    carol.switch("main").unwrap();
    assert!(!server.work().join("b").exists());
    let merge = carol.merge("feature", "Merge the feature").unwrap();
    let commit = carol.repo().unwrap().commit(merge).unwrap();
    assert_eq!(commit.author.name, "Carol");
    assert_eq!(commit.committer.email, "carol@example.org");
    assert_eq!(commit.parents.get(1), Some(&feature));
    assert!(server.work().join("b").exists());
    carol.revert(feature).unwrap();
    assert!(!server.work().join("b").exists());
}
