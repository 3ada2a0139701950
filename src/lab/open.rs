//! A lab, seen through a bare mirror of its repository.

use std::path::Path;

use super::{LabError, Reader, Refs};
use crate::git::{Mirror, RefChange};

/// Which refs a fetch brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Main, claims, journals and heartbeats: what decides about jobs.
    Main,
    /// Those and every log.
    WithLogs,
}

/// A lab: the url of its repository and a mirror of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lab {
    mirror: Mirror,
    refs: Refs,
}

impl Lab {
    /// Opens the lab at `url` through the mirror in `mirror_dir`, which is made when it is not there.
    pub fn open(url: &str, mirror_dir: &Path) -> Result<Self, LabError> {
        Ok(Self {
            mirror: Mirror::open(mirror_dir, url)?,
            refs: Refs::default(),
        })
    }

    pub fn url(&self) -> &str {
        self.mirror.url()
    }

    pub fn refs(&self) -> &Refs {
        &self.refs
    }

    pub fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// The ref patterns of a scope.
    pub fn patterns(&self, scope: Scope) -> Vec<String> {
        let mut patterns = vec![
            self.refs.main(),
            format!("{}*", self.refs.claims()),
            format!("{}*", self.refs.journals()),
            format!("{}*", self.refs.runners()),
        ];
        if scope == Scope::WithLogs {
            patterns.push(format!("{}*", self.refs.logs()));
        }
        patterns
    }

    /// Brings the mirror up to date and says which refs changed.
    pub fn fetch(&self, scope: Scope) -> Result<Vec<RefChange>, LabError> {
        Ok(self.mirror.fetch(&self.patterns(scope))?)
    }

    /// Opens the mirror for reading: one a thread and cycle.
    pub fn reader(&self) -> Result<Reader, LabError> {
        Ok(Reader::new(self.mirror.repo()?, self.refs.clone()))
    }
}
