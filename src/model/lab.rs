//! `lab.yaml`: every key has a default, an empty file is a lab.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Board, BoardName, DeviceType, Diagnostic, Job, ObjectId, Span};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Pumice lab file")]
pub struct LabConfig {
    pub name: String,
    /// Markdown.
    pub description: String,
    /// The branch that is the queue.
    pub branch: String,
    /// The prefix of the refs that runners write.
    pub refs: String,
    pub timeouts: Timeouts,
    pub plan: PlanRules,
    /// How often a runner says that it lives.
    pub heartbeat: Span,
    /// How often a runner looks at the server when nothing pokes it.
    pub poll: Span,
    /// The least time between two pushes of a runner.
    pub push_interval: Span,
    /// How long a runner may be silent before others take over its claims.
    pub lease: Span,
    pub retention: Retention,
    pub forge: Option<Forge>,
    pub users: BTreeMap<String, User>,
    pub groups: BTreeMap<String, Group>,
    pub admins: Vec<String>,
    /// The path, in the lab, of the signatures that make a submitter `verified`.
    pub allowed_signers: Option<String>,
    pub notify: BTreeMap<String, serde_json::Value>,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self {
            name: "Lab".to_owned(),
            description: String::new(),
            branch: "main".to_owned(),
            refs: "refs/pumice".to_owned(),
            timeouts: Timeouts::default(),
            plan: PlanRules::default(),
            heartbeat: Span::from_secs(10),
            poll: Span::from_secs(10),
            push_interval: Span::from_secs(0),
            lease: Span::from_secs(300),
            retention: Retention::default(),
            forge: None,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            admins: Vec::new(),
            allowed_signers: None,
            notify: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// A job's time limit when it names none.
    pub job: Span,
    /// The longest limit a job may name.
    pub max: Span,
    /// The longest time in which an attempt's dispatcher may neither print nor report anything; no limit
    /// when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Span>,
    /// From the request to end to the kill.
    pub grace: Span,
}

impl Timeouts {
    /// A job's time limit.
    pub fn limit(&self, job: &Job) -> Span {
        self.limit_of(job.timeout)
    }

    /// The time limit of a job that asks for this one.
    pub fn limit_of(&self, timeout: Option<Span>) -> Span {
        timeout.unwrap_or(self.job).min(self.max)
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            job: Span::from_secs(3600),
            max: Span::from_secs(24 * 3600),
            idle: None,
            grace: Span::from_secs(30),
        }
    }
}

/// Which of the waiting jobs go first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanRules {
    /// A waiting job rises by one level each time it has waited so long, at most to `high`; 0 lets
    /// none rise.
    pub age_step: Span,
    /// How many `urgent` jobs of a group may run at a time and still go before everything; more
    /// of them count as `high`.
    pub urgent_per_group: u32,
}

impl Default for PlanRules {
    fn default() -> Self {
        Self {
            age_step: Span::from_secs(4 * 3600),
            urgent_per_group: 2,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    pub logs: Span,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            logs: Span::from_secs(180 * 86_400),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forge {
    pub kind: ForgeKind,
    pub url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    Gitlab,
    Github,
    Gitea,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct User {
    pub emails: Vec<String>,
    pub groups: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Group {
    pub owners: Vec<String>,
}

/// The longest user name made from an address, in characters.
const LONGEST_USER: usize = 64;

impl LabConfig {
    /// The user name that `lab.yaml` gives to a mail address.
    pub fn user_of(&self, email: &str) -> Option<&str> {
        let same = |known: &String| known.eq_ignore_ascii_case(email);
        self.users
            .iter()
            .find(|(_, user)| user.emails.iter().any(same))
            .map(|(name, _)| name.as_str())
    }

    /// The group that a user's jobs take turns as: the first that `lab.yaml` gives the user, else the
    /// user alone.
    pub fn group_of<'a>(&'a self, user: &'a str) -> &'a str {
        let groups = self.users.get(user).map(|known| &known.groups);
        groups
            .and_then(|groups| groups.first())
            .map_or(user, String::as_str)
    }

    /// The user name for an address: as mapped, else its part before the `@`. It becomes a part of
    /// paths, so only letters, digits, `_`, `-` and `.` are kept; nobody gets a mapped user's name by
    /// writing it before another domain.
    pub fn user_name(&self, email: &str) -> String {
        if let Some(user) = self.user_of(email) {
            return user.to_owned();
        }
        let plain = |text: &str| -> String {
            let kept = text.chars().take(LONGEST_USER).map(|c| {
                if c.is_ascii_alphanumeric() || "_-.".contains(c) {
                    c
                } else {
                    '_'
                }
            });
            let kept: String = kept.collect();
            kept.trim_matches('.').replace("..", "_")
        };
        let mut user = plain(email.split('@').next().unwrap_or_default());
        if self.users.contains_key(&user) {
            user = plain(email);
        }
        if user.is_empty() || self.users.contains_key(&user) {
            user = "unknown".to_owned();
        }
        user
    }
}

/// What a lab's main branch says besides its queue.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LabFiles {
    pub config: LabConfig,
    pub boards: BTreeMap<BoardName, Board>,
    /// The blob of each board's file, by board.
    pub board_blobs: BTreeMap<BoardName, ObjectId>,
    pub types: BTreeMap<String, DeviceType>,
    /// What is wrong with these files; a file with an error is left out above.
    pub diagnostics: Vec<Diagnostic>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_makes_a_name_that_leaves_its_folder_or_is_anothers() {
        let mut config = LabConfig::default();
        let alice = User {
            emails: vec!["alice@example.org".to_owned()],
            ..User::default()
        };
        config.users.insert("alice".to_owned(), alice);
        for (email, name) in [
            ("Alice@Example.org", "alice"),
            ("alice@elsewhere.org", "alice_elsewhere.org"),
            ("alice", "unknown"),
            ("bob@example.org", "bob"),
            ("../../etc@x", "___etc"),
            ("a/b@x", "a_b"),
            ("@x", "unknown"),
            ("", "unknown"),
            ("..", "unknown"),
        ] {
            assert_eq!(config.user_name(email), name, "{email}");
        }
    }
}
