//! A part of a namespace under a lock of its own: entries by key, and those that expire in the order
//! they do, so that what is due is found without walking the rest.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::account::cost;
use crate::value::Value;

#[derive(Debug, Default)]
pub(crate) struct Stripe {
    entries: HashMap<Arc<str>, Entry>,
    /// By the time they expire, milliseconds.
    due: BTreeSet<(u64, Arc<str>)>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    /// None in an overlay that has deleted the key: it hides what stands below.
    pub(crate) value: Option<Value>,
    /// Milliseconds; from then on it is not there.
    pub(crate) expires: Option<u64>,
    /// What the entry below under the same key was charged when this one came to hide it.
    pub(crate) hides: usize,
}

impl Entry {
    pub(crate) fn live(&self, now_ms: u64) -> Option<&Value> {
        self.value.as_ref().filter(|_| self.expires.is_none_or(|at| now_ms < at))
    }

    pub(crate) fn cost(&self, key: &str) -> usize {
        let value = self.value.as_ref().map_or(0, Value::len);
        cost(key.len(), value, self.expires.is_some())
    }
}

impl Stripe {
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Puts an entry in the place of the one with the same key.
    pub(crate) fn put(&mut self, key: &str, entry: Entry) {
        let key = match self.entries.get_key_value(key) {
            Some((kept, _)) => kept.clone(),
            None => key.into(),
        };
        let expires = entry.expires;
        let old = self.entries.insert(key.clone(), entry).and_then(|old| old.expires);
        if old != expires {
            self.forget_due(old, &key);
            self.due.extend(expires.map(|at| (at, key)));
        }
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Entry> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.forget_due(entry.expires, &key);
        Some(entry)
    }

    /// The key that expired first, if its time has come.
    pub(crate) fn first_due(&self, now_ms: u64) -> Option<Arc<str>> {
        self.due.first().filter(|(at, _)| *at <= now_ms).map(|(_, key)| key.clone())
    }

    /// All entries; the stripe is empty then.
    pub(crate) fn take(&mut self) -> HashMap<Arc<str>, Entry> {
        std::mem::take(self).entries
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.entries.keys()
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.entries.get_mut(key)
    }

    fn forget_due(&mut self, at: Option<u64>, key: &Arc<str>) {
        if let Some(at) = at {
            self.due.remove(&(at, key.clone()));
        }
    }
}
