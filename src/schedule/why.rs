//! Why a job waits, in words.

use std::fmt;

use super::candidate::{Candidate, Seat, Wanted, fits};
use super::outlook::{BoardFacts, Use};
use crate::model::BoardName;

/// The most boards that are named one by one.
const NAMED: usize = 4;

/// Why a waiting job has not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// One for each kind of board that it needs: a group job may need several.
    pub wishes: Vec<Wish>,
    /// How many waiting jobs go before it that could take one of its boards.
    pub ahead: usize,
    /// Whether all of its boards have to be of one runner.
    pub together: bool,
}

/// What a job asks of a board, and how the boards stand that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// In words, without a number: `` `qemu` boards with tag `usb` ``.
    pub what: String,
    /// Whether one board is named.
    pub named: bool,
    /// How many it needs.
    pub needed: usize,
    pub idle: usize,
    pub busy: usize,
    /// Those that fit and take no job.
    pub out: Vec<Obstacle>,
    /// Where none fits at all, the board that comes nearest.
    pub nearest: Option<Obstacle>,
}

/// A board, and what keeps it from taking a job: words that follow its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub board: BoardName,
    pub why: String,
}

impl Wish {
    /// How the boards stand for each of the different wishes of a job.
    pub fn all(job: &Candidate, boards: &[BoardFacts<'_>]) -> Vec<Self> {
        let mut different: Vec<(&Seat, usize)> = Vec::new();
        for seat in &job.seats {
            match different.iter_mut().find(|(known, _)| *known == seat) {
                Some((_, needed)) => *needed += 1,
                None => different.push((seat, 1)),
            }
        }
        let wish = |(seat, needed)| Self::of(job, seat, needed, boards);
        different.into_iter().map(wish).collect()
    }

    fn of(job: &Candidate, seat: &Seat, needed: usize, boards: &[BoardFacts<'_>]) -> Self {
        let mut wish = Self {
            what: what(job, seat),
            named: matches!(seat.wanted, Wanted::Board(_)),
            needed,
            idle: 0,
            busy: 0,
            out: Vec::new(),
            nearest: None,
        };
        let mut barred = Candidate {
            not_on: Default::default(),
            ..job.clone()
        };
        barred.last_on.clear();
        for board in boards
            .iter()
            .filter(|board| fits(&barred, seat, &board.plan))
        {
            let name = &board.plan.name;
            if job.not_on.contains(name) {
                wish.out.push(Obstacle {
                    board: name.clone(),
                    why: "failed under this job".to_owned(),
                });
                continue;
            }
            match &board.usage {
                Use::Idle => wish.idle += 1,
                Use::Busy => wish.busy += 1,
                Use::Out(why) => wish.out.push(Obstacle {
                    board: name.clone(),
                    why: why.clone(),
                }),
            }
        }
        if wish.fitting() == 0 {
            wish.nearest = nearest(job, seat, boards);
        }
        wish
    }

    /// The boards that fit, whatever they do.
    pub fn fitting(&self) -> usize {
        self.idle + self.busy + self.out.len()
    }

    /// Whether as many boards take jobs as it needs.
    pub fn is_possible(&self) -> bool {
        self.idle + self.busy >= self.needed
    }
}

impl Why {
    /// Whether it could start if every board that takes jobs were idle.
    pub fn is_possible(&self) -> bool {
        self.wishes.iter().all(Wish::is_possible)
    }
}

/// What a seat asks for.
fn what(job: &Candidate, seat: &Seat) -> String {
    let mut what = match &seat.wanted {
        Wanted::Board(name) => format!("`{name}`"),
        Wanted::Type(device_type) => format!("`{device_type}` boards"),
    };
    let tags: Vec<String> = seat.tags.iter().map(|tag| format!("`{tag}`")).collect();
    match tags.as_slice() {
        [] => {}
        [tag] => what += &format!(" with tag {tag}"),
        tags => what += &format!(" with tags {}", tags.join(", ")),
    }
    if let Some(dispatcher) = &job.dispatcher {
        what += &format!(" with dispatcher `{dispatcher}`");
    }
    what
}

/// The board that lacks least, and what it lacks. A board of the type goes before others, one that is in
/// service before one that is not.
fn nearest(job: &Candidate, seat: &Seat, boards: &[BoardFacts<'_>]) -> Option<Obstacle> {
    let lacks = |board: &BoardFacts<'_>| {
        let mut lacks = Vec::new();
        let other = match &seat.wanted {
            Wanted::Board(name) => board.plan.name.as_str() != name,
            Wanted::Type(device_type) => board.plan.device_type != *device_type,
        };
        if other {
            match &seat.wanted {
                Wanted::Board(_) => lacks.push("has another name".to_owned()),
                Wanted::Type(_) => lacks.push(format!("is a `{}`", board.plan.device_type)),
            }
        }
        for tag in seat
            .tags
            .iter()
            .filter(|tag| !board.plan.tags.contains(tag))
        {
            lacks.push(format!("lacks tag `{tag}`"));
        }
        if let Some(name) = &job.dispatcher
            && !board.plan.dispatchers.contains(name)
        {
            lacks.push(format!("has no dispatcher `{name}`"));
        }
        if let Use::Out(why) = &board.usage {
            lacks.push(why.clone());
        }
        (other, lacks)
    };
    // Of a board that does not exist none is near.
    if matches!(seat.wanted, Wanted::Board(_)) && !boards.iter().any(|board| !lacks(board).0) {
        return None;
    }
    let all = boards.iter().map(|board| (lacks(board), board));
    let best = all.min_by_key(|((other, lacks), board)| (*other, lacks.len(), &board.plan.name));
    best.map(|((_, lacks), board)| Obstacle {
        board: board.plan.name.clone(),
        why: join(&lacks),
    })
}

/// `a`, `a and b`, `a, b and c`.
fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, taking) = (&self.what, self.idle + self.busy);
        if self.fitting() == 0 {
            if self.named {
                write!(f, "the lab has no board {what}")?;
            } else {
                write!(f, "the lab has no {what}")?;
            }
            if let Some(nearest) = &self.nearest {
                write!(f, "; nearest is `{}`, which {}", nearest.board, nearest.why)?;
            }
            return Ok(());
        }
        let mut parts = Vec::new();
        if self.named {
            match (self.idle, self.busy) {
                (1.., _) => parts.push(format!("{what} is idle")),
                (_, 1..) => parts.push(format!("{what} is busy")),
                _ => {}
            }
        } else if taking > 0 && self.needed > 1 {
            parts.push(format!(
                "of {} {what} {} are idle and it needs {}",
                self.fitting(),
                self.idle,
                self.needed
            ));
        } else if self.busy > 0 && self.busy == self.fitting() {
            parts.push(match self.busy {
                1 => format!("the only one of the {what} is busy"),
                2 => format!("both {what} are busy"),
                n => format!("all {n} {what} are busy"),
            });
        } else if self.busy > 0 {
            let are = if self.busy == 1 { "is" } else { "are" };
            parts.push(format!(
                "{} of {} {what} {are} busy",
                self.busy,
                self.fitting()
            ));
        } else if self.idle > 0 {
            let are = if self.idle == 1 { "is" } else { "are" };
            parts.push(format!(
                "{} of {} {what} {are} idle",
                self.idle,
                self.fitting()
            ));
        } else {
            parts.push(format!("none of the {what} takes jobs"));
        }
        for obstacle in self.out.iter().take(NAMED) {
            parts.push(format!("`{}` {}", obstacle.board, obstacle.why));
        }
        if self.out.len() > NAMED {
            parts.push(format!("{} more take no jobs", self.out.len() - NAMED));
        }
        f.write_str(&parts.join(", "))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wishes: Vec<String> = self.wishes.iter().map(ToString::to_string).collect();
        f.write_str(&wishes.join("; "))?;
        if self.together {
            f.write_str("; all boards of a group job must be of one runner")?;
        }
        match self.ahead {
            0 => Ok(()),
            1 => f.write_str("; 1 job is ahead"),
            n => write!(f, "; {n} jobs are ahead"),
        }
    }
}
