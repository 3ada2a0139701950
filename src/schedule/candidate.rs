//! What a waiting job asks for, and the boards that could take it.

use std::collections::BTreeSet;

use super::rules::Lane;
use crate::model::{Board, BoardName, Job, JobId, Priority, RunnerName, Time, group};

/// A waiting job, as the plan sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub id: JobId,
    pub priority: Priority,
    /// The place in main's history: the smaller came first.
    pub order: i64,
    /// Whose turn it uses; see `LabConfig::group_of`.
    pub group: String,
    /// When its age begins.
    pub submitted_at: Time,
    /// From then on it is not started any more.
    pub expires_at: Option<Time>,
    /// One, or as many as a group job has members, in their order.
    pub seats: Vec<Seat>,
    /// Boards that failed under this job.
    pub not_on: BTreeSet<BoardName>,
    /// Boards on which an attempt failed for want of something else: taken only where no other is idle.
    pub last_on: BTreeSet<BoardName>,
    pub dispatcher: Option<String>,
}

/// What a job asks of one board.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat {
    pub wanted: Wanted,
    /// All of these must be on the board.
    pub tags: Vec<String>,
}

/// The board or the kind of board that a job names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    Board(String),
    Type(String),
}

/// A board that takes jobs, idle or not.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanBoard {
    pub name: BoardName,
    /// Who drives it: all boards of a group job are of one runner.
    pub runner: RunnerName,
    pub device_type: String,
    /// With the device type's name.
    pub tags: Vec<String>,
    /// The names of its dispatchers.
    pub dispatchers: Vec<String>,
    /// How long it worked lately, in milliseconds: whole ones, so that every host adds up the same.
    pub busy_ms: u64,
}

impl PlanBoard {
    pub fn new(board: &Board, runner: &RunnerName, busy_ms: u64) -> Self {
        let dispatchers = board.dispatchers.iter();
        Self {
            name: board.name.clone(),
            runner: runner.clone(),
            device_type: board.device_type.clone(),
            tags: board.tags.clone(),
            dispatchers: dispatchers.map(|choice| choice.name().to_owned()).collect(),
            busy_ms,
        }
    }
}

impl Candidate {
    /// What a job asks for; `None` for one that names no board at all.
    pub fn new(id: JobId, order: i64, job: &Job, group: &str, submitted_at: Time) -> Option<Self> {
        let seat = |wanted, tags: &[String]| Seat {
            wanted,
            tags: [tags, &job.tags].concat(),
        };
        // As in LAVA v1, a named board goes before a type.
        let seats = match (&job.target, &job.device_type) {
            (Some(target), _) => vec![seat(Wanted::Board(target.clone()), &[])],
            (None, Some(device_type)) => vec![seat(Wanted::Type(device_type.clone()), &[])],
            (None, None) => group::members(job)
                .iter()
                .map(|member| seat(Wanted::Type(member.device_type.clone()), &member.tags))
                .collect(),
        };
        if seats.is_empty() {
            return None;
        }
        Some(Self {
            id,
            priority: job.priority,
            order,
            group: group.to_owned(),
            submitted_at,
            expires_at: job
                .expires
                .map(|span| submitted_at.plus_seconds(span.seconds())),
            seats,
            not_on: BTreeSet::new(),
            last_on: BTreeSet::new(),
            dispatcher: job.dispatcher.clone(),
        })
    }

    /// Whose turn it uses: its group's at the type of the boards it wants; a group job's first member
    /// decides. The boards stand by name.
    pub fn lane(&self, boards: &[PlanBoard]) -> Lane {
        let device_type = match self.seats.first().map(|seat| &seat.wanted) {
            Some(Wanted::Type(device_type)) => device_type.as_str(),
            Some(Wanted::Board(name)) => {
                let named = boards.binary_search_by(|board| board.name.as_str().cmp(name));
                named.map_or("", |at| boards[at].device_type.as_str())
            }
            None => "",
        };
        Lane {
            group: self.group.clone(),
            device_type: device_type.to_owned(),
        }
    }

    pub fn is_group(&self) -> bool {
        self.seats.len() > 1
    }
}

/// Whether a seat of a job may be on a board.
pub fn fits(job: &Candidate, seat: &Seat, board: &PlanBoard) -> bool {
    let named = match &seat.wanted {
        Wanted::Board(name) => board.name.as_str() == name,
        Wanted::Type(device_type) => &board.device_type == device_type,
    };
    named
        && seat.tags.iter().all(|tag| board.tags.contains(tag))
        && !job.not_on.contains(&board.name)
        && job
            .dispatcher
            .as_ref()
            .is_none_or(|name| board.dispatchers.contains(name))
}
