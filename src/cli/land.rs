//! A change of main: committed and pushed, again and again where others were faster.

use std::time::Duration;

use super::error::{Attempt, Error, Kind};
use super::open::Opened;
use crate::git::{CommitBuilder, Lease, Person, Push, Pushed, RefStatus, Update, WorkTree};
use crate::lab::{Reader, Scope};
use crate::model::ObjectId;

/// How often a lost race is run again. With full jitter up to some seconds, eight tries outlast bursts of
/// pushes by dozens of people.
const TRIES: u32 = 8;

/// The longest pause after the first lost race; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a commit changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Paths and their new contents.
    pub put: Vec<(String, Vec<u8>)>,
    pub remove: Vec<String>,
    pub message: String,
}

impl Change {
    fn paths(&self) -> Vec<String> {
        let put = self.put.iter().map(|(path, _)| path);
        put.chain(&self.remove).cloned().collect()
    }
}

/// Main as it stands when a change is planned.
pub struct Base<'a> {
    pub reader: &'a Reader,
    pub main: Option<ObjectId>,
}

/// Where a change is made.
enum Way<'a> {
    /// In the work tree, whose checked-out branch is the lab's: as if the person had done it.
    Tree(&'a WorkTree),
    /// In the mirror: there is no work tree, or it stands on another branch, which is left alone.
    Mirror,
}

fn way(opened: &Opened) -> Result<Way<'_>, Error> {
    let Some(tree) = &opened.tree else {
        return Ok(Way::Mirror);
    };
    let on_main = tree.branch()?.as_deref() == Some(opened.lab.refs().branch());
    Ok(if on_main {
        Way::Tree(tree)
    } else {
        Way::Mirror
    })
}

/// The work tree in which [`land`] would make a change, if it would.
pub fn tree(opened: &Opened) -> Result<Option<&WorkTree>, Error> {
    Ok(match way(opened)? {
        Way::Tree(tree) => Some(tree),
        Way::Mirror => None,
    })
}

/// Commits what `plan` makes of main as it is now, and pushes it; gives main's head that holds it. Without
/// an origin committing is enough. `plan` may be asked again after a lost race, and ends the attempt by an
/// error.
pub fn land(
    opened: &Opened,
    plan: &mut dyn FnMut(&Base) -> Result<Change, Error>,
) -> Result<ObjectId, Error> {
    match way(opened)? {
        Way::Tree(tree) => in_tree(opened, tree, plan),
        Way::Mirror => in_mirror(opened, plan),
    }
}

fn in_mirror(
    opened: &Opened,
    plan: &mut dyn FnMut(&Base) -> Result<Change, Error>,
) -> Result<ObjectId, Error> {
    let author = opened.identity()?;
    let name = opened.lab.refs().main();
    let mut tries = 0;
    loop {
        opened.lab.fetch(Scope::Main)?;
        let reader = opened.lab.reader()?;
        let main = reader.main()?;
        let change = plan(&Base {
            reader: &reader,
            main,
        })?;
        let commit = commit(&reader, main, &change, &author)?;
        if Some(commit) == main {
            return Ok(commit);
        }
        let push = Push {
            atomic: false,
            updates: vec![Update {
                name: name.clone(),
                target: Some(commit),
                lease: main.map_or(Lease::Absent, Lease::Is),
            }],
        };
        let pushed = opened.lab.mirror().push(&push)?;
        match judge(opened, &pushed, &name, commit)? {
            Verdict::Landed => {
                reader.repo().set_reference(&name, Some(commit))?;
                return Ok(commit);
            }
            Verdict::Lost => pause(&mut tries, &name)?,
        }
    }
}

/// Pushes a new branch with the change on top of main; main itself stays.
pub fn on_branch(
    opened: &Opened,
    branch: impl Fn(ObjectId) -> String,
    plan: &mut dyn FnMut(&Base) -> Result<Change, Error>,
) -> Result<(String, ObjectId), Error> {
    opened.lab.fetch(Scope::Main)?;
    let reader = opened.lab.reader()?;
    let main = reader.main()?;
    let change = plan(&Base {
        reader: &reader,
        main,
    })?;
    let commit = commit(&reader, main, &change, &opened.identity()?)?;
    let branch = branch(commit);
    let name = format!("refs/heads/{branch}");
    let push = Push {
        atomic: false,
        updates: vec![Update {
            name: name.clone(),
            target: Some(commit),
            lease: Lease::Absent,
        }],
    };
    let pushed = opened.lab.mirror().push(&push)?;
    match judge(opened, &pushed, &name, commit)? {
        Verdict::Landed => Ok((branch, commit)),
        Verdict::Lost => Err(Error::new(Kind::Git, format!("push the branch {branch}"))
            .because("the repository has one of this name")),
    }
}

fn commit(
    reader: &Reader,
    main: Option<ObjectId>,
    change: &Change,
    author: &Person,
) -> Result<ObjectId, Error> {
    let mut builder = CommitBuilder::new(reader.repo(), main);
    for (path, bytes) in &change.put {
        builder.put(path, bytes)?;
    }
    for path in &change.remove {
        builder.remove(path);
    }
    Ok(builder.commit(author, &change.message)?)
}

