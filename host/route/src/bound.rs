//! A count that all stripes share and that never exceeds its maximum.
//!
//! Reserved before something is stored, released after it is gone. Used by `retained`.

use core::sync::atomic::{AtomicUsize, Ordering};

pub(crate) struct Bound {
    used: AtomicUsize,
    max: usize,
}

impl Bound {
    pub(crate) fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes `count`, all or nothing; whether it was to be had.
    pub(crate) fn reserve(&self, count: usize) -> bool {
        let more = |used: usize| used.checked_add(count).filter(|&sum| sum <= self.max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Gives back what was reserved.
    pub(crate) fn release(&self, count: usize) {
        self.used.fetch_sub(count, Ordering::Relaxed);
    }
}
