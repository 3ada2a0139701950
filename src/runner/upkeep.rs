//! Keeping the mirror small: loose objects would grow for ever.

use std::thread::{self, JoinHandle};

use crate::git::Mirror;

/// After so many publications the mirror is packed: some thousands of loose objects.
const EVERY: u64 = 500;

/// A start with more loose objects than this packs at once, as `git gc --auto` would.
const LOOSE: u64 = 6700;

/// Packs the mirror now and then, in a thread: pushes and fetches go on beside it.
pub(super) struct Upkeep {
    mirror: Mirror,
    /// The number of publications at which the next packing is due: none where an earlier process
    /// has left many loose objects.
    due: u64,
    packing: Option<JoinHandle<()>>,
}

impl Upkeep {
    pub fn new(mirror: Mirror) -> Self {
        let due = if loose_objects(&mirror) > LOOSE {
            0
        } else {
            EVERY
        };
        Self {
            mirror,
            due,
            packing: None,
        }
    }

    /// To be called with the number of publications so far.
    pub fn after(&mut self, published: u64) {
        let busy = self
            .packing
            .as_ref()
            .is_some_and(|packing| !packing.is_finished());
        if busy || published < self.due {
            return;
        }
        self.due = published.saturating_add(EVERY);
        let mirror = self.mirror.clone();
        // A mirror that could not be packed works on, and the next time is not far.
        self.packing = thread::Builder::new()
            .name("upkeep".to_owned())
            .spawn(move || drop(mirror.repack()))
            .ok();
    }
}

/// About how many loose objects there are: their names are even, so that one folder in 256 tells.
fn loose_objects(mirror: &Mirror) -> u64 {
    std::fs::read_dir(mirror.path().join("objects").join("17"))
        .map_or(0, |entries| entries.count() as u64 * 256)
}
