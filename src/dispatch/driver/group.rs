//! One attempt of a group: a dispatcher for each member, all at once, which begin and end together.
//!
//! Each member is an attempt like any other, with a thread, a folder, a log and limits of its own.
//! What they report is put together here, so that whoever drives a group hears of one attempt.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::attempt::{
    self, AttemptEnd, AttemptHandle, AttemptMessage, AttemptSpec, Exit, Membership, Progress,
};
use super::drive::TRY_AGAIN;
use super::folder;
use super::outcome::{Outcome, outcome};
use crate::dispatch::rendezvous::{GroupFile, Party, Server};
use crate::model::Reason;

/// A group's members, in their order, and what they share.
#[derive(Debug, Clone)]
pub struct GroupSpec {
    /// Holds the members' job folders and the sockets where they meet. Made fresh.
    pub folder: PathBuf,
    /// The program that the tools of the rendezvous are links to.
    pub program: PathBuf,
    pub members: Vec<MemberSpec>,
}

#[derive(Debug, Clone)]
pub struct MemberSpec {
    /// Unique in the group, and fit to be a folder's name.
    pub name: String,
    pub role: String,
    pub spec: AttemptSpec,
}

/// How a group's members ended.
#[derive(Debug)]
pub struct GroupEnd {
    pub members: Vec<MemberEnd>,
    /// Whose end is the group's; `None` when all ran to their ends.
    pub decided_by: Option<usize>,
}

#[derive(Debug)]
pub struct MemberEnd {
    /// Its suites and attachments are the group's by now.
    pub end: AttemptEnd,
    /// Whether it was ended because another member had failed.
    pub ended_with_group: bool,
}

/// A hold on a running group. Dropping it changes nothing.
pub struct GroupHandle {
    group: Arc<Mutex<Group>>,
}

struct Group {
    members: Vec<Running>,
    /// Some member has failed, and the others are to end with it.
    failed: bool,
    /// The order in which the members ended.
    ended: Vec<usize>,
    /// `None` once all have ended.
    rendezvous: Option<Server>,
    report: Box<dyn Fn(AttemptMessage) + Send>,
}

struct Running {
    name: String,
    log: PathBuf,
    handle: Option<AttemptHandle>,
    end: Option<MemberEnd>,
}

impl GroupHandle {
    /// TERM to every member's dispatcher, and KILL after the grace time.
    pub fn terminate(&self) {
        each(&self.group, AttemptHandle::terminate);
    }

    /// KILL at once.
    pub fn kill(&self) {
        each(&self.group, AttemptHandle::kill);
    }

    /// The last bytes of every member's log, at most `most` of each, under its name.
    pub fn log_tails(&self, most: u64) -> Vec<(String, Vec<u8>)> {
        let group = lock(&self.group);
        let tail = |member: &Running| {
            let tail = member.handle.as_ref()?.log_tail(most);
            // A log that cannot be read now may be at the next look.
            Some((member.name.clone(), tail.unwrap_or_default()))
        };
        group.members.iter().filter_map(tail).collect()
    }
}

fn lock(group: &Mutex<Group>) -> MutexGuard<'_, Group> {
    // A thread that panicked has reported its member's end before; the rest is as it was.
    group.lock().unwrap_or_else(PoisonError::into_inner)
}

fn each(group: &Mutex<Group>, act: fn(&AttemptHandle)) {
    for member in &lock(group).members {
        if let Some(handle) = &member.handle {
            act(handle);
        }
    }
}

/// Starts all members. Fails only when this host cannot start any of them; a member that it cannot
/// start beside the others ends the group as an infrastructure failure.
pub fn start_group(
    spec: GroupSpec,
    report: impl Fn(AttemptMessage) + Send + 'static,
) -> io::Result<GroupHandle> {
    let folder = std::path::absolute(&spec.folder)?;
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => std::fs::create_dir_all(&folder)?,
    }
    let parties: Vec<Party> = spec
        .members
        .iter()
        .map(|member| Party {
            name: member.name.clone(),
            role: member.role.clone(),
            board: member.spec.board.to_string(),
        })
        .collect();
    // No member's name begins with a dot.
    let rendezvous = Server::start(&folder.join(".rendezvous"), parties.clone())?;
    let running = |member: &MemberSpec| Running {
        name: member.name.clone(),
        log: folder::log(&folder.join(&member.name)),
        handle: None,
        end: None,
    };
    let group = Arc::new(Mutex::new(Group {
        members: spec.members.iter().map(running).collect(),
        failed: false,
        ended: Vec::new(),
        rendezvous: Some(rendezvous),
        report: Box::new(report),
    }));
    // Members that report meanwhile wait until all are started, so none is overlooked.
    let mut starting = lock(&group);
    let mut failures = Vec::new();
    for (n, member) in spec.members.into_iter().enumerate() {
        let mut own = member.spec;
        own.folder = folder.join(&member.name);
        let socket = starting.rendezvous.as_ref().map(|server| server.socket(n));
        own.group = Some(Membership {
            file: GroupFile::of(&parties[n], &parties),
            socket: socket.map(PathBuf::from).unwrap_or_default(),
            program: spec.program.clone(),
        });
        let shared = Arc::clone(&group);
        match attempt::start(own, move |message| lock(&shared).hear(n, message)) {
            Ok(handle) => starting.members[n].handle = Some(handle),
            Err(error) if n == 0 => return Err(error),
            Err(error) => failures.push((n, error)),
        }
    }
    for (n, error) in failures {
        let log = starting.members[n].log.clone();
        let end = AttemptEnd {
            said: Some(format!("this host cannot start it: {error}")),
            ..AttemptEnd::new(Exit::Code(TRY_AGAIN), log)
        };
        starting.end(n, end);
    }
    drop(starting);
    Ok(GroupHandle { group })
}

