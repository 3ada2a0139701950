//! What a push asks for and what the server answered.

use std::collections::BTreeMap;
use std::process::Command;

use crate::model::ObjectId;

/// References to change on the server in one push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Push {
    /// All or nothing; without it each reference is accepted or refused on its own.
    pub atomic: bool,
    pub updates: Vec<Update>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The full name on the server.
    pub name: String,
    /// `None` deletes it.
    pub target: Option<ObjectId>,
    pub lease: Lease,
}

/// What must be true of the reference on the server for the update to be accepted. Git does not send
/// the lease of a reference that would not change, so only a change or a deletion is fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// The new commit descends from the server's.
    FastForward,
    /// It does not exist. The same id standing there already is answered "up to date", which is no win.
    Absent,
    /// It has this id.
    Is(ObjectId),
}

/// The server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// One status for every reference of the push.
    pub refs: BTreeMap<String, RefStatus>,
    /// Whether the server answered for every reference. False after a time-out, a killed process or a
    /// broken connection: the references may have changed, now or later.
    pub answered: bool,
    /// What git and the server said besides, for people.
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefStatus {
    /// The server changed it.
    Done,
    /// It already had that id; nobody changed it now.
    UpToDate,
    Refused {
        reason: String,
        /// Whether another try from a new state may succeed; false when a hook or a limit decided.
        retry: bool,
    },
    /// Nothing is known: it may have changed, or change yet.
    Unanswered,
}

impl Pushed {
    /// The answer for `push`, given what the porcelain said.
    pub(super) fn new(push: &Push, mut said: BTreeMap<String, RefStatus>, message: String) -> Self {
        let status = |update: &Update| {
            let status = said.remove(&update.name);
            (update.name.clone(), status.unwrap_or(RefStatus::Unanswered))
        };
        let refs: BTreeMap<_, _> = push.updates.iter().map(status).collect();
        Self {
            answered: !refs.values().any(|status| *status == RefStatus::Unanswered),
            refs,
            message,
        }
    }

    /// No answer at all to a push.
    pub fn unanswered(push: &Push) -> Self {
        Self::new(push, BTreeMap::new(), "no answer".to_owned())
    }

    /// Whether the server changed every reference.
    pub fn all_done(&self) -> bool {
        self.refs.values().all(|status| *status == RefStatus::Done)
    }

    /// The status of one reference; one that was not pushed is unanswered.
    pub fn status(&self, name: &str) -> &RefStatus {
        self.refs.get(name).unwrap_or(&RefStatus::Unanswered)
    }
}

impl Push {
    pub(super) fn add_to(&self, command: &mut Command, url: &str) {
        // The pre-push hook, tags and submodules are a person's, not a machine's.
        command.args([
            "push",
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--recurse-submodules=no",
        ]);
        if self.atomic {
            command.arg("--atomic");
        }
        for update in &self.updates {
            match update.lease {
                Lease::FastForward => {}
                // Always with a value: without one git compares with a tracking reference, which a mirror has not.
                Lease::Absent => {
                    command.arg(format!("--force-with-lease={}:", update.name));
                }
                Lease::Is(id) => {
                    command.arg(format!("--force-with-lease={}:{id}", update.name));
                }
            }
        }
        command.args(["--", url]);
        for update in &self.updates {
            let target = update.target.map(|id| id.to_string()).unwrap_or_default();
            command.arg(format!("{target}:{}", update.name));
        }
    }
}
