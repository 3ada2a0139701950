//! Particular histories; `random` has the others.

mod random;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;
use crate::git::testing::Server;

/// A commit to be made: parents by number, the whole tree, the time.
#[derive(Debug, Clone, Default)]
struct Made {
    parents: Vec<usize>,
    tree: Tree,
    time: i64,
}

/// Paths with the mode and the content of the file.
type Tree = BTreeMap<String, (u32, String)>;

/// Makes all the commits with one `git fast-import` and gives their ids.
fn make(server: &Server, commits: &[Made]) -> Vec<ObjectId> {
    let mut script = String::new();
    for (number, commit) in commits.iter().enumerate() {
        let Made {
            parents,
            tree,
            time,
        } = commit;
        writeln!(script, "commit refs/tmp/{number}\nmark :{}", number + 1).unwrap();
        writeln!(script, "author Ann <ann@example.org> {time} +0000").unwrap();
        writeln!(script, "committer Carl <carl@example.org> {time} +0000").unwrap();
        let message = format!("commit {number}");
        writeln!(script, "data {}\n{message}", message.len()).unwrap();
        for (n, parent) in parents.iter().enumerate() {
            let word = if n == 0 { "from" } else { "merge" };
            writeln!(script, "{word} :{}", parent + 1).unwrap();
        }
        script.push_str("deleteall\n");
        for (path, (mode, text)) in tree {
            writeln!(
                script,
                "M {mode:o} inline {path}\ndata {}\n{text}",
                text.len()
            )
            .unwrap();
        }
    }
    import(server, &script, commits.len())
}

fn import(server: &Server, script: &str, count: usize) -> Vec<ObjectId> {
    let marks = server.dir().join("marks");
    let mut child = Command::new("git")
        .arg("--git-dir")
        .arg(server.path())
        .args(["-c", "core.fsync=none", "fast-import", "--quiet", "--force"])
        .arg(format!("--export-marks={}", marks.display()))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    let text = std::fs::read_to_string(marks).unwrap();
    let ids: BTreeMap<usize, ObjectId> = text
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(mark, id)| (mark[1..].parse().unwrap(), id.parse().unwrap()))
        .collect();
    (1..=count).map(|mark| ids[&mark]).collect()
}

fn repo(server: &Server) -> Repo {
    Repo::open(&server.path()).unwrap()
}

fn by_path(submissions: Vec<Submission>) -> BTreeMap<String, Submission> {
    submissions
        .into_iter()
        .map(|submission| (submission.path.clone(), submission))
        .collect()
}

/// Brings `known` to what it is after the events.
fn apply(known: &mut BTreeMap<String, Submission>, events: &[QueueEvent]) {
    for event in events {
        match event {
            QueueEvent::Joined(submission) => {
                let before = known.insert(submission.path.clone(), submission.clone());
                assert_eq!(before, None, "joined where something was");
            }
            QueueEvent::Left { submission, .. } => {
                assert_eq!(known.remove(&submission.path).as_ref(), Some(submission));
            }
        }
    }
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let file =
        |(path, text): &(&str, &str)| (format!("queue/{path}"), (0o100_644, (*text).to_owned()));
    files.iter().map(file).collect()
}

fn made(parents: &[usize], files: &[(&str, &str)]) -> Made {
    Made {
        parents: parents.to_vec(),
        tree: tree(files),
        time: 1_700_000_000,
    }
}

/// What happened, as words.
fn words(events: &[QueueEvent], ids: &[ObjectId]) -> Vec<String> {
    let number = |id: &ObjectId| ids.iter().position(|other| other == id).unwrap();
    let word = |event: &QueueEvent| match event {
        QueueEvent::Joined(joined) => {
            format!("+{} by {}", &joined.path[6..], number(&joined.commit))
        }
        QueueEvent::Left { submission, by } => {
            let (path, commit) = (&submission.path[6..], number(&submission.commit));
            format!("-{path} of {commit} by {}", number(by))
        }
    };
    events.iter().map(word).collect()
}

fn told(commits: &[Made], from: usize, to: usize) -> Vec<String> {
    let server = Server::new();
    let ids = make(&server, commits);
    let repo = repo(&server);
    let known = by_path(alive(&repo, ids[from]).unwrap());
    words(&advance(&repo, ids[from], ids[to], &known).unwrap(), &ids)
}

#[test]
fn what_came_and_went_between_two_looks_is_told() {
    let commits = [
        made(&[], &[("a.json", "1")]),
        made(&[0], &[("a.json", "1"), ("b.json", "1")]),
        made(&[1], &[("a.json", "2")]),
        made(&[2], &[("a.json", "2"), ("b.json", "1")]),
    ];
    let expected = [
        "+b.json by 1",
        "-a.json of 0 by 2",
        "+a.json by 2",
        "-b.json of 1 by 2",
        "+b.json by 3",
    ];
    assert_eq!(told(&commits, 0, 3), expected);
    assert_eq!(told(&commits, 3, 3), [""; 0]);
}