impl Group {
    fn hear(&mut self, n: usize, message: AttemptMessage) {
        match message {
            AttemptMessage::Progress(Progress::Step(mut step)) => {
                step.member = Some(self.members[n].name.clone());
                (self.report)(AttemptMessage::Progress(Progress::Step(step)));
            }
            AttemptMessage::Progress(Progress::Pct { n: of, pct, .. }) => {
                let member = Some(self.members[n].name.clone());
                let progress = Progress::Pct { member, n: of, pct };
                (self.report)(AttemptMessage::Progress(progress));
            }
            AttemptMessage::Progress(progress) => {
                (self.report)(AttemptMessage::Progress(progress));
            }
            AttemptMessage::Ended(end) => self.end(n, *end),
        }
    }

    /// A member has ended: one that failed takes the others with it, and the last one is the end.
    fn end(&mut self, n: usize, end: AttemptEnd) {
        if let Some(rendezvous) = &self.rendezvous {
            rendezvous.leave(n);
        }
        let fails = outcome(&end) != Outcome::Complete;
        self.ended.push(n);
        self.members[n].end = Some(MemberEnd {
            ended_with_group: self.failed && end.terminated,
            end,
        });
        if fails && !self.failed {
            self.failed = true;
            for member in self.members.iter().filter(|member| member.end.is_none()) {
                if let Some(handle) = &member.handle {
                    handle.terminate();
                }
            }
        }
        if self.ended.len() == self.members.len() {
            self.rendezvous = None;
            let end = self.merge();
            (self.report)(AttemptMessage::Ended(Box::new(end)));
        }
    }

    /// Puts the members' ends together. What each reported is told apart by its name.
    fn merge(&mut self) -> AttemptEnd {
        let decided_by = self.decided_by();
        let mut members: Vec<(String, MemberEnd)> = Vec::new();
        for member in &mut self.members {
            let nothing = || MemberEnd {
                end: AttemptEnd::new(Exit::Code(TRY_AGAIN), member.log.clone()),
                ended_with_group: false,
            };
            let end = member.end.take().unwrap_or_else(nothing);
            members.push((member.name.clone(), end));
        }
        let shown = members
            .get(decided_by.unwrap_or(0))
            .map(|(_, member)| &member.end);
        let mut whole = match shown {
            Some(end) => AttemptEnd {
                timeout: end.timeout.clone(),
                terminated: end.terminated,
                said: end.said.clone(),
                power: end.power.clone(),
                log_bytes: end.log_bytes,
                log_dropped: end.log_dropped,
                ..AttemptEnd::new(end.exit.clone(), end.log.clone())
            },
            None => AttemptEnd::new(Exit::Code(0), PathBuf::new()),
        };
        for (name, MemberEnd { end, .. }) in &mut members {
            for mut step in std::mem::take(&mut end.steps) {
                step.member = Some(name.clone());
                whole.steps.push(step);
            }
            for mut suite in std::mem::take(&mut end.suites) {
                suite.name = format!("{name}/{}", suite.name);
                whole.suites.push(suite);
            }
            for mut found in std::mem::take(&mut end.attachments) {
                found.name = format!("{name}/{}", found.name);
                whole.attachments.push(found);
            }
            let notes = end.notes.iter().map(|note| format!("{name}: {note}"));
            whole.notes.extend(notes);
            whole.bad_events += end.bad_events;
            whole.leaked += end.leaked;
        }
        whole.group = Some(GroupEnd {
            members: members.into_iter().map(|(_, end)| end).collect(),
            decided_by,
        });
        whole
    }

    /// Whose end is the group's. Several members may fail before the first one's failure ends them;
    /// then the one whose failure says most about what to do next counts, the earlier of two alike.
    fn decided_by(&self) -> Option<usize> {
        let weight = |n: &&usize| {
            let member = self.members[**n].end.as_ref()?;
            if member.ended_with_group {
                return None;
            }
            match outcome(&member.end) {
                Outcome::Complete => None,
                // A failure that its neighbours may only suffer from says least.
                Outcome::Incomplete(Reason::DispatcherError) => Some(0),
                Outcome::Incomplete(Reason::JobError) => Some(4),
                Outcome::Incomplete(_) => Some(1),
                Outcome::Retry { board_bad, .. } => Some(if board_bad { 3 } else { 2 }),
            }
        };
        let failed = self.ended.iter().rev().filter(|n| weight(n).is_some());
        failed.max_by_key(weight).copied()
    }
}
