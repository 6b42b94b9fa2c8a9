//! Where passwords are checked: on blocking threads, so many at once and so many waiting.
//! The work itself is in `theseus-users`. Used by back ends, for their import `passwords`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Bounds the work that logins cause: a hash is made to cost tens of milliseconds and 19 MiB.
#[derive(Debug)]
pub struct Hashing {
    at_work: Arc<Semaphore>,
    /// Those at work and those that wait for it.
    pending: AtomicUsize,
    pending_max: usize,
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
    /// At most `threads` (at least one) at once, and at most `pending` that wait for them.
    pub fn new(threads: usize, pending: usize) -> Arc<Self> {
        let threads = threads.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            at_work: Arc::new(Semaphore::new(threads)),
            pending: AtomicUsize::new(0),
            pending_max: threads.saturating_add(pending),
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

    async fn carry_out<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashFailure> {
        let place = Place::take(self)?;
        // The semaphore is never closed; were it, nobody would get in.
        let permit = self.at_work.clone().acquire_owned().await.map_err(|_| HashFailure::Busy)?;
        // Place and permit go with the work: a client that goes away cannot call it back.
        let worker = tokio::task::spawn_blocking(move || {
            let _held = (place, permit);
            work()
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
        if before < hashing.pending_max { Ok(place) } else { Err(HashFailure::Busy) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}
