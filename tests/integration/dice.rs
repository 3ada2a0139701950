//! Chance that can be repeated.

use std::sync::{Arc, Mutex};

/// A small generator: the seed tells the whole run.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
        )))
    }

    pub fn below(&self, limit: usize) -> usize {
        let mut state = self.0.lock().unwrap();
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 11) as usize % limit
    }

    pub fn one_in(&self, n: usize) -> bool {
        self.below(n) == 0
    }
}
