//! The runner's state and one turn of its loop.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::env::{Environment, Point, Running};
use super::given::Given;
use super::options::Options;
use super::outbox::{Item, Spool};
use super::power::Switching;
use super::sight::Sight;
use super::spread::Spread;
use super::state::StateFolder;
use super::world::World;
use super::{RunnerError, boards};
use crate::dispatch::AttemptMessage;
use crate::git::Person;
use crate::lab::{Lab, Submission, runner_person};
use crate::model::record::{BoardRecord, Step};
use crate::model::status::Pace;
use crate::model::{BoardName, Claim, Job, JobId, ObjectId, Record, RunnerName, Time};
use crate::schedule::{self, Course};

/// A disk with less room than this takes no more jobs: the log may be cut, the result never.
pub(super) const LEAST_FREE_BYTES: u64 = 1 << 30;

/// How many publications follow one another before the freed boards get their next jobs. Endings come
/// in a first drop and then a burst; a third push would let the boards wait for stragglers.
const PUBLICATIONS_A_TURN: usize = 2;

/// In a burst of short jobs, how long an ending waits for others at most: about two pushes. Attempts
/// that began together end together, and one push for all of them costs little more than one for the
/// first; it goes out as soon as no young attempt is left.
const GATHER: Duration = Duration::from_millis(80);

/// On a far server an ending that missed a push costs a whole push more, so the wait is as long as the
/// last publication took; but never longer than this, which a person who watches does not mind.
const MOST_GATHER: Duration = Duration::from_millis(500);

/// Attempts younger than this, and than the wait, make a burst; older ones nobody waits for.
const BURST: Duration = Duration::from_millis(250);

/// How many turns in a row may fail before a runner without running jobs gives up.
const TROUBLES: u32 = 10;

/// What an attempt, by its job and number, reported.
pub(super) type Reported = (JobId, u32, AttemptMessage);

/// Makes callbacks that wake the loop.
pub type MakeWake = Box<dyn Fn() -> Box<dyn Fn() + Send> + Send>;

/// A claim that this runner holds. It can be had only from a push the server accepted.
pub(super) struct Held {
    /// The claim commit: the fencing token.
    pub id: ObjectId,
    pub claim: Claim,
    pub submission: Submission,
    pub phase: Phase,
    /// How many looks had begun when it was known to stand: only a later one decides about it.
    pub looks: u64,
}

pub(super) enum Phase {
    /// Won, but nothing was decided from a later fetch yet.
    Unverified,
    Running(Box<Attempt>),
    /// Its ending waits in the outbox.
    Ending,
}

/// An attempt that runs.
pub(super) struct Attempt {
    /// The first member's in a group.
    pub board: BoardName,
    pub n: u32,
    pub job: Job,
    pub record: Record,
    pub started_at: Time,
    /// The same moment by the clock that measures.
    pub started: Duration,
    pub steps: Vec<Step>,
    /// The steps again, as far as they tell of time.
    pub course: Course,
    /// Percent, at most 99, and the pace, as they were last said.
    pub progress: u8,
    pub pace: Pace,
    /// When it last printed or reported anything, by the clock that measures.
    pub heard: Duration,
    pub handle: Box<dyn Running>,
    pub stop: Option<Stop>,
}

impl Attempt {
    /// Every board it is on.
    pub fn boards(&self) -> impl Iterator<Item = &BoardName> {
        let members = self.record.members.iter().map(|member| &member.board);
        let alone = std::iter::once(&self.board);
        alone
            .filter(|_| self.record.members.is_empty())
            .chain(members)
    }
}

/// Why the runner stopped an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// This commit took the job's version off main.
    Canceled { by: ObjectId },
    /// The claim is gone or another's: nothing of it may be published.
    Fenced,
    /// The runner itself ends.
    Shutdown,
}

/// How far an admin has asked the runner to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    No,
    /// Running jobs may end; nothing new is claimed.
    Drain,
    /// Running jobs are stopped and requeued.
    Stop,
}

