//! Random histories, compared with what git says of them and with a brute-force reading.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Made, Tree, apply, make, repo};
use crate::git::FILE_MODE;
use crate::git::testing::{Server, git};
use crate::lab::queue::{QueueEvent, Submission, advance, alive, introducing};

/// One thing that people do to main; the numbers choose among what there is.
#[derive(Debug, Clone)]
enum Deed {
    /// Commits changes to main.
    Commit(Vec<Change>),
    /// Begins a branch at an earlier head of main, with commits on it.
    Branch(usize, Vec<Vec<Change>>),
    /// Merges a branch into main, perhaps with changes of its own.
    Merge(usize, Vec<Change>),
    Squash(usize),
    /// Pulls main into a branch and pushes that.
    Foxtrot(usize),
    /// Pulls main into a branch, which goes on.
    Update(usize),
    /// Goes back to the tree of an earlier commit.
    Revert(usize),
    /// Somebody looks at main now.
    Look,
}

/// A file and what becomes of it: gone, or with this content and mode.
type Change = (u8, Option<(bool, u8)>);

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let change = (
        0..6_u8,
        proptest::option::weighted(0.7, (proptest::bool::weighted(0.1), 0..3_u8)),
    );
    let changes = proptest::collection::vec(change, 1..4);
    let evil = proptest::option::weighted(0.2, changes.clone());
    let number = 0..1000_usize;
    let deed = prop_oneof![
        4 => changes.clone().prop_map(Deed::Commit),
        3 => (number.clone(), proptest::collection::vec(changes, 1..4)).prop_map(|(n, c)| Deed::Branch(n, c)),
        3 => (number.clone(), evil).prop_map(|(n, c)| Deed::Merge(n, c.unwrap_or_default())),
        1 => number.clone().prop_map(Deed::Squash),
        1 => number.clone().prop_map(Deed::Foxtrot),
        1 => number.clone().prop_map(Deed::Update),
        1 => number.prop_map(Deed::Revert),
        3 => Just(Deed::Look),
    ];
    proptest::collection::vec(deed, 1..24)
}

/// The commits that the deeds make, and the numbers of the heads that somebody looked at.
fn played(deeds: &[Deed], times: &[i64]) -> (Vec<Made>, Vec<usize>) {
    const PATHS: [&str; 6] = [
        "a.json",
        "b.json",
        "s/c.json",
        "s/t/d.json",
        "s.json",
        "z.json",
    ];
    let mut commits = vec![Made::default()];
    let mut looks = vec![0];
    let (mut main, mut heads) = (0, vec![0]);
    let mut branches: Vec<(usize, usize)> = Vec::new();
    let changed = |tree: &Tree, changes: &[Change]| {
        let mut tree = tree.clone();
        for (file, what) in changes {
            let path = format!("queue/{}", PATHS[usize::from(*file) % PATHS.len()]);
            match what {
                None => drop(tree.remove(&path)),
                Some((tool, text)) => {
                    let mode = if *tool { 0o100_755 } else { 0o100_644 };
                    tree.insert(path, (mode, text.to_string()));
                }
            }
        }
        tree
    };
    // What `theirs` changed since `base` wins, everything else is as in `ours`.
    let merged = |base: &Tree, ours: &Tree, theirs: &Tree| {
        let mut tree = ours.clone();
        for path in base.keys().chain(theirs.keys()) {
            if base.get(path) != theirs.get(path) {
                match theirs.get(path) {
                    Some(file) => drop(tree.insert(path.clone(), file.clone())),
                    None => drop(tree.remove(path)),
                }
            }
        }
        tree
    };
    let commit = |commits: &mut Vec<Made>, parents: Vec<usize>, tree: Tree| {
        let time = times[commits.len() % times.len()];
        commits.push(Made {
            parents,
            tree,
            time,
        });
        commits.len() - 1
    };
    for deed in deeds {
        let before = main;
        match deed {
            Deed::Look => looks.push(main),
            Deed::Commit(changes) => {
                let tree = changed(&commits[main].tree, changes);
                main = commit(&mut commits, vec![main], tree);
            }
            Deed::Revert(number) => {
                let tree = commits[heads[number % heads.len()]].tree.clone();
                main = commit(&mut commits, vec![main], tree);
            }
            Deed::Branch(number, steps) => {
                let base = heads[number % heads.len()];
                let mut tip = base;
                for changes in steps {
                    let tree = changed(&commits[tip].tree, changes);
                    tip = commit(&mut commits, vec![tip], tree);
                }
                branches.push((base, tip));
            }
            Deed::Merge(..) | Deed::Squash(_) | Deed::Foxtrot(_) | Deed::Update(_)
                if branches.is_empty() => {}
            Deed::Merge(number, _)
            | Deed::Squash(number)
            | Deed::Foxtrot(number)
            | Deed::Update(number) => {
                let at = number % branches.len();
                let (base, tip) = branches[at];
                let tree = merged(&commits[base].tree, &commits[main].tree, &commits[tip].tree);
                match deed {
                    Deed::Merge(_, evil) => {
                        main = commit(&mut commits, vec![main, tip], changed(&tree, evil));
                    }
                    Deed::Squash(_) => main = commit(&mut commits, vec![main], tree),
                    Deed::Foxtrot(_) => main = commit(&mut commits, vec![tip, main], tree),
                    _ => branches[at] = (main, commit(&mut commits, vec![tip, main], tree)),
                }
            }
        }
        if main != before {
            heads.push(main);
        }
    }
    looks.push(main);
    (commits, looks)
}

