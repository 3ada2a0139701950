//! The loop around one process.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Signal;

use super::leader::{Exit, Leader};
use super::{Alarm, Control, Moment, Wish};

/// How long the pipes may stay open after the leader's end: a child that flushes its last lines
/// needs milliseconds, one that never closes them must not hold the board.
const DRAIN: Duration = Duration::from_millis(500);

/// How long a killed process may take to vanish. Only one that the kernel cannot interrupt takes
/// longer, and waiting for it would hold the board for ever.
const VANISH: Duration = Duration::from_secs(60);

/// How much the output may give in a turn, so that a flood cannot keep the clock from being read.
const TURN: usize = 1 << 20;

/// The same for the channel: what it says is worked on, so it is read in smaller pieces.
const CHANNEL_TURN: usize = CHUNK;

const CHUNK: usize = 64 << 10;

/// What the owner of a process makes of its bytes and of the clock.
pub trait Watch {
    /// Takes bytes from standard output and error.
    fn output(&mut self, bytes: &[u8]);

    /// Takes bytes from the channel, descriptor 3.
    fn channel(&mut self, _bytes: &[u8]) {}

    /// Called after every turn.
    fn turn(&mut self, now: Moment) -> Turn;

    /// Told when a signal goes to the group, and who wanted it first.
    fn signalled(&mut self, _signal: Signal, _by: Stop) {}

    /// Kills whatever left the group and returns how many were found.
    fn sweep(&mut self) -> u32 {
        0
    }
}

/// What a [`Watch`] wants after a turn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Turn {
    /// The process is to be ended.
    pub stop: bool,
    /// The channel is not to be read before `next`: its writer is too fast.
    pub hold_channel: bool,
    /// When the next turn is due even if nothing happens.
    pub next: Option<Moment>,
}

/// Who asked first for the end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The watch: a limit was reached.
    Watch,
    /// The owner, through the [`Control`].
    Owner,
}

#[derive(Debug)]
pub struct Ended {
    pub exit: Exit,
    /// Whose wish the end was; `None` when the process ended by itself.
    pub stop: Option<Stop>,
    /// Whether it had to be killed.
    pub killed: bool,
    /// How many processes it left behind.
    pub leaked: u32,
    /// Whether it was still there when the supervisor gave up; `exit` is then made up.
    pub undead: bool,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Running,
    /// TERM was sent once; a second one would cut short the clean-up that the first began.
    Terminating {
        kill_at: Moment,
    },
    Killed {
        give_up_at: Moment,
    },
    /// The leader has ended; what is left in the pipes is read.
    Draining {
        until: Moment,
    },
}

impl Phase {
    fn next(self) -> Option<Moment> {
        match self {
            Self::Running => None,
            Self::Terminating { kill_at: at }
            | Self::Killed { give_up_at: at }
            | Self::Draining { until: at } => Some(at),
        }
    }
}