/// What the loop does after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Look again at once: this turn changed something.
    Again,
    /// Wait for an event, at most so long.
    Wait(Duration),
    /// Nothing runs, nothing is unpublished and nothing could start.
    Done,
}

/// A runner: its lab, its state and what it holds.
pub struct Runner {
    pub(super) lab: Lab,
    pub(super) options: Options,
    pub(super) env: Environment,
    pub(super) state: StateFolder,
    pub(super) spool: Spool,
    pub(super) world: World,
    pub(super) held: BTreeMap<JobId, Held>,
    /// Since when the endings at hand wait for others.
    gathering: Option<Duration>,
    /// Endings that are not published.
    pub(super) outbox: Vec<Item>,
    /// Boards' health that is not published.
    pub(super) notes: BTreeMap<BoardName, BoardRecord>,
    pub(super) switching: Switching,
    /// Spooled batches with the claims whose endings they hold.
    pub(super) spooled: Vec<(u64, BTreeSet<ObjectId>)>,
    /// Claims to be given back: the claim's id by job.
    pub(super) give_back: BTreeMap<JobId, ObjectId>,
    pub(super) reports: (Sender<Reported>, Receiver<Reported>),
    pub(super) wake: MakeWake,
    pub(super) ending: Ending,
    pub(super) begun: bool,
    /// The server may hold something new.
    pub(super) stale: bool,
    pub(super) last_fetch: Option<Duration>,
    pub(super) last_push: Option<Duration>,
    /// How long the last publication took.
    pub(super) push_took: Duration,
    /// The last publication was refused or has no answer.
    pub(super) push_failed: bool,
    pub(super) backoff: Backoff,
    /// How many turns have failed in a row.
    troubles: u32,
    /// The last failure was a fetch's: the next fetch that works ends the waiting.
    pub(super) fetch_failed: bool,
    pub(super) heartbeat: Heartbeat,
    /// Jobs whose claims the server refused, and when. While nobody else holds one of them either,
    /// as when a killed server has left its ref locked, it must not keep a board from other jobs.
    pub(super) claims_refused: BTreeMap<JobId, Duration>,
    /// When each job was first left to a peer's board.
    pub(super) left_to_peer: BTreeMap<JobId, Duration>,
    pub(super) spread: Spread,
    /// What was said of jobs that have not ended.
    pub(super) given: Given,
    pub(super) sight: Sight,
    /// When damage to the mirror was last looked for.
    pub(super) mended: Option<Duration>,
    /// How many looks at the server have begun.
    pub(super) looks: u64,
    pub(super) paused: Option<String>,
    /// The server refuses even records without logs.
    pub(super) refused: Option<String>,
    /// When it last did so.
    pub(super) refused_at: Option<Duration>,
    /// When it last refused a claim for good.
    pub(super) claim_refused_at: Option<Duration>,
    pub(super) published: u64,
    /// How many endings go in one push: fewer after a push without an answer.
    pub(super) at_once: usize,
}

/// The runner's own heartbeat.
#[derive(Default)]
pub(super) struct Heartbeat {
    pub on_server: Option<ObjectId>,
    pub counter: u64,
    pub last: Option<Duration>,
    /// Boards and pause as last said: a change is said at once.
    pub said: Option<(Vec<crate::model::status::BoardStatus>, Option<String>)>,
}

/// After a failure: full jitter under a cap that doubles.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
    pub until: Option<Duration>,
    /// The greatest wait, where the lab's lease asks for a shorter one.
    pub greatest: Option<Duration>,
}

/// The first and the greatest wait after a failure. The first is about one slow round trip; the
/// greatest keeps a lab's runners from hammering a server that comes back.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const GREATEST_WAIT: Duration = Duration::from_secs(30);

impl Backoff {
    pub fn failed(&mut self, now: Duration) {
        let cap = FIRST_WAIT
            .saturating_mul(1 << self.failures.min(16))
            .min(self.greatest.unwrap_or(GREATEST_WAIT));
        self.failures += 1;
        let share = f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
        self.until = Some(now + cap.mul_f64(share));
    }

