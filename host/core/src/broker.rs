//! What all shards of one broker share: routes, retained messages, policy, limits, inboxes.
//! Everything here is safe to use from any thread; what a shard owns alone is in `shard`.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use theseus_limit::Buckets;
use theseus_route::{Retained, Router};

use crate::inbox::{Inbox, ShardId};
use crate::metrics::Metrics;
use crate::round::Round;
use crate::system::{self, Events};
use crate::{ClientLimits, Limits, Message, Policy, Time};

/// The shared half of the broker; every [`crate::Shard`] holds an `Arc` of it.
pub struct Broker {
    pub(crate) router: Router,
    pub(crate) retained: Retained<Message>,
    /// The stripe of it that is looked at next for what has expired.
    next_stripe: AtomicUsize,
    /// Retained messages of the broker's own topics.
    pub(crate) system: Retained<Message>,
    /// Which events are published; none until the shell says so.
    pub(crate) events: OnceLock<Events>,
    /// Milliseconds between 1970 and the beginning of [`Time`], as the shell last told.
    epoch: AtomicU64,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) limits: Limits,
    /// The buckets of all limits, and of plugins.
    pub(crate) buckets: Arc<Buckets>,
    pub(crate) inboxes: Box<[Inbox]>,
    /// Per shard: sessions over their soft limit. Publishers ask a shard only if it has some.
    pub(crate) pressed: Box<[AtomicU32]>,
    metrics: Box<[Metrics]>,
    /// How it goes with the clients that an operator wants asked about.
    pub(crate) round: Mutex<Round>,
    sessions: AtomicUsize,
    homes: Homes,
}

/// Where client ids live.
struct Homes {
    hasher: hashbrown::DefaultHashBuilder,
    /// Client ids that were moved away from the home their hash names.
    moved: RwLock<HashMap<Box<str>, ShardId>>,
    any_moved: AtomicUsize,
}

impl Broker {
    /// A broker of `shards` shards (at least one).
    pub fn new(shards: ShardId, policy: Arc<dyn Policy>, limits: impl Into<Limits>) -> Arc<Self> {
        Self::with_buckets(shards, policy, limits, Buckets::new(BUCKETS_MAX))
    }

    /// The same with buckets that others take from too.
    pub fn with_buckets(
        shards: ShardId,
        policy: Arc<dyn Policy>,
        limits: impl Into<Limits>,
        buckets: Arc<Buckets>,
    ) -> Arc<Self> {
        let shards = shards.max(1);
        let mut limits = limits.into();
        if limits.listeners.is_empty() {
            limits.listeners.push(ClientLimits::default());
        }
        Arc::new(Self {
            router: Router::new(),
            retained: Retained::new(limits.retained_max),
            next_stripe: AtomicUsize::new(0),
            system: Retained::new(system::TOPICS_MAX),
            events: OnceLock::new(),
            epoch: AtomicU64::new(0),
            policy,
            inboxes: (0..shards).map(|_| Inbox::default()).collect(),
            pressed: (0..shards).map(|_| AtomicU32::new(0)).collect(),
            metrics: (0..shards).map(|_| Metrics::default()).collect(),
            round: Mutex::default(),
            sessions: AtomicUsize::new(0),
            homes: Homes::new(),
            limits,
            buckets,
        })
    }

    /// How many shards there are.
    pub fn shards(&self) -> ShardId {
        self.inboxes.len() as ShardId
    }

    /// The shard where `client_id` lives (invariant 4).
    pub fn home(&self, client_id: &str) -> ShardId {
        self.homes.moved_to(client_id).unwrap_or_else(|| {
            let mut hasher = self.homes.hasher.build_hasher();
            hasher.write(client_id.as_bytes());
            (hasher.finish() % u64::from(self.shards())) as ShardId
        })
    }

    /// The counters of one shard.
    pub fn metrics(&self, shard: ShardId) -> &Metrics {
        &self.metrics[usize::from(shard)]
    }

    /// The bounds it was started with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The buckets of all limits, and of plugins.
    pub fn buckets(&self) -> &Arc<Buckets> {
        &self.buckets
    }

    /// Who decides.
    pub fn policy(&self) -> &dyn Policy {
        &*self.policy
    }

