//! What main says about the queue: which jobs are on it, which came and which left.
//!
//! A job is one version (blob and mode) of one file under `queue/`. Only main's own trees count, that is
//! those along its first parents; what lived only on a branch never was a job.

mod trace;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use crate::git::{Entry, FILE_MODE, GitError, Person, Repo, TreeChange};
use crate::model::name::is_name;
use crate::model::{JobId, ObjectId, Time};

use trace::Node;
pub use trace::introducing;

/// The folder of main that holds the job definitions.
pub const FOLDER: &str = "queue";

/// A version of a file under `queue/`, as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub id: JobId,
    pub path: String,
    pub blob: ObjectId,
    pub mode: u32,
    /// The introducing commit.
    pub commit: ObjectId,
    /// The introducing commit's author, as the commit says.
    pub author: Person,
    /// When it joined main, by clocks that nobody has checked: the committer's time of the commit or the
    /// merge that brought it there, and not before that of main's commits below.
    pub submitted_at: Time,
    /// Where it stands in main's history: a smaller number joined main earlier, by first parents and not by
    /// clocks; of one commit the paths decide. The numbers of one reader compare with each other. Two
    /// readers agree on which of two is smaller, though not on the numbers; only where a pull has put main
    /// below somebody's branch (a foxtrot merge) may a reader that saw main before disagree.
    pub order: i64,
    /// Whether the path is one that a job may have.
    pub name_ok: bool,
}

impl Submission {
    /// Whether it may run at all; otherwise it is to be rejected, with a record.
    pub fn is_regular(&self) -> bool {
        self.name_ok && self.mode == FILE_MODE
    }

    fn is(&self, entry: &Entry) -> bool {
        self.blob == entry.id && self.mode == entry.mode
    }
}

/// One thing that happened to the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueEvent {
    Joined(Submission),
    /// `by` is the commit that removed the version, found through merges.
    Left {
        submission: Submission,
        by: ObjectId,
    },
}

/// All versions under `queue/` on main now, the oldest first. One walk of main's first parents, back to
/// where the oldest of them joined.
pub fn alive(repo: &Repo, main: ObjectId) -> Result<Vec<Submission>, GitError> {
    let mut left: HashMap<String, Entry> = repo
        .files(main, FOLDER)?
        .into_iter()
        .filter(|(path, _)| !is_ignored(path))
        .collect();
    // For each commit of main that brought some of them, the newest first.
    let mut joined: Vec<(ObjectId, BTreeMap<String, Entry>)> = Vec::new();
    let mut merged = Vec::new();
    let mut node = Node::read(repo, main)?;
    while !left.is_empty() {
        let parent = match node.parents.first() {
            Some(parent) => Some(Node::read(repo, *parent)?),
            None => None,
        };
        let came: BTreeMap<_, _> = match &parent {
            None => left.drain().collect(),
            Some(parent) => repo
                .diff_trees(parent.queue, node.queue, FOLDER)?
                .into_iter()
                .filter(|change| change.new.is_some())
                .filter_map(|change| left.remove_entry(&change.path))
                .collect(),
        };
        if !came.is_empty() {
            if node.parents.len() > 1 {
                merged.push((node.id, came.clone()));
            }
            joined.push((node.id, came));
        }
        let Some(parent) = parent else { break };
        node = parent;
    }
    let origins = trace::origins(repo, merged)?;
    let mut maker = Maker::new(repo, 0);
    let mut submissions = Vec::new();
    for (commit, came) in joined.into_iter().rev() {
        for (path, entry) in came {
            let origin = origins.get(&path).copied().unwrap_or(commit);
            submissions.push(maker.make(path, entry, origin, commit)?);
        }
    }
    Ok(submissions)
}

/// What happened to the queue while main went from one head to another, in the order of main's history.
///
/// `known` is what was alive at `from`, by path. If `from` is one of `to`'s first parents, every commit
/// between them counts, so that what came and went is told too. Otherwise the two trees are compared: after
/// a pull that put main below somebody's branch, or after a rewrite that was accepted.
pub fn advance(
    repo: &Repo,
    from: ObjectId,
    to: ObjectId,
    known: &BTreeMap<String, Submission>,
) -> Result<Vec<QueueEvent>, GitError> {
    if from == to {
        return Ok(Vec::new());
    }
    let next = known.values().map(|known| known.order).max();
    let mut events = Events {
        repo,
        from,
        known,
        changed: HashMap::new(),
        maker: Maker::new(repo, next.map_or(0, |order| order.saturating_add(1))),
        events: Vec::new(),
    };
    let mut before = Node::read(repo, from)?;
    match trace::first_parents(repo, from, to)? {
        Some(chain) => {
            for commit in chain {
                let node = Node::read(repo, commit)?;
                events.step(&before, &node)?;
                before = node;
            }
        }
        None => events.step(&before, &Node::read(repo, to)?)?,
    }
    Ok(events.events)
}

struct Events<'a> {
    repo: &'a Repo,
    from: ObjectId,
    known: &'a BTreeMap<String, Submission>,
    /// What the steps so far have made of `known`.
    changed: HashMap<String, Option<Submission>>,
    maker: Maker<'a>,
    events: Vec<QueueEvent>,
}