    pub fn worked(&mut self) {
        (self.failures, self.until) = (0, None);
    }

    /// A runner that waits says nothing: it must be back before others take its claims over.
    pub fn keep_within(&mut self, lease: Duration) {
        self.greatest = Some(GREATEST_WAIT.min(lease / 4));
    }

    /// A lost race: a short wait, so that the same runners do not meet again.
    pub fn lost(&mut self, now: Duration) {
        self.failures = self.failures.min(4);
        self.failed(now);
    }

    pub fn waits(&self, now: Duration) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

impl Runner {
    /// Opens the spool and makes the runner; the first turn reads the lab. `wake` makes callbacks
    /// that wake the loop when an attempt reports.
    pub fn new(
        lab: Lab,
        options: Options,
        env: Environment,
        state: StateFolder,
        wake: MakeWake,
    ) -> Result<Self, RunnerError> {
        let spool = Spool::open(&state.spool()).map_err(|cause| RunnerError::State {
            doing: "read the spool",
            path: state.spool(),
            cause,
        })?;
        let given = Given::load(&state.estimates());
        Ok(Self {
            given,
            lab,
            options,
            env,
            state,
            spool,
            world: World::default(),
            held: BTreeMap::new(),
            gathering: None,
            outbox: Vec::new(),
            notes: BTreeMap::new(),
            switching: Switching::default(),
            spooled: Vec::new(),
            give_back: BTreeMap::new(),
            reports: channel(),
            wake,
            ending: Ending::No,
            begun: false,
            stale: true,
            last_fetch: None,
            last_push: None,
            push_took: Duration::ZERO,
            push_failed: false,
            backoff: Backoff::default(),
            troubles: 0,
            fetch_failed: false,
            heartbeat: Heartbeat::default(),
            claims_refused: BTreeMap::new(),
            left_to_peer: BTreeMap::new(),
            spread: Spread::default(),
            sight: Sight::default(),
            mended: None,
            looks: 0,
            paused: None,
            refused: None,
            published: 0,
            refused_at: None,
            claim_refused_at: None,
            at_once: super::publish::PUBLISHED_AT_ONCE,
        })
    }

    /// The server may hold something new: the next turn looks.
    pub fn poke(&mut self) {
        self.stale = true;
    }

    /// The admin asks for the end: the first time running jobs may end, the second time they are stopped.
    pub fn stop(&mut self) {
        self.ending = if self.ending == Ending::No {
            Ending::Drain
        } else {
            Ending::Stop
        };
        if self.ending == Ending::Stop {
            for held in self.held.values_mut() {
                if let Phase::Running(attempt) = &mut held.phase {
                    attempt.stop.get_or_insert(Stop::Shutdown);
                    attempt.handle.terminate();
                }
            }
        }
    }

    /// One turn: take in what attempts reported, publish, look, claim, verify, start, say it.
    ///
    /// What fails in the mirror or on the disk is tried again: running jobs must not die of a
    /// passing trouble. A runner without any gives up after a while, and its next start mends the
    /// mirror.
    pub fn tick(&mut self) -> Result<Turn, RunnerError> {
        match self.turn() {
            Err(error @ (RunnerError::Lab(_) | RunnerError::State { .. })) => {
                self.troubles += 1;
                if self.troubles >= TROUBLES && self.running().is_empty() {
                    return Err(error);
                }
                self.say(&format!("failed to {error}; will try again"));
                self.stale = true;
                let now = self.env.clock.since_boot();
                self.backoff.failed(now);
                if let RunnerError::Lab(error) = &error {
                    self.mend(error);
                }
                Ok(Turn::Wait(self.next_wait(now)))
            }
            Ok(turn) => {
                self.keep_estimates(turn == Turn::Done);
                if !self.backoff.waits(self.env.clock.since_boot()) {
                    self.troubles = 0;
                }
                Ok(turn)
            }
            ended => ended,
        }
    }

