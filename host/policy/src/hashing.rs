//! Where passwords are checked: on blocking threads, so many at once and so many waiting.
//! The work itself is in `theseus-users`. Used by back ends, for their import `passwords`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Bounds the work that logins cause: a hash is made to cost tens of milliseconds and 19 MiB.
#[derive(Debug)]
pub struct Hashing {
    at_work: Arc<Semaphore>,
    /// Those at work and those that wait for it.
    pending: AtomicUsize,
    pending_max: usize,
    threads: usize,
    /// What one took of late, microseconds; 0 before the first.
    usual: AtomicU64,
    wait_max: Duration,
}

/// Why a password was not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashFailure {
    /// Too many wait already: 0x89 Server busy.
    Busy,
    /// Not a hash that is known, or one that asks for more than is allowed.
    UnknownHash,
}

impl Hashing {
    /// At most `threads` (at least one) at once, and at most `pending` that wait for them, none of
    /// them for longer than `wait_max` as far as one can tell: work for a client whose time will be
    /// over is done for nobody.
    pub fn new(threads: usize, pending: usize, wait_max: Duration) -> Arc<Self> {
        let threads = threads.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            at_work: Arc::new(Semaphore::new(threads)),
            pending: AtomicUsize::new(0),
            pending_max: threads.saturating_add(pending),
            threads,
            usual: AtomicU64::new(0),
            wait_max,
        })
    }

    /// True if `hash` was made of `password`. Must be awaited within a tokio runtime.
    ///
    /// # Errors
    /// [`HashFailure`]; `Busy` is told at once.
    pub async fn verify(
        self: &Arc<Self>,
        hash: String,
        password: Vec<u8>,
    ) -> Result<bool, HashFailure> {
        let check = move || theseus_users::verify(&hash, &password);
        self.carry_out(check).await?.map_err(|_| HashFailure::UnknownHash)
    }

    /// Takes as long as checking a hash of our own would, and is always false.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub async fn decoy(self: &Arc<Self>, password: Vec<u8>) -> Result<bool, HashFailure> {
        self.carry_out(move || theseus_users::decoy(&password)).await
    }

    /// How many passwords are being checked or wait for it.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// Whether one more would have to wait for too long behind `before` others.
    fn is_late(&self, before: usize) -> bool {
        let usual = Duration::from_micros(self.usual.load(Ordering::Relaxed));
        let rounds = u32::try_from(before / self.threads).unwrap_or(u32::MAX);
        usual.saturating_mul(rounds) > self.wait_max
    }

    /// The latest few count most. Two that learn at once may lose one: it is a guess anyway.
    fn learn(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let usual = match self.usual.load(Ordering::Relaxed) {
            0 => took,
            before => before / 8 * 7 + took / 8,
        };
        self.usual.store(usual, Ordering::Relaxed);
    }

    async fn carry_out<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashFailure> {
        let place = Place::take(self)?;
        // The semaphore is never closed; were it, nobody would get in.
        let permit = self.at_work.clone().acquire_owned().await.map_err(|_| HashFailure::Busy)?;
        // Place and permit go with the work: a client that goes away cannot call it back.
        let worker = tokio::task::spawn_blocking(move || {
            let held = (place, permit);
            let began = Instant::now();
            let result = work();
            held.0.0.learn(began.elapsed());
            result
        });
        // A panic in a hash function is no answer.
        worker.await.map_err(|_| HashFailure::UnknownHash)
    }
}

/// A place among those that wait; given back when dropped.
struct Place(Arc<Hashing>);

impl Place {
    fn take(hashing: &Arc<Hashing>) -> Result<Self, HashFailure> {
        let before = hashing.pending.fetch_add(1, Ordering::Relaxed);
        let place = Self(hashing.clone());
        let has_room = before < hashing.pending_max && !hashing.is_late(before);
        if has_room { Ok(place) } else { Err(HashFailure::Busy) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}
