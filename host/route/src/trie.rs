//! The wildcard filters of one stripe, and who of them gets a topic.
//!
//! Walks a topic level by level with the set of nodes that can still match: each has at most one
//! literal child and one `+` child, so siblings that cannot match are never visited. Not for
//! filters without wildcards. Used by the router.

use crate::collector::Collector;
use crate::hashing::Hashing;

use crate::path::Path;
use crate::subscribers::{Entry, Put, Subscribers};
use crate::subscription::Subscriber;
use crate::tree::{NodeId, ROOT, Tree};

pub(crate) struct Trie {
    tree: Tree<Ends>,
    filters: usize,
}

/// What ends at a node. The tree's link is the child `+`.
#[derive(Default)]
struct Ends {
    /// Subscribers of the filter that ends here.
    here: Subscribers,
    /// Subscribers of the filter that goes on with `#`: they get this level and all below.
    below: Subscribers,
}

impl Trie {
    pub(crate) fn new() -> Self {
        Self { tree: Tree::new(), filters: 0 }
    }

    pub(crate) fn filters(&self) -> usize {
        self.filters
    }

    /// Nodes below the root: what the filters cost, zero when there are none.
    pub(crate) fn nodes(&self) -> usize {
        self.tree.len()
    }

    pub(crate) fn subscribe(&mut self, filter: Path<'_>, hashing: &Hashing, entry: Entry) -> Put {
        let mut node = ROOT;
        for level in filter.levels() {
            if level == "#" {
                return self.put(node, |ends| &mut ends.below, entry);
            }
            node = self.child_or_insert(node, level, hashing);
        }
        self.put(node, |ends| &mut ends.here, entry)
    }

    pub(crate) fn unsubscribe(
        &mut self,
        filter: Path<'_>,
        hashing: &Hashing,
        subscriber: Subscriber,
    ) -> bool {
        let mut node = ROOT;
        for level in filter.levels() {
            if level == "#" {
                return self.take(node, |ends| &mut ends.below, subscriber);
            }
            let Some(child) = self.tree.child(node, level, hashing.hash(level)) else {
                return false;
            };
            node = child;
        }
        self.take(node, |ends| &mut ends.here, subscriber)
    }

    /// Adds all subscribers whose filter matches `topic`. The leading trie must not be asked for
    /// topics that begin with `$` [MQTT-4.7.2-1].
    pub(crate) fn collect(&self, topic: Path<'_>, hashing: &Hashing, found: &mut Collector) {
        if self.filters == 0 {
            return;
        }
        found.start(ROOT);
        for level in topic.levels() {
            let hash = hashing.hash(level);
            while let Some(node) = found.take_node() {
                self.step(node, level, hash, found);
            }
            if !found.next_level() {
                return;
            }
        }
        while let Some(node) = found.take_node() {
            let ends = self.tree.value(node);
            found.add(ends.here.as_slice());
            found.add(ends.below.as_slice());
        }
    }

    fn step(&self, node: NodeId, level: &str, hash: u64, found: &mut Collector) {
        found.add(self.tree.value(node).below.as_slice());
        let plus = self.tree.link(node);
        if plus != ROOT {
            found.go_on_at(plus);
        }
        if self.tree.children(node) > u32::from(plus != ROOT)
            && let Some(child) = self.tree.child(node, level, hash)
        {
            found.go_on_at(child);
        }
    }

    fn put(
        &mut self,
        node: NodeId,
        end: impl FnOnce(&mut Ends) -> &mut Subscribers,
        entry: Entry,
    ) -> Put {
        let subscribers = end(self.tree.value_mut(node));
        self.filters += usize::from(subscribers.is_empty());
        subscribers.put(entry)
    }

    fn take(
        &mut self,
        node: NodeId,
        end: impl FnOnce(&mut Ends) -> &mut Subscribers,
        subscriber: Subscriber,
    ) -> bool {
        let subscribers = end(self.tree.value_mut(node));
        if !subscribers.remove(subscriber) {
            return false;
        }
        self.filters -= usize::from(subscribers.is_empty());
        self.prune(node);
        true
    }

    fn child_or_insert(&mut self, node: NodeId, level: &str, hashing: &Hashing) -> NodeId {
        let hash = hashing.hash(level);
        if let Some(child) = self.tree.child(node, level, hash) {
            return child;
        }
        let child = self.tree.insert(node, level, hash);
        if level == "+" {
            self.tree.set_link(node, child);
        }
        child
    }

    /// Removes `node` and the nodes above it that lead nowhere any more.
    fn prune(&mut self, mut node: NodeId) {
        while node != ROOT && self.tree.children(node) == 0 {
            let ends = self.tree.value(node);
            if !ends.here.is_empty() || !ends.below.is_empty() {
                return;
            }
            let parent = self.tree.remove_leaf(node);
            if self.tree.link(parent) == node {
                self.tree.set_link(parent, ROOT);
            }
            node = parent;
        }
    }
}
