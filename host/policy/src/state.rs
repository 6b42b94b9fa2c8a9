//! What the broker keeps for plugins, by name, as the back ends reach it: keys and values, buckets, and how
//! often they met a bound. It
//! outlives every version, so a swap loses nothing of it and hands nothing over.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use theseus_kv::{Failure, Kv, Namespace, Usage};
use theseus_limit::{Buckets, Flow, Named};

use crate::hits::Hits;

/// Bytes of a bucket's name.
const BUCKET_NAME_MAX: usize = 128;

/// What all plugins keep.
#[derive(Debug)]
pub struct States {
    kv: Arc<Kv>,
    /// Each plugin its own: none pushes out another's buckets, nor what clients are held to.
    owns: Mutex<BTreeMap<Box<str>, Own>>,
    buckets_max: usize,
}

/// What one version of a plugin reaches of it: all that its name keeps, or a view of that while it is
/// started or on probation.
#[derive(Debug)]
pub struct PluginState {
    plugin: Box<str>,
    own: Own,
    place: ArcSwap<Place>,
    /// Until it goes live: where what it writes will be then.
    home: Mutex<Option<Place>>,
    from_schema: Option<u32>,
}

/// What all versions of a plugin share, on probation or not.
#[derive(Clone, Debug)]
struct Own {
    buckets: Arc<Buckets>,
    hits: Arc<Hits>,
}

#[derive(Clone, Debug)]
struct Place {
    namespace: Arc<Namespace>,
    buckets: Arc<Buckets>,
}

impl States {
    /// Each plugin may keep `bytes_max` bytes by keys, and `buckets_max` buckets.
    pub fn new(bytes_max: usize, buckets_max: usize) -> Arc<Self> {
        Arc::new(Self { kv: Kv::new(bytes_max), owns: Mutex::default(), buckets_max })
    }

    /// What a plugin keeps.
    pub fn of(&self, plugin: &str) -> Arc<PluginState> {
        let own = self.own(plugin);
        let place = own.place(self.kv.namespace(plugin));
        PluginState::new(plugin, own, place, None, None)
    }

    /// What a plugin keeps, for a version that is started and takes it as it is. What it writes meanwhile
    /// is kept apart until it [goes live](Self::went_live), and forgotten if it never does.
    pub fn starting(&self, plugin: &str) -> Arc<PluginState> {
        let own = self.own(plugin);
        let home = own.place(self.kv.namespace(plugin));
        PluginState::apart(plugin, own, home)
    }

    /// What a plugin keeps in schema `from`, for a version that brings it into its own with `migrate`:
    /// a view, which counts once the version [goes live](Self::went_live).
    pub fn migrating(&self, plugin: &str, from: u32) -> Arc<PluginState> {
        let own = self.own(plugin);
        let home = own.place(self.kv.namespace(plugin).overlay());
        let place = Place { namespace: home.namespace.clone(), buckets: scratch() };
        PluginState::new(plugin, own, place, Some(home), Some(from))
    }

    /// The schema of what a plugin keeps; none before any version of it went live.
    pub fn schema(&self, plugin: &str) -> Option<u32> {
        self.kv.schema(plugin)
    }

    /// A version with this state, of this schema, went live.
    pub fn went_live(&self, state: &PluginState, schema: u32) {
        state.count();
        if state.from_schema.is_some() {
            self.kv.commit(&state.plugin, state.place.load().namespace.clone(), schema);
        } else {
            self.kv.note_schema(&state.plugin, schema);
        }
    }

    /// Takes the last migration of a plugin back, with all that was written since; the version before it
    /// finds what it had. False if there is none that could be.
    pub fn reopen(&self, plugin: &str) -> bool {
        self.kv.reopen(plugin)
    }

    /// No migration is taken back any more but those of the plugins with a version on probation.
    pub fn settle(&self, is_on_probation: impl Fn(&str) -> bool) {
        self.kv.settle(is_on_probation);
    }

    /// Clears away what has expired; for now and then.
    pub fn clear_expired(&self) {
        self.kv.clear_expired(now_ms());
        let all: Vec<_> = self.owns.lock().values().cloned().collect();
        all.iter().for_each(|own| own.buckets.forget_idle(now_ms()));
    }

    fn own(&self, plugin: &str) -> Own {
        let new = || Own { buckets: Buckets::new(self.buckets_max), hits: Arc::default() };
        self.owns.lock().entry(plugin.into()).or_insert_with(new).clone()
    }
}

impl PluginState {
    /// One that nobody shares; for tests and benchmarks.
    pub fn alone() -> Arc<Self> {
        States::new(1 << 20, 1000).of("alone")
    }

    fn new(
        plugin: &str,
        own: Own,
        place: Place,
        home: Option<Place>,
        from_schema: Option<u32>,
    ) -> Arc<Self> {
        let (place, home) = (ArcSwap::from_pointee(place), Mutex::new(home));
        Arc::new(Self { plugin: plugin.into(), own, place, home, from_schema })
    }

