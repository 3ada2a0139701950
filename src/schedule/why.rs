//! Why a job waits, in words.

use std::collections::BTreeSet;
use std::fmt;

use super::candidate::{Candidate, Seat, Wanted};
use super::outlook::{BoardFacts, Use};
use crate::model::{Asked, BoardName, JobId, RunnerName, Span};

/// The most boards that are named one by one.
const NAMED: usize = 4;

/// Why a waiting job has not started, or a running one is not expected to end. Its words are text of any origin: make it harmless where it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Why {
    /// One for each kind of board that it needs: a group job may need several. None for a job whose
    /// definition has an error.
    pub wishes: Vec<Wish>,
    /// How many waiting jobs go before it that could take one of its boards.
    pub ahead: usize,
    /// What else keeps it.
    pub besides: Vec<Besides>,
}

/// What decides besides the boards and the jobs ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Besides {
    /// Nothing: its boards are idle and it is its turn.
    Next,
    /// An idle board is kept for this group job, which has waited for long.
    Kept(JobId),
    /// No runner alone has all the boards that the group needs.
    Scattered,
    /// Its group has so many urgent jobs that run or go before it; more count as high.
    Quota(u32),
    /// It is expected to give up before it could start.
    Expires,
    /// It runs, and nothing has been heard of its runner for so long.
    Silent(RunnerName, Span),
}

/// What a job asks of a board, and how the boards stand that fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// In words, after the number one: `` `qemu` board with tag `usb` ``.
    pub one: String,
    /// After any other number.
    pub many: String,
    /// Whether one board is named.
    pub named: bool,
    /// The board that fits, if it is the only one.
    pub only: Option<BoardName>,
    /// How many it needs.
    pub needed: usize,
    /// Whether it needs more boards than these.
    pub of_group: bool,
    pub idle: usize,
    pub busy: usize,
    /// Those that take a health check before any job.
    pub checked_first: Vec<Obstacle>,
    /// Those that fit and take no job.
    pub out: Vec<Obstacle>,
    /// Where none fits at all, that it is so and which board comes nearest.
    pub missing: Option<String>,
}

/// A board, and what keeps it from taking a job: words that follow its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub board: BoardName,
    pub why: String,
}