    fn turn(&mut self) -> Result<Turn, RunnerError> {
        let now = self.env.clock.since_boot();
        let mut again = self.take_reports()? | self.take_switched();
        if self.backoff.waits(now) {
            self.spool_new()?;
            return Ok(if self.may_leave() {
                Turn::Done
            } else {
                Turn::Wait(self.next_wait(now))
            });
        }
        if !self.begun {
            self.look()?;
            if !self.begun {
                return Ok(Turn::Wait(self.next_wait(now)));
            }
            again = true;
        }
        if let Some(rest) = self.gathers() {
            return Ok(Turn::Wait(rest));
        }
        // What ended during a push goes first: then one push claims for all boards that came free.
        for _ in 0..PUBLICATIONS_A_TURN {
            if !self.publish()? {
                break;
            }
            again = true;
            // What ends from now on waits anew.
            self.gathering = None;
            self.take_reports()?;
            if self.has_unverified() {
                break;
            }
        }
        if self.is_due(now) {
            again |= self.look()?;
        }
        self.expire();
        again |= self.hand_back()?;
        if !self.push_waits(now) {
            again |= self.claim()?;
            again |= self.take_over()?;
        }
        self.estimate();
        self.beat()?;
        if self.backoff.waits(self.env.clock.since_boot()) && self.may_leave() {
            // The turn at the end of the wait would only fail again.
            self.spool_new()?;
            return Ok(Turn::Done);
        }
        if again {
            return Ok(Turn::Again);
        }
        if self.is_done() {
            self.last_beat()?;
            return Ok(Turn::Done);
        }
        Ok(Turn::Wait(self.next_wait(self.env.clock.since_boot())))
    }

    /// How much longer the endings at hand wait for those of attempts that began a moment ago.
    fn gathers(&mut self) -> Option<Duration> {
        let now = self.env.clock.since_boot();
        if self.outbox.is_empty() {
            self.gathering = None;
            return None;
        }
        let gather = self.push_took.clamp(GATHER, MOST_GATHER);
        let young = BURST.max(gather);
        let burst = self.held.values().any(|held| {
            matches!(&held.phase, Phase::Running(attempt) if now.saturating_sub(attempt.started) < young)
        });
        let waited = now.saturating_sub(*self.gathering.get_or_insert(now));
        (burst && waited < gather).then(|| gather - waited)
    }

    /// Whether it is time to look at the server.
    fn is_due(&self, now: Duration) -> bool {
        let poll = self.world.files.config.poll.duration();
        self.stale
            || self.next_takeover().is_some_and(|due| due <= now)
            || self
                .last_fetch
                .is_none_or(|last| now.saturating_sub(last) >= poll)
    }

    /// Whether the host's rate limit asks to gather more before the next push.
    fn push_waits(&self, now: Duration) -> bool {
        let interval = self.world.files.config.push_interval.duration();
        !interval.is_zero()
            && self
                .last_push
                .is_some_and(|last| now.saturating_sub(last) < interval)
    }

    fn next_wait(&self, now: Duration) -> Duration {
        let config = &self.world.files.config;
        let remaining = |last: Option<Duration>, interval: Duration| {
            last.map_or(Duration::ZERO, |last| {
                interval.saturating_sub(now.saturating_sub(last))
            })
        };
        let mut wait = remaining(self.last_fetch, config.poll.duration());
        if self.begun {
            wait = wait.min(remaining(self.heartbeat.last, config.heartbeat.duration()));
            if let Some(due) = self.next_takeover() {
                wait = wait.min(due.saturating_sub(now));
            }
            if let Some(due) = self.estimates_due(now) {
                wait = wait.min(due);
            }
            let wall = self.env.clock.now();
            let expiry = self.world.expiring().map(|(_, at)| at).min();
            if let Some(at) = expiry {
                wait = wait.min(Duration::from_secs_f64(
                    at.seconds_since(wall).clamp(0.01, 3600.0),
                ));
            }
            if !config.push_interval.duration().is_zero() {
                let push = remaining(self.last_push, config.push_interval.duration());
                wait = if push.is_zero() { wait } else { wait.min(push) };
            }
        }
        if self.stale {
            wait = Duration::ZERO;
        }
        match self.backoff.until {
            Some(until) if until > now => until.saturating_sub(now),
            _ => wait,
        }
        .max(Duration::from_millis(1))
    }

