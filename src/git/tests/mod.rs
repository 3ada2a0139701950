//! Tests against the real git program and real repositories.

mod protocol;
mod repo;
mod worktree;
