//! Random numbers that are the same on every machine.

/// Steele's `SplitMix64`: small, and good enough for a farm that is not there.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to but not including 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of `0..n`; 0 where there is none.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.share() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// Of mean 0 and deviation 1, after Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let (a, b) = (1.0 - self.share(), self.share());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }

    /// The time until something happens that happens once a unit of time in the mean.
    pub fn gap(&mut self) -> f64 {
        -(1.0 - self.share()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_deviations_are_as_said() {
        let mut dice = Dice::new(1);
        let n = 100_000;
        let mean =
            |draw: &mut dyn FnMut() -> f64| (0..n).map(|_| draw()).sum::<f64>() / f64::from(n);
        let near = |value: f64, wanted: f64| assert!((value - wanted).abs() < 0.02, "{value}");
        near(mean(&mut || dice.share()), 0.5);
        near(mean(&mut || dice.gap()), 1.0);
        near(mean(&mut || dice.normal()), 0.0);
        near(mean(&mut || dice.normal().powi(2)), 1.0);
        near(mean(&mut || dice.below(3) as f64), 1.0);
        assert_eq!(dice.below(0), 0);
    }
}
