//! What one plugin keeps. Striped: two keys seldom share a lock, and no lock is held for longer than
//! one key takes, or a few that expired.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::account::{Account, Change, Usage, cost};
use crate::stripe::{Entry, Stripe};
use crate::value::Value;
use crate::{Failure, KEY_MAX, VALUE_MAX};

const STRIPES: usize = 16;
/// Expired entries that one change clears away besides.
const CLEARED_BY_A_CHANGE: usize = 4;
/// Expired entries that are cleared away under one lock.
const CLEARED_AT_ONCE: usize = 64;

/// Keys and values of one plugin; shared by all versions and instances.
#[derive(Debug)]
pub struct Namespace {
    pub(crate) stripes: [Mutex<Stripe>; STRIPES],
    pub(crate) hasher: RandomState,
    /// What this one is an overlay of; see `overlay`.
    pub(crate) below: RwLock<Option<Arc<Self>>>,
    pub(crate) account: Account,
}

/// A value, and when it expires.
type Seen = (Value, Option<u64>);

impl Namespace {
    pub(crate) fn new(bytes_max: usize, hasher: RandomState) -> Self {
        let (stripes, below) = (Default::default(), RwLock::default());
        Self { stripes, hasher, below, account: Account::new(bytes_max) }
    }

    /// The value under `key`, if it has not expired.
    pub fn get(&self, key: &str, now_ms: u64) -> Option<Vec<u8>> {
        let below = self.below();
        let stripe = self.stripe(key).lock();
        let seen = see(&stripe, below.as_deref(), key, now_ms);
        drop(stripe);
        seen.map(|(value, _)| value.to_vec())
    }

    /// Keeps a value, for `ttl_seconds` or for ever; 0 seconds are over at once.
    ///
    /// # Errors
    /// [`Failure`]; what was there stays.
    pub fn set(
        &self,
        key: &str,
        value: &[u8],
        ttl_seconds: Option<u32>,
        now_ms: u64,
    ) -> Result<(), Failure> {
        if key.len() > KEY_MAX || value.len() > VALUE_MAX {
            return Err(Failure::TooLarge);
        }
        let value = Value::Bytes(value.into());
        let expires = expiry(ttl_seconds, now_ms);
        self.put_until(key, &value, expires, now_ms)
    }

    pub(crate) fn put_until(
        &self,
        key: &str,
        value: &Value,
        expires: Option<u64>,
        now_ms: u64,
    ) -> Result<(), Failure> {
        self.change(key, now_ms, |_, _| ((value.clone(), expires), ()))
    }

    /// Forgets a key.
    pub fn delete(&self, key: &str) {
        let below = self.below();
        let mut stripe = self.stripe(key).lock();
        self.forget(&mut stripe, below.as_deref(), key);
    }

    /// Adds to a number and returns the sum, in one step. What is not there, or has not the eight bytes
    /// of a number, counts as 0 and begins to live now, for `ttl_seconds` or for ever. The sum stays
    /// within an `i64`.
    ///
    /// # Errors
    /// [`Failure`]; the number stays what it was.
    pub fn add(
        &self,
        key: &str,
        by: i64,
        ttl_seconds: Option<u32>,
        now_ms: u64,
    ) -> Result<i64, Failure> {
        if key.len() > KEY_MAX {
            return Err(Failure::TooLarge);
        }
        self.add_until(key, by, expiry(ttl_seconds, now_ms), now_ms)
    }

    /// `fresh` is when a number expires that begins now.
    pub(crate) fn add_until(
        &self,
        key: &str,
        by: i64,
        fresh: Option<u64>,
        now_ms: u64,
    ) -> Result<i64, Failure> {
        self.change(key, now_ms, |seen, added| {
            let number = seen.and_then(|(value, expires)| Some((value.number()?, expires)));
            let (number, expires) = number.unwrap_or((0, fresh));
            let sum = number.saturating_add(by);
            let added = added.map(|before| before.saturating_add(by));
            let value = added.map_or(Value::Number(sum), |by| Value::Sum { sum, by });
            ((value, expires), sum)
        })
    }

    /// Clears away what has expired, a few at a time.
    pub fn clear_expired(&self, now_ms: u64) {
        let below = self.below();
        for stripe in &self.stripes {
            while self.clear(&mut stripe.lock(), below.as_deref(), now_ms, CLEARED_AT_ONCE) {}
        }
        if let Some(below) = below {
            below.clear_expired(now_ms);
        }
    }

    /// What it holds, and how often it had no room. The keys of an overlay are those of both.
    pub fn usage(&self) -> Usage {
        let below = self.below().map(|below| below.usage()).unwrap_or_default();
        let own: usize = self.stripes.iter().map(|stripe| stripe.lock().len()).sum();
        Usage {
            keys: own + below.keys,
            bytes: self.account.charged(below.bytes),
            bytes_max: self.account.bytes_max,
            refused: self.account.refused(),
        }
    }

