//! A tree of topic levels whose children are found by hash, all nodes in one slab.
//!
//! One edge table for the whole tree instead of one table per node: finding a child costs the same
//! with one sibling or a million, and a path of 65,535 levels is neither walked nor dropped by
//! recursion. Not a set of topics: what hangs at a node is the value of `trie` or `retained_tree`.

use hashbrown::HashTable;

use crate::hashing::{mix, spread};
use crate::level::Level;

/// A node's place in the slab. A number is used again after its node was removed.
pub(crate) type NodeId = u32;

/// The node above all first levels; it has no text and always exists.
pub(crate) const ROOT: NodeId = 0;

pub(crate) struct Tree<V> {
    nodes: Vec<Node<V>>,
    /// All children but the root, under the hash of (parent, level).
    edges: HashTable<NodeId>,
    /// The first free slot, chained through `parent`; `ROOT` where none is.
    free: NodeId,
}

#[repr(align(64))]
struct Node<V> {
    level: Level,
    value: V,
    /// A child that the value's owner finds without its text; `ROOT` where there is none.
    link: NodeId,
    parent: NodeId,
    children: u32,
    /// Half the edge's hash, so that a growing table reads no texts.
    edge: u32,
}

impl<V: Default> Tree<V> {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::new("", ROOT, 0)], edges: HashTable::new(), free: ROOT }
    }

    /// Nodes below the root.
    pub(crate) fn len(&self) -> usize {
        self.edges.len()
    }

    pub(crate) fn value(&self, id: NodeId) -> &V {
        &self.nodes[id as usize].value
    }

    pub(crate) fn value_mut(&mut self, id: NodeId) -> &mut V {
        &mut self.nodes[id as usize].value
    }

    pub(crate) fn link(&self, id: NodeId) -> NodeId {
        self.nodes[id as usize].link
    }

    pub(crate) fn set_link(&mut self, id: NodeId, child: NodeId) {
        self.nodes[id as usize].link = child;
    }

    pub(crate) fn parent(&self, id: NodeId) -> NodeId {
        self.nodes[id as usize].parent
    }

    pub(crate) fn children(&self, id: NodeId) -> u32 {
        self.nodes[id as usize].children
    }

    pub(crate) fn level(&self, id: NodeId) -> &Level {
        &self.nodes[id as usize].level
    }

    /// The child named `level`, whose hash the caller has computed.
    pub(crate) fn child(&self, parent: NodeId, level: &str, hash: u64) -> Option<NodeId> {
        let edge = edge_of(parent, hash);
        self.edges
            .find(spread(edge), |&id| {
                let node = &self.nodes[id as usize];
                node.parent == parent && node.level.is(level)
            })
            .copied()
    }

    /// Whether the levels from the root down to `id` are those of `topic`. Walks upwards, which
    /// needs no hash.
    pub(crate) fn is_path(&self, id: NodeId, topic: &str) -> bool {
        let mut node = id;
        for level in topic.rsplit('/') {
            if node == ROOT || !self.level(node).is(level) {
                return false;
            }
            node = self.parent(node);
        }
        node == ROOT
    }

    /// Adds a child that does not exist yet.
    pub(crate) fn insert(&mut self, parent: NodeId, level: &str, hash: u64) -> NodeId {
        let edge = edge_of(parent, hash);
        let id = self.take_slot(Node::new(level, parent, edge));
        let nodes = &self.nodes;
        self.edges.insert_unique(spread(edge), id, |&id| spread(nodes[id as usize].edge));
        self.nodes[parent as usize].children += 1;
        id
    }

    /// Removes a node without children and tells its parent. An emptied tree gives back its memory.
    pub(crate) fn remove_leaf(&mut self, id: NodeId) -> NodeId {
        let Node { parent, edge, .. } = self.nodes[id as usize];
        if let Ok(entry) = self.edges.find_entry(spread(edge), |&other| other == id) {
            entry.remove();
        }
        self.nodes[parent as usize].children -= 1;
        self.nodes[id as usize] = Node::new("", self.free, 0);
        self.free = id;
        if self.edges.is_empty() {
            self.release();
        }
        parent
    }

    fn take_slot(&mut self, node: Node<V>) -> NodeId {
        let id = self.free;
        if id == ROOT {
            // 2^32 nodes of at least 40 bytes are more than a broker's memory.
            self.nodes.push(node);
            return (self.nodes.len() - 1) as NodeId;
        }
        self.free = self.nodes[id as usize].parent;
        self.nodes[id as usize] = node;
        id
    }

    fn release(&mut self) {
        self.nodes.truncate(1);
        self.nodes.shrink_to_fit();
        self.edges = HashTable::new();
        self.free = ROOT;
    }
}

impl<V: Default> Node<V> {
    fn new(level: &str, parent: NodeId, edge: u32) -> Self {
        Self {
            level: Level::new(level),
            value: V::default(),
            link: ROOT,
            parent,
            children: 0,
            edge,
        }
    }
}

fn edge_of(parent: NodeId, hash: u64) -> u32 {
    (mix(hash, u64::from(parent)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashing::Hashing;

    #[test]
    fn slots_are_used_again_and_an_empty_tree_is_small() {
        let hashing = Hashing::default();
        let mut tree = Tree::<u8>::new();
        for round in 0..3 {
            let ids: Vec<_> = (0..100)
                .map(|n| tree.insert(ROOT, &n.to_string(), hashing.hash(&n.to_string())))
                .collect();
            assert_eq!(tree.len(), 100, "round {round}");
            assert_eq!(tree.nodes.len(), 101, "round {round}");
            for &id in ids.iter().skip(1) {
                assert_eq!(tree.remove_leaf(id), ROOT);
            }
            assert_eq!(tree.child(ROOT, "0", hashing.hash("0")), Some(ids[0]));
            assert_eq!(tree.child(ROOT, "1", hashing.hash("1")), None);
            tree.remove_leaf(ids[0]);
            assert_eq!(tree.len(), 0);
            assert_eq!(tree.nodes.len(), 1);
        }
    }
}
