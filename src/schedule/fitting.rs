//! What waiting jobs ask for as sets of boards: found by sets, because looking at every board for every
//! job would cost more than the plan.

use std::collections::HashMap;

use super::bits::Bits;
use super::candidate::{Candidate, PlanBoard, Seat, Wanted};
use super::matching::Matching;
use crate::model::RunnerName;

/// What jobs have in common that fit the same boards.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// For each seat the boards that fit it, busy ones too.
    pub seats: Vec<Bits>,
    /// The boards that fit any of them.
    pub boards: Bits,
    /// Boards to be taken only where no other is idle.
    pub last_on: Option<Bits>,
}

/// Boards by what a job can ask of them. Says of each seat what [`super::fits`] says.
pub(super) struct Fitting<'b> {
    count: usize,
    names: HashMap<&'b str, usize>,
    types: HashMap<&'b str, Bits>,
    tags: HashMap<&'b str, Bits>,
    dispatchers: HashMap<&'b str, Bits>,
}

impl<'b> Fitting<'b> {
    pub fn new(boards: &'b [PlanBoard]) -> Self {
        let count = boards.len();
        let mut fitting = Self {
            count,
            names: HashMap::new(),
            types: HashMap::new(),
            tags: HashMap::new(),
            dispatchers: HashMap::new(),
        };
        let insert = |map: &mut HashMap<&'b str, Bits>, key: &'b str, at| {
            map.entry(key)
                .or_insert_with(|| Bits::new(count))
                .insert(at);
        };
        for (at, board) in boards.iter().enumerate() {
            fitting.names.insert(board.name.as_str(), at);
            insert(&mut fitting.types, &board.device_type, at);
            for tag in &board.tags {
                insert(&mut fitting.tags, tag, at);
            }
            for name in &board.dispatchers {
                insert(&mut fitting.dispatchers, name, at);
            }
        }
        fitting
    }

    pub fn kind(&self, job: &Candidate) -> Kind {
        let mut last = Bits::new(self.count);
        let named = job.last_on.iter();
        let named = named.filter_map(|name| self.names.get(name.as_str()));
        named.for_each(|&board| last.insert(board));
        let seats: Vec<Bits> = job.seats.iter().map(|seat| self.seat(job, seat)).collect();
        let mut boards = Bits::new(self.count);
        seats.iter().for_each(|seat| boards.join(seat));
        Kind {
            seats,
            boards,
            last_on: Some(last).filter(|last| !last.is_empty()),
        }
    }

    /// The boards on which a seat of a job may be.
    fn seat(&self, job: &Candidate, seat: &Seat) -> Bits {
        let none = || Bits::new(self.count);
        let mut boards = match &seat.wanted {
            Wanted::Type(device_type) => self.types.get(device_type.as_str()).cloned(),
            Wanted::Board(name) => self.names.get(name.as_str()).map(|&board| {
                let mut one = none();
                one.insert(board);
                one
            }),
        }
        .unwrap_or_else(none);
        let tags = seat.tags.iter().map(|tag| self.tags.get(tag.as_str()));
        let named = job.dispatcher.iter();
        for fitting in tags.chain(named.map(|name| self.dispatchers.get(name.as_str()))) {
            match fitting {
                Some(fitting) => boards.keep(fitting),
                None => return none(),
            }
        }
        let failed = job.not_on.iter();
        let failed = failed.filter_map(|name| self.names.get(name.as_str()));
        failed.for_each(|&board| boards.remove(board));
        boards
    }
}

/// The boards of each runner, the runners in the order in which these boards name them.
pub(super) fn by_runner(boards: &[PlanBoard], places: impl Iterator<Item = usize>) -> Vec<Bits> {
    let mut place_of: HashMap<&RunnerName, usize> = HashMap::new();
    let mut runners: Vec<Bits> = Vec::new();
    for board in places {
        let at = *place_of.entry(&boards[board].runner).or_insert_with(|| {
            runners.push(Bits::new(boards.len()));
            runners.len() - 1
        });
        runners[at].insert(board);
    }
    runners
}

/// The first of these sets of boards on which all seats of a job can be at a time.
pub(super) fn home<'r>(kind: &Kind, runners: &'r [Bits]) -> Option<&'r Bits> {
    runners.iter().find(|theirs| {
        let mut alone = Matching::new((*theirs).clone());
        alone.add_all(&kind.seats, theirs)
    })
}