/// Supervises a process to its end. On an error of the supervision itself the process is killed.
pub fn supervise(
    mut leader: Leader,
    grace: Duration,
    control: &Control,
    watch: &mut dyn Watch,
) -> io::Result<Ended> {
    let mut alarm = Alarm::new()?;
    let mut output = leader.take_output();
    let mut channel = leader.take_channel();
    let mut buffer = vec![0; CHUNK];
    let (mut stop, mut killed, mut undead) = (None, false, false);
    let mut phase = Phase::Running;
    let mut wants = watch.turn(Moment::now());
    loop {
        let now = Moment::now();
        if let Phase::Running | Phase::Terminating { .. } = phase {
            let wish = control.wish();
            if stop.is_none() && (wants.stop || wish > Wish::None) {
                let by = if wish > Wish::None {
                    Stop::Owner
                } else {
                    Stop::Watch
                };
                stop = Some(by);
                leader.signal_group(Signal::TERM);
                watch.signalled(Signal::TERM, by);
                phase = Phase::Terminating {
                    kill_at: now.plus(grace),
                };
            }
            let out_of_grace = matches!(phase, Phase::Terminating { kill_at } if now >= kill_at);
            if out_of_grace || wish == Wish::Kill {
                killed = true;
                leader.signal_group(Signal::KILL);
                watch.signalled(Signal::KILL, stop.unwrap_or(Stop::Owner));
                watch.sweep();
                phase = Phase::Killed {
                    give_up_at: now.plus(VANISH),
                };
            }
        }
        match phase {
            Phase::Draining { until }
                if now >= until || (output.is_none() && channel.is_none()) =>
            {
                break;
            }
            Phase::Killed { give_up_at } if now >= give_up_at => {
                undead = true;
                break;
            }
            _ => {}
        }
        let draining = matches!(phase, Phase::Draining { .. });
        // A process that is to end, or has, must not be slowed down.
        let read_channel = draining || stop.is_some() || !wants.hold_channel;
        let next = [phase.next(), wants.next].into_iter().flatten().min();
        alarm.set(next, now)?;

        let ready = wait(
            control,
            &alarm,
            (!draining).then_some(&leader),
            output.as_ref(),
            channel.as_ref().filter(|_| read_channel),
        )?;
        if ready.control {
            control.woke();
        }
        if ready.alarm {
            alarm.rang();
        }
        if ready.output {
            pour(&mut output, &mut buffer, TURN, |bytes| watch.output(bytes));
        }
        if ready.channel {
            pour(&mut channel, &mut buffer, CHANNEL_TURN, |bytes| {
                watch.channel(bytes);
            });
        }
        if ready.ended {
            phase = Phase::Draining {
                until: Moment::now().plus(DRAIN),
            };
        }
        wants = watch.turn(Moment::now());
    }
    // Those that an owner's KILL left over were no leak of the process's own making.
    let left = watch.sweep();
    leader.signal_group(Signal::KILL);
    pour(&mut output, &mut buffer, TURN, |bytes| watch.output(bytes));
    pour(&mut channel, &mut buffer, CHANNEL_TURN, |bytes| {
        watch.channel(bytes);
    });
    let exit = if undead {
        leader.abandon();
        Exit::Signal(Signal::KILL.as_raw())
    } else {
        leader.reap()?
    };
    Ok(Ended {
        exit,
        stop,
        killed,
        leaked: if killed { 0 } else { left },
        undead,
    })
}

#[derive(Default)]
struct Ready {
    control: bool,
    alarm: bool,
    ended: bool,
    output: bool,
    channel: bool,
}

/// Sleeps until something is to be done.
fn wait(
    control: &Control,
    alarm: &Alarm,
    leader: Option<&Leader>,
    output: Option<&OwnedFd>,
    channel: Option<&OwnedFd>,
) -> io::Result<Ready> {
    let watched = [
        Some(control.as_fd()),
        Some(alarm.as_fd()),
        leader.map(Leader::pidfd),
        output.map(AsFd::as_fd),
        channel.map(AsFd::as_fd),
    ];
    let mut fds: Vec<PollFd<'_>> = watched
        .iter()
        .flatten()
        .map(|fd| PollFd::new(fd, PollFlags::IN))
        .collect();
    loop {
        match poll(&mut fds, None) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut events = fds.iter().map(|fd| !fd.revents().is_empty());
    let mut next = |there: bool| there && events.next().unwrap_or_default();
    Ok(Ready {
        control: next(true),
        alarm: next(true),
        ended: next(leader.is_some()),
        output: next(output.is_some()),
        channel: next(channel.is_some()),
    })
}

/// Reads what is there, at most `most` bytes and a little; closes the pipe at its end.
fn pour(pipe: &mut Option<OwnedFd>, buffer: &mut [u8], most: usize, mut take: impl FnMut(&[u8])) {
    let mut left = most;
    while let Some(open) = pipe
        && left > 0
    {
        match rustix::io::read(open, &mut *buffer) {
            Ok(0) => *pipe = None,
            Ok(read) => {
                take(&buffer[..read]);
                left = left.saturating_sub(read);
                // A short read means that the pipe is empty now; the next poll tells when it is not.
                if read < buffer.len() {
                    break;
                }
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break,
            Err(_) => *pipe = None,
        }
    }
}
