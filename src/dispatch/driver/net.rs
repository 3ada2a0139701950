//! What catches every process of an attempt, wherever it hides.

use std::io;

use super::sweep;
use crate::process::{Containment, Group};

/// A group of cgroup v2 where there is one, and in any case the cookie: a dispatcher that may write
/// to the groups' file system could leave its group, and one that empties its environment the cookie.
pub struct Net {
    group: Option<Group>,
    cookie: String,
}

impl Net {
    pub fn new(containment: &Containment, name: &str, cookie: &str) -> io::Result<Self> {
        Ok(Self {
            group: containment.group(name)?,
            cookie: cookie.to_owned(),
        })
    }

    /// Without a group of its own.
    pub fn of_cookie(cookie: &str) -> Self {
        Self {
            group: None,
            cookie: cookie.to_owned(),
        }
    }

    pub fn group(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Kills everything that is caught; says how many there were. `newer_than` is a process that was
    /// started shortly before any of them.
    pub fn haul(&self, newer_than: Option<u32>) -> u32 {
        let grouped = self.group.as_ref().map_or(0, Group::kill);
        let marked = match newer_than {
            Some(leader) => sweep::sweep_since(&self.cookie, leader),
            None => sweep::sweep(&self.cookie),
        };
        grouped + marked
    }
}
