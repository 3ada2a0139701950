//! How another thread tells a supervisor to end its process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::event::{EventfdFlags, eventfd};

/// What the owner of a supervised process wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Let it run.
    None,
    /// TERM to the group, KILL after the grace time.
    Terminate,
    /// KILL at once.
    Kill,
}

/// A wish that only grows, and the descriptor that wakes the supervisor.
pub struct Control {
    wish: AtomicU8,
    wake: OwnedFd,
}

impl Control {
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            wish: AtomicU8::new(Wish::None as u8),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    pub fn terminate(&self) {
        self.want(Wish::Terminate);
    }

    pub fn kill(&self) {
        self.want(Wish::Kill);
    }

    pub fn wish(&self) -> Wish {
        match self.wish.load(Ordering::Acquire) {
            0 => Wish::None,
            1 => Wish::Terminate,
            _ => Wish::Kill,
        }
    }

    fn want(&self, wish: Wish) {
        self.wish.fetch_max(wish as u8, Ordering::AcqRel);
        // Can only fail when the counter is full, and then the descriptor is readable anyway.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Takes note of the waking, so that the descriptor is quiet until the next wish.
    pub(super) fn woke(&self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.wake, &mut count);
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
