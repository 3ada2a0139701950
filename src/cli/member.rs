//! Which member of a group job is meant.

use super::error::{Error, Kind};
use super::view::Job;
use crate::model::State;
use crate::model::record::Member;

/// The member that `--role` names, by its own name or by a role that it alone plays; `None` when
/// none is named, or none is known before the job has started.
pub fn meant<'j>(job: &'j Job, role: Option<&str>) -> Result<Option<&'j Member>, Error> {
    let Some(role) = role else {
        return Ok(None);
    };
    let members = &job.record.members;
    if let Some(named) = members.iter().find(|member| member.name == role) {
        return Ok(Some(named));
    }
    let playing: Vec<&Member> = members
        .iter()
        .filter(|member| member.role == role)
        .collect();
    if let [only] = playing.as_slice() {
        return Ok(Some(only));
    }
    if members.is_empty() && job.record.state == State::Submitted {
        return Ok(None);
    }
    let id = job.record.id.short();
    let error = Error::new(Kind::Failed, format!("find the member `{role}` of {id}"));
    Err(match (members.is_empty(), playing.is_empty()) {
        (true, _) => error.because("it has no members: it ran on one board, or never began"),
        (false, true) => error
            .because("no member has that name or role")
            .hint(format!("its members are {}", names(members.iter()))),
        (false, false) => error
            .because(format!("{} members play that role", playing.len()))
            .hint(format!("name one of {}", names(playing.into_iter()))),
    })
}

/// What to say of a group whose members were not told apart: whose log is shown, and how to see others.
pub fn others(job: &Job, shown: &Member) -> String {
    let others = job
        .record
        .members
        .iter()
        .filter(|one| one.name != shown.name);
    format!(
        "the log of {} on {}; for others add --role {}",
        shown.name,
        shown.board,
        names(others)
    )
}

fn names<'m>(members: impl Iterator<Item = &'m Member>) -> String {
    let names: Vec<&str> = members.map(|member| member.name.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::waiting;
    use super::*;

    fn group(names: &[(&str, &str)]) -> Job {
        let mut job = waiting(1);
        job.record.state = State::Running;
        let member = |(name, role): &(&str, &str)| Member {
            name: (*name).to_owned(),
            role: (*role).to_owned(),
            board: "b1".parse().unwrap(),
            device_type: None,
            health: None,
            reason: None,
            message: None,
            log: None,
        };
        job.record.members = names.iter().map(member).collect();
        job
    }

    #[test]
    fn a_member_is_named_by_itself_or_by_a_role_of_its_own() {
        let job = group(&[
            ("server", "server"),
            ("client-0", "client"),
            ("client-1", "client"),
        ]);
        let name = |role| {
            meant(&job, Some(role))
                .ok()
                .flatten()
                .map(|one| one.name.as_str())
        };
        assert_eq!(name("server"), Some("server"));
        assert_eq!(name("client-1"), Some("client-1"));
        assert_eq!((name("client"), name("nobody")), (None, None));
        assert!(meant(&job, Some("client")).is_err() && meant(&job, Some("nobody")).is_err());
        assert!(meant(&job, None).is_ok_and(|one| one.is_none()));
        assert!(meant(&group(&[]), Some("server")).is_err());
        assert!(meant(&waiting(1), Some("server")).is_ok_and(|one| one.is_none()));
    }
}