#[test]
fn a_version_that_lived_on_a_branch_only_is_no_job() {
    let commits = [
        made(&[], &[]),
        made(&[0], &[("a.json", "draft")]),
        made(&[1], &[("a.json", "final")]),
        made(&[0, 2], &[("a.json", "final")]),
    ];
    assert_eq!(told(&commits, 0, 3), ["+a.json by 2"]);
}

#[test]
fn a_merged_revert_names_the_revert() {
    let commits = [
        made(&[], &[("a.json", "1")]),
        made(&[0], &[]),
        made(&[1], &[("b.json", "1")]),
        made(&[0], &[("a.json", "1"), ("c.json", "1")]),
        made(&[3, 2], &[("b.json", "1"), ("c.json", "1")]),
    ];
    assert_eq!(told(&commits, 3, 4), ["-a.json of 0 by 1", "+b.json by 2"]);
}

#[test]
fn a_merge_that_drops_a_file_by_itself_is_named() {
    let commits = [
        made(&[], &[]),
        made(&[0], &[("a.json", "1")]),
        made(&[0], &[("b.json", "1")]),
        made(&[1, 2], &[("b.json", "1")]),
    ];
    assert_eq!(told(&commits, 1, 3), ["-a.json of 1 by 3", "+b.json by 2"]);
}

#[test]
fn a_squashed_merge_introduces_by_itself() {
    let commits = [
        made(&[], &[]),
        made(&[0], &[("a.json", "1")]),
        made(&[0], &[("a.json", "1")]),
    ];
    assert_eq!(told(&commits, 0, 2), ["+a.json by 2"]);
}

#[test]
fn a_foxtrot_merge_keeps_what_main_had() {
    // Somebody pulled main (2) into a branch (3) and pushed the result: 2 leaves the first parents.
    let commits = [
        made(&[], &[("a.json", "1")]),
        made(&[0], &[("a.json", "1"), ("b.json", "1")]),
        made(&[1], &[("a.json", "1"), ("b.json", "1"), ("c.json", "1")]),
        made(&[0], &[("a.json", "1"), ("mine.json", "1")]),
        made(
            &[3, 2],
            &[
                ("a.json", "1"),
                ("b.json", "1"),
                ("c.json", "1"),
                ("mine.json", "1"),
            ],
        ),
    ];
    assert_eq!(told(&commits, 2, 4), ["+mine.json by 3"]);
    let server = Server::new();
    let ids = make(&server, &commits);
    let fresh = by_path(alive(&repo(&server), ids[4]).unwrap());
    let of = |path: &str| fresh[&format!("queue/{path}")].commit;
    assert_eq!(
        [of("a.json"), of("b.json"), of("c.json")],
        [ids[0], ids[1], ids[2]]
    );
}

#[test]
fn an_accepted_rewrite_is_compared_tree_against_tree() {
    let commits = [
        made(&[], &[("a.json", "1"), ("b.json", "1")]),
        made(&[], &[("b.json", "1"), ("c.json", "1")]),
    ];
    assert_eq!(told(&commits, 0, 1), ["-a.json of 0 by 1", "+c.json by 1"]);
}

#[test]
fn a_far_look_back_across_a_foxtrot_merge_ends_early() {
    let mut commits: Vec<Made> = (0..300_usize)
        .map(|n| Made {
            parents: n.checked_sub(1).into_iter().collect(),
            ..made(&[], &[("a.json", "1")])
        })
        .collect();
    // The branch left main at 150 and went on for 200 commits.
    commits.push(made(&[150], &[("a.json", "1")]));
    for n in 300..500 {
        commits.push(made(&[n], &[("a.json", "1"), ("mine.json", "1")]));
    }
    commits.push(made(&[500, 299], &[("a.json", "1"), ("mine.json", "1")]));
    assert_eq!(told(&commits, 299, 501), ["+mine.json by 301"]);
}

#[test]
fn what_is_no_job_is_marked_or_ignored() {
    let mut commit = made(
        &[],
        &[
            ("a.json", "1"),
            ("sub/b.json", "1"),
            (".gitkeep", ""),
            ("sub/README.md", "x"),
            ("c.txt", "1"),
            (".d.json", "1"),
            ("e f.json", "1"),
        ],
    );
    commit.tree.insert(
        "queue/link.json".to_owned(),
        (0o120_000, "/etc/passwd".to_owned()),
    );
    commit
        .tree
        .insert("queue/tool.json".to_owned(), (0o100_755, "1".to_owned()));
    commit
        .tree
        .insert("other/z.json".to_owned(), (0o100_644, "1".to_owned()));
    let mut chmod = commit.clone();
    chmod.parents = vec![0];
    chmod.tree.get_mut("queue/a.json").unwrap().0 = 0o100_755;
    let server = Server::new();
    let ids = make(&server, &[commit, chmod]);
    let repo = repo(&server);
    let found = alive(&repo, ids[0]).unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|s| (&s.path[6..], s.is_regular()))
        .collect();
    let expected = [
        (".d.json", false),
        ("a.json", true),
        ("c.txt", false),
        ("e f.json", false),
        ("link.json", false),
        ("sub/b.json", true),
        ("tool.json", false),
    ];
    assert_eq!(seen, expected);
    let events = advance(&repo, ids[0], ids[1], &by_path(found)).unwrap();
    assert_eq!(words(&events, &ids), ["-a.json of 0 by 1", "+a.json by 1"]);
    assert!(matches!(&events[1], QueueEvent::Joined(joined) if !joined.is_regular()));
}

