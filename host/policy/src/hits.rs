//! How often a plugin met a bound that costs it no call: nothing fails, something waits or is left out.
//! Not the bounds that a call fails of, which are faults.

use std::sync::atomic::{AtomicU64, Ordering};

/// Such a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// All its instances were at work, and a call waited for one (`max_instances`).
    Instances,
    /// A line of its log was one too many in a second, and was left out.
    LogLines,
    /// A counter of its own was one too many, and was not counted.
    Counters,
}

impl Bound {
    /// All of them with their names, in order.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Instances, "max_instances"),
        (Self::LogLines, "log_lines"),
        (Self::Counters, "counters"),
    ];
}

/// The counting, over all versions of a plugin. It goes up only.
#[derive(Debug, Default)]
pub struct Hits([AtomicU64; Bound::ALL.len()]);

impl Hits {
    /// It met this bound once more.
    pub fn count(&self, bound: Bound) {
        self.0[bound as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often it met each, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Bound::ALL
            .iter()
            .map(|(bound, name)| (*name, self.0[*bound as usize].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_counted_under_its_own_name() {
        let hits = Hits::default();
        for (times, (bound, _)) in (1..).zip(Bound::ALL) {
            (0..times).for_each(|_| hits.count(bound));
        }
        let counts: Vec<_> = hits.counts().collect();
        assert_eq!(counts, [("max_instances", 1), ("log_lines", 2), ("counters", 3)]);
    }
}
