//! Values for tests, made up by a seed: whatever can be decoded can be invented, because decoding is
//! nothing but asking for numbers, cases and lengths, one after the other.

use crate::decode::{Decode, Source};
use crate::malformed::Malformed;

/// Makes up values; the same seed, the same values.
#[derive(Clone, Debug)]
pub struct Inventor {
    state: u64,
}

/// Entries of a list, and characters of a text.
const LENGTH_MAX: u64 = 4;

/// Characters that are one, two, three and four bytes, and some that mean something to MQTT.
const CHARACTERS: &[char] = &['a', 'b', '7', '/', '+', '#', '$', ' ', '\0', 'ß', '中', '🚢'];

impl Inventor {
    /// The one of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next value of this type.
    ///
    /// # Errors
    /// None: an inventor never runs out.
    pub fn invent<T: Decode>(&mut self) -> Result<T, Malformed> {
        T::decode(self)
    }

    /// Any number below this one; 0 below 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl Source for Inventor {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        // Half of all numbers are small, as numbers are.
        let small = self.below(2) == 0;
        let bytes = self.next().to_le_bytes();
        let kept = if small { 1 } else { bytes.len() };
        Ok(std::array::from_fn(|at| {
            bytes.get(at).copied().filter(|_| at < kept).unwrap_or_default()
        }))
    }

    fn case(&mut self, cases: u8) -> Result<u8, Malformed> {
        Ok(u8::try_from(self.below(cases.into())).unwrap_or_default())
    }

    fn count(&mut self, _size: usize) -> Result<usize, Malformed> {
        Ok(usize::try_from(self.below(LENGTH_MAX + 1)).unwrap_or_default())
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Malformed> {
        (0..count).map(|_| self.array().map(|[byte]| byte)).collect()
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let count = self.below(2 * LENGTH_MAX);
        let known = CHARACTERS.len() as u64;
        let character = |at: u64| usize::try_from(at).ok().and_then(|at| CHARACTERS.get(at));
        Ok((0..count).filter_map(|_| character(self.below(known)).copied()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_same_seed_makes_the_same_and_another_something_else() {
        let of = |seed| Inventor::new(seed).invent::<(u64, String, Vec<u8>)>().unwrap();
        assert_eq!(of(7), of(7));
        let all: BTreeSet<_> = (0..1000).map(of).collect();
        assert!(all.len() > 990, "{}", all.len());
    }

    #[test]
    fn every_case_and_every_length_comes_up() {
        let mut inventor = Inventor::new(1);
        let cases: BTreeSet<_> = (0..1000).map(|_| inventor.case(9).unwrap()).collect();
        let lengths: BTreeSet<_> = (0..1000).map(|_| inventor.count(1).unwrap()).collect();
        assert_eq!((cases.len(), lengths.len()), (9, 5));
    }
}
