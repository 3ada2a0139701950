//! Moments on the clock that also counts suspended time, and an alarm on it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

/// A moment on `CLOCK_BOOTTIME`: no change of the wall clock moves it, and it runs on in suspend,
/// where `std::time::Instant` stands still. Means nothing after a reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    pub fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        Self(Duration::new(now.tv_sec as u64, now.tv_nsec as u32))
    }

    /// The time from `earlier` to this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// A descriptor that becomes readable at a moment. A poll's own time-out would not do: it stands
/// still in suspend, so a limit of an hour could fire hours late.
pub struct Alarm {
    timer: OwnedFd,
    armed: Option<Moment>,
}

impl Alarm {
    pub fn new() -> io::Result<Self> {
        let timer = timerfd_create(
            TimerfdClockId::Boottime,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        Ok(Self { timer, armed: None })
    }

    /// Asks to be woken at `next` or earlier. An alarm that would ring earlier is left alone: the
    /// owner looks at the clock anyway, and a limit that moves with every byte costs no system call.
    pub fn set(&mut self, next: Option<Moment>, now: Moment) -> io::Result<()> {
        let Some(next) = next else { return Ok(()) };
        if self.armed.is_some_and(|armed| armed <= next && armed > now) {
            return Ok(());
        }
        // Zero would disarm the timer; the far future would overflow the kernel's seconds.
        let at = next
            .0
            .clamp(Duration::from_nanos(1), Duration::from_secs(1 << 40));
        let value = Itimerspec {
            it_interval: Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            },
            it_value: Timespec {
                tv_sec: at.as_secs() as i64,
                tv_nsec: i64::from(at.subsec_nanos()),
            },
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value)?;
        self.armed = Some(next);
        Ok(())
    }

    /// Takes note that the alarm rang.
    pub fn rang(&mut self) {
        let mut count = [0; 8];
        // Nothing to read means that it was set anew meanwhile, which is as good.
        let _ = rustix::io::read(&self.timer, &mut count);
        self.armed = None;
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}
