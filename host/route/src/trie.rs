//! The wildcard filters of one stripe, and who of them gets a topic.
//!
//! Walks a topic level by level with the set of nodes that can still match: each has at most one
//! literal child and one `+` child, so siblings that cannot match are never visited. Not for
//! filters without wildcards. Used by the router.

use crate::hashing::Hashing;
use crate::matches::Collector;
use crate::subscribers::{Entry, Put, Subscribers};
use crate::subscription::Subscriber;
use crate::tree::{NodeId, ROOT, Tree};

pub(crate) struct Trie {
    tree: Tree<Ends>,
    filters: usize,
}

/// What ends at a node, and the way on through `+`.
#[derive(Default)]
struct Ends {
    /// Subscribers of the filter that ends here.
    here: Subscribers,
    /// Subscribers of the filter that goes on with `#`: they get this level and all below.
    below: Subscribers,
    /// The child `+`; `ROOT` where there is none.
    plus: NodeId,
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

    pub(crate) fn subscribe(&mut self, filter: &str, hashing: &Hashing, entry: Entry) -> Put {
        let (path, below) = split_multi_level(filter);
        let mut node = ROOT;
        for level in path.into_iter().flat_map(|path| path.split('/')) {
            node = self.child_or_insert(node, level, hashing);
        }
        let ends = self.tree.value_mut(node);
        let subscribers = if below { &mut ends.below } else { &mut ends.here };
        self.filters += usize::from(subscribers.is_empty());
        subscribers.put(entry)
    }

    pub(crate) fn unsubscribe(
        &mut self,
        filter: &str,
        hashing: &Hashing,
        subscriber: Subscriber,
    ) -> bool {
        let (path, below) = split_multi_level(filter);
        let levels = path.into_iter().flat_map(|path| path.split('/'));
        let Some(node) = self.tree.find(levels, hashing) else { return false };
        let ends = self.tree.value_mut(node);
        let subscribers = if below { &mut ends.below } else { &mut ends.here };
        if !subscribers.remove(subscriber) {
            return false;
        }
        self.filters -= usize::from(subscribers.is_empty());
        self.prune(node);
        true
    }

    /// Adds all subscribers whose filter matches `topic`. The leading trie must not be asked for
    /// topics that begin with `$` [MQTT-4.7.2-1].
    pub(crate) fn collect(&self, topic: &str, hashing: &Hashing, found: &mut Collector) {
        if self.filters == 0 {
            return;
        }
        let mut nodes = vec![ROOT];
        let mut next = Vec::new();
        for level in topic.split('/') {
            let hash = hashing.hash(level);
            for &node in &nodes {
                self.step(node, level, hash, &mut next, found);
            }
            if next.is_empty() {
                return;
            }
            core::mem::swap(&mut nodes, &mut next);
            next.clear();
        }
        for &node in &nodes {
            let ends = self.tree.value(node);
            found.add(ends.here.as_slice());
            found.add(ends.below.as_slice());
        }
    }

    fn step(
        &self,
        node: NodeId,
        level: &str,
        hash: u64,
        next: &mut Vec<NodeId>,
        found: &mut Collector,
    ) {
        let ends = self.tree.value(node);
        found.add(ends.below.as_slice());
        let plus = u32::from(ends.plus != ROOT);
        if plus != 0 {
            next.push(ends.plus);
        }
        if self.tree.children(node) > plus {
            next.extend(self.tree.child(node, level, hash));
        }
    }

    fn child_or_insert(&mut self, node: NodeId, level: &str, hashing: &Hashing) -> NodeId {
        let hash = hashing.hash(level);
        if let Some(child) = self.tree.child(node, level, hash) {
            return child;
        }
        let child = self.tree.insert(node, level, hash);
        if level == "+" {
            self.tree.value_mut(node).plus = child;
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
            let ends = self.tree.value_mut(parent);
            if ends.plus == node {
                ends.plus = ROOT;
            }
            node = parent;
        }
    }
}

/// The levels before a final `#`, and whether there is one. `None`: no levels, the filter is `#`.
fn split_multi_level(filter: &str) -> (Option<&str>, bool) {
    if filter == "#" {
        return (None, true);
    }
    match filter.strip_suffix("/#") {
        Some(path) => (Some(path), true),
        None => (Some(filter), false),
    }
}
