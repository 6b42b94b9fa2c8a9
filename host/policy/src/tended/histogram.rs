//! How long calls took, in buckets: bounded memory, one atomic addition a call, and percentiles that are
//! at most an eighth too high.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets of each power of two.
const PARTS: u64 = 8;
const PART_BITS: u32 = PARTS.trailing_zeros();
/// Powers of two: the last bucket begins beyond two minutes.
const OCTAVES: usize = 24;
const BUCKETS: usize = PARTS as usize * (1 + OCTAVES);

/// Times by their microseconds.
#[derive(Debug)]
pub struct Histogram([AtomicU64; BUCKETS]);

/// Microseconds within which so many of the calls ended; 0 where there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of them.
    pub p50: u64,
    /// All but one in a hundred.
    pub p99: u64,
    /// All but one in a thousand.
    pub p999: u64,
}

/// So many of the times were shorter than each of [`BOUNDS`](Self::BOUNDS), and of all of them the number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// By bound; each includes those of the bounds below.
    pub shorter: [u64; Self::BOUNDS.len()],
    /// Those above the last bound included.
    pub all: u64,
}

impl Within {
    /// Microseconds: each power of two from 16 µs to 17 s. Buckets end exactly there, so nothing is rounded.
    pub const BOUNDS: [u64; 21] = {
        let mut bounds = [16; 21];
        let mut place = 1;
        while place < bounds.len() {
            bounds[place] = bounds[place - 1] * 2;
            place += 1;
        }
        bounds
    };
}

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Histogram {
    /// One more.
    pub fn count(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0[bucket(micros)].fetch_add(1, Ordering::Relaxed);
    }

    /// How many were shorter than what. Read while others count, it lacks some of theirs.
    pub fn within(&self) -> Within {
        let counts = self.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        let below = |end: usize| counts[..end].iter().sum();
        Within { shorter: Within::BOUNDS.map(|bound| below(bucket(bound))), all: below(BUCKETS) }
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let counts = self.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        let all: u64 = counts.iter().sum();
        let within = |share: f64| {
            // The call at this place, of those in order.
            let place = ((all as f64 * share).ceil() as u64).max(1);
            let mut seen = 0;
            let found = counts.iter().position(|count| {
                seen += count;
                seen >= place
            });
            found.map_or(0, end)
        };
        Percentiles { p50: within(0.5), p99: within(0.99), p999: within(0.999) }
    }
}

/// The bucket of a number: below `PARTS` each its own, then the power of two and its leading digits.
fn bucket(micros: u64) -> usize {
    if micros < PARTS {
        return micros as usize;
    }
    let octave = micros.ilog2() - PART_BITS;
    let part = (micros >> octave) - PARTS;
    let index = (u64::from(octave) + 1) * PARTS + part;
    (index as usize).min(BUCKETS - 1)
}

/// The largest number of a bucket.
fn end(bucket: usize) -> u64 {
    let (row, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    match row.checked_sub(1) {
        None => part,
        Some(octave) => ((PARTS + part + 1) << octave) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_within_an_eighth_of_what_is_in_it() {
        for micros in (0..5_000).chain((13..27).map(|power| (1 << power) + 77)) {
            let end = end(bucket(micros));
            assert!(end >= micros && end - micros <= micros / 8, "{micros} {end}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn each_time_stands_below_the_bounds_above_it() {
        let histogram = Histogram::default();
        let micros = [0, 15, 16, 1_023, 1_024, 16_777_215, 16_777_216, u64::MAX];
        micros.iter().for_each(|it| histogram.count(Duration::from_micros(*it)));
        let within = histogram.within();
        for (bound, shorter) in Within::BOUNDS.iter().zip(within.shorter) {
            assert_eq!(shorter, micros.iter().filter(|it| *it < bound).count() as u64, "{bound}");
        }
        assert_eq!((Within::BOUNDS[20], within.all), (16_777_216, 8));
    }

    #[test]
    fn percentiles_are_those_of_the_calls() {
        let histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), Percentiles::default());
        (0..989).for_each(|_| histogram.count(Duration::from_micros(5)));
        (0..10).for_each(|_| histogram.count(Duration::from_millis(1)));
        histogram.count(Duration::from_secs(3600));
        let Percentiles { p50, p99, p999 } = histogram.percentiles();
        assert_eq!(p50, 5);
        assert!((1_000..=1_125).contains(&p99), "{p99}");
        assert!((1_000..=1_125).contains(&p999), "{p999}");
        histogram.count(Duration::from_secs(3600));
        assert!(histogram.percentiles().p999 > 100_000_000);
    }
}
