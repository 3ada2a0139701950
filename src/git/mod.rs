//! The only user of git2 and of the git program.
//!
//! Objects are read and written in process; whatever goes over the network is a `git` command, so that ssh
//! configuration, credential helpers and hooks count and pushes are a compare-and-swap at the server.
//! Uses nothing of ours but the model's ids and times. It must never know of jobs, boards or labs, and no
//! type of git2 leaves it.

mod branching;
mod builder;
mod command;
mod commit;
mod diff;
mod error;
mod identity;
mod location;
mod look;
mod mirror;
mod porcelain;
mod push;
mod repo;
mod sound;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod watch;
mod worktree;

pub use branching::set;
pub use builder::CommitBuilder;
pub use commit::{Commit, Links, Person};
pub use diff::TreeChange;
pub use error::{GitError, GitErrorKind, ObjectError};
pub use identity::identity;
pub use mirror::{Mirror, RefChange};
pub use push::{Lease, Push, Pushed, RefStatus, Update};
pub use repo::Repo;
pub use tree::{Entry, FILE_MODE, TREE_MODE};
pub use watch::{Watch, watch};
pub use worktree::{WorkTree, clone, init, init_bare};