    fn apart(plugin: &str, own: Own, home: Place) -> Arc<Self> {
        Self::new(plugin, own, home.apart(), Some(home), None)
    }

    /// The schema that its version must bring it from, with `migrate`, before anything is asked of it.
    pub const fn from_schema(&self) -> Option<u32> {
        self.from_schema
    }

    /// The same for a version of the same code that is started to take this one's place: there is nothing
    /// to migrate.
    pub fn of_same_schema(&self) -> Arc<Self> {
        Self::apart(&self.plugin, self.own.clone(), Place::clone(&self.place.load()))
    }

    /// From now on what its version writes counts, and so does what it wrote while it was started; but
    /// what it took from buckets then is given back.
    pub fn count(&self) {
        let Some(home) = self.home.lock().take() else { return };
        let started = self.place.swap(Arc::new(home.clone()));
        if !Arc::ptr_eq(&started.namespace, &home.namespace) {
            home.namespace.take_in(&started.namespace, now_ms());
        }
    }

    /// From now on, and until the returned is dropped, writes are kept apart and then forgotten: for
    /// tests and questions that must leave no trace. Buckets begin full.
    pub fn keep_apart(self: &Arc<Self>) -> KeptApart {
        let before = self.place.load_full();
        self.place.store(Arc::new(before.apart()));
        KeptApart { state: self.clone(), before: Some(before) }
    }

    /// What is kept.
    pub fn usage(&self) -> Usage {
        self.place.load().namespace.usage()
    }

    /// Where is counted how often it met a bound, in whatever version.
    pub fn hits(&self) -> Arc<Hits> {
        self.own.hits.clone()
    }

    /// How often, by the name of the bound. Not how often [there was no room](Usage::refused) by keys.
    pub fn bounds_hit(&self) -> Vec<(&'static str, u64)> {
        let buckets = ("max_plugin_buckets", self.own.buckets.times_full());
        self.own.hits.counts().chain([buckets]).collect()
    }

    /// See [`Namespace::get`].
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.place.load().namespace.get(key, now_ms())
    }

    /// See [`Namespace::set`].
    ///
    /// # Errors
    /// It is too large, or the plugin's share is used up.
    pub fn set(&self, key: &str, value: &[u8], ttl_seconds: Option<u32>) -> Result<(), Failure> {
        self.place.load().namespace.set(key, value, ttl_seconds, now_ms())
    }

    /// See [`Namespace::delete`].
    pub fn delete(&self, key: &str) {
        self.place.load().namespace.delete(key);
    }

    /// See [`Namespace::add`].
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn add(&self, key: &str, by: i64, ttl_seconds: Option<u32>) -> Result<i64, Failure> {
        self.place.load().namespace.add(key, by, ttl_seconds, now_ms())
    }

    /// Takes `n` from a bucket of the plugin's own if there is that much; never from one whose name or
    /// key is longer than 128 or 512 bytes.
    pub fn take(&self, name: &str, key: &str, n: u64, flow: Flow) -> bool {
        if name.len() > BUCKET_NAME_MAX || key.len() > theseus_kv::KEY_MAX {
            return false;
        }
        let whose = Named { plugin: &self.plugin, name, key };
        self.place.load().buckets.take(now_ms(), whose, n, flow)
    }
}

impl Own {
    fn place(&self, namespace: Arc<Namespace>) -> Place {
        Place { namespace, buckets: self.buckets.clone() }
    }
}

impl Place {
    /// A view whose writes are kept apart. Buckets begin full.
    fn apart(&self) -> Self {
        Self { namespace: self.namespace.overlay(), buckets: scratch() }
    }
}

/// Buckets that are soon forgotten.
fn scratch() -> Arc<Buckets> {
    const BUCKETS_MAX: usize = 1000;
    Buckets::new(BUCKETS_MAX)
}

/// While it lasts, a state's writes are kept apart.
#[derive(Debug)]
pub struct KeptApart {
    state: Arc<PluginState>,
    before: Option<Arc<Place>>,
}

impl KeptApart {
    /// Leaves it so for good: who writes there is let go, and may be in the middle of it.
    pub fn abandon(mut self) {
        self.before = None;
    }
}

impl Drop for KeptApart {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            self.state.place.store(before);
        }
    }
}

