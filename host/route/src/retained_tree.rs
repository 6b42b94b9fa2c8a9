//! The retained messages of one stripe, found by topic or by filter.
//!
//! A topic is found by one hash of all of it. A literal level of a filter is one hash probe; `+` visits one node's children and `#` all below
//! one node, along links between siblings, without recursion. Used by `retained` under its lock.

use hashbrown::HashTable;

use crate::hashing::{Hashing, spread};
use crate::path::Path;
use crate::tree::{NodeId, ROOT, Tree};

pub(crate) struct RetainedTree<M> {
    tree: Tree<Topic<M>>,
    /// The nodes with messages, under the hash of the whole topic.
    topics: HashTable<NodeId>,
}

/// What is at a node, beside the tree's link to its first child. Siblings are linked both ways,
/// with `ROOT` at the ends: that is nobody's child.
struct Topic<M> {
    message: Option<M>,
    next: NodeId,
    previous: NodeId,
    /// Half the topic's hash, where there is a message.
    hash: u32,
}

impl<M> Default for Topic<M> {
    fn default() -> Self {
        Self { message: None, next: ROOT, previous: ROOT, hash: 0 }
    }
}

impl<M: Clone> RetainedTree<M> {
    pub(crate) fn new() -> Self {
        Self { tree: Tree::new(), topics: HashTable::new() }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.tree.len()
    }

    /// All messages, in no particular order.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &M> {
        self.topics.iter().filter_map(|node| self.tree.value(*node).message.as_ref())
    }

    pub(crate) fn current(&self, topic: &str, hash: u64) -> Option<&M> {
        let tree = &self.tree;
        let node = self.topics.find(spread(hash as u32), |&node| tree.is_path(node, topic))?;
        tree.value(*node).message.as_ref()
    }

    pub(crate) fn current_mut(&mut self, topic: &str, hash: u64) -> Option<&mut M> {
        let tree = &mut self.tree;
        let node = self.topics.find(spread(hash as u32), |&node| tree.is_path(node, topic))?;
        tree.value_mut(*node).message.as_mut()
    }

    /// Adds the message of a topic that has none.
    pub(crate) fn insert(&mut self, topic: &str, hash: u64, hashing: &Hashing, message: M) {
        let mut node = ROOT;
        for level in Path::by_levels(topic).levels() {
            let hash = hashing.hash(level);
            node = match self.tree.child(node, level, hash) {
                Some(child) => child,
                None => self.insert_child(node, level, hash),
            };
        }
        let value = self.tree.value_mut(node);
        value.message = Some(message);
        value.hash = hash as u32;
        let tree = &self.tree;
        let hash_of = |&node: &NodeId| spread(tree.value(node).hash);
        self.topics.insert_unique(spread(hash as u32), node, hash_of);
    }

    pub(crate) fn remove(&mut self, topic: &str, hash: u64) -> Option<M> {
        let tree = &self.tree;
        let is_topic = |&node: &NodeId| tree.is_path(node, topic);
        let node = self.topics.find_entry(spread(hash as u32), is_topic).ok()?.remove().0;
        let message = self.tree.value_mut(node).message.take();
        self.prune(node);
        if self.topics.is_empty() {
            self.topics = HashTable::new();
        }
        message
    }

    pub(crate) fn collect(&self, filter: &str, hashing: &Hashing, out: &mut Vec<M>) {
        let mut nodes = vec![ROOT];
        for level in Path::by_levels(filter).levels() {
            if level == "#" {
                nodes.iter().for_each(|&node| self.collect_below(node, out));
                return;
            }
            nodes = self.step(&nodes, level, hashing);
        }
        let messages = nodes.iter().filter_map(|&node| self.tree.value(node).message.as_ref());
        out.extend(messages.cloned());
    }

    fn step(&self, nodes: &[NodeId], level: &str, hashing: &Hashing) -> Vec<NodeId> {
        if level == "+" {
            return nodes.iter().flat_map(|&node| self.wildcard_children(node)).collect();
        }
        let hash = hashing.hash(level);
        nodes.iter().filter_map(|&node| self.tree.child(node, level, hash)).collect()
    }

    /// The children a wildcard matches: at the root not those that begin with `$`
    /// [MQTT-4.7.2-1].
    fn wildcard_children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let some = |id: NodeId| (id != ROOT).then_some(id);
        let first = some(self.tree.link(node));
        core::iter::successors(first, move |&child| some(self.tree.value(child).next))
            .filter(move |&child| node != ROOT || !self.tree.level(child).begins_with_dollar())
    }

    /// The message at `top` and all below it: `a/#` matches `a`.
    fn collect_below(&self, top: NodeId, out: &mut Vec<M>) {
        if top == ROOT {
            self.wildcard_children(ROOT).for_each(|child| self.collect_below(child, out));
            return;
        }
        let mut node = top;
        loop {
            out.extend(self.tree.value(node).message.clone());
            node = match self.tree.link(node) {
                ROOT => match self.next_after(node, top) {
                    Some(next) => next,
                    None => return,
                },
                child => child,
            };
        }
    }

    /// The next sibling of `node` or of the closest node above it that has one, within `top`.
    fn next_after(&self, mut node: NodeId, top: NodeId) -> Option<NodeId> {
        while node != top {
            let next = self.tree.value(node).next;
            if next != ROOT {
                return Some(next);
            }
            node = self.tree.parent(node);
        }
        None
    }

    fn insert_child(&mut self, parent: NodeId, level: &str, hash: u64) -> NodeId {
        let child = self.tree.insert(parent, level, hash);
        let first = self.tree.link(parent);
        self.tree.set_link(parent, child);
        self.tree.value_mut(child).next = first;
        if first != ROOT {
            self.tree.value_mut(first).previous = child;
        }
        child
    }

    /// Removes `node` and the nodes above it that lead nowhere any more.
    fn prune(&mut self, mut node: NodeId) {
        while node != ROOT && self.tree.children(node) == 0 {
            if self.tree.value(node).message.is_some() {
                return;
            }
            self.unlink(node);
            node = self.tree.remove_leaf(node);
        }
    }

    fn unlink(&mut self, node: NodeId) {
        let &Topic { next, previous, .. } = self.tree.value(node);
        if next != ROOT {
            self.tree.value_mut(next).previous = previous;
        }
        if previous == ROOT {
            let parent = self.tree.parent(node);
            self.tree.set_link(parent, next);
        } else {
            self.tree.value_mut(previous).next = next;
        }
    }
}
