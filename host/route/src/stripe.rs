//! The locks: where a filter lives, and what a topic has to read.
//!
//! | filter | home |
//! |---|---|
//! | without wildcard | the exact stripe of its whole text |
//! | wildcard after two literal levels (`a/b/+`, `a/b/c/#`) | the trie stripe of `a/b` |
//! | wildcard after one literal level (`a/#`, `a/+/c`) | the trie stripe of `a` |
//! | leading wildcard (`#`, `+/b`) | the one leading trie |
//!
//! So a topic reads four homes. It compares three generations: a change among the leading
//! wildcards, which are few and match widely, counts as a change of every one-level stripe.

use core::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::hashing::{Hashing, STRIPES, stripe_of};

/// Where a filter lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Home {
    Exact(usize),
    TwoLevels(usize),
    OneLevel(usize),
    Leading,
}

/// The stripes a topic reads, beside the leading wildcards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reads {
    pub(crate) exact: u8,
    pub(crate) two_levels: u8,
    pub(crate) one_level: u8,
}

/// One lock and the number of changes made under it.
pub(crate) struct Stripe<T> {
    pub(crate) changes: Changes,
    pub(crate) table: RwLock<T>,
}

/// On a cache line of its own: every reader polls it, and must not see it move whenever another
/// takes the lock beside it.
#[repr(align(64))]
#[derive(Default)]
pub(crate) struct Changes(AtomicU64);

impl Changes {
    /// Called under the stripe's write lock, after the change.
    pub(crate) fn bump(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Home {
    pub(crate) fn of(filter: &str, hashing: &Hashing) -> Self {
        if !filter.contains(['+', '#']) {
            return Self::Exact(stripe_of(hashing.hash(filter)));
        }
        let one = one_level(filter);
        let two = two_levels(filter);
        if is_wildcard(one) {
            Self::Leading
        } else if two[one.len()..].contains(['+', '#']) {
            Self::OneLevel(stripe_of(hashing.hash(one)))
        } else {
            Self::TwoLevels(stripe_of(hashing.hash(two)))
        }
    }
}

impl Reads {
    pub(crate) fn of(topic: &str, hash: u64, hashing: &Hashing) -> Self {
        Self {
            exact: stripe_of(hash) as u8,
            two_levels: stripe_of(hashing.hash(two_levels(topic))) as u8,
            one_level: stripe_of(hashing.hash(one_level(topic))) as u8,
        }
    }
}

pub(crate) fn stripes<T>(new: impl Fn() -> T) -> Box<[Stripe<T>]> {
    let stripe = |_| Stripe { changes: Changes::default(), table: RwLock::new(new()) };
    (0..STRIPES).map(stripe).collect()
}

fn is_wildcard(level: &str) -> bool {
    matches!(level, "+" | "#")
}

/// `a` of `a/b/c`.
fn one_level(path: &str) -> &str {
    path.split_once('/').map_or(path, |(first, _)| first)
}

/// `a/b` of `a/b/c`; all of a shorter path.
fn two_levels(path: &str) -> &str {
    path.match_indices('/').nth(1).map_or(path, |(end, _)| &path[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The promise of the module header: whatever can match is among what the topic reads.
    #[test]
    fn a_topic_reads_the_home_of_each_filter_that_matches_it() {
        let hashing = Hashing::default();
        let reads = |topic: &str| Reads::of(topic, hashing.hash(topic), &hashing);
        for topic in ["a/b/c", "a/b", "/b/c", "//", "a//c", "a/b/c/d"] {
            let levels: Vec<_> = topic.split('/').collect();
            let reads = reads(topic);
            assert_eq!(Home::of(topic, &hashing), Home::Exact(reads.exact.into()));
            let two = format!("{}/{}/#", levels[0], levels[1]);
            assert_eq!(Home::of(&two, &hashing), Home::TwoLevels(reads.two_levels.into()));
            for filter in [format!("{}/#", levels[0]), format!("{}/+/#", levels[0])] {
                assert_eq!(Home::of(&filter, &hashing), Home::OneLevel(reads.one_level.into()));
            }
        }
        for filter in ["#", "+", "+/a", "+/a/b/c", "+/#"] {
            assert_eq!(Home::of(filter, &hashing), Home::Leading);
        }
        let (one, expected) = (Home::of("a/#", &hashing), usize::from(reads("a").one_level));
        assert_eq!(one, Home::OneLevel(expected));
    }
}
