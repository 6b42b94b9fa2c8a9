//! The namespaces of all plugins, by name, and the schema that each is kept in.
//!
//! A schema grows in three steps: an [`overlay`](Namespace::overlay) is made and changed, [`commit`](Kv::commit) makes it what
//! counts, and until [`settle`](Kv::settle) the one before can be [reopened](Kv::reopen).

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::namespace::Namespace;

/// What all plugins keep.
#[derive(Debug)]
pub struct Kv {
    bytes_max: usize,
    hasher: RandomState,
    /// The names come from the configuration: there are no more than it says.
    plugins: Mutex<BTreeMap<Box<str>, Kept>>,
}

/// What one keeps, and on probation also what it kept.
#[derive(Debug)]
struct Kept {
    live: Schemed,
    before: Option<Schemed>,
}

#[derive(Clone, Debug)]
struct Schemed {
    namespace: Arc<Namespace>,
    /// None before any version of the plugin went live.
    schema: Option<u32>,
}

impl Kv {
    /// Each plugin may keep `bytes_max` bytes, overhead included.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, hasher: RandomState::new(), plugins: Mutex::default() })
    }

    /// What a plugin keeps; the same for all its versions.
    pub fn namespace(&self, plugin: &str) -> Arc<Namespace> {
        self.kept(plugin, |kept| kept.live.namespace.clone())
    }

    /// The schema it is kept in; none before any version went live.
    pub fn schema(&self, plugin: &str) -> Option<u32> {
        self.kept(plugin, |kept| kept.live.schema)
    }

    /// A version went live that keeps what is there in the form that it has.
    pub fn note_schema(&self, plugin: &str, schema: u32) {
        self.kept(plugin, |kept| kept.live.schema = Some(schema));
    }

    /// A version went live that had `namespace`, an overlay of what the plugin keeps, brought into
    /// `schema`. What was kept stays as it is until [`settle`](Self::settle).
    pub fn commit(&self, plugin: &str, namespace: Arc<Namespace>, schema: u32) {
        self.kept(plugin, |kept| {
            // Only one step can be taken back.
            kept.settle();
            let live = Schemed { namespace, schema: Some(schema) };
            kept.before = Some(std::mem::replace(&mut kept.live, live));
        });
    }

    /// Takes the last [`commit`](Self::commit) back: what was kept before it counts again, and what was
    /// written since is lost. False if there is nothing to go back to.
    pub fn reopen(&self, plugin: &str) -> bool {
        self.kept(plugin, |kept| {
            let before = kept.before.take();
            before.map(|before| kept.live = before).is_some()
        })
    }

    /// Of every plugin but those on probation what was kept before the last commit is let go: nobody goes
    /// back to it.
    pub fn settle(&self, is_on_probation: impl Fn(&str) -> bool) {
        let mut plugins = self.plugins.lock();
        let over = plugins.iter_mut().filter(|(plugin, _)| !is_on_probation(plugin));
        over.for_each(|(_, kept)| kept.settle());
    }

    /// Clears away what has expired, a few entries under one lock.
    pub fn clear_expired(&self, now_ms: u64) {
        let all: Vec<_> =
            self.plugins.lock().values().map(|kept| kept.live.namespace.clone()).collect();
        all.iter().for_each(|namespace| namespace.clear_expired(now_ms));
    }

    fn kept<T>(&self, plugin: &str, with: impl FnOnce(&mut Kept) -> T) -> T {
        let mut plugins = self.plugins.lock();
        if let Some(kept) = plugins.get_mut(plugin) {
            return with(kept);
        }
        let namespace = Arc::new(Namespace::new(self.bytes_max, self.hasher.clone()));
        let live = Schemed { namespace, schema: None };
        with(plugins.entry(plugin.into()).or_insert(Kept { live, before: None }))
    }
}

impl Kept {
    fn settle(&mut self) {
        if self.before.take().is_some() {
            self.live.namespace.settle();
        }
    }
}
