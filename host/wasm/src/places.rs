//! How many calls of one version may run at once: a place for each of its instances. A call that finds none
//! waits, which is counted.

use std::sync::Arc;

use theseus_policy::{Bound, Fault, Hits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// See above. Who comes first is served first.
#[derive(Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    hits: Arc<Hits>,
}

impl Places {
    /// So many, at least one. `hits` counts who had to wait.
    pub fn new(places: usize, hits: Arc<Hits>) -> Self {
        let free = Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS));
        Self { free: Arc::new(free), hits }
    }

    /// A place, which is given back when dropped.
    ///
    /// # Errors
    /// None became free in time.
    pub async fn take(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Fault> {
        // Also where one is free: nobody could answer in no time.
        if Instant::now() >= deadline {
            return Err(Fault::NoInstance);
        }
        if let Ok(place) = self.free.clone().try_acquire_owned() {
            return Ok(place);
        }
        self.hits.count(Bound::Instances);
        let place = timeout_at(deadline, self.free.clone().acquire_owned()).await;
        // Whose time is up as one becomes free has waited for it all the time.
        let place = place.ok().and_then(Result::ok).filter(|_| Instant::now() < deadline);
        place.ok_or(Fault::NoInstance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn only_who_finds_no_place_is_counted() {
        let hits = Arc::<Hits>::default();
        let places = Places::new(1, hits.clone());
        let waited = || hits.counts().find(|(name, _)| *name == "max_instances").unwrap().1;
        let within = |millis| Instant::now() + Duration::from_millis(millis);
        let first = places.take(within(10_000)).await.unwrap();
        assert_eq!(waited(), 0);
        let now = Instant::now();
        assert_eq!(Places::new(1, hits.clone()).take(now).await.unwrap_err(), Fault::NoInstance);
        assert_eq!(places.take(within(10)).await.unwrap_err(), Fault::NoInstance);
        assert_eq!(waited(), 1);
        let (second, ()) = tokio::join!(places.take(within(10_000)), async { drop(first) });
        assert!(second.is_ok());
        assert_eq!(waited(), 2);
    }
}