impl Events<'_> {
    /// From one tree of main to the next, which is mostly but not always a child.
    fn step(&mut self, before: &Node, after: &Node) -> Result<(), GitError> {
        let mut changes = self.repo.diff_trees(before.queue, after.queue, FOLDER)?;
        changes.retain(|change| !is_ignored(&change.path));
        let is_child = after.parents == [before.id];
        let origins = if is_child {
            HashMap::new()
        } else {
            let came = |change: &TreeChange| Some((change.path.clone(), change.new?));
            let came = changes.iter().filter_map(came).collect();
            trace::origins(self.repo, vec![(after.id, came)])?
        };
        for TreeChange { path, old, new } in changes {
            if let Some(old) = old {
                let by = if is_child || after.parents.first() != Some(&before.id) {
                    after.id
                } else {
                    trace::remover(self.repo, after, &path, old)?
                };
                let submission = self.known_at(&path, old)?;
                self.changed.insert(path.clone(), None);
                self.events.push(QueueEvent::Left { submission, by });
            }
            if let Some(new) = new {
                let origin = origins.get(&path).copied().unwrap_or(after.id);
                let submission = self.maker.make(path.clone(), new, origin, after.id)?;
                self.changed.insert(path, Some(submission.clone()));
                self.events.push(QueueEvent::Joined(submission));
            }
        }
        Ok(())
    }

    fn known_at(&mut self, path: &str, entry: Entry) -> Result<Submission, GitError> {
        let known = match self.changed.get(path) {
            Some(changed) => changed.as_ref(),
            None => self.known.get(path),
        };
        if let Some(known) = known.filter(|known| known.is(&entry)) {
            return Ok(known.clone());
        }
        // The caller has forgotten it, so it was there at the beginning.
        let versions = BTreeMap::from([(path.to_owned(), entry)]);
        let origins = trace::origins(self.repo, vec![(self.from, versions)])?;
        let origin = origins.get(path).copied().unwrap_or(self.from);
        let mut forgotten = self.maker.make(path.to_owned(), entry, origin, self.from)?;
        forgotten.order = i64::MIN;
        Ok(forgotten)
    }
}

/// How many of main's first parents below a commit bear witness to when it joined.
const BELOW: usize = 32;

/// A commit's committer time and its first parent.
type Stamp = (Time, Option<ObjectId>);

/// Makes submissions, numbered in the order in which they are made.
struct Maker<'r> {
    repo: &'r Repo,
    next: i64,
    /// The author of a commit that brings many files is read once.
    last: Option<(ObjectId, Person)>,
    stamps: HashMap<ObjectId, Stamp>,
}

impl<'r> Maker<'r> {
    fn new(repo: &'r Repo, next: i64) -> Self {
        Self {
            repo,
            next,
            last: None,
            stamps: HashMap::new(),
        }
    }

    /// A submission that `commit` introduced and that joined main with `joined`: the same commit, or a
    /// merge.
    fn make(
        &mut self,
        path: String,
        entry: Entry,
        commit: ObjectId,
        joined: ObjectId,
    ) -> Result<Submission, GitError> {
        let author = match &self.last {
            Some((last, author)) if *last == commit => author.clone(),
            _ => {
                let author = self.repo.commit(commit)?.author;
                self.last = Some((commit, author.clone()));
                author
            }
        };
        let submitted_at = self.joined_at(joined)?;
        let order = self.next;
        self.next = self.next.saturating_add(1);
        Ok(Submission {
            id: JobId::new(commit, &path),
            name_ok: !entry.odd && is_job_path(&path),
            path,
            blob: entry.id,
            mode: entry.mode,
            commit,
            author,
            submitted_at,
            order,
        })
    }
}

impl Maker<'_> {
    /// When a commit joined main, as it says; not before what the [`BELOW`] first parents below it say,
    /// so that a date of long ago makes no job old.
    fn joined_at(&mut self, commit: ObjectId) -> Result<Time, GitError> {
        let (mut at, mut below) = self.stamp(commit)?;
        for _ in 0..BELOW {
            let Some(parent) = below else { break };
            let (time, next) = self.stamp(parent)?;
            at = at.max(time);
            below = next;
        }
        Ok(at)
    }

    /// A commit's committer time and first parent.
    fn stamp(&mut self, commit: ObjectId) -> Result<Stamp, GitError> {
        if let Some(known) = self.stamps.get(&commit) {
            return Ok(*known);
        }
        let read = self.repo.commit(commit)?;
        let stamp = (read.committer.time, read.parents.first().copied());
        self.stamps.insert(commit, stamp);
        Ok(stamp)
    }
}

/// Whether a job may have this path: names below `queue/`, the last one ending in `.json`.
pub fn is_job_path(path: &str) -> bool {
    path.strip_prefix(FOLDER)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|rest| rest.split('/').all(is_name) && rest.ends_with(".json"))
}

/// Files that belong to the folder and are no jobs.
fn is_ignored(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some(".gitkeep" | "README.md"))
}
