//! What a namespace holds, in bytes, and how often it had no room.
//!
//! An overlay holds its own entries, and hides some of those below: what its plugin is charged is the
//! sum of both without the hidden ones, so that a migration that rewrites everything needs no double
//! share. The memory it takes until it is settled may be twice the share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What an entry costs beside its key and its value: its place in the table at its sparsest, and the
/// heads of two allocations. Held by a test that counts what is allocated.
const ENTRY: usize = 240;
/// What a time to live adds: a place in the order of expiry.
const EXPIRY: usize = 64;

/// The price of an entry, in bytes.
pub(crate) const fn cost(key: usize, value: usize, expires: bool) -> usize {
    ENTRY + key + value + if expires { EXPIRY } else { 0 }
}

/// What a plugin keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Keys, of which some may have expired and not been cleared away yet.
    pub keys: usize,
    /// Bytes it is charged, overhead included.
    pub bytes: usize,
    /// Bytes it may have.
    pub bytes_max: usize,
    /// How often something was not kept for want of room, in any overlay too.
    pub refused: u64,
}

#[derive(Debug)]
pub(crate) struct Account {
    held: AtomicUsize,
    hidden: AtomicUsize,
    /// Of this namespace, those it is an overlay of and all overlays of it: it never falls.
    refused: Arc<AtomicU64>,
    pub(crate) bytes_max: usize,
}

/// One entry takes the place of another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    /// Of the entry that was here.
    pub(crate) old: usize,
    pub(crate) new: usize,
    /// Of the entry below that is hidden from now on.
    pub(crate) hides: usize,
}

impl Account {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            hidden: AtomicUsize::new(0),
            refused: Arc::default(),
            bytes_max,
        }
    }

    /// That of an overlay, which holds nothing yet.
    pub(crate) fn of_overlay(&self) -> Self {
        Self { refused: self.refused.clone(), ..Self::new(self.bytes_max) }
    }

    /// Charges a change if there is room for it. What makes the sum no larger always has room.
    pub(crate) fn charge(&self, change: Change, below: usize) -> bool {
        let Change { old, new, hides } = change;
        let hidden = self.hidden.load(Ordering::Relaxed).saturating_add(hides);
        let room = self.bytes_max.saturating_add(hidden).saturating_sub(below);
        let shrinks = new <= old.saturating_add(hides);
        let after = |held: usize| {
            let after = held.saturating_sub(old).saturating_add(new);
            (shrinks || after <= room).then_some(after)
        };
        let charged = self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after).is_ok();
        if charged {
            self.hidden.fetch_add(hides, Ordering::Relaxed);
        }
        charged
    }

    /// An entry is gone, and hides nothing any more.
    pub(crate) fn give_back(&self, held: usize, hidden: usize) {
        self.held.fetch_sub(held, Ordering::Relaxed);
        self.hidden.fetch_sub(hidden, Ordering::Relaxed);
    }

    /// An entry moves in, whatever the bound says.
    pub(crate) fn take_over(&self, held: usize) {
        self.held.fetch_add(held, Ordering::Relaxed);
    }

    pub(crate) fn count_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// What the plugin is charged over `below`, which is what it is charged for the namespace below.
    pub(crate) fn charged(&self, below: usize) -> usize {
        let held = self.held.load(Ordering::Relaxed);
        held.saturating_add(below).saturating_sub(self.hidden.load(Ordering::Relaxed))
    }
}
