//! The working memory of one look-up: where a walk stands, and who was found.
//!
//! Kept by a cache from one look-up to the next, so that only the answer is allocated. Filled by
//! `trie` and the router.

use crate::group::{GROUP_SHARD, Groups};
use crate::matches::Matches;
use crate::subscribers::Entry;
use crate::tree::NodeId;

#[derive(Default)]
pub(crate) struct Collector {
    /// Nodes that match so far, and those that match one level further.
    nodes: Vec<NodeId>,
    next: Vec<NodeId>,
    entries: Vec<Entry>,
    filters: usize,
}

/// What may stay allocated between look-ups, in elements.
const KEPT: usize = 1024;

impl Collector {
    pub(crate) fn start(&mut self, node: NodeId) {
        self.nodes.clear();
        self.next.clear();
        self.nodes.push(node);
    }

    pub(crate) fn take_node(&mut self) -> Option<NodeId> {
        self.nodes.pop()
    }

    pub(crate) fn go_on_at(&mut self, node: NodeId) {
        self.next.push(node);
    }

    /// Whether any node is left to go on at.
    pub(crate) fn next_level(&mut self) -> bool {
        core::mem::swap(&mut self.nodes, &mut self.next);
        !self.nodes.is_empty()
    }

    /// Adds the subscribers of one filter: each session at most once.
    pub(crate) fn add(&mut self, entries: &[Entry]) {
        if !entries.is_empty() {
            self.entries.extend_from_slice(entries);
            self.filters += 1;
        }
    }

    /// The merged answer, `None` for nobody; ready for the next look-up.
    pub(crate) fn finish(&mut self, groups: &Groups) -> Option<Matches> {
        self.nodes.shrink_to(KEPT);
        self.next.shrink_to(KEPT);
        if self.entries.is_empty() {
            return None;
        }
        self.sort();
        // Their shard is the last one.
        let is_session = |entry: &Entry| entry.subscriber().shard < GROUP_SHARD;
        let (sessions, shares) = self.entries.split_at(self.entries.partition_point(is_session));
        let mut matches = Matches::of(sessions);
        if !shares.is_empty() {
            matches.set_groups(groups.at(shares.iter().map(Entry::subscriber)));
        }
        self.entries.clear();
        self.entries.shrink_to(KEPT);
        self.filters = 0;
        Some(matches)
    }

    fn sort(&mut self) {
        if self.filters == 1 {
            // One filter has each session once, so only the shards need an order.
            return self.entries.sort_unstable_by_key(|entry| entry.subscriber().shard);
        }
        self.entries.sort_unstable_by_key(|entry| {
            let subscriber = entry.subscriber();
            (subscriber.shard, subscriber.session)
        });
    }
}
