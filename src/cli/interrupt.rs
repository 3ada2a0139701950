//! Ctrl-C while bars are drawn: they are left in order first.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use super::error::{Attempt, Error, Kind};

/// Hears the signals that end a program.
pub struct Interrupt(Arc<AtomicUsize>);

impl Interrupt {
    /// From now on the first one is only noted; a second one ends the program at once.
    pub fn listen() -> Result<Self, Error> {
        let heard = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))
                .and_then(|_| flag::register(signal, Arc::clone(&again)))
                .and_then(|_| flag::register_usize(signal, Arc::clone(&heard), signal as usize))
                .attempt(Kind::Failed, || "listen to Ctrl-C".to_owned())?;
        }
        Ok(Self(heard))
    }

    pub fn is_heard(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Ends the program as the signal would have done, so that whoever started it sees that; returns if
    /// none was heard.
    pub fn obey(&self) {
        let signal = self.0.load(Ordering::Relaxed);
        if signal != 0 {
            // What follows begins on a line of its own; a terminal that is gone needs none.
            let _ = writeln!(std::io::stderr());
            // It cannot fail for these signals; if it did, the program would merely go on.
            let _ = low_level::emulate_default_handler(signal as i32);
        }
    }
}
