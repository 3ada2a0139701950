//! The only user of git2 and of the git program. Knows nothing of jobs.
