//! A shard's memory of who gets a message on which topic.
//!
//! Each answer is checked against the router's change counts before it is given, so it is never
//! older than the last subscribe that returned. Not shared: each shard owns one. A hit costs one
//! hash, one table lookup and three atomic loads, and allocates nothing.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::{Entry as Slot, IntoIter};

use crate::collector::Collector;
use crate::matches::Matches;
use crate::router::Router;
use crate::stripe::Reads;

/// A shard's memory of topic matches, for one and the same [`Router`] as long as it lives.
///
/// Topics come into the young generation; when that is full it becomes the old one, and what was
/// not asked for since the last turn dies, a few topics at a time. Young, old and dying each hold
/// at most a third of the bounds, but for one answer that alone is larger.
pub struct Cache {
    young: Generation,
    old: Generation,
    dying: IntoIter<Known>,
    collector: Collector,
    topics_max: usize,
    bytes_max: usize,
}

#[derive(Default)]
struct Generation {
    topics: HashTable<Known>,
    bytes: usize,
}

struct Known {
    topic: Box<str>,
    matches: Arc<Matches>,
    /// The router's count for `reads` before `matches` was worked out.
    changes: u64,
    reads: Reads,
}

/// A count of changes that no router reaches.
const NEVER: u64 = u64::MAX;

/// Bytes allowed per topic where the caller names no bound of its own.
const BYTES_PER_TOPIC: usize = 1024;

/// How many dying topics are freed per topic brought in: none is left at the next turn, and no
/// message waits for thousands of frees.
const FREED_AT_ONCE: usize = 2;

impl Cache {
    /// A memory of at most `topics_max` topics and 1 KiB times as many bytes of topic names and
    /// matches.
    #[must_use]
    pub fn new(topics_max: usize) -> Self {
        Self::with_bytes_max(topics_max, topics_max.saturating_mul(BYTES_PER_TOPIC))
    }

    /// A memory of at most `topics_max` topics and `bytes_max` bytes of topic names and matches.
    #[must_use]
    pub fn with_bytes_max(topics_max: usize, bytes_max: usize) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            dying: IntoIter::default(),
            collector: Collector::default(),
            topics_max: (topics_max / 3).max(1),
            bytes_max: bytes_max / 3,
        }
    }

    /// Who gets a message on a valid topic name, as [`Router::matches`] would say now.
    pub fn matches<'a>(&'a mut self, router: &Router, topic: &str) -> &'a Arc<Matches> {
        if self.is_young_full() {
            self.turn();
        }
        let hash = router.hash(topic);
        let young = &mut self.young;
        let slot = young.topics.entry(
            hash,
            |known| *known.topic == *topic,
            |known| router.hash(&known.topic),
        );
        let known = match slot {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => {
                self.dying.by_ref().take(FREED_AT_ONCE).for_each(drop);
                let known = self.old.take(topic, hash);
                let known = known.unwrap_or_else(|| Known::new(router, topic, hash));
                young.bytes += known.bytes();
                slot.insert(known).into_mut()
            }
        };
        if router.changes(known.reads) != known.changes {
            young.bytes -= known.bytes();
            known.ask(router, hash, &mut self.collector);
            young.bytes += known.bytes();
        }
        &known.matches
    }

    /// How many topics are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.topics.len() + self.old.topics.len() + self.dying.len()
    }

    /// Whether no topic is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn is_young_full(&self) -> bool {
        self.young.topics.len() >= self.topics_max || self.young.bytes > self.bytes_max
    }

    fn turn(&mut self) {
        let old = core::mem::replace(&mut self.old, core::mem::take(&mut self.young));
        self.dying = old.topics.into_iter();
    }
}

impl Generation {
    fn take(&mut self, topic: &str, hash: u64) -> Option<Known> {
        let found = self.topics.find_entry(hash, |known| *known.topic == *topic).ok()?;
        let known = found.remove().0;
        self.bytes -= known.bytes();
        Some(known)
    }
}

impl Known {
    /// A topic that was not asked for yet: older than any count of changes.
    fn new(router: &Router, topic: &str, hash: u64) -> Self {
        let reads = router.reads(topic, hash);
        Self { topic: topic.into(), matches: router.nobody(), changes: NEVER, reads }
    }

