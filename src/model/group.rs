//! The members of a group job: who takes part, under which name, with which of the actions.

use serde_json::Value;

use super::job::{Action, Job};

/// The most members a group may have. Each is a process, a board and a part of one claim; a typing
/// error in `count` must not ask for millions of them.
pub const MOST_MEMBERS: usize = 128;

/// One board's part in a group job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its role, with a number from 0 when several members play it: `server`, `client-0`, `client-1`.
    pub name: String,
    pub role: String,
    pub device_type: String,
    pub tags: Vec<String>,
}

/// A group's members in the order of `device_group`, at most [`MOST_MEMBERS`]; none for a job on one
/// board. A role that stands in several entries is numbered through all of them.
pub fn members(job: &Job) -> Vec<Member> {
    let entries = job.device_group.as_deref().unwrap_or_default();
    let roles: Vec<(&str, u64)> = entries
        .iter()
        .map(|entry| (entry.role.as_str(), u64::from(entry.count)))
        .collect();
    let member = |(entry, name): (usize, String)| Member {
        name,
        role: entries[entry].role.clone(),
        device_type: entries[entry].device_type.clone(),
        tags: entries[entry].tags.clone(),
    };
    names(&roles).into_iter().map(member).collect()
}

/// The members' names, from the roles and counts of a group's entries, each with its entry's place.
pub fn names(entries: &[(&str, u64)]) -> Vec<(usize, String)> {
    let mut names: Vec<(usize, String)> = Vec::new();
    for (at, (role, count)) in entries.iter().enumerate() {
        let same = entries.iter().filter(|(other, _)| other == role);
        let players: u64 = same.map(|(_, count)| count).sum();
        let before = names.iter().filter(|(entry, _)| entries[*entry].0 == *role);
        let first = before.count() as u64;
        let room = (MOST_MEMBERS - names.len()) as u64;
        for n in (first..).take(room.min(*count) as usize) {
            let name = if players > 1 {
                format!("{role}-{n}")
            } else {
                (*role).to_owned()
            };
            names.push((at, name));
        }
    }
    names
}

/// Whether an action is for this role: as in LAVA v1, `parameters.role` keeps it for one role, and
/// without it every member does it.
pub fn is_for(action: &Action, role: &str) -> bool {
    named_role(action.parameters.get("role")).is_none_or(|named| named == role)
}

fn named_role(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

/// The definition as one role sees it: with its own actions alone, and without the words that chose
/// them, which are no parameters of the actions themselves.
pub fn definition_for(definition: &Value, role: &str) -> Value {
    let mut own = definition.clone();
    if let Some(actions) = own.get_mut("actions").and_then(Value::as_array_mut) {
        actions.retain(|action| {
            named_role(action.pointer("/parameters/role")).is_none_or(|named| named == role)
        });
        for action in actions {
            if let Some(parameters) = action.get_mut("parameters").and_then(Value::as_object_mut)
                && parameters.get("role").is_some_and(Value::is_string)
            {
                parameters.shift_remove("role");
            }
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job(definition: &Value) -> Job {
        serde_json::from_value(definition.clone()).unwrap()
    }

    #[test]
    fn a_role_that_several_play_is_numbered() {
        let entry =
            |role: &str, count: u32| json!({"role": role, "count": count, "device_type": "t"});
        let definition = json!({"actions": [{"command": "run"}],
            "device_group": [entry("client", 1), entry("server", 1), entry("client", 2)]});
        let names: Vec<String> = members(&job(&definition))
            .into_iter()
            .map(|member| member.name)
            .collect();
        assert_eq!(names, ["client-0", "server", "client-1", "client-2"]);

        let many = json!({"actions": [{"command": "run"}], "device_group": [entry("a", u32::MAX)]});
        assert_eq!(members(&job(&many)).len(), MOST_MEMBERS);
        let plain = json!({"actions": [{"command": "run"}], "device_type": "t"});
        assert_eq!(members(&job(&plain)), []);
    }

    #[test]
    fn a_role_sees_its_own_actions() {
        let definition = json!({"actions": [
            {"command": "deploy"},
            {"command": "run", "parameters": {"role": "server", "commands": ["true"]}},
            {"command": "run", "parameters": {"role": "client", "commands": ["false"]}},
            {"command": "odd", "parameters": {"role": 7}},
        ]});
        let own = definition_for(&definition, "server");
        assert_eq!(
            own["actions"],
            json!([
                {"command": "deploy"},
                {"command": "run", "parameters": {"commands": ["true"]}},
                {"command": "odd", "parameters": {"role": 7}},
            ])
        );
        let whole = json!({"device_type": "t", "actions": definition["actions"]});
        let kept: Vec<bool> = job(&whole)
            .actions
            .iter()
            .map(|action| is_for(action, "server"))
            .collect();
        assert_eq!(kept, [true, true, false, true]);
    }
}
