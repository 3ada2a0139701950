//! What decides which job goes first besides the jobs themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::lab::PlanRules;
use crate::model::{Priority, Time};

/// The lab's rules, and what ran lately.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    pub plan: PlanRules,
    /// When each group last started a job on each device type, running ones included.
    pub served: BTreeMap<Lane, Served>,
    /// How many urgent jobs of each group run.
    pub urgent_running: BTreeMap<String, u32>,
    /// Tags that jobs asked for lately; those of waiting jobs count without being named here.
    pub asked: BTreeSet<String>,
}

/// Who takes a turn, and at what: a group at one device type. What a group runs on boards of another
/// type costs nobody anything here, so it uses up no turn here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    pub group: String,
    pub device_type: String,
}

/// When a group last started a job on a device type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    pub urgent: Option<Time>,
    /// One of another level.
    pub other: Option<Time>,
}

impl Served {
    /// The later of what both say.
    pub fn merge(&mut self, other: Self) {
        self.urgent = self.urgent.max(other.urgent);
        self.other = self.other.max(other.other);
    }

    /// Notes a start.
    pub fn note(&mut self, priority: Priority, at: Time) {
        let last = if priority == Priority::Urgent {
            &mut self.urgent
        } else {
            &mut self.other
        };
        *last = (*last).max(Some(at));
    }

    /// The last start that counts for turns at a level: urgent ones count everywhere, but among the
    /// urgent jobs no others do.
    pub fn of(&self, level: Priority) -> Option<Time> {
        if level == Priority::Urgent {
            self.urgent
        } else {
            self.other.max(self.urgent)
        }
    }
}

/// The levels that jobs rise through.
const RISING: [Priority; 3] = [Priority::Low, Priority::Medium, Priority::High];

/// The level at which a job stands that has waited so long: one higher for each age step, at most
/// `high`; `urgent` only for one that was submitted so.
pub fn level(rules: &PlanRules, priority: Priority, waited_s: f64) -> Priority {
    let step = rules.age_step.seconds();
    if priority == Priority::Urgent || step <= 0.0 {
        return priority;
    }
    let steps = (waited_s / step).max(0.0) as usize;
    RISING[(priority as usize).saturating_add(steps).min(2)]
}

/// The level to which jobs of this one rise.
pub fn above(level: Priority) -> Priority {
    let next = RISING.get(level as usize + 1);
    next.copied().unwrap_or(level)
}

/// When a job that stands at a level rises to the next.
pub fn rises_at(
    rules: &PlanRules,
    priority: Priority,
    level: Priority,
    since: Time,
) -> Option<Time> {
    let step = rules.age_step.seconds();
    if level >= Priority::High || step <= 0.0 {
        return None;
    }
    let steps = (level as usize + 1).saturating_sub(priority as usize);
    let at = since.plus_seconds(step * steps as f64);
    // A moment that cannot be shown is never.
    (at > since).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_rises_by_a_level_each_step_and_never_into_urgent() {
        let rules = PlanRules::default();
        let hours = |priority, hours: f64| level(&rules, priority, hours * 3600.0);
        assert_eq!(hours(Priority::Low, 3.9), Priority::Low);
        assert_eq!(hours(Priority::Low, 4.0), Priority::Medium);
        assert_eq!(hours(Priority::Low, 8.0), Priority::High);
        assert_eq!(hours(Priority::Medium, 1e9), Priority::High);
        assert_eq!(hours(Priority::High, 99.0), Priority::High);
        assert_eq!(hours(Priority::Urgent, 99.0), Priority::Urgent);
        assert_eq!(hours(Priority::Low, -99.0), Priority::Low, "a date to come");
        let since = Time::from_unix(0);
        let next = rises_at(&rules, Priority::Low, Priority::Medium, since);
        assert_eq!(next, Some(since.plus_seconds(8.0 * 3600.0)));
        assert_eq!(rises_at(&rules, Priority::Low, Priority::High, since), None);
    }
}