    fn ask(&mut self, router: &Router, hash: u64, collector: &mut Collector) {
        // Counted before asked: a change in between makes the next look ask again.
        self.changes = router.changes(self.reads);
        self.matches = router.look_up(&self.topic, hash, self.reads, collector);
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.topic.len() + self.matches.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscription::{Subscriber, Subscription};

    const QOS_1: Subscription =
        Subscription { qos: 1, no_local: false, retain_as_published: false, identifier: 0 };

    #[test]
    fn holds_no_more_topics_than_allowed() {
        let router = Router::new();
        let mut cache = Cache::new(30);
        for n in 0..1000 {
            cache.matches(&router, &format!("t/{n}"));
            assert!(cache.len() <= 30, "{n}: {}", cache.len());
        }
        assert!(cache.len() >= 10);
    }

    #[test]
    fn holds_no_more_bytes_than_allowed() {
        let router = Router::new();
        let mut cache = Cache::with_bytes_max(1000, 60_000);
        let long = "x".repeat(2000);
        for n in 0..1000 {
            cache.matches(&router, &format!("{long}{n}"));
            let bytes = cache.young.bytes.max(cache.old.bytes);
            assert!(bytes <= 20_000 + 2500, "{n}: {bytes}");
        }
    }

    #[test]
    fn answers_that_grow_count_too() {
        let router = Router::new();
        let mut cache = Cache::with_bytes_max(1000, 300_000);
        let topics: Vec<_> = (0..100).map(|n| format!("a/{n}")).collect();
        for session in 0..200 {
            router.subscribe("a/+", Subscriber { session, shard: 0 }, QOS_1);
            for topic in &topics {
                assert_eq!(cache.matches(&router, topic).len(), session as usize + 1);
                assert!(cache.young.bytes <= 100_000 + 8000, "{}", cache.young.bytes);
            }
        }
    }

    #[test]
    fn identifiers_count_too() {
        let router = Router::new();
        for identifier in 1..100 {
            let filter = format!("a/{}#", "+/".repeat(identifier as usize));
            let how = Subscription { identifier, ..QOS_1 };
            router.subscribe(&filter, Subscriber { session: 1, shard: 0 }, how);
        }
        let mut cache = Cache::new(30);
        let matches = cache.matches(&router, &format!("a{}", "/".repeat(99)));
        assert_eq!(matches.of_shard(0)[0].identifiers(), (1..100).collect::<Vec<_>>());
        assert!(cache.young.bytes > 99 * 4);
    }

    #[test]
    fn a_topic_in_use_outlives_the_turns() {
        let router = Router::new();
        let mut cache = Cache::new(30);
        let first = Arc::as_ptr(cache.matches(&router, "used"));
        router.subscribe("used", Subscriber { session: 1, shard: 0 }, QOS_1);
        let kept = Arc::clone(cache.matches(&router, "used"));
        assert_ne!(first, Arc::as_ptr(&kept));
        for n in 0..1000 {
            cache.matches(&router, &format!("t/{n}"));
            assert!(Arc::ptr_eq(&kept, cache.matches(&router, "used")), "{n}");
        }
    }

    #[test]
    fn a_change_elsewhere_keeps_the_answer_and_no_change_counts_nowhere() {
        let router = Router::new();
        let me = Subscriber { session: 1, shard: 0 };
        router.subscribe("a/b/c", me, QOS_1);
        let reads = router.reads("a/b/c", router.hash("a/b/c"));
        let before = router.changes(reads);
        router.subscribe("a/b/c", me, QOS_1);
        assert!(!router.unsubscribe("a/b/+", me));
        assert_eq!(router.changes(reads), before);
        let mut last = before;
        for filter in ["a/b/c", "a/b/+", "a/b/#", "a/#", "a/+/c", "#", "+/b/c"] {
            let other = Subscriber { session: 2, shard: 0 };
            router.subscribe(filter, other, QOS_1);
            assert!(router.changes(reads) > last, "{filter}");
            last = router.changes(reads);
            router.unsubscribe(filter, other);
            assert!(router.changes(reads) > last, "{filter}");
            last = router.changes(reads);
        }
    }
}