    /// Whether a claim that was won waits for a look.
    pub(super) fn has_unverified(&self) -> bool {
        let mut held = self.held.values();
        held.any(|held| matches!(held.phase, Phase::Unverified))
    }

    /// Jobs that waited longer than they wanted.
    fn expire(&mut self) {
        let now = self.env.clock.now();
        let expired: Vec<JobId> = self
            .world
            .expiring()
            .filter(|(id, at)| *at <= now && !self.held.contains_key(id))
            .map(|(id, _)| id)
            .collect();
        for id in expired {
            if let Some(waiting) = self.world.waiting.remove(&id) {
                let why = super::world::Why::Expired;
                self.world.closings.insert(
                    id,
                    super::world::Closing {
                        submission: waiting.submission,
                        why,
                    },
                );
            }
        }
    }

    /// Whether the runner has come to its end.
    fn is_done(&mut self) -> bool {
        if self.refused.is_some() && self.may_leave() {
            return true;
        }
        // What is not decided yet when an admin asks for the end, the next start completes.
        let settled =
            |held: &Held| self.ending != Ending::No && matches!(held.phase, Phase::Unverified);
        let quiet = self.held.values().all(settled)
            && self.outbox.is_empty()
            && self.notes.is_empty()
            && self.switching.is_empty()
            && self.give_back.is_empty();
        if !quiet || !self.begun {
            return false;
        }
        if self.ending != Ending::No {
            return true;
        }
        self.options.until_idle && !self.stale && !self.could_start()
    }

    /// Whether a runner that was asked to end may go though the server does not take its results:
    /// they are in the spool.
    fn may_leave(&self) -> bool {
        self.ending != Ending::No
            && self.switching.is_empty()
            && !self
                .held
                .values()
                .any(|held| matches!(held.phase, Phase::Running(_)))
    }

    /// Whether a job could ever start on one of this runner's fit boards, or needs closing. What
    /// another runner has claimed is that runner's.
    fn could_start(&self) -> bool {
        let now = self.env.clock.now();
        let fit = boards::fit(&self.world, &self.options, boards::Use::Jobs, now);
        let free = |id: &JobId| self.world.is_unclaimed(id);
        self.world.closings.keys().any(free)
            || !boards::due(&self.world, &self.options, now).is_empty()
            || self.world.waiting.iter().any(|(id, waiting)| {
                free(id) && schedule::able_runner(&waiting.candidate, &fit).is_some()
            })
    }

    /// A test lets the runner die at this point.
    pub(super) fn pass(&self, point: Point) -> Result<(), RunnerError> {
        if (self.env.dies_at)(point) {
            Err(RunnerError::Died(point))
        } else {
            Ok(())
        }
    }

    pub(super) fn say(&self, line: &str) {
        (self.env.say)(line);
    }

    /// Who writes the runner's commits.
    pub(super) fn author(&self) -> Person {
        runner_person(&self.options.name, self.env.clock.now())
    }

    /// How many publications the server has accepted.
    pub fn published(&self) -> u64 {
        self.published
    }

    pub fn name(&self) -> &RunnerName {
        &self.options.name
    }

    /// The jobs that run, each once for every board it is on: for the daemon's terminal and for tests.
    pub fn running(&self) -> Vec<(JobId, BoardName)> {
        self.held
            .iter()
            .filter_map(|(id, held)| match &held.phase {
                Phase::Running(attempt) => Some((id, attempt)),
                _ => None,
            })
            .flat_map(|(id, attempt)| attempt.boards().map(|board| (*id, board.clone())))
            .collect()
    }
}
