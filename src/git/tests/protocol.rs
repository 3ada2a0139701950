//! What git promises about fetches and pushes, and the claim protocol relies on.

use std::time::{Duration, Instant};

use crate::git::testing::Server;
use crate::git::{
    CommitBuilder, GitErrorKind, Lease, Mirror, Person, Push, Pushed, RefStatus, Update,
};
use crate::model::{ObjectId, Time};

const CLAIM: &str = "refs/pumice/claims/c1";
const JOURNAL: &str = "refs/pumice/journal/r1";

fn patterns() -> Vec<String> {
    ["refs/heads/main", "refs/pumice/*"]
        .map(String::from)
        .to_vec()
}

pub fn person() -> Person {
    Person {
        name: "Runner".to_owned(),
        email: "runner@localhost".to_owned(),
        time: Time::from_unix(1_700_000_000),
    }
}

fn mirror(server: &Server, name: &str) -> Mirror {
    Mirror::open(&server.dir().join(name), &server.url()).unwrap()
}

fn commit(mirror: &Mirror, base: Option<ObjectId>, text: &str) -> ObjectId {
    let repo = mirror.repo().unwrap();
    let mut builder = CommitBuilder::new(&repo, base);
    builder.put("dir/file", text.as_bytes()).unwrap();
    builder.commit(&person(), text).unwrap()
}

fn update(name: &str, target: Option<ObjectId>, lease: Lease) -> Update {
    Update {
        name: name.to_owned(),
        target,
        lease,
    }
}

fn push(mirror: &Mirror, atomic: bool, updates: Vec<Update>) -> Pushed {
    mirror.push(&Push { atomic, updates }).unwrap()
}

fn claim(mirror: &Mirror, id: ObjectId) -> Pushed {
    push(mirror, false, vec![update(CLAIM, Some(id), Lease::Absent)])
}

fn finish(mirror: &Mirror, journal: ObjectId, held: ObjectId) -> Pushed {
    let updates = vec![
        update(JOURNAL, Some(journal), Lease::FastForward),
        update(CLAIM, None, Lease::Is(held)),
    ];
    push(mirror, true, updates)
}

fn on_server(server: &Server, name: &str) -> Option<ObjectId> {
    let repo = crate::git::Repo::open(&server.path()).unwrap();
    repo.reference(name).unwrap()
}

