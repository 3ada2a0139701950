//! When the waiting jobs will start and end: the plan played forward.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::candidate::{Candidate, PlanBoard};
use super::queue::Queue;
use crate::model::{BoardName, JobId, Priority, Time};

/// A board that works now; each is said once.
#[derive(Debug, Clone, PartialEq)]
pub struct Busy {
    pub board: BoardName,
    pub until: Time,
    /// The group whose urgent job it runs, if it does. Of a group job's boards one says so, for it is one
    /// job.
    pub urgent_of: Option<String>,
}

/// When a waiting job starts and ends if everything takes as long as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    pub start: Time,
    pub end: Time,
    /// The places of its boards in the queue.
    pub boards: Vec<usize>,
}

/// Plays the queue forward until every job that can start has. `busy` are boards that become idle later;
/// `length_s` says how long a job is expected to take on a board. A job that is missing from the answer
/// never starts as things are.
pub fn forecast(
    mut queue: Queue,
    busy: &[Busy],
    length_s: impl Fn(&Candidate, &PlanBoard) -> f64,
) -> BTreeMap<JobId, Forecast> {
    let mut forecasts = BTreeMap::new();
    // Boards that work, with when they have ended and how long they will have worked from now on.
    let mut ends: BinaryHeap<Reverse<(Time, usize, u64)>> = BinaryHeap::new();
    let mut urgent: BTreeMap<usize, String> = BTreeMap::new();
    let begin = queue.now;
    for one in busy {
        let place = queue
            .boards
            .binary_search_by(|board| board.name.cmp(&one.board));
        if let Ok(board) = place
            && !queue.is_idle(board)
        {
            ends.push(Reverse((one.until.max(begin), board, ms(begin, one.until))));
            urgent.extend(one.urgent_of.clone().map(|group| (board, group)));
        }
    }
    loop {
        for start in queue.plan() {
            let first = queue.board(start.boards.first().copied().unwrap_or_default());
            let candidate = queue.job(start.job);
            let seconds = length_s(candidate, first).max(0.0);
            let end = queue.now.plus_seconds(seconds);
            if candidate.priority == Priority::Urgent
                && let Some(board) = start.boards.first()
            {
                urgent.insert(*board, candidate.group.clone());
            }
            let forecast = Forecast {
                start: queue.now,
                end,
                boards: start.boards,
            };
            queue.start(start.job, &forecast.boards);
            for board in &forecast.boards {
                ends.push(Reverse((end, *board, ms(forecast.start, end))));
            }
            forecasts.insert(queue.job(start.job).id, forecast);
        }
        let Some(Reverse((next, ..))) = ends.peek().copied() else {
            return forecasts;
        };
        while let Some(Reverse((at, board, worked))) = ends.peek().copied() {
            if at > next {
                break;
            }
            ends.pop();
            queue.release(board, worked);
            if let Some(group) = urgent.remove(&board) {
                queue.end_urgent(&group);
            }
        }
        queue.advance(next);
    }
}

fn ms(from: Time, until: Time) -> u64 {
    (until.seconds_since(from).max(0.0) * 1000.0) as u64
}
