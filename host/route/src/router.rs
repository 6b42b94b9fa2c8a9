//! All subscriptions of the broker, shared by its shards.
//!
//! Locks are striped (`stripe` says how) and held for one filter or one topic at a time. Not the
//! sessions' own record of their subscriptions: the core keeps that. A shard asks through its
//! [`Cache`](crate::Cache).

use std::sync::Arc;

use parking_lot::RwLock;

use crate::collector::Collector;
use crate::exact::Exact;
use crate::group::{Group, Groups, Member, topic_filter};
use crate::hashing::Hashing;
use crate::matches::Matches;
use crate::path::Path;
use crate::stripe::{Home, Reads, Stripe, stripes};
use crate::subscribers::{Entry, Put};
use crate::subscription::{Subscriber, Subscription};
use crate::trie::Trie;

/// All subscriptions of the broker.
///
/// It bounds neither the number of filters nor their levels: whoever lets a SUBSCRIBE in does, by
/// session and by [`Router::nodes`].
pub struct Router {
    hashing: Hashing,
    exact: Box<[Stripe<Exact>]>,
    two_levels: Box<[Stripe<Trie>]>,
    one_level: Box<[Stripe<Trie>]>,
    leading: RwLock<Trie>,
    groups: Groups,
    nobody: Arc<Matches>,
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

impl Router {
    /// A router without subscriptions.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hashing: Hashing::default(),
            exact: stripes(Exact::default),
            two_levels: stripes(Trie::new),
            one_level: stripes(Trie::new),
            leading: RwLock::new(Trie::new()),
            groups: Groups::default(),
            nobody: Arc::default(),
        }
    }

    /// Subscribes to a valid filter. `true` if it is new, `false` if it replaced the same
    /// subscriber's subscription to the equal filter [MQTT-3.8.4-3].
    pub fn subscribe(
        &self,
        filter: &str,
        subscriber: Subscriber,
        subscription: Subscription,
    ) -> bool {
        let entry = Entry::new(subscriber, subscription);
        let put = self.change(
            filter,
            |exact| exact.subscribe(filter, &self.hashing, entry),
            |trie, path| trie.subscribe(path, &self.hashing, entry),
            |put| *put != Put::Unchanged,
        );
        put == Put::New
    }

    /// Ends the subscription to exactly this filter [MQTT-3.10.4-1]; whether there was one.
    pub fn unsubscribe(&self, filter: &str, subscriber: Subscriber) -> bool {
        self.change(
            filter,
            |exact| exact.unsubscribe(filter, &self.hashing, subscriber),
            |trie, path| trie.unsubscribe(path, &self.hashing, subscriber),
            |found| *found,
        )
    }

    /// Puts a subscriber into the group of a valid `$share/name/filter`. `true` if it is new there,
    /// `false` if it was a member and has other options now.
    pub fn subscribe_shared(&self, shared: &str, member: Member, is_online: bool) -> bool {
        self.groups.join(shared, member, is_online, |group| {
            self.subscribe(topic_filter(shared), group, member.subscription);
        })
    }

    /// Takes a subscriber out of the group of `$share/name/filter`; whether it was in it.
    pub fn unsubscribe_shared(&self, shared: &str, subscriber: Subscriber) -> bool {
        self.groups.leave(shared, subscriber, |group| {
            self.unsubscribe(topic_filter(shared), group);
        })
    }

    /// The group of exactly this `$share/name/filter`, as long as it has members.
    #[must_use]
    pub fn group(&self, shared: &str) -> Option<Arc<Group>> {
        self.groups.get(shared)
    }

    /// How many groups there are: for metrics.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Who gets a message on a valid topic name, worked out anew.
    #[must_use]
    pub fn matches(&self, topic: &str) -> Arc<Matches> {
        let hash = self.hash(topic);
        self.look_up(topic, hash, self.reads(topic, hash), &mut Collector::default())
    }

    /// How many different filters have subscribers. Visits every stripe: for metrics.
    #[must_use]
    pub fn filters(&self) -> usize {
        self.exact_sum(Exact::filters) + self.trie_sum(Trie::filters)
    }

    /// How many different filters have wildcards. Visits every stripe: for metrics.
    #[must_use]
    pub fn wildcard_filters(&self) -> usize {
        self.trie_sum(Trie::filters)
    }

    /// How many levels are stored for filters with wildcards, about 75 bytes each; none when there
    /// is no such filter. Visits every stripe: for metrics.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.trie_sum(Trie::nodes)
    }

    pub(crate) fn hash(&self, topic: &str) -> u64 {
        self.hashing.hash(topic)
    }

    pub(crate) fn reads(&self, topic: &str, hash: u64) -> Reads {
        Reads::of(topic, hash, &self.hashing)
    }

    /// Grows with every change in what a topic reads. The counts only grow, so their sum stays the
    /// same exactly when each of them does.
    pub(crate) fn changes(&self, reads: Reads) -> u64 {
        self.exact[usize::from(reads.exact)].changes.count()
            + self.two_levels[usize::from(reads.two_levels)].changes.count()
            + self.one_level[usize::from(reads.one_level)].changes.count()
    }

    pub(crate) fn nobody(&self) -> Arc<Matches> {
        Arc::clone(&self.nobody)
    }

    pub(crate) fn look_up(
        &self,
        topic: &str,
        hash: u64,
        reads: Reads,
        found: &mut Collector,
    ) -> Arc<Matches> {
        found.add(self.exact[usize::from(reads.exact)].table.read().subscribers(topic, hash));
        let hashing = &self.hashing;
        if let Some(path) = Path::by_two_levels_first(topic) {
            let stripe = &self.two_levels[usize::from(reads.two_levels)];
            stripe.table.read().collect(path, hashing, found);
        }
        let path = Path::by_levels(topic);
        let stripe = &self.one_level[usize::from(reads.one_level)];
        stripe.table.read().collect(path, hashing, found);
        if !topic.starts_with('$') {
            self.leading.read().collect(path, hashing, found);
        }
        found.finish(&self.groups).map_or_else(|| self.nobody(), Arc::new)
    }

    /// Runs the change in the filter's home and, if it altered who gets what, counts it before the
    /// lock is released: whoever sees the old count asks under that lock and finds the change.
    fn change<R>(
        &self,
        filter: &str,
        in_exact: impl FnOnce(&mut Exact) -> R,
        in_trie: impl FnOnce(&mut Trie, Path<'_>) -> R,
        altered: impl FnOnce(&R) -> bool,
    ) -> R {
        let (home, path) = Home::of(filter, &self.hashing);
        let in_trie = |trie: &mut Trie| in_trie(trie, path);
        match home {
            Home::Exact(stripe) => change_stripe(&self.exact[stripe], in_exact, altered),
            Home::TwoLevels(stripe) => change_stripe(&self.two_levels[stripe], in_trie, altered),
            Home::OneLevel(stripe) => change_stripe(&self.one_level[stripe], in_trie, altered),
            Home::Leading => {
                let mut trie = self.leading.write();
                let result = in_trie(&mut trie);
                if altered(&result) {
                    self.one_level.iter().for_each(|stripe| stripe.changes.bump());
                }
                result
            }
        }
    }

    fn exact_sum(&self, count: impl Fn(&Exact) -> usize) -> usize {
        self.exact.iter().map(|stripe| count(&stripe.table.read())).sum()
    }

    fn trie_sum(&self, count: impl Fn(&Trie) -> usize) -> usize {
        let striped = self.two_levels.iter().chain(&self.one_level[..]);
        striped.map(|stripe| count(&stripe.table.read())).sum::<usize>()
            + count(&self.leading.read())
    }
}

fn change_stripe<T, R>(
    stripe: &Stripe<T>,
    change: impl FnOnce(&mut T) -> R,
    altered: impl FnOnce(&R) -> bool,
) -> R {
    let mut table = stripe.table.write();
    let result = change(&mut table);
    if altered(&result) {
        stripe.changes.bump();
    }
    result
}