fn refused(status: &RefStatus) -> (&str, bool) {
    match status {
        RefStatus::Refused { reason, retry } => (reason, *retry),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_claim_is_won_once() {
    let server = Server::new();
    let (a, b) = (mirror(&server, "a"), mirror(&server, "b"));
    let (mine, theirs) = (commit(&a, None, "a"), commit(&b, None, "b"));
    assert!(claim(&a, mine).all_done());
    let lost = claim(&b, theirs);
    assert_eq!(refused(lost.status(CLAIM)), ("stale info", true));
    assert!(lost.answered);
    assert_eq!(on_server(&server, CLAIM), Some(mine));
}

#[test]
fn the_same_id_again_is_no_win() {
    let server = Server::new();
    let a = mirror(&server, "a");
    let id = commit(&a, None, "a");
    assert!(claim(&a, id).all_done());
    let again = claim(&a, id);
    assert_eq!(*again.status(CLAIM), RefStatus::UpToDate);
    assert!(again.answered && !again.all_done());
}

#[test]
fn of_several_claims_each_is_judged_alone() {
    let server = Server::new();
    let (a, b) = (mirror(&server, "a"), mirror(&server, "b"));
    assert!(claim(&a, commit(&a, None, "a")).all_done());
    let id = commit(&b, None, "b");
    let other = "refs/pumice/claims/c2";
    let both = vec![
        update(CLAIM, Some(id), Lease::Absent),
        update(other, Some(id), Lease::Absent),
    ];
    let pushed = push(&b, false, both);
    assert_eq!(refused(pushed.status(CLAIM)), ("stale info", true));
    assert_eq!(*pushed.status(other), RefStatus::Done);
}

#[test]
fn a_finish_is_fenced_by_its_claim() {
    let server = Server::new();
    let (a, b) = (mirror(&server, "a"), mirror(&server, "b"));
    let held = commit(&a, None, "a");
    assert!(claim(&a, held).all_done());
    let taken = commit(&b, None, "b");
    let over = vec![update(CLAIM, Some(taken), Lease::Is(held))];
    assert!(push(&b, false, over).all_done());

    let late = finish(&a, commit(&a, None, "result"), held);
    assert_eq!(refused(late.status(CLAIM)), ("stale info", true));
    assert_eq!(refused(late.status(JOURNAL)), ("atomic push failed", true));
    assert_eq!(on_server(&server, JOURNAL), None);
    assert_eq!(on_server(&server, CLAIM), Some(taken));

    let record = commit(&b, None, "lost");
    assert!(finish(&b, record, taken).all_done());
    assert_eq!(on_server(&server, JOURNAL), Some(record));
    assert_eq!(on_server(&server, CLAIM), None);

    // The same after the claim is gone: the journal is as it was pushed, the claim's lease fails.
    let again = finish(&b, record, taken);
    assert!(!again.all_done());
    assert!(refused(again.status(CLAIM)).1);
}

#[test]
fn a_finish_is_fenced_even_between_advertisement_and_update() {
    let server = Server::new();
    let a = mirror(&server, "a");
    let held = commit(&a, None, "a");
    assert!(claim(&a, held).all_done());
    // Another runner's takeover arrives while this push is under way: the hook stands for it. Written as
    // a file, because git forbids hooks to update references of the push they judge.
    let taken = commit(&a, None, "taken");
    let script = format!("echo {taken} > \"$PWD/{CLAIM}\"");
    server.hook("pre-receive", &script);
    let late = finish(&a, commit(&a, None, "result"), held);
    assert!(!late.all_done());
    assert!(refused(late.status(JOURNAL)).1, "{late:?}");
    assert!(refused(late.status(CLAIM)).1, "{late:?}");
    assert_eq!(on_server(&server, JOURNAL), None);
    assert_eq!(on_server(&server, CLAIM), Some(taken));
}

#[test]
fn a_journal_does_not_go_back() {
    let server = Server::new();
    let (a, b) = (mirror(&server, "a"), mirror(&server, "b"));
    let journal = |id| vec![update(JOURNAL, Some(id), Lease::FastForward)];
    let first = commit(&a, None, "one");
    assert!(push(&a, true, journal(first)).all_done());
    let second = commit(&a, Some(first), "two");
    assert!(push(&a, true, journal(second)).all_done());
    let stranger = push(&b, true, journal(commit(&b, None, "x")));
    assert_eq!(refused(stranger.status(JOURNAL)), ("fetch first", true));
    let behind = push(&a, true, journal(commit(&a, Some(first), "fork")));
    assert_eq!(refused(behind.status(JOURNAL)), ("non-fast-forward", true));
}

#[test]
fn a_hook_decides_for_good() {
    let server = Server::new();
    let a = mirror(&server, "a");
    server.hook("pre-receive", "echo 'no logs here' >&2; exit 1");
    let declined = claim(&a, commit(&a, None, "a"));
    let (reason, retry) = refused(declined.status(CLAIM));
    assert!(!retry && reason.contains("hook declined"), "{reason}");
    assert!(declined.message.contains("no logs here"));
    server.hook("pre-receive", "exit 0");
    server.hook("update", "test $1 != refs/pumice/logs/r1");
    let id = commit(&a, None, "b");
    let updates = vec![
        update("refs/pumice/logs/r1", Some(id), Lease::FastForward),
        update(JOURNAL, Some(id), Lease::FastForward),
    ];
    let declined = push(&a, true, updates);
    assert!(!refused(declined.status("refs/pumice/logs/r1")).1);
    assert!(refused(declined.status(JOURNAL)).1, "{declined:?}");
}

#[test]
fn a_size_limit_decides_for_good() {
    let server = Server::new();
    let a = mirror(&server, "a");
    server.bare(["config", "receive.maxInputSize", "100"]);
    let limited = claim(&a, commit(&a, None, "a"));
    assert!(!refused(limited.status(CLAIM)).1, "{limited:?}");
}

#[test]
fn a_silent_server_is_no_answer() {
    let server = Server::new();
    let a = mirror(&server, "a").with_time_limit(Duration::from_millis(300));
    let id = commit(&a, None, "a");
    server.hook("pre-receive", "sleep 60");
    let started = Instant::now();
    let pushed = claim(&a, id);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(!pushed.answered);
    assert_eq!(*pushed.status(CLAIM), RefStatus::Unanswered);
}

#[test]
fn a_server_that_dies_is_no_answer() {
    let server = Server::new();
    let a = mirror(&server, "a");
    let id = commit(&a, None, "a");
    // The hook ends the process that serves the push, as a crash would.
    server.hook("pre-receive", "kill -9 $PPID");
    let pushed = claim(&a, id);
    assert!(!pushed.answered, "{pushed:?}");
    assert_eq!(*pushed.status(CLAIM), RefStatus::Unanswered);
}

#[test]
fn no_server_is_no_answer() {
    let server = Server::new();
    let a = mirror(&server, "a");
    let id = commit(&a, None, "a");
    std::fs::remove_dir_all(server.path()).unwrap();
    let pushed = claim(&a, id);
    assert!(!pushed.answered);
    assert!(pushed.message.contains("repository"), "{}", pushed.message);
    let error = a.fetch(&patterns()).unwrap_err();
    assert!(error.is_network(), "{error}");
    assert!(error.to_string().starts_with("fetch from "), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_fetch_follows_the_server() {
    let server = Server::new();
    let (a, b) = (mirror(&server, "a"), mirror(&server, "b"));
    assert_eq!(a.fetch(&patterns()).unwrap(), []);
    let main: ObjectId = server.push(&[("queue/a.json", "{}")]).parse().unwrap();
    let held = commit(&b, None, "b");
    assert!(claim(&b, held).all_done());

    let changes = a.fetch(&patterns()).unwrap();
    let seen: Vec<_> = changes
        .iter()
        .map(|c| (c.name.as_str(), c.old, c.new))
        .collect();
    assert_eq!(
        seen,
        [
            ("refs/heads/main", None, Some(main)),
            (CLAIM, None, Some(held))
        ]
    );
    assert_eq!(a.fetch(&patterns()).unwrap(), []);
    let repo = a.repo().unwrap();
    assert_eq!(repo.reference(CLAIM).unwrap(), Some(held));
    assert_eq!(repo.file(main, "queue/a.json").unwrap().unwrap(), b"{}");
    assert_eq!(repo.references("refs/pumice/").unwrap().len(), 1);

    assert!(finish(&b, commit(&b, None, "r"), held).all_done());
    server.bare(["update-ref", "-d", "refs/heads/main"]);
    let changes = a.fetch(&patterns()).unwrap();
    let mut gone: Vec<_> = changes
        .iter()
        .filter(|change| change.new.is_none())
        .map(|change| change.name.as_str())
        .collect();
    gone.sort_unstable();
    assert_eq!(gone, ["refs/heads/main", CLAIM]);
    assert_eq!(
        a.repo().unwrap().reference("refs/heads/main").unwrap(),
        None
    );
}

#[test]
fn what_is_fetched_is_only_what_was_asked_for() {
    let server = Server::new();
    server.push(&[("f", "1")]);
    server.git(["tag", "v1"]);
    server.git([
        "push",
        "-q",
        "origin",
        "v1",
        "HEAD:refs/heads/other",
        "HEAD:refs/pumice/logs/r",
    ]);
    let a = mirror(&server, "a");
    a.fetch(&["refs/heads/main".to_owned()]).unwrap();
    let names: Vec<_> = a
        .repo()
        .unwrap()
        .references("refs/")
        .unwrap()
        .into_keys()
        .collect();
    assert_eq!(names, ["refs/heads/main"]);
}

#[test]
fn names_and_urls_that_git_would_misread_are_refused() {
    let server = Server::new();
    let a = mirror(&server, "a");
    for bad in [
        "--upload-pack=x",
        "main",
        "refs/heads/a b",
        "refs/../x",
        "refs/a:refs/b",
    ] {
        let error = a.fetch(&[bad.to_owned()]).unwrap_err();
        assert!(matches!(error.kind, GitErrorKind::Refused(_)), "{bad}");
        let updates = vec![update(bad, None, Lease::FastForward)];
        assert!(
            a.push(&Push {
                atomic: false,
                updates
            })
            .is_err(),
            "{bad}"
        );
    }
    assert!(Mirror::open(&server.dir().join("x"), "ext::sh -c true").is_err());
}

#[test]
fn two_processes_fetch_into_one_mirror() {
    let server = Server::new();
    server.push(&[("f", "0")]);
    mirror(&server, "shared");
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mirror = mirror(&server, "shared");
                for _ in 0..10 {
                    mirror.fetch(&patterns()).unwrap();
                }
            });
        }
        for n in 1..10 {
            server.push(&[("f", &n.to_string())]);
        }
    });
    let mirror = mirror(&server, "shared");
    mirror.fetch(&patterns()).unwrap();
    let main = server.git(["rev-parse", "HEAD"]).parse().unwrap();
    assert_eq!(
        mirror.repo().unwrap().reference("refs/heads/main").unwrap(),
        Some(main)
    );
}