    /// Connections of all shards that were let in and have not ended.
    pub fn connections(&self) -> u64 {
        // Over all shards, since a connection that was moved came on one and goes on another; and in
        // this order, so that one that comes and goes in between is not counted twice.
        let went: u64 =
            self.metrics.iter().map(|metrics| metrics.client_disconnected.value()).sum();
        let came: u64 = self.metrics.iter().map(|metrics| metrics.client_connected.value()).sum();
        came.saturating_sub(went)
    }

    /// Sessions of all shards, with or without a connection.
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Publishes these events from now on; only the first call counts.
    pub fn announce(&self, events: Events) {
        let _ = self.events.set(events);
    }

    /// Tells what time it is in the world, in milliseconds since 1970: for texts, never for a
    /// decision.
    pub fn set_wall_clock(&self, now: Time, since_1970: u64) {
        self.epoch.store(since_1970.saturating_sub(now.as_millis()), Ordering::Relaxed);
    }

    /// That point in milliseconds since 1970.
    pub(crate) fn wall_clock(&self, at: Time) -> u64 {
        self.epoch.load(Ordering::Relaxed).saturating_add(at.as_millis())
    }

    /// Retained messages of clients.
    pub fn retained(&self) -> usize {
        self.retained.len()
    }

    /// True if this very message is its topic's retained one.
    pub(crate) fn is_current(&self, message: &Message) -> bool {
        let topic = message.topic();
        let current = self.store_of(topic).current(topic);
        current.is_some_and(|current| current.same(message))
    }

    /// Removes a message from the store if it still is its topic's.
    pub(crate) fn forget_retained(&self, message: &Message) {
        let topic = message.topic();
        self.store_of(topic).remove_if(topic, |held| held.same(message));
    }

    /// Makes room in a store that is at its bound, if anything in it has expired. Looks at a part of
    /// the store only, each time at the next one: a publisher must not wait for all of it.
    pub(crate) fn make_room(&self, now: Time) {
        let mut looked_at = 0;
        for _ in 0..Retained::<Message>::STRIPES {
            if self.retained.len() < self.limits.retained_max || looked_at > LOOKED_AT_MAX {
                return;
            }
            let stripe = self.next_stripe.fetch_add(1, Ordering::Relaxed);
            let stripe = stripe % Retained::<Message>::STRIPES;
            let (gone, asked) = self.retained.gone(stripe, |message| message.expires() <= now);
            looked_at += asked;
            gone.iter().for_each(|message| self.forget_retained(message));
        }
    }

    /// True if `shard` has so much to handle that those who publish to it must wait.
    pub(crate) fn is_full(&self, shard: ShardId) -> bool {
        let limits = &self.limits;
        self.inboxes[usize::from(shard)].is_over(limits.inbox_len_max, limits.inbox_bytes_max)
    }

    /// Counts a session in; false if `mqtt.max_sessions` is reached.
    pub(crate) fn admit_session(&self) -> bool {
        let before = self.sessions.fetch_add(1, Ordering::Relaxed);
        let fits = before < self.limits.sessions_max;
        if !fits {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
        }
        fits
    }

    pub(crate) fn release_session(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    /// From now on `client_id` lives on `shard`, whatever its hash says.
    pub(crate) fn rehome(&self, client_id: &str, shard: ShardId) {
        let mut moved = self.homes.moved.write();
        moved.insert(client_id.into(), shard);
        self.homes.any_moved.store(moved.len(), Ordering::Release);
    }

    /// The session of a moved client id is gone: its hash counts again.
    pub(crate) fn forget_home(&self, client_id: &str) {
        if self.homes.any_moved.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut moved = self.homes.moved.write();
        moved.remove(client_id);
        self.homes.any_moved.store(moved.len(), Ordering::Release);
    }
}

impl Homes {
    fn new() -> Self {
        Self {
            hasher: hashbrown::DefaultHashBuilder::default(),
            moved: RwLock::new(HashMap::new()),
            any_moved: AtomicUsize::new(0),
        }
    }

    fn moved_to(&self, client_id: &str) -> Option<ShardId> {
        if self.any_moved.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.moved.read().get(client_id).copied()
    }
}

/// Buckets of a broker that is given none.
const BUCKETS_MAX: usize = 1_000_000;

/// Retained messages that are looked at for one that needs a place, but for the rest of a stripe.
const LOOKED_AT_MAX: usize = 4096;
