//! A map that many read while somebody writes: in stripes, each locked for one step only.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};
use parking_lot::RwLock;

use crate::ban::Ban;

const STRIPES: usize = 16;

/// Bans by what they hit.
pub(crate) struct Shelf<K> {
    stripes: [RwLock<HashMap<K, Arc<Ban>>>; STRIPES],
    /// Seeded, so that nobody can choose names that all fall into one stripe.
    hasher: DefaultHashBuilder,
}

impl<K: Hash + Eq> Shelf<K> {
    pub(crate) fn new() -> Self {
        Self {
            stripes: std::array::from_fn(|_| RwLock::new(HashMap::new())),
            hasher: DefaultHashBuilder::default(),
        }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Arc<Ban>>
    where
        K: Borrow<Q>,
    {
        self.stripe(key).read().get(key).cloned()
    }

    pub(crate) fn put(&self, key: K, ban: Arc<Ban>) {
        self.stripe(&key).write().insert(key, ban);
    }

    pub(crate) fn take<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Arc<Ban>>
    where
        K: Borrow<Q>,
    {
        self.stripe(key).write().remove(key)
    }

    /// All of them, one stripe after the other: what changes meanwhile is there or not.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<Ban>> {
        self.stripes.iter().flat_map(|stripe| {
            let bans: Vec<_> = stripe.read().values().cloned().collect();
            bans
        })
    }

    fn stripe<Q: Hash + ?Sized>(&self, key: &Q) -> &RwLock<HashMap<K, Arc<Ban>>> {
        &self.stripes[self.hasher.hash_one(key) as usize % STRIPES]
    }
}
