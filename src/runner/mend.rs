//! A mirror that was damaged while the runner ran: looked through, and made anew where it is so.

use std::time::Duration;

use super::Runner;
use crate::lab::LabError;

/// A damaged mirror is looked for at most so often: it reads every object, and a failure may have quite
/// another cause, which lasts.
const MEND_EVERY: Duration = Duration::from_secs(600);

impl Runner {
    /// After a failure that damage to the mirror would explain: makes the mirror anew if it is damaged.
    /// Nothing in it is missed: what is not published is built anew from the spool and the logs.
    pub(super) fn mend(&mut self, error: &LabError) {
        let now = self.env.clock.since_boot();
        let LabError::Git(cause) = error else { return };
        let lately = self
            .mended
            .is_some_and(|last| now.saturating_sub(last) < MEND_EVERY);
        if lately || !cause.may_be_damage() {
            return;
        }
        self.mended = Some(now);
        match self.lab.mirror().mend() {
            Ok(true) => {
                self.say("the mirror was damaged; it is cloned anew");
                self.stale = true;
                self.backoff.worked();
            }
            Ok(false) => {}
            Err(error) => self.say(&format!("failed to {error}; will try again")),
        }
    }
}
