//! Which commit brought a version into main, and which one took it away.
//!
//! The way back from a commit leads to the first of its parents, in their order, that has the version. The
//! commit none of whose parents has it introduced it. Where the way leads depends on the commit and the
//! version alone, so versions that meet in one commit go on together, and no clock can change the result.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::FOLDER;
use crate::git::{Entry, FILE_MODE, GitError, Repo};
use crate::model::ObjectId;

/// Up to so many versions are looked up one by one at a merge; more are found by comparing the trees.
const FEW: usize = 16;

/// How far back the removal of a version is sought on a merged branch. The branch of a revert is a few
/// commits long; one that never had the version would be walked to its root.
const LONGEST_BRANCH: usize = 1000;

/// Versions by path.
type Versions = BTreeMap<String, Entry>;

/// A commit as the walks see it.
pub(super) struct Node {
    pub id: ObjectId,
    pub parents: Vec<ObjectId>,
    /// The tree at `queue/`.
    pub queue: Option<ObjectId>,
    time: i64,
}

impl Node {
    pub fn read(repo: &Repo, id: ObjectId) -> Result<Self, GitError> {
        let links = repo.links(id)?;
        Ok(Self {
            id,
            queue: repo.subtree_in(links.tree, FOLDER)?,
            parents: links.parents,
            time: links.time,
        })
    }

    fn has(&self, repo: &Repo, path: &str, version: Entry) -> Result<bool, GitError> {
        let below = path.strip_prefix(FOLDER).unwrap_or(path);
        let found = match self.queue {
            Some(queue) => repo.entry_in(queue, below)?,
            None => None,
        };
        Ok(found == Some(version))
    }
}

/// The commit that introduced this blob as a regular file at this path of `main`; `None` when main does
/// not have it there.
pub fn introducing(
    repo: &Repo,
    main: ObjectId,
    path: &str,
    blob: ObjectId,
) -> Result<Option<ObjectId>, GitError> {
    let version = Entry {
        mode: FILE_MODE,
        id: blob,
        odd: false,
    };
    if !Node::read(repo, main)?.has(repo, path, version)? {
        return Ok(None);
    }
    let versions = BTreeMap::from([(path.to_owned(), version)]);
    Ok(origins(repo, vec![(main, versions)])?.remove(path))
}

/// For each path the commit that introduced its version, sought from a commit that has it.
pub(super) fn origins(
    repo: &Repo,
    starts: Vec<(ObjectId, Versions)>,
) -> Result<HashMap<String, ObjectId>, GitError> {
    let mut origins = HashMap::new();
    let mut walk = Walk::default();
    for (start, versions) in starts {
        if !versions.is_empty() {
            walk.add(Node::read(repo, start)?, versions);
        }
    }
    while let Some((node, mut left)) = walk.next() {
        for parent in &node.parents {
            if left.is_empty() {
                break;
            }
            let parent = Node::read(repo, *parent)?;
            let came = not_in(repo, &parent, &node, &left)?;
            let mut stayed = left;
            left = BTreeMap::new();
            for path in came {
                left.extend(stayed.remove_entry(&path));
            }
            if !stayed.is_empty() {
                walk.add(parent, stayed);
            }
        }
        origins.extend(left.into_keys().map(|path| (path, node.id)));
    }
    Ok(origins)
}

/// Commits still to be visited with the versions sought from there. Newer commits come first, so that
/// ways mostly join before they go on; where a clock is wrong, a stretch is walked twice.
#[derive(Default)]
struct Walk {
    queue: BinaryHeap<(i64, Reverse<ObjectId>)>,
    waiting: HashMap<ObjectId, (Node, Versions)>,
}

impl Walk {
    fn add(&mut self, node: Node, versions: Versions) {
        if let Some((_, waiting)) = self.waiting.get_mut(&node.id) {
            waiting.extend(versions);
            return;
        }
        self.queue.push((node.time, Reverse(node.id)));
        self.waiting.insert(node.id, (node, versions));
    }

    fn next(&mut self) -> Option<(Node, Versions)> {
        let (_, Reverse(id)) = self.queue.pop()?;
        self.waiting.remove(&id)
    }
}

/// The paths whose versions, all of which `node` has, its parent has not.
fn not_in(
    repo: &Repo,
    parent: &Node,
    node: &Node,
    versions: &Versions,
) -> Result<BTreeSet<String>, GitError> {
    if parent.queue == node.queue {
        return Ok(BTreeSet::new());
    }
    // A merge differs from a parent by all that the other side did; a few versions are found faster alone.
    // Odd ones cannot be looked up by their shown path.
    let few = versions.len() <= FEW && !versions.values().any(|version| version.odd);
    let mut came = BTreeSet::new();
    if node.parents.len() > 1 && few {
        for (path, version) in versions {
            if !parent.has(repo, path, *version)? {
                came.insert(path.clone());
            }
        }
    } else {
        for change in repo.diff_trees(parent.queue, node.queue, FOLDER)? {
            if change.new.is_some() && versions.contains_key(&change.path) {
                came.insert(change.path);
            }
        }
    }
    Ok(came)
}

/// The commit that removed a version which the first parent of `merge` has and `merge` has not: on the
/// branch that brought the removal in, or the merge itself.
pub(super) fn remover(
    repo: &Repo,
    merge: &Node,
    path: &str,
    version: Entry,
) -> Result<ObjectId, GitError> {
    let (mut id, mut parents) = (merge.id, merge.parents.clone());
    for _ in 0..LONGEST_BRANCH {
        let mut without = None;
        for parent in &parents {
            let parent = Node::read(repo, *parent)?;
            if !parent.has(repo, path, version)? {
                without = Some(parent);
                break;
            }
        }
        match without {
            // All parents have it, and there is one.
            None if !parents.is_empty() => return Ok(id),
            // This branch never had it: the merge chose to go without.
            None => break,
            Some(parent) => (id, parents) = (parent.id, parent.parents),
        }
    }
    Ok(merge.id)
}

/// The commits after `from` up to `to`, the oldest first, if `from` is among `to`'s first parents.
pub(super) fn first_parents(
    repo: &Repo,
    from: ObjectId,
    to: ObjectId,
) -> Result<Option<Vec<ObjectId>>, GitError> {
    /// After so many steps, and each time twice as many, it is asked whether they still lead to `from`.
    const FIRST_QUESTION: usize = 64;
    let mut chain = vec![to];
    let mut at = to;
    let mut question = FIRST_QUESTION;
    while let Some(parent) = repo.links(at)?.parents.first().copied() {
        if parent == from {
            chain.reverse();
            return Ok(Some(chain));
        }
        chain.push(parent);
        at = parent;
        if chain.len() > question {
            question *= 2;
            // Beyond an ancestor of it `from` cannot come any more; else a foxtrot merge would mean a walk
            // to the beginning of the history.
            if repo.is_ancestor(at, from)? {
                return Ok(None);
            }
        }
    }
    Ok(None)
}
