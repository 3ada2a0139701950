//! The runner's wish to end, as a built-in dispatcher hears it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Signal, getpgrp, getpid, getppid, kill_current_process_group};
use signal_hook::consts::SIGTERM;

use super::log::say;
use super::wait::{is_ready, ready};
use crate::process::Moment;

/// How long one signal to a group may take from its first process to its last. On a busy host that
/// is a turn or two of the scheduler; what waits for it has failed already and loses nothing.
const SOON: Duration = Duration::from_millis(200);

/// A descriptor that is readable once TERM came, so that a wait for other things hears it too.
pub struct Bell(UnixStream);

impl Bell {
    /// Hangs up a bell; [`listen`] is called as well.
    pub fn new() -> io::Result<Self> {
        listen();
        let (bell, rope) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(SIGTERM, rope)?;
        Ok(Self(bell))
    }

    pub fn rang(&self) -> bool {
        is_ready(self.0.as_fd())
    }

    /// Whether TERM is on its way: it goes to the whole group, and another of it may have ended of it
    /// before this process has heard.
    pub fn rings_soon(&self) -> bool {
        let until = Moment::now().plus(SOON);
        while !self.rang() && Moment::now() < until {
            let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
            if ready(&mut fds, Some(until)).is_err() {
                break;
            }
        }
        self.rang()
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// After TERM the running command is waited for, which got it too, and no other is started. When
/// the runner is gone the kernel sends TERM to this process alone: then the group is ended here,
/// for nobody else is left to do it.
pub fn listen() -> Arc<AtomicBool> {
    let terminated = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&terminated);
    let runner = getppid();
    let leads = getpgrp() == getpid();
    // SAFETY: the handler stores a flag and makes two system calls, all safe in a signal handler.
    let registered = unsafe {
        signal_hook::low_level::register(SIGTERM, move || {
            flag.store(true, Ordering::Release);
            if leads && getppid() != runner {
                let _ = kill_current_process_group(Signal::KILL);
            }
        })
    };
    if let Err(error) = registered {
        say(&format!("TERM cannot be caught: {error}"));
    }
    terminated
}