#[test]
fn a_submission_says_who_and_when() {
    let server = Server::new();
    let mut commit = made(&[], &[("a.json", "1")]);
    commit.time = 1_234_567_890;
    let ids = make(&server, &[commit]);
    let found = alive(&repo(&server), ids[0]).unwrap().remove(0);
    assert_eq!(found.author.email, "ann@example.org");
    assert_eq!(found.submitted_at, Time::from_unix(1_234_567_890));
    assert_eq!(found.id, JobId::new(ids[0], "queue/a.json"));
    assert_eq!(
        introducing(&repo(&server), ids[0], "queue/a.json", found.blob).unwrap(),
        Some(ids[0])
    );
    assert_eq!(
        introducing(&repo(&server), ids[0], "queue/b.json", found.blob).unwrap(),
        None
    );
}

#[test]
fn a_forgotten_submission_is_found_again() {
    let commits = [made(&[], &[("a.json", "1")]), made(&[0], &[])];
    let server = Server::new();
    let ids = make(&server, &commits);
    let events = advance(&repo(&server), ids[0], ids[1], &BTreeMap::new()).unwrap();
    assert_eq!(words(&events, &ids), ["-a.json of 0 by 1"]);
}

#[test]
fn a_lab_without_a_queue_has_no_jobs() {
    let server = Server::new();
    let ids = make(
        &server,
        &[
            Made::default(),
            made(&[0], &[("a.json", "1")]),
            Made {
                parents: vec![1],
                ..Made::default()
            },
        ],
    );
    let repo = repo(&server);
    assert_eq!(alive(&repo, ids[0]).unwrap(), []);
    assert_eq!(
        told(&[Made::default(), made(&[0], &[("a.json", "1")])], 0, 1),
        ["+a.json by 1"]
    );
    assert_eq!(alive(&repo, ids[2]).unwrap(), []);
    assert!(alive(&repo, ObjectId::from_bytes([9; 20])).is_err());
}

#[test]
fn ten_thousand_jobs_are_read_in_one_walk() {
    const JOBS: usize = 10_000;
    let server = Server::new();
    let mut script = String::new();
    for n in 0..JOBS {
        let path = format!(
            "queue/2026/11/{:02}/{:02}/job-{n}.json",
            n / 2400 + 1,
            n / 100 % 24
        );
        let data = format!("job {n}");
        let length = data.len();
        write!(script, "commit refs/heads/main\nmark :{}\ncommitter C <c@d> {n} +0000\ndata 1\nx\nM 100644 inline {path}\ndata {length}\n{data}\n", n + 1).unwrap();
    }
    let ids = import(&server, &script, JOBS);
    let repo = repo(&server);
    let found = alive(&repo, ids[JOBS - 1]).unwrap();
    let commits: Vec<_> = found.iter().map(|submission| submission.commit).collect();
    assert!(
        commits == ids,
        "each file is introduced by its commit, in their order"
    );
    let known = by_path(alive(&repo, ids[JOBS - 2]).unwrap());
    let events = advance(&repo, ids[JOBS - 2], ids[JOBS - 1], &known).unwrap();
    assert_eq!(events.len(), 1);
}

#[test]
fn a_job_is_as_old_as_its_stay_on_main() {
    let server = Server::new();
    let at = |time, commit| Made { time, ..commit };
    let ids = make(
        &server,
        &[
            at(1000, made(&[], &[("a.json", "1")])),
            // On a branch, for long, and merged.
            at(1100, made(&[0], &[("a.json", "1"), ("b.json", "2")])),
            at(9000, made(&[0, 1], &[("a.json", "1"), ("b.json", "2")])),
            // Somebody writes an old date.
            at(
                5,
                made(&[2], &[("a.json", "1"), ("b.json", "2"), ("c.json", "3")]),
            ),
        ],
    );
    let repo = repo(&server);
    let since: Vec<(ObjectId, i64)> = alive(&repo, ids[3])
        .unwrap()
        .iter()
        .map(|found| (found.commit, found.submitted_at.unix()))
        .collect();
    assert_eq!(since, [(ids[0], 1000), (ids[1], 9000), (ids[3], 9000)]);
    let known = by_path(alive(&repo, ids[0]).unwrap());
    let events = advance(&repo, ids[0], ids[3], &known).unwrap();
    let joined = events.iter().filter_map(|event| match event {
        QueueEvent::Joined(found) => Some(found.submitted_at.unix()),
        QueueEvent::Left { .. } => None,
    });
    assert_eq!(joined.collect::<Vec<_>>(), [9000, 9000]);
}
