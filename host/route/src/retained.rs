//! The retained messages, shared by all shards.
//!
//! What a message is does not matter here, it is only cloned. Striped by topic; each stripe's lock
//! is also the order between a publish and a replay, which is why both run the caller's closure
//! under it. Not persistent. Used by the core at PUBLISH and SUBSCRIBE.

use core::ops::Range;

use parking_lot::Mutex;

use crate::bound::Bound;
use crate::hashing::{Hashing, STRIPES, stripe_of};
use crate::retained_tree::RetainedTree;

/// The retained messages by topic. `M` should be cheap to clone: a reference-counted message.
pub struct Retained<M> {
    hashing: Hashing,
    stripes: Box<[Mutex<RetainedTree<M>>]>,
    topics: Bound,
    levels: Bound,
}

/// What became of a retained PUBLISH.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StoreOutcome {
    /// The message is now the topic's retained one [MQTT-3.3.1-5].
    Stored,
    /// The topic has no retained message now, whether or not it had one [MQTT-3.3.1-6].
    Removed,
    /// The topic had none, and there are as many topics or levels as allowed: not stored.
    Full,
}

/// A level is stored in about 70 bytes, so a topic made of slashes costs far more than its text:
/// the levels have a bound too.
const LEVELS_PER_TOPIC: usize = 16;

/// The greatest length of a topic name in bytes, and so in levels but one [MQTT-4.7.3-3].
const TOPIC_MAX: usize = 65_536;

impl<M: Clone> Retained<M> {
    /// How many stripes there are to [`collect`](Self::collect) from.
    pub const STRIPES: usize = STRIPES;

    /// Holds messages of at most `topics_max` topics, and 16 times as many topic levels plus those
    /// of one topic of the greatest length.
    #[must_use]
    pub fn new(topics_max: usize) -> Self {
        let levels_max = topics_max.saturating_mul(LEVELS_PER_TOPIC).saturating_add(TOPIC_MAX);
        Self {
            hashing: Hashing::default(),
            stripes: (0..STRIPES).map(|_| Mutex::new(RetainedTree::new())).collect(),
            topics: Bound::new(topics_max),
            levels: Bound::new(levels_max),
        }
    }

    /// Stores the topic's message, or removes it with `None`, and runs `under_lock` before another
    /// publish or collect on that topic can run: what it hands on comes before whatever they do.
    /// It runs whatever the outcome, and must not call back into `self`.
    pub fn publish<R>(
        &self,
        topic: &str,
        message: Option<M>,
        under_lock: impl FnOnce() -> R,
    ) -> (StoreOutcome, R) {
        let hash = self.hashing.hash(topic);
        let mut tree = self.stripe(hash).lock();
        let (outcome, replaced) = match message {
            Some(message) => self.store(&mut tree, topic, hash, message),
            None => (StoreOutcome::Removed, self.remove(&mut tree, topic, hash)),
        };
        let result = under_lock();
        drop(tree);
        // The last reference may free a large payload: not while others wait.
        drop(replaced);
        (outcome, result)
    }

    /// Removes the topic's message if `is_gone` says so of it; whether it did.
    pub fn remove_if(&self, topic: &str, is_gone: impl FnOnce(&M) -> bool) -> bool {
        let hash = self.hashing.hash(topic);
        let mut tree = self.stripe(hash).lock();
        let gone = tree.current(topic, hash).is_some_and(is_gone);
        let removed = if gone { self.remove(&mut tree, topic, hash) } else { None };
        drop(tree);
        removed.is_some()
    }

    /// The messages of one stripe of which `is_gone` says so, and how many it was asked about.
    pub fn gone(&self, stripe: usize, is_gone: impl Fn(&M) -> bool) -> (Vec<M>, usize) {
        let Some(tree) = self.stripes.get(stripe).map(Mutex::lock) else { return (Vec::new(), 0) };
        let asked = tree.messages().count();
        (tree.messages().filter(|message| is_gone(message)).cloned().collect(), asked)
    }

    /// The topic's retained message.
    pub fn current(&self, topic: &str) -> Option<M> {
        let hash = self.hashing.hash(topic);
        self.stripe(hash).lock().current(topic, hash).cloned()
    }

    /// The stripes that can hold topics matching `filter`, for [`collect`](Self::collect).
    pub fn stripes_of(&self, filter: &str) -> Range<usize> {
        if filter.contains(['+', '#']) {
            return 0..STRIPES;
        }
        let stripe = stripe_of(self.hashing.hash(filter));
        stripe..stripe + 1
    }

    /// Appends the messages of one stripe whose topics match `filter` to `out`, in no particular
    /// order, and runs `under_lock` on it before a publish on any of those topics can run. The
    /// closure must not call back into `self`. A stripe that does not exist holds nothing.
    pub fn collect<R>(
        &self,
        filter: &str,
        stripe: usize,
        out: &mut Vec<M>,
        under_lock: impl FnOnce(&mut Vec<M>) -> R,
    ) -> R {
        let tree = self.stripes.get(stripe).map(Mutex::lock);
        if let Some(tree) = &tree {
            tree.collect(filter, &self.hashing, out);
        }
        under_lock(out)
    }

    /// How many topics have a retained message.
    pub fn len(&self) -> usize {
        self.topics.used()
    }

    /// Whether no topic has one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many topic levels are stored, over all stripes; none when there is no message.
    pub fn nodes(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.lock().nodes()).sum()
    }

    fn stripe(&self, hash: u64) -> &Mutex<RetainedTree<M>> {
        &self.stripes[stripe_of(hash)]
    }

    /// The outcome, and what to drop once the lock is released.
    fn store(
        &self,
        tree: &mut RetainedTree<M>,
        topic: &str,
        hash: u64,
        message: M,
    ) -> (StoreOutcome, Option<M>) {
        if let Some(held) = tree.current_mut(topic, hash) {
            return (StoreOutcome::Stored, Some(core::mem::replace(held, message)));
        }
        let levels = topic.split('/').count();
        if !self.admit(levels) {
            return (StoreOutcome::Full, Some(message));
        }
        let before = tree.nodes();
        tree.insert(topic, hash, &self.hashing, message);
        let shared = levels - (tree.nodes() - before);
        self.levels.release(shared);
        (StoreOutcome::Stored, None)
    }

    fn remove(&self, tree: &mut RetainedTree<M>, topic: &str, hash: u64) -> Option<M> {
        let before = tree.nodes();
        let removed = tree.remove(topic, hash)?;
        self.topics.release(1);
        self.levels.release(before - tree.nodes());
        Some(removed)
    }

    fn admit(&self, levels: usize) -> bool {
        if !self.topics.reserve(1) {
            return false;
        }
        let admitted = self.levels.reserve(levels);
        if !admitted {
            self.topics.release(1);
        }
        admitted
    }
}