#[test]
fn many_make_one_mirror_at_once() {
    let server = Server::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| mirror(&server, "deep/er/shared").repo().unwrap());
        }
    });
    let names = std::fs::read_dir(server.dir().join("deep/er")).unwrap();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["shared", "shared.lock"]);
}

#[test]
fn a_damaged_mirror_is_made_anew() {
    let server = Server::new();
    let main = server.push(&[("f", "1")]);
    let a = mirror(&server, "a");
    a.fetch(&patterns()).unwrap();
    std::fs::remove_dir_all(a.path().join("objects")).unwrap();
    let a = mirror(&server, "a");
    a.fetch(&patterns()).unwrap();
    let object = a.path().join("objects").join(&main[..2]).join(&main[2..]);
    // As after a power cut: the machine has started anew and an object is empty.
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "").unwrap();
    std::fs::write(a.path().join("pumice-boot"), "another").unwrap();
    let a = mirror(&server, "a");
    a.fetch(&patterns()).unwrap();
    a.repo().unwrap().commit(main.parse().unwrap()).unwrap();
}

#[test]
fn a_folder_that_is_no_mirror_is_left_alone() {
    let server = Server::new();
    let precious = server.dir().join("precious");
    std::fs::create_dir(&precious).unwrap();
    std::fs::write(precious.join("thesis"), "x").unwrap();
    let error = Mirror::open(&precious, &server.url()).unwrap_err();
    assert!(matches!(error.kind, GitErrorKind::Refused(_)), "{error}");
    assert!(precious.join("thesis").exists());
}

