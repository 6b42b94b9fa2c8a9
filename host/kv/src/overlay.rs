//! Copy on write: an overlay reads through to the namespace below and keeps its writes apart. Dropped,
//! it leaves no trace; settled, it takes over what it did not hide and stands alone; taken in, what was
//! done to it is done below.
//!
//! What is written below meanwhile shows through where the overlay has not written.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::namespace::Namespace;
use crate::stripe::{Entry, Stripe};
use crate::value::Value;

impl Namespace {
    /// A view of this namespace whose writes are kept apart.
    pub fn overlay(self: &Arc<Self>) -> Arc<Self> {
        let (hasher, below) = (self.hasher.clone(), RwLock::new(Some(self.clone())));
        let account = self.account.of_overlay();
        Arc::new(Self { stripes: Default::default(), hasher, below, account })
    }

    /// Does here what was done to an overlay of it, which is of no more use then. Where that has only
    /// added to a number, as much is added here, whatever it is by now. What finds no room is counted.
    pub fn take_in(&self, overlay: &Self, now_ms: u64) {
        for stripe in &overlay.stripes {
            let entries = stripe.lock().take();
            for (key, Entry { value, expires, .. }) in entries {
                match value {
                    None => self.delete(&key),
                    Some(Value::Sum { by, .. }) => {
                        let _ = self.add_until(&key, by, expires, now_ms);
                    }
                    Some(value) => {
                        let _ = self.put_until(&key, &value, expires, now_ms);
                    }
                }
            }
        }
    }

    /// Takes over what is below, which is empty then; nothing changes for who reads here. One part at a
    /// time under a lock.
    pub(crate) fn settle(&self) {
        let Some(below) = self.below() else { return };
        below.settle();
        for (mine, theirs) in self.stripes.iter().zip(&below.stripes) {
            let (mut mine, mut theirs) = (mine.lock(), theirs.lock());
            self.bare(&mut mine);
            self.merge(&mut mine, &mut theirs, &below);
        }
        *self.below.write() = None;
    }

    /// From now on its entries hide nothing: what they hid is about to be dropped.
    fn bare(&self, mine: &mut Stripe) {
        for key in mine.keys().cloned().collect::<Vec<_>>() {
            if let Some(entry) = mine.get_mut(&key) {
                self.account.give_back(0, std::mem::take(&mut entry.hides));
            }
        }
    }

    fn merge(&self, mine: &mut Stripe, theirs: &mut Stripe, below: &Self) {
        for (key, entry) in theirs.take() {
            let cost = entry.cost(&key);
            below.account.give_back(cost, 0);
            if mine.get(&key).is_none() {
                self.account.take_over(cost);
                mine.put(&key, entry);
            }
        }
        let deleted = |key: &Arc<str>| mine.get(key).is_some_and(|entry| entry.value.is_none());
        let deleted: Vec<_> = mine.keys().filter(|key| deleted(key)).cloned().collect();
        for key in deleted {
            let cost = mine.remove(&key).map_or(0, |entry: Entry| entry.cost(&key));
            self.account.give_back(cost, 0);
        }
    }
}
