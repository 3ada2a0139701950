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

    /// No number of the set is as large as this.
    pub fn bound(&self) -> usize {
        self.0.len() * WORD
    }

    pub fn insert(&mut self, n: usize) {
        self.0[n / WORD] |= 1 << (n % WORD);
    }

    pub fn remove(&mut self, n: usize) {
        self.0[n / WORD] &= !(1 << (n % WORD));
    }

    pub fn clear(&mut self) {
        self.0.fill(0);
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

    /// How many numbers the two have in common.
    pub fn common(&self, other: &Self) -> usize {
        let words = self.0.iter().zip(&other.0);
        words.map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    pub fn and_not(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & !b).collect())
    }

    /// Keeps only what is in the other, too.
    pub fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= b);
    }

    /// Adds what is in the other.
    pub fn join(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    /// Adds what is in the other, and gives to `new` each number that was not in this.
    pub fn join_each(&mut self, other: &Self, mut new: impl FnMut(usize)) {
        for (at, (word, more)) in self.0.iter_mut().zip(&other.0).enumerate() {
            ones(more & !*word).for_each(|bit| new(at * WORD + bit));
            *word |= more;
        }
    }

    /// The numbers, the smallest first.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let words = self.0.iter().enumerate();
        words.flat_map(|(at, word)| ones(*word).map(move |bit| at * WORD + bit))
    }
}

/// The places of a word's ones.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        word &= word.checked_sub(1)?;
        Some(bit)
    })
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
        assert!(set.meets(&other) && set.common(&other) == 1 && !other.is_empty());
        assert_eq!(set.and_not(&other).iter().collect::<Vec<_>>(), [0, 128]);
        assert_eq!(set.and(&other), other);
        assert!(Bits::new(0).is_empty());
    }

    #[test]
    fn sets_are_joined_and_kept() {
        let mut set = Bits::of(130, |n| n % 64 == 0);
        let mut new = Vec::new();
        set.join_each(&Bits::of(130, |n| n == 64 || n > 127), |n| new.push(n));
        assert_eq!(new, [129]);
        set.join(&Bits::of(130, |n| n == 1));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1, 64, 128, 129]);
        set.keep(&Bits::of(130, |n| n < 65));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 1, 64]);
    }
}