/// Milliseconds since some moment in the life of the process.
fn now_ms() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hits::Bound;

    const FLOW: Flow = Flow { amount: 1, period_ms: 86_400_000, burst: 2 };

    #[test]
    fn versions_of_one_name_share_and_names_do_not() {
        let states = States::new(1 << 20, 100);
        let (old, new, other) = (states.of("a"), states.of("a"), states.of("b"));
        old.set("k", b"v", None).unwrap();
        assert!(old.take("b", "k", 2, FLOW));
        assert_eq!((new.get("k"), other.get("k")), (Some(b"v".to_vec()), None));
        assert!(!new.take("b", "k", 1, FLOW));
        assert!(other.take("b", "k", 1, FLOW));
        new.delete("k");
        assert_eq!(old.get("k"), None);
    }

    #[test]
    fn what_is_kept_apart_leaves_no_trace() {
        let state = States::new(1 << 20, 100).of("a");
        assert_eq!(state.add("n", 1, None), Ok(1));
        assert!(state.take("b", "k", 1, FLOW));
        let apart = state.keep_apart();
        assert_eq!(state.add("n", 1, None), Ok(2));
        assert!(state.take("b", "k", 2, FLOW));
        drop(apart);
        assert_eq!(state.add("n", 0, None), Ok(1));
        assert!(state.take("b", "k", 1, FLOW) && !state.take("b", "k", 1, FLOW));
    }

    #[test]
    fn what_is_written_at_the_start_counts_once_its_version_is_live() {
        let states = States::new(1 << 20, 100);
        let old = states.of("a");
        old.add("n", 5, None).unwrap();
        old.set("gone", b"x", None).unwrap();
        let new = states.starting("a");
        assert_eq!((new.add("n", 2, None), new.add("m", 1, None)), (Ok(7), Ok(1)));
        new.set("k", b"v", None).unwrap();
        new.delete("gone");
        assert!(new.take("b", "k", 2, FLOW));
        let seen = |key: &str| states.of("a").get(key);
        assert_eq!((seen("k"), seen("m"), seen("gone")), (None, None, Some(b"x".to_vec())));
        // What the others do meanwhile is not undone.
        assert_eq!(old.add("n", 10, None), Ok(15));
        states.went_live(&new, 0);
        assert_eq!((seen("k"), seen("gone")), (Some(b"v".to_vec()), None));
        assert_eq!((old.add("n", 0, None), old.add("m", 0, None)), (Ok(17), Ok(1)));
        new.set("k", b"w", None).unwrap();
        assert_eq!(seen("k"), Some(b"w".to_vec()));
        assert!(new.take("b", "k", 2, FLOW) && !old.take("b", "k", 1, FLOW));
        // One with the same code goes on the same way.
        let same = new.of_same_schema();
        assert_eq!((same.add("n", 1, None), old.add("n", 0, None)), (Ok(18), Ok(17)));
        states.went_live(&same, 0);
        assert_eq!(old.add("n", 0, None), Ok(18));
    }

    #[test]
    fn a_migration_counts_when_its_version_goes_live_and_can_be_taken_back() {
        let states = States::new(1 << 20, 100);
        let old = states.of("a");
        assert_eq!(states.schema("a"), None);
        states.went_live(&old, 1);
        old.set("k", b"one", None).unwrap();
        let dropped = states.migrating("a", 1);
        dropped.set("k", b"never", None).unwrap();
        let new = states.migrating("a", 1);
        assert_eq!(new.from_schema(), Some(1));
        new.set("k", b"two", None).unwrap();
        assert_eq!(old.get("k"), Some(b"one".to_vec()));
        states.went_live(&new, 2);
        assert_eq!((states.schema("a"), states.of("a").get("k")), (Some(2), Some(b"two".to_vec())));
        assert!(states.reopen("a") && !states.reopen("a"));
        assert_eq!((states.schema("a"), states.of("a").get("k")), (Some(1), Some(b"one".to_vec())));
        states.went_live(&new, 2);
        states.settle(|_| false);
        assert!(!states.reopen("a"));
        assert_eq!(states.of("a").get("k"), Some(b"two".to_vec()));
    }

    #[test]
    fn bounds_are_counted_over_all_versions() {
        let states = States::new(1 << 20, 1);
        let (old, new) = (states.of("a"), states.of("a"));
        old.hits().count(Bound::LogLines);
        let _apart = new.keep_apart();
        new.hits().count(Bound::LogLines);
        let taken = (0..100).filter(|n| old.take("b", &n.to_string(), 1, FLOW)).count();
        assert_eq!(taken, 100);
        let hits: BTreeMap<_, _> = states.of("a").bounds_hit().into_iter().collect();
        assert_eq!((hits["log_lines"], hits["max_instances"]), (2, 0));
        assert!(hits["max_plugin_buckets"] > 0, "{hits:?}");
        assert!(states.of("b").bounds_hit().iter().all(|(_, count)| *count == 0));
    }

    #[test]
    fn names_of_buckets_are_bounded() {
        let state = PluginState::alone();
        assert!(!state.take(&"n".repeat(129), "k", 1, FLOW));
        assert!(!state.take("n", &"k".repeat(513), 1, FLOW));
        assert!(state.take(&"n".repeat(128), &"k".repeat(512), 1, FLOW));
    }
}