#[test]
fn shallow_repositories_are_refused() {
    let server = Server::new();
    server.push(&[("f", "1")]);
    server.push(&[("f", "2")]);
    let url = format!("file://{}", server.url());
    let args = ["clone", "-q", "--bare", "--depth=1", &url, "shallow.git"];
    crate::git::testing::git(server.dir(), args);
    let shallow = server.dir().join("shallow.git");
    let error = Mirror::open(&server.dir().join("a"), shallow.to_str().unwrap()).unwrap_err();
    assert!(matches!(error.kind, GitErrorKind::Shallow), "{error}");
}

#[test]
fn a_dead_lock_does_not_stop_fetches_for_ever() {
    let server = Server::new();
    server.push(&[("f", "1")]);
    let a = mirror(&server, "a");
    a.fetch(&patterns()).unwrap();
    let lock = a.path().join("refs/heads/main.lock");
    let file = std::fs::File::create(&lock).unwrap();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    file.set_modified(long_ago).unwrap();
    let main = server.push(&[("f", "2")]).parse().unwrap();
    a.fetch(&patterns()).unwrap();
    assert_eq!(
        a.repo().unwrap().reference("refs/heads/main").unwrap(),
        Some(main)
    );
}

#[test]
fn a_repacked_mirror_holds_the_same() {
    let server = Server::new();
    let a = mirror(&server, "a");
    for n in 0..4 {
        server.push(&[("f", &n.to_string())]);
        a.fetch(&patterns()).unwrap();
    }
    let unpushed = commit(&a, None, "not pushed yet");
    a.repack().unwrap();
    a.repack().unwrap();
    let repo = a.repo().unwrap();
    let main = repo.reference("refs/heads/main").unwrap().unwrap();
    assert_eq!(repo.file(main, "f").unwrap().unwrap(), b"3");
    assert!(repo.exists(unpushed));
}
