//! How often each size of a number occurred, fine enough to read a median from and made of counts
//! alone, so that numbers can be added and taken away in any order.

/// The width of a bin below 4. Above, each doubling has as many bins as from 2 to 4, so that a bin is
/// never wider than a 400th of its number.
const WIDTH: f64 = 0.005;

/// Bins below 2, and in each doubling from there.
const BINS: u16 = 400;

/// The doublings from 2 up to where all larger numbers share the last bin.
const DOUBLINGS: u16 = 30;

const LAST: u16 = BINS * (DOUBLINGS + 1) - 1;

/// Counts of numbers that are at least 0. A median read from it is off by at most 0.0025, and above 2
/// by an 800th of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(
    /// Bins with their counts, in order, none of them 0.
    Vec<(u16, u32)>,
);

impl Histogram {
    /// The bins that have a count, in their order.
    pub fn bins(&self) -> &[(u16, u32)] {
        &self.0
    }

    /// What [`Self::bins`] gave; none if these are not bins in their order with counts.
    pub fn from_bins(bins: Vec<(u16, u32)>) -> Option<Self> {
        let ordered = bins.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let real = bins.iter().all(|(bin, count)| *bin <= LAST && *count > 0);
        (ordered && real).then_some(Self(bins))
    }

    pub fn add(&mut self, number: f64) {
        self.change(bin(number), |count| count.saturating_add(1));
    }

    pub fn plus(&mut self, other: &Self) {
        for (bin, more) in &other.0 {
            self.change(*bin, |count| count.saturating_add(*more));
        }
    }

    pub fn minus(&mut self, other: &Self) {
        for (bin, less) in &other.0 {
            self.change(*bin, |count| count.saturating_sub(*less));
        }
    }

    /// How many numbers it holds.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// The middle of the numbers' bins; of an even number the mean of the two in the middle.
    pub fn median(&self) -> Option<f64> {
        let count = self.count();
        let low = self.at(count.checked_sub(1)? / 2)?;
        Some((low + self.at(count / 2)?) / 2.0)
    }

    /// The number at a place in their order, from 0.
    fn at(&self, place: u64) -> Option<f64> {
        let mut seen = 0;
        let found = self.0.iter().find(|(_, count)| {
            seen += u64::from(*count);
            seen > place
        });
        found.map(|(bin, _)| middle(*bin))
    }

    fn change(&mut self, bin: u16, change: impl Fn(u32) -> u32) {
        match self.0.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(at) => match change(self.0[at].1) {
                0 => {
                    self.0.remove(at);
                }
                count => self.0[at].1 = count,
            },
            Err(at) => match change(0) {
                0 => {}
                count => self.0.insert(at, (bin, count)),
            },
        }
    }
}

/// The bin of a number; what is no number or below 0 is in the first.
fn bin(number: f64) -> u16 {
    let (mut number, mut first) = (number.max(0.0), 0);
    // Halving is exact, so every host finds the same bin.
    while number >= 4.0 && first < LAST {
        number /= 2.0;
        first += BINS;
    }
    // A cast stops at the largest number there is.
    first.saturating_add((number / WIDTH) as u16).min(LAST)
}

fn middle(bin: u16) -> f64 {
    let doublings = (bin / BINS).saturating_sub(1);
    let within = f64::from(bin - doublings * BINS) + 0.5;
    within * WIDTH * f64::from(doublings).exp2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        numbers.iter().for_each(|number| histogram.add(*number));
        histogram
    }

    #[test]
    fn odd_numbers_have_a_bin() {
        for number in [f64::NAN, -1.0, f64::NEG_INFINITY] {
            assert_eq!(bin(number), 0, "{number}");
        }
        for number in [f64::INFINITY, f64::MAX, 1e12] {
            assert_eq!(bin(number), LAST, "{number}");
        }
        assert_eq!((bin(1.999), bin(2.0), bin(4.0)), (399, 400, 800));
        assert_eq!(of(&[]).median(), None);
        assert_eq!(Histogram::from_bins(vec![(3, 1), (2, 1)]), None);
        assert_eq!(Histogram::from_bins(vec![(3, 0)]), None);
    }

    proptest! {
        #[test]
        fn a_median_is_read_to_half_a_percent(mut numbers in prop::collection::vec(0.0..40.0_f64, 1..60)) {
            let read = of(&numbers).median().unwrap();
            numbers.sort_by(f64::total_cmp);
            let (low, high) = (numbers[(numbers.len() - 1) / 2], numbers[numbers.len() / 2]);
            let exact = (low + high) / 2.0;
            prop_assert!((read - exact).abs() <= 0.0026_f64.max(high / 799.0), "{read} for {exact}");
        }

        #[test]
        fn taking_away_undoes_adding(
            some in prop::collection::vec(0.0..9.0_f64, 0..40),
            more in prop::collection::vec(0.0..9.0_f64, 0..40),
        ) {
            let (mut sum, other) = (of(&some), of(&more));
            sum.plus(&other);
            prop_assert_eq!(&sum, &of(&[more.clone(), some.clone()].concat()));
            prop_assert_eq!(sum.count(), (some.len() + more.len()) as u64);
            prop_assert_eq!(Histogram::from_bins(sum.bins().to_vec()), Some(sum.clone()));
            sum.minus(&other);
            prop_assert_eq!(sum, of(&some));
        }
    }
}
