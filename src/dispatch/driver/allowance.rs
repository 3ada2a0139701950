//! How many events a dispatcher may send: so many at once, and so many a second over time. Pure:
//! the clock is passed in.

use std::time::Duration;

use crate::process::Moment;

/// Events a second over time, and how many may come at once.
const RATE: f64 = 1000.0;
const BURST: f64 = 10_000.0;

/// The longest wait, in seconds: longer silence would look like a dispatcher that is idle.
const WAIT: f64 = 5.0;

/// A bucket that fills with time. Who is faster is not read until it is filled again; nothing is
/// lost by that, since the pipe holds the writer up.
pub struct Allowance {
    left: f64,
    at: Moment,
}

impl Allowance {
    pub fn new(now: Moment) -> Self {
        Self {
            left: BURST,
            at: now,
        }
    }

    pub fn tick(&mut self, now: Moment) {
        let passed = now.since(self.at).as_secs_f64();
        self.left = (self.left + passed * RATE).min(BURST);
        self.at = now;
    }

    /// An event was read. What was read at once may be more than is left: that is a debt.
    pub fn spend(&mut self) {
        self.left = (self.left - 1.0).max(-WAIT * RATE);
    }

    /// When the next event may be read, if it has to wait.
    pub fn waits_until(&self) -> Option<Moment> {
        (self.left < 1.0).then(|| {
            self.at
                .plus(Duration::from_secs_f64((1.0 - self.left) / RATE))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_a_flood_waits_for_its_rate() {
        let start = Moment::now();
        let mut allowance = Allowance::new(start);
        for _ in 0..9_999 {
            allowance.spend();
        }
        assert_eq!(allowance.waits_until(), None);
        for _ in 0..2001 {
            allowance.spend();
        }
        let until = allowance.waits_until().unwrap();
        let wait = until.since(start).as_secs_f64();
        assert!((wait - 2.001).abs() < 1e-6, "{wait}");
        allowance.tick(start.plus(Duration::from_secs(1)));
        assert!(allowance.waits_until().is_some());
        allowance.tick(until.plus(Duration::from_millis(1)));
        assert_eq!(allowance.waits_until(), None);
        allowance.tick(start.plus(Duration::from_secs(3600)));
        for _ in 0..10_000 {
            allowance.spend();
        }
        assert!(
            allowance.waits_until().is_some(),
            "it never holds more than a burst"
        );
        for _ in 0..1_000_000 {
            allowance.spend();
        }
        let wait = allowance.waits_until().unwrap().since(allowance.at);
        assert!(wait <= Duration::from_secs_f64(WAIT + 0.01), "{wait:?}");
    }
}