fn in_tree(
    opened: &Opened,
    tree: &WorkTree,
    plan: &mut dyn FnMut(&Base) -> Result<Change, Error>,
) -> Result<ObjectId, Error> {
    let branch = opened.lab.refs().branch();
    let has_origin = tree.has_origin()?;
    opened.lab.fetch(Scope::Main)?;
    let reader = opened.lab.reader()?;
    let main = reader.main()?;
    let behind = has_origin && !contains(tree, main)?;
    if behind {
        tree.pull_rebase(branch)?;
    }
    let change = plan(&Base {
        reader: &reader,
        main,
    })?;
    apply(tree, &change)?;
    let paths = change.paths();
    if !paths.is_empty() {
        tree.commit_paths(&paths, &change.message)?;
    }
    let name = opened.lab.refs().main();
    let mut tries = 0;
    loop {
        let Some(head) = head(tree)? else {
            return Err(Error::new(Kind::Git, "commit the change").because("nothing was committed"));
        };
        if !has_origin || main == Some(head) {
            opened.lab.fetch(Scope::Main)?;
            return Ok(head);
        }
        let pushed = tree.push_branch(branch)?;
        let verdict = judge(opened, &pushed, &name, head).map_err(|error| {
            error.hint(format!(
                "the commit {} stays in {}; `git push` sends it later",
                head.short(),
                tree.root().display()
            ))
        })?;
        match verdict {
            Verdict::Landed => {
                opened.lab.fetch(Scope::Main)?;
                return Ok(head);
            }
            Verdict::Lost => {
                pause(&mut tries, &name)?;
                tree.pull_rebase(branch)?;
            }
        }
    }
}

/// Whether the work tree's head holds everything that the lab's main holds.
fn contains(tree: &WorkTree, main: Option<ObjectId>) -> Result<bool, Error> {
    match (main, head(tree)?) {
        (None, _) => Ok(true),
        (Some(_), None) => Ok(false),
        (Some(main), Some(head)) => Ok(main == head || is_inside(tree, main, head)?),
    }
}

/// The work tree's head; `None` before its first commit.
fn head(tree: &WorkTree) -> Result<Option<ObjectId>, Error> {
    match tree.resolve("HEAD") {
        Ok(head) => Ok(Some(head)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the clone has a commit and its head holds it.
fn is_inside(tree: &WorkTree, commit: ObjectId, head: ObjectId) -> Result<bool, Error> {
    let repo = tree.repo()?;
    Ok(repo.exists(commit) && repo.is_ancestor(commit, head)?)
}

/// Whether a file of the work tree that a change is about to touch has edits that nobody has
/// committed: they must not be taken along.
pub fn has_local_changes(opened: &Opened, base: &Base, path: &str) -> Result<bool, Error> {
    let Some(tree) = tree(opened)? else {
        return Ok(false);
    };
    let on_disk = std::fs::read(tree.root().join(path)).ok();
    let on_main = match base.main {
        Some(main) => base.reader.repo().file(main, path)?,
        None => None,
    };
    Ok(on_disk.is_some() && on_disk != on_main)
}

/// Makes the files of the work tree what the change says.
fn apply(tree: &WorkTree, change: &Change) -> Result<(), Error> {
    for (path, bytes) in &change.put {
        let file = tree.root().join(path);
        if std::fs::read(&file).is_ok_and(|old| old == *bytes) {
            continue;
        }
        let write = || {
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&file, bytes)
        };
        write().attempt(Kind::Failed, || format!("write {}", file.display()))?;
    }
    for path in &change.remove {
        let file = tree.root().join(path);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            done => done.attempt(Kind::Failed, || format!("remove {}", file.display()))?,
        }
    }
    Ok(())
}

enum Verdict {
    Landed,
    /// Somebody else was faster.
    Lost,
}

/// What became of a push. Where no answer came, what stands on the server decides.
fn judge(opened: &Opened, pushed: &Pushed, name: &str, commit: ObjectId) -> Result<Verdict, Error> {
    let failed = |kind| Error::new(kind, format!("push {name} to {}", opened.lab.url()));
    match pushed.status(name) {
        RefStatus::Done | RefStatus::UpToDate => Ok(Verdict::Landed),
        RefStatus::Refused { retry: true, .. } => Ok(Verdict::Lost),
        RefStatus::Refused { reason, .. } => {
            let said = pushed.message.trim();
            let why = if said.is_empty() {
                reason.as_str()
            } else {
                said
            };
            Err(failed(Kind::Refused)
                .because(format!("{reason}: {why}"))
                .hint("the server's own rules refused it; ask whoever keeps the lab"))
        }
        RefStatus::Unanswered => {
            opened.lab.mirror().fetch(&[name.to_owned()])?;
            let repo = opened.lab.mirror().repo()?;
            match repo.reference(name)? {
                Some(head) if repo.exists(commit) && repo.is_ancestor(commit, head)? => {
                    Ok(Verdict::Landed)
                }
                _ => Err(failed(Kind::Git).because(pushed.message.trim())),
            }
        }
    }
}

/// Waits a random while (full jitter) before the next try, or gives up.
fn pause(tries: &mut u32, name: &str) -> Result<(), Error> {
    *tries += 1;
    if *tries >= TRIES {
        return Err(Error::new(Kind::Git, format!("push {name}"))
            .because(format!("others were faster {TRIES} times"))
            .hint("try again in a moment"));
    }
    let longest = FIRST_PAUSE.saturating_mul(1 << *tries).min(LONGEST_PAUSE);
    let random = uuid::Uuid::new_v4().as_u64_pair().0;
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    std::thread::sleep(longest.mul_f64(share));
    Ok(())
}
