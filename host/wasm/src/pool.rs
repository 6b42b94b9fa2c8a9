//! The instances of one version. A call takes one out, and none holds a lock while it runs: an
//! instance comes back only if its call ended well, else it is gone.

use std::time::Duration;

use parking_lot::Mutex;
use theseus_policy::Fault;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::instance::Instance;
use crate::places::Places;

/// How long nobody tries again after fresh instances failed one after the other.
const BACK_OFF_MIN: Duration = Duration::from_millis(10);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

pub(crate) struct Pool {
    places: Places,
    /// The one used last is used next: its memory is still in the processor's caches.
    idle: Mutex<Vec<Instance>>,
    failing: Mutex<Option<Failing>>,
}

/// Fresh instances fail.
struct Failing {
    fault: Fault,
    pause: Duration,
    until: Instant,
}

impl Pool {
    pub(crate) fn new(places: Places) -> Self {
        Self { places, idle: Mutex::default(), failing: Mutex::default() }
    }

    /// An instance for one call: one that is idle, or what `fresh` makes.
    pub(crate) async fn take<F>(
        &self,
        deadline: Instant,
        fresh: impl FnOnce() -> F,
    ) -> Result<Lease<'_>, Fault>
    where
        F: Future<Output = Result<Instance, Fault>>,
    {
        let place = self.places.take(deadline).await?;
        let idle = self.idle.lock().pop();
        let instance = match idle {
            Some(instance) => instance,
            None => self.make(deadline, fresh).await?,
        };
        Ok(Lease { pool: self, _place: place, instance: Some(instance), sound: false })
    }

    /// Takes in an instance that was made elsewhere.
    pub(crate) fn put(&self, instance: Instance) {
        self.idle.lock().push(instance);
    }

    pub(crate) fn idle(&self) -> usize {
        self.idle.lock().len()
    }

    async fn make<F>(&self, deadline: Instant, fresh: impl FnOnce() -> F) -> Result<Instance, Fault>
    where
        F: Future<Output = Result<Instance, Fault>>,
    {
        self.check_pause()?;
        let made = timeout_at(deadline, fresh()).await.unwrap_or(Err(Fault::WallTime));
        self.learn(&made);
        made
    }

    fn check_pause(&self) -> Result<(), Fault> {
        match &*self.failing.lock() {
            Some(failing) if Instant::now() < failing.until => Err(failing.fault.clone()),
            _ => Ok(()),
        }
    }

    fn learn(&self, made: &Result<Instance, Fault>) {
        let mut failing = self.failing.lock();
        *failing = made.as_ref().err().map(|fault| {
            let pause = failing.as_ref().map_or(BACK_OFF_MIN, |before| before.pause * 2);
            let pause = pause.min(BACK_OFF_MAX);
            Failing { fault: fault.clone(), pause, until: Instant::now() + pause }
        });
    }
}

/// An instance that is taken out. Dropped before [`Lease::keep`], be it by a failure or because the
/// caller's future was dropped in the middle of the call, the instance is dropped with it: the
/// runtime cannot enter it again, and who knows what state its memory is in.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    // Before the place: nobody makes another instance while this one is still there.
    instance: Option<Instance>,
    _place: OwnedSemaphorePermit,
    sound: bool,
}

impl Lease<'_> {
    pub(crate) fn instance(&mut self) -> Result<&mut Instance, Fault> {
        self.instance.as_mut().ok_or(Fault::NoInstance)
    }

    /// The call ended well.
    pub(crate) fn keep(mut self) {
        self.sound = true;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.sound
            && let Some(instance) = self.instance.take()
            && !instance.is_worn()
        {
            self.pool.put(instance);
        }
    }
}
