//! How many wait at the same time, and a bound on it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// So many places to wait in.
#[derive(Debug)]
pub(crate) struct Places {
    taken: AtomicUsize,
    max: usize,
}

/// One of them, until it is dropped.
pub(crate) struct Place<'a>(&'a Places);

impl Places {
    pub(crate) const fn new(max: usize) -> Self {
        Self { taken: AtomicUsize::new(0), max }
    }

    /// None: all are taken.
    pub(crate) fn take(&self) -> Option<Place<'_>> {
        let place = Place(self);
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        (before < self.max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}
