//! Who may call at once: so many in all, so many of one plugin, and so many that wait for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The places of one connector. Whoever comes first is served first.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    size: usize,
    /// By the name of the plugin: as many as the configuration grants the connector.
    of_plugins: Mutex<HashMap<Box<str>, Arc<Semaphore>>>,
    of_one_plugin: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_plugin: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// Too many wait already.
    Crowded,
    /// None became free in time.
    Late,
}

impl Places {
    pub(crate) fn new(size: usize, of_one_plugin: usize, waiting_max: usize) -> Self {
        let size = size.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(size)),
            size,
            of_plugins: Mutex::default(),
            of_one_plugin: of_one_plugin.clamp(1, Semaphore::MAX_PERMITS),
            waiting: AtomicUsize::new(0),
            waiting_max,
        }
    }

    /// A place for a call of this plugin. It waits among its own first, so that one plugin's crowd
    /// holds no place of another's.
    pub(crate) async fn take(&self, plugin: &str, deadline: Instant) -> Result<Place, NoPlace> {
        let own = self.of_plugin(plugin);
        if let Some(place) = Place::at_once(&own, &self.all) {
            return Ok(place);
        }
        let _waits = Waits::among(self).ok_or(NoPlace::Crowded)?;
        let both = async {
            let of_plugin = own.acquire_owned().await.ok()?;
            let of_all = self.all.clone().acquire_owned().await.ok()?;
            Some(Place { _of_plugin: of_plugin, _of_all: of_all })
        };
        timeout_at(deadline, both).await.ok().flatten().ok_or(NoPlace::Late)
    }

    pub(crate) fn at_work(&self) -> usize {
        self.size.saturating_sub(self.all.available_permits())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn of_plugin(&self, plugin: &str) -> Arc<Semaphore> {
        let mut of_plugins = self.of_plugins.lock();
        if let Some(own) = of_plugins.get(plugin) {
            return own.clone();
        }
        let own = Arc::new(Semaphore::new(self.of_one_plugin));
        of_plugins.insert(plugin.into(), own.clone());
        own
    }
}

impl Place {
    fn at_once(own: &Arc<Semaphore>, all: &Arc<Semaphore>) -> Option<Self> {
        let of_plugin = own.clone().try_acquire_owned().ok()?;
        let of_all = all.clone().try_acquire_owned().ok()?;
        Some(Self { _of_plugin: of_plugin, _of_all: of_all })
    }
}

/// One that waits; counted until dropped.
struct Waits<'a>(&'a Places);

impl<'a> Waits<'a> {
    fn among(places: &'a Places) -> Option<Self> {
        let before = places.waiting.fetch_add(1, Ordering::Relaxed);
        let waits = Self(places);
        (before < places.waiting_max).then_some(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_at_once_and_so_many_wait() {
        let places = Arc::new(Places::new(1, 1, 1));
        let first = places.take("a", soon()).await.unwrap();
        let second = tokio::spawn({
            let places = places.clone();
            async move { places.take("b", soon()).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!((places.at_work(), places.waiting()), (1, 1));
        assert_eq!(places.take("c", soon()).await.unwrap_err(), NoPlace::Crowded);
        drop(first);
        assert_eq!(second.await.unwrap(), Ok(()));
        assert_eq!((places.at_work(), places.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn one_plugin_leaves_places_to_the_others() {
        let places = Places::new(3, 2, 10);
        let _a = (places.take("a", soon()).await.unwrap(), places.take("a", soon()).await.unwrap());
        assert_eq!(places.take("a", soon()).await.unwrap_err(), NoPlace::Late);
        assert!(places.take("b", soon()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waits_no_more() {
        let places = Places::new(1, 1, 1);
        let _first = places.take("a", soon()).await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(1), places.take("b", soon()));
        assert!(waiting.await.is_err());
        assert_eq!(places.waiting(), 0);
    }
}