    /// Puts what `new` makes of what is seen under `key` in its place. It is also told how much was added
    /// here to what stands below, where that is all that was done.
    fn change<T>(
        &self,
        key: &str,
        now_ms: u64,
        new: impl Fn(Option<Seen>, Option<i64>) -> (Seen, T),
    ) -> Result<T, Failure> {
        let below = self.below();
        for cleared in [false, true] {
            let mut stripe = self.stripe(key).lock();
            self.clear(&mut stripe, below.as_deref(), now_ms, CLEARED_BY_A_CHANGE);
            let added = match stripe.get(key) {
                None => below.as_ref().map(|_| 0),
                Some(entry) => entry.live(now_ms).and_then(Value::added),
            };
            let (seen, result) = new(see(&stripe, below.as_deref(), key, now_ms), added);
            if self.put(&mut stripe, below.as_deref(), key, seen) {
                return Ok(result);
            }
            drop(stripe);
            if !cleared {
                self.clear_expired(now_ms);
            }
        }
        self.account.count_refusal();
        Err(Failure::Full)
    }

    /// False if there is no room for it.
    fn put(&self, stripe: &mut Stripe, below: Option<&Self>, key: &str, new: Seen) -> bool {
        let (value, expires) = new;
        let (old, hides, newly) = match stripe.get(key) {
            Some(entry) => (entry.cost(key), entry.hides, 0),
            None => {
                let hides = below.map_or(0, |below| below.cost_of(key));
                (0, hides, hides)
            }
        };
        let new = cost(key.len(), value.len(), expires.is_some());
        let change = Change { old, new, hides: newly };
        if !self.account.charge(change, below.map_or(0, Self::charged)) {
            return false;
        }
        stripe.put(key, Entry { value: Some(value), expires, hides });
        true
    }

    /// Takes a key away; where something stands below, that it is gone is kept.
    fn forget(&self, stripe: &mut Stripe, below: Option<&Self>, key: &str) {
        let underneath = below.map_or(0, |below| below.cost_of(key));
        let (old, hides, newly) = match stripe.get(key) {
            Some(entry) => (entry.cost(key), entry.hides, 0),
            None => (0, underneath, underneath),
        };
        if underneath > 0 {
            // It costs no more than what it takes the place of, or hides: there is room for it.
            let new = cost(key.len(), 0, false);
            self.account.charge(Change { old, new, hides: newly }, 0);
            stripe.put(key, Entry { value: None, expires: None, hides });
        } else if stripe.remove(key).is_some() {
            self.account.give_back(old, hides);
        }
    }

    /// Clears away at most so many expired ones; true if it were that many.
    fn clear(&self, stripe: &mut Stripe, below: Option<&Self>, now_ms: u64, most: usize) -> bool {
        for _ in 0..most {
            let Some(key) = stripe.first_due(now_ms) else { return false };
            self.forget(stripe, below, &key);
        }
        true
    }

    /// What this plugin is charged for a key, whether it has expired or not.
    fn cost_of(&self, key: &str) -> usize {
        let below = self.below();
        let stripe = self.stripe(key).lock();
        match stripe.get(key) {
            Some(Entry { value: None, .. }) => 0,
            Some(entry) => entry.cost(key),
            None => below.map_or(0, |below| below.cost_of(key)),
        }
    }

    pub(crate) fn charged(&self) -> usize {
        self.account.charged(self.below().map_or(0, |below| below.charged()))
    }

    pub(crate) fn below(&self) -> Option<Arc<Self>> {
        self.below.read().clone()
    }

    fn stripe(&self, key: &str) -> &Mutex<Stripe> {
        &self.stripes[self.hasher.hash_one(key) as usize % STRIPES]
    }
}

/// What stands under a key here, or below where nothing is said of it here. The lock is held meanwhile:
/// always those of an overlay before those below.
fn see(stripe: &Stripe, below: Option<&Namespace>, key: &str, now_ms: u64) -> Option<Seen> {
    match stripe.get(key) {
        Some(entry) => entry.live(now_ms).map(|value| (value.clone(), entry.expires)),
        None => below.and_then(|below| {
            let lower = below.below();
            see(&below.stripe(key).lock(), lower.as_deref(), key, now_ms)
        }),
    }
}

/// Milliseconds; far beyond the life of a broker for the longest that can be said.
fn expiry(ttl_seconds: Option<u32>, now_ms: u64) -> Option<u64> {
    ttl_seconds.map(|seconds| now_ms.saturating_add(u64::from(seconds) * 1000))
}
