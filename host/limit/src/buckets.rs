//! All buckets of the node, by identity. They outlive whoever set them: a limit that comes again, with
//! whatever numbers, finds its bucket. One that is full and that nobody holds is forgotten.

use core::hash::{BuildHasher, Hasher};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::Mutex;

use crate::bucket::{Bucket, Flow};
use crate::spec::Limit;
use crate::whom::{Whom, key_of_limit, key_of_plugin};

/// A bounded store of buckets that all threads share.
#[derive(Debug)]
pub struct Buckets {
    stripes: Box<[Mutex<Stripe>]>,
    hasher: DefaultHashBuilder,
    max: usize,
    len: AtomicUsize,
    full: AtomicU64,
    connections: AtomicU64,
    next_stripe: AtomicUsize,
}

#[derive(Debug, Default)]
struct Stripe {
    known: HashTable<Entry>,
    /// It is looked through for what can be forgotten when it has so many.
    look_at: usize,
}

#[derive(Debug)]
struct Entry {
    hash: u64,
    key: Box<[u8]>,
    bucket: Arc<Bucket>,
}

/// Into how many locks the store is divided. A power of two.
const STRIPES: usize = 256;

/// A stripe with fewer buckets is not looked through as it grows.
const LOOKED_THROUGH_MIN: usize = 32;

/// Buckets looked at to find the one that is missed least.
const COMPARED: usize = 16;

impl Buckets {
    /// An empty store of at most `max` buckets (at least one).
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            max: max.max(1),
            len: AtomicUsize::new(0),
            full: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            next_stripe: AtomicUsize::new(0),
        })
    }

    /// The bucket of `limit` for this client, as full as it was, with the limit's numbers from now on.
    ///
    /// While somebody holds it, it is the only one of its identity. If the store is full of buckets
    /// that are held, it is the caller's own: it limits, but shares nothing.
    pub fn of(&self, now: u64, limit: &Limit, whom: &Whom<'_>) -> Arc<Bucket> {
        self.find(now, key_of_limit(limit, whom), limit.flow())
    }

    /// Takes `n` from a bucket of a plugin's own if there is that much, in one step; true if it was.
    /// Never if `n` is more than `flow.burst`. Numbers that are 0 count as 1.
    pub fn take(&self, now: u64, whose: Named<'_>, n: u64, flow: Flow) -> bool {
        let flow = flow.sane();
        let key = key_of_plugin(whose.plugin, whose.name, whose.key);
        n <= flow.burst && self.find(now, key, flow).take(now, n)
    }

    /// Whole tokens in a plugin's own bucket, if it is known; one that is not is full.
    pub fn level(&self, now: u64, whose: Named<'_>) -> Option<i128> {
        let key = key_of_plugin(whose.plugin, whose.name, whose.key);
        let hash = self.hash(&key);
        let stripe = self.stripe(hash).lock();
        stripe.known.find(hash, |entry| *entry.key == *key).map(|entry| entry.bucket.level(now))
    }

    /// A number for a connection that no other has had.
    pub fn next_connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Forgets idle full buckets in one part of the store, each time in the next one.
    pub fn forget_idle(&self, now: u64) {
        let next = self.next_stripe.fetch_add(1, Ordering::Relaxed) % STRIPES;
        let mut stripe = self.stripes[next].lock();
        self.note_gone(stripe.forget_idle(now));
    }

    /// Buckets in the store.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often a bucket was forgotten before it was full, or not kept, for want of room.
    pub fn times_full(&self) -> u64 {
        self.full.load(Ordering::Relaxed)
    }

    fn find(&self, now: u64, key: Vec<u8>, flow: Flow) -> Arc<Bucket> {
        let hash = self.hash(&key);
        let mut stripe = self.stripe(hash).lock();
        if let Some(entry) = stripe.known.find(hash, |entry| *entry.key == *key) {
            let bucket = entry.bucket.clone();
            drop(stripe);
            bucket.adopt(now, flow);
            return bucket;
        }
        let bucket = Arc::new(Bucket::new(now, flow));
        if self.has_room(&mut stripe, now) {
            self.len.fetch_add(1, Ordering::Relaxed);
            let entry = Entry { hash, key: key.into(), bucket: bucket.clone() };
            stripe.known.insert_unique(hash, entry, |entry| entry.hash);
        }
        bucket
    }

    /// Sees to it that one more fits; false if it does not.
    fn has_room(&self, stripe: &mut Stripe, now: u64) -> bool {
        let is_full = || self.len() >= self.max;
        if is_full() || stripe.known.len() >= stripe.look_at.max(LOOKED_THROUGH_MIN) {
            self.note_gone(stripe.forget_idle(now));
        }
        if !is_full() {
            return true;
        }
        self.full.fetch_add(1, Ordering::Relaxed);
        let made_room = stripe.forget_one(now);
        self.note_gone(usize::from(made_room));
        made_room
    }

    fn note_gone(&self, count: usize) {
        self.len.fetch_sub(count, Ordering::Relaxed);
    }

    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// By bits that the table itself uses for neither place nor tag.
    fn stripe(&self, hash: u64) -> &Mutex<Stripe> {
        &self.stripes[(hash >> 40) as usize % STRIPES]
    }
}

/// A bucket of a plugin's own: what the plugin called it, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The plugin's name: no plugin meets another's buckets, and all versions of one meet the same.
    pub plugin: &'a str,
    /// What the plugin calls it.
    pub name: &'a str,
    /// For whom.
    pub key: &'a str,
}

impl Stripe {
    /// Forgets what is full and held by nobody: whoever asks for it again gets a new one that is the
    /// same. Returns how many.
    fn forget_idle(&mut self, now: u64) -> usize {
        let before = self.known.len();
        self.known.retain(|entry| entry.is_held() || entry.bucket.until_full(now) > 0);
        // Looking through all of it costs as much as the growth that led to it.
        self.look_at = self.known.len() * 2;
        let gone = before - self.known.len();
        if self.known.capacity() > 4 * self.known.len().max(LOOKED_THROUGH_MIN) {
            self.known.shrink_to_fit(|entry| entry.hash);
        }
        gone
    }

    /// Forgets one that nobody holds, of a few the one that is next to full; false if there is none.
    fn forget_one(&mut self, now: u64) -> bool {
        let idle = self.known.iter().filter(|entry| !entry.is_held()).take(COMPARED);
        let least = idle.min_by_key(|entry| entry.bucket.until_full(now));
        let Some((hash, bucket)) = least.map(|entry| (entry.hash, Arc::as_ptr(&entry.bucket)))
        else {
            return false;
        };
        let found = self.known.find_entry(hash, |entry| Arc::as_ptr(&entry.bucket) == bucket);
        found.map(|entry| entry.remove()).is_ok()
    }
}

impl Entry {
    /// Nobody gets hold of it while its stripe is locked, but by cloning what is held already.
    fn is_held(&self) -> bool {
        Arc::strong_count(&self.bucket) > 1
    }
}

impl Flow {
    fn sane(self) -> Self {
        let Self { amount, period_ms, burst } = self;
        Self { amount: amount.max(1), period_ms: period_ms.clamp(1, PERIOD_MAX), burst }
    }
}

/// Milliseconds of a day.
const PERIOD_MAX: u64 = 86_400_000;