/// The numbers of the commits from one to another along first parents, without the first.
fn chain(commits: &[Made], from: usize, to: usize) -> Option<Vec<usize>> {
    let mut chain = Vec::new();
    let mut at = to;
    while at != from {
        chain.push(at);
        at = *commits[at].parents.first()?;
    }
    chain.reverse();
    Some(chain)
}

fn check(deeds: &[Deed], times: &[i64]) -> Result<(), TestCaseError> {
    let (commits, looks) = played(deeds, times);
    let server = Server::new();
    let ids = make(&server, &commits);
    let repo = repo(&server);
    let mut known = BTreeMap::new();
    let mut only_first_parents = true;
    let mut last = looks[0];
    for look in looks {
        let (from, to) = (ids[last], ids[look]);
        let events = advance(&repo, from, to, &known).unwrap();
        if let Some(chain) = chain(&commits, last, look) {
            // Brute force: each tree of main against the one before.
            let mut expected = Vec::new();
            let mut before = &commits[last].tree;
            for number in chain {
                let after = &commits[number].tree;
                let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
                for path in paths
                    .into_iter()
                    .filter(|path| before.get(*path) != after.get(*path))
                {
                    expected.extend(before.get(path).map(|_| (path.clone(), false, number)));
                    expected.extend(after.get(path).map(|_| (path.clone(), true, number)));
                }
                before = after;
            }
            let told: Vec<_> = events
                .iter()
                .map(|event| match event {
                    QueueEvent::Joined(joined) => (joined.path.clone(), true),
                    QueueEvent::Left { submission, .. } => (submission.path.clone(), false),
                })
                .collect();
            let wanted: Vec<_> = expected
                .iter()
                .map(|(path, came, _)| (path.clone(), *came))
                .collect();
            prop_assert_eq!(told, wanted);
        } else {
            only_first_parents = false;
        }
        apply(&mut known, &events);
        last = look;

        let fresh = alive(&repo, to).unwrap();
        let files: Vec<_> = fresh
            .iter()
            .map(|s| (s.path.clone(), s.mode))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let wanted: Vec<_> = commits[look]
            .tree
            .iter()
            .map(|(path, (mode, _))| (path.clone(), *mode))
            .collect();
        prop_assert_eq!(files, wanted);
        for submission in &fresh {
            let args = [
                "log",
                "-1",
                "--no-renames",
                "--format=%H",
                &to.to_string(),
                "--",
                &submission.path,
            ];
            prop_assert_eq!(
                git(&server.path(), args),
                submission.commit.to_string(),
                "{}",
                &submission.path
            );
            let alone = introducing(&repo, to, &submission.path, submission.blob).unwrap();
            let regular = submission.mode == FILE_MODE;
            prop_assert_eq!(alone, regular.then_some(submission.commit));
        }
        let strip = |mut submission: Submission| {
            submission.order = 0;
            submission
        };
        if only_first_parents {
            // Whoever followed main knows the same jobs, in the same order, as who comes now.
            let mut followed: Vec<_> = known.values().cloned().collect();
            followed.sort_by_key(|submission| submission.order);
            let followed: Vec<_> = followed.into_iter().map(strip).collect();
            let fresh: Vec<_> = fresh.into_iter().map(strip).collect();
            prop_assert_eq!(followed, fresh);
        } else {
            let versions = |submissions: Vec<Submission>| -> BTreeSet<_> {
                submissions
                    .into_iter()
                    .map(|s| (s.path, s.blob, s.mode))
                    .collect()
            };
            let followed = versions(known.values().cloned().collect());
            prop_assert_eq!(followed, versions(fresh));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_history_gives_the_jobs_that_git_log_gives(
        deeds in deeds(),
        // Clocks lie: the times have nothing to do with the order.
        times in proptest::collection::vec(1_000_000_000..1_000_000_100_i64, 1..5),
    ) {
        check(&deeds, &times)?;
    }
}
