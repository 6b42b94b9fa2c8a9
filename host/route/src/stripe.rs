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
use crate::path::Path;

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
    /// The home, and the path in its trie.
    pub(crate) fn of<'a>(filter: &'a str, hashing: &Hashing) -> (Self, Path<'a>) {
        let one = Path::by_levels(filter);
        if !filter.contains(['+', '#']) {
            return (Self::Exact(stripe_of(hashing.hash(filter))), one);
        }
        if one.head().starts_with(['+', '#']) {
            return (Self::Leading, one);
        }
        match Path::by_two_levels_first(filter) {
            Some(two) if !two.head().ends_with(['+', '#']) => {
                (Self::TwoLevels(stripe_of(hashing.hash(two.head()))), two)
            }
            _ => (Self::OneLevel(stripe_of(hashing.hash(one.head()))), one),
        }
    }
}

impl Reads {
    pub(crate) fn of(topic: &str, hash: u64, hashing: &Hashing) -> Self {
        let one = Path::by_levels(topic);
        // No two-level trie matches a topic of one level: any stripe will do.
        let two = Path::by_two_levels_first(topic).unwrap_or(one);
        Self {
            exact: stripe_of(hash) as u8,
            two_levels: stripe_of(hashing.hash(two.head())) as u8,
            one_level: stripe_of(hashing.hash(one.head())) as u8,
        }
    }
}

pub(crate) fn stripes<T>(new: impl Fn() -> T) -> Box<[Stripe<T>]> {
    let stripe = |_| Stripe { changes: Changes::default(), table: RwLock::new(new()) };
    (0..STRIPES).map(stripe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The promise of the module header: whatever can match is among what the topic reads.
    #[test]
    fn a_topic_reads_the_home_of_each_filter_that_matches_it() {
        let hashing = Hashing::default();
        let home = |filter: &str| Home::of(filter, &hashing).0;
        let reads = |topic: &str| Reads::of(topic, hashing.hash(topic), &hashing);
        for topic in ["a/b/c", "a/b", "/b/c", "//", "a//c", "a/b/c/d"] {
            let levels: Vec<_> = topic.split('/').collect();
            let reads = reads(topic);
            assert_eq!(home(topic), Home::Exact(reads.exact.into()));
            let two = format!("{}/{}/#", levels[0], levels[1]);
            assert_eq!(home(&two), Home::TwoLevels(reads.two_levels.into()));
            for filter in [format!("{}/#", levels[0]), format!("{}/+/#", levels[0])] {
                assert_eq!(home(&filter), Home::OneLevel(reads.one_level.into()));
            }
        }
        for filter in ["#", "+", "+/a", "+/a/b/c", "+/#"] {
            assert_eq!(home(filter), Home::Leading);
        }
        let (one, expected) = (home("a/#"), usize::from(reads("a").one_level));
        assert_eq!(one, Home::OneLevel(expected));
    }
}
