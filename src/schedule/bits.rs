//! Sets of small numbers: boards or seats by their places.

/// A set of numbers below a fixed bound.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bits(Vec<u64>);

const WORD: usize = u64::BITS as usize;

impl Bits {
    /// The empty set of numbers below `bound`.
    pub fn new(bound: usize) -> Self {
        Self(vec![0; bound.div_ceil(WORD)])
    }

    /// The numbers below `bound` of which `holds` is true.
    pub fn of(bound: usize, holds: impl Fn(usize) -> bool) -> Self {
        let mut bits = Self::new(bound);
        (0..bound)
            .filter(|&n| holds(n))
            .for_each(|n| bits.insert(n));
        bits
    }

    pub fn insert(&mut self, n: usize) {
        self.0[n / WORD] |= 1 << (n % WORD);
    }

    pub fn remove(&mut self, n: usize) {
        self.0[n / WORD] &= !(1 << (n % WORD));
    }

    pub fn contains(&self, n: usize) -> bool {
        self.0[n / WORD] & (1 << (n % WORD)) != 0
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the two have a number in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    pub fn and_not(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & !b).collect())
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a |= b;
        }
    }

    /// The numbers, the smallest first.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.checked_sub(1)?;
                Some(at * WORD + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in_across_words() {
        let mut set = Bits::of(130, |n| n % 64 == 0);
        set.insert(129);
        set.remove(64);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 128, 129]);
        assert!(set.contains(128) && !set.contains(64) && set.len() == 3);
        let other = Bits::of(130, |n| n == 129);
        assert!(set.meets(&other) && !other.is_empty());
        assert_eq!(set.and_not(&other).iter().collect::<Vec<_>>(), [0, 128]);
        assert_eq!(set.and(&other), other);
        assert!(Bits::new(0).is_empty());
    }
}
