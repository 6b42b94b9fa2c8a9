//! How many wait at the same time, and a bound on it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// However few places are left, somebody may be waited for so long: more than two ways across the world and back.
const LEAST: Duration = Duration::from_secs(1);

/// So many places to wait in.
#[derive(Debug)]
pub(crate) struct Places {
    taken: AtomicUsize,
    max: AtomicUsize,
}

/// One of them, until it is dropped.
pub(crate) struct Place<'a>(&'a Places);

impl Places {
    pub(crate) const fn new(max: usize) -> Self {
        Self { taken: AtomicUsize::new(0), max: AtomicUsize::new(max) }
    }

    /// So many from now on. Who is in one stays.
    pub(crate) fn resize(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// None: all are taken.
    pub(crate) fn take(&self) -> Option<Place<'_>> {
        let place = Place(self);
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        (before < self.max.load(Ordering::Relaxed)).then_some(place)
    }

    /// How long somebody in one of them may be waited for: `whole` while half of them are free, then in
    /// proportion to those that are. So who takes places and lets time pass gives them back all the sooner, and
    /// has to come so much more often to keep others out.
    pub(crate) fn patience(&self, whole: Duration) -> Duration {
        let max = self.max.load(Ordering::Relaxed);
        let free = max.saturating_sub(self.taken.load(Ordering::Relaxed));
        let share = (2 * free) as f64 / max.max(1) as f64;
        whole.mul_f64(share.min(1.0)).max(LEAST).min(whole)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewer_are_free_the_shorter_is_the_patience() {
        let (places, whole) = (Places::new(10), Duration::from_secs(15));
        let mut taken = Vec::new();
        let mut after_each = || {
            taken.push(places.take());
            places.patience(whole).as_secs()
        };
        let patience: Vec<_> = (0..11).map(|_| after_each()).collect();
        assert_eq!(patience, [15, 15, 15, 15, 15, 12, 9, 6, 3, 1, 1]);
        places.resize(22);
        assert_eq!(places.patience(whole), whole, "half of them are free");
        assert!(places.take().is_some());
        places.resize(3);
        assert!(places.take().is_none());
        drop(taken);
        assert_eq!(places.patience(whole), whole);
        let short = Duration::from_millis(10);
        assert_eq!(Places::new(1).patience(short), short, "never more than is allowed at all");
    }
}
