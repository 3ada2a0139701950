//! What keeps hold of all processes that an attempt starts.
//!
//! Best is a group of cgroup v2 for each attempt: whoever is born in it stays in it, whatever it does
//! to its process group, its session or its environment. Where this host lets us make none, the
//! process group, the subreaper and the sweep by environment cookie have to do.

mod groups;

use std::fmt;
use std::io;
use std::sync::Arc;

pub use groups::Group;
use groups::Groups;

/// What is in force on this host; found once, at the runner's start.
#[derive(Debug, Clone)]
pub struct Containment(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Groups(Groups),
    /// Why there are no groups.
    Sweep(String),
}

impl Containment {
    /// Finds out what this host allows, by trying it. `name` is the folder of all groups of this
    /// process and of nobody else; what a dead predecessor left there is killed and removed.
    pub fn find(name: &str) -> Self {
        Self(Arc::new(match Groups::open(name) {
            Ok(groups) => Kind::Groups(groups),
            Err(why) => Kind::Sweep(why),
        }))
    }

    /// Without groups, for this reason.
    pub fn sweep_only(why: &str) -> Self {
        Self(Arc::new(Kind::Sweep(why.to_owned())))
    }

    pub fn has_groups(&self) -> bool {
        matches!(*self.0, Kind::Groups(_))
    }

    /// A new group, empty; `None` where there are none.
    pub fn group(&self, name: &str) -> io::Result<Option<Group>> {
        match &*self.0 {
            Kind::Groups(groups) => groups.make(name).map(Some),
            Kind::Sweep(_) => Ok(None),
        }
    }
}

impl fmt::Display for Containment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Groups(groups) => write!(f, "cgroup v2 in {}", groups.folder().display()),
            Kind::Sweep(why) => write!(f, "process group and sweep by cookie ({why})"),
        }
    }
}