impl Wish {
    /// How the boards stand for each of the different wishes of a job. Idle boards that are `taken` at
    /// once by jobs before it count as busy.
    pub(super) fn all(
        job: &Candidate,
        boards: &[BoardFacts<'_>],
        taken: &BTreeSet<BoardName>,
    ) -> Vec<Self> {
        let mut different: Vec<(&Seat, usize)> = Vec::new();
        for seat in &job.seats {
            match different.iter_mut().find(|(known, _)| *known == seat) {
                Some((_, needed)) => *needed += 1,
                None => different.push((seat, 1)),
            }
        }
        let wish = |(seat, needed)| Self::of(job, seat, needed, boards, taken);
        different.into_iter().map(wish).collect()
    }

    fn of(
        job: &Candidate,
        seat: &Seat,
        needed: usize,
        boards: &[BoardFacts<'_>],
        taken: &BTreeSet<BoardName>,
    ) -> Self {
        let asked = asked(job, seat);
        let mut wish = Self {
            one: asked.words(1),
            many: asked.words(2),
            named: matches!(seat.wanted, Wanted::Board(_)),
            only: None,
            needed,
            of_group: job.is_group(),
            idle: 0,
            busy: 0,
            checked_first: Vec::new(),
            out: Vec::new(),
            missing: None,
        };
        for facts in boards.iter().filter(|facts| asked.fits(facts.board)) {
            let name = &facts.board.name;
            let obstacle = |why: &str| Obstacle {
                board: name.clone(),
                why: why.to_owned(),
            };
            match &facts.usage {
                _ if job.not_on.contains(name) => wish.out.push(obstacle("failed under this job")),
                Use::Idle if taken.contains(name) => wish.busy += 1,
                Use::Idle => wish.idle += 1,
                Use::Busy => wish.busy += 1,
                Use::CheckedFirst(why) => wish.checked_first.push(obstacle(why)),
                Use::Out(why) => wish.out.push(obstacle(why)),
            }
        }
        let mut fitting = boards.iter().filter(|facts| asked.fits(facts.board));
        if let (Some(only), None) = (fitting.next(), fitting.next()) {
            wish.only = Some(only.board.name.clone());
        }
        if wish.fitting() == 0 {
            wish.missing = missing(&asked, boards);
        }
        wish
    }

    /// The boards that take jobs, now or later.
    pub fn taking(&self) -> usize {
        self.idle + self.busy + self.checked_first.len()
    }

    /// The boards that fit, whatever they do.
    pub fn fitting(&self) -> usize {
        self.taking() + self.out.len()
    }

    /// Whether as many boards take jobs as it needs.
    pub fn is_possible(&self) -> bool {
        self.taking() >= self.needed
    }
}

/// That no board fits, and which comes nearest: of equal ones one that takes jobs.
fn missing(asked: &Asked<'_>, boards: &[BoardFacts<'_>]) -> Option<String> {
    let out = |facts: &&BoardFacts<'_>| facts.plan.is_none();
    let takes = boards.iter().filter(|facts| !out(facts));
    let all: Vec<&BoardFacts<'_>> = takes.chain(boards.iter().filter(out)).collect();
    let mut text = asked.missing(all.iter().map(|facts| facts.board))?;
    let near = asked.nearest(all.iter().map(|facts| facts.board));
    let near = near.and_then(|near| all.iter().find(|facts| facts.board.name == near.board.name));
    if let Some(Use::Out(why)) = near.map(|facts| &facts.usage) {
        text += &format!(" and {why}");
    }
    Some(text)
}

fn asked<'a>(job: &'a Candidate, seat: &'a Seat) -> Asked<'a> {
    let (target, device_type) = match &seat.wanted {
        Wanted::Board(name) => (Some(name.as_str()), None),
        Wanted::Type(device_type) => (None, Some(device_type.as_str())),
    };
    Asked {
        target,
        device_type,
        tags: seat.tags.iter().map(String::as_str).collect(),
        dispatcher: job.dispatcher.as_deref(),
    }
}

impl Why {
    /// Whether it could start if every board that takes jobs were idle.
    pub fn is_possible(&self) -> bool {
        !self.wishes.is_empty()
            && self.wishes.iter().all(Wish::is_possible)
            && !self.besides.contains(&Besides::Scattered)
    }
}

impl Wish {
    /// How the boards stand, the first part with `one` or `many` for what they are.
    fn standing(&self, one: &str, many: &str) -> Vec<String> {
        let one = match &self.only {
            Some(only) if !self.named => format!("the only {one}, `{only}`,"),
            _ => one.to_owned(),
        };
        let mut parts: Vec<String> = Vec::new();
        let states = [(self.busy, "busy"), (self.idle, "idle")];
        for (n, does) in states.into_iter().filter(|(n, _)| *n > 0) {
            let subject = match (parts.is_empty(), n) {
                (true, _) if self.fitting() == 1 => format!("{one} is"),
                (true, _) => share(n, self.fitting(), many),
                (false, 1) => "1 is".to_owned(),
                (false, n) => format!("{n} are"),
            };
            parts.push(format!("{subject} {does}"));
        }
        let obstacles = self.checked_first.iter().chain(&self.out);
        for obstacle in obstacles.take(NAMED) {
            parts.push(format!("`{}` {}", obstacle.board, obstacle.why));
        }
        match (self.checked_first.len() + self.out.len()).saturating_sub(NAMED) {
            0 => {}
            1 => parts.push("1 more is not ready".to_owned()),
            n => parts.push(format!("{n} more are not ready")),
        }
        parts
    }
}

/// So many of several that fit: `both … are`, `3 of 4 … are`.
fn share(n: usize, of: usize, many: &str) -> String {
    let many = match many {
        "" => String::new(),
        many => format!(" {many}"),
    };
    match n {
        2 if of == 2 => format!("both{many} are"),
        n if n == of => format!("all {n}{many} are"),
        1 => format!("1 of {of}{many} is"),
        n => format!("{n} of {of}{many} are"),
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(missing) = &self.missing {
            return f.write_str(missing);
        }
        let fitting = self.fitting();
        if self.of_group {
            let needed = self.needed;
            let what = if needed == 1 { &self.one } else { &self.many };
            write!(f, "it needs {needed} {what}")?;
            if fitting < needed {
                write!(f, ", and the lab has {fitting}")?;
            }
            return write!(f, ": {}", self.standing("one", "").join(", "));
        }
        if self.taking() == 0 && !self.named {
            match self.out.as_slice() {
                [only] => {
                    let (board, why) = (&only.board, &only.why);
                    return write!(f, "the only {}, `{board}`, {why}", self.one);
                }
                [_, _] => write!(f, "neither of the 2 {} takes jobs: ", self.many)?,
                all => write!(f, "none of the {} {} takes jobs: ", all.len(), self.many)?,
            }
            if let [first, rest @ ..] = self.out.as_slice()
                && rest.iter().all(|obstacle| obstacle.why == first.why)
            {
                return write!(f, "each {}", first.why);
            }
        }
        f.write_str(&self.standing(&self.one, &self.many).join(", "))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [Besides::Silent(runner, span)] = self.besides.as_slice() {
            return write!(
                f,
                "its runner `{runner}` has been silent for {span}; start it again, or another runner takes the job over"
            );
        }
        if self.wishes.is_empty() {
            return f.write_str("its definition has an error: a runner will reject it");
        }
        let wishes: Vec<String> = self.wishes.iter().map(ToString::to_string).collect();
        f.write_str(&wishes.join("; "))?;
        for besides in &self.besides {
            match besides {
                Besides::Next => write!(f, "; this job is next")?,
                Besides::Kept(group) => write!(
                    f,
                    "; idle boards are kept for the group job {}, which has waited for long",
                    group.short()
                )?,
                Besides::Scattered => write!(
                    f,
                    "; all boards of a group job must be of one runner, and none has them all"
                )?,
                Besides::Quota(quota) => write!(
                    f,
                    "; only {quota} urgent jobs of a group go before others at a time: this one goes with the high ones"
                )?,
                Besides::Expires => write!(f, "; it is expected to expire before its turn")?,
                // Said alone, of a job that waits for nothing.
                Besides::Silent(..) => {}
            }
        }
        match self.ahead {
            // Nobody's turn helps a job that no board can take.
            _ if !self.is_possible() => Ok(()),
            0 => Ok(()),
            1 => f.write_str("; 1 job is ahead"),
            n => write!(f, "; {n} jobs are ahead"),
        }
    }
}
