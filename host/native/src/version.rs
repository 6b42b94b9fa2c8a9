//! A ready version: the library with settings and files, and instances that answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use theseus_abi::function;
use theseus_acl::RuleSet;
use theseus_limit::Limit;
use theseus_policy::{Answer, Asking, Fault, Question, Setup};
use theseus_wasm::{Bounds, Health, Interface, Places, Rejection, Voice, encoded, rejected};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout_at;

use crate::back_off::BackOff;
use crate::instance::{Asked, Body, Instance, Maker};

/// One version of a native plugin, started. What it runs with does not change.
pub struct Version(Arc<Inner>);

struct Inner {
    maker: Maker,
    interface: Interface,
    wall: Duration,
    hanging_max: usize,
    places: Places,
    idle: Mutex<Vec<Instance>>,
    /// Fresh instances fail.
    births: BackOff,
    /// Calls do not come back.
    breaker: BackOff,
}

/// How long nobody makes another instance after one failed to start.
const BIRTH_PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How long nobody asks after a call that did not come back: the next may cost another thread.
const HANG_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Instances of a version whose library is in processes: each costs some megabytes.
const PROCESSES_MAX: usize = 8;

/// How long a call that began with all its time may take to say what became of it.
const GRACE: Duration = Duration::from_millis(50);

/// Why there is no fresh instance.
enum NotReady {
    Fault(Fault),
    /// The plugin itself says what is wrong.
    Said(Rejection),
}

impl Version {
    pub(crate) async fn start(
        body: Body,
        interface: Interface,
        voice: Arc<Voice>,
        setup: Arc<Setup>,
        bounds: Bounds,
        hanging_max: usize,
        runtime: Handle,
    ) -> Result<Self, Rejection> {
        let places = match body {
            Body::Here(_) => bounds.instances,
            Body::Process { .. } => bounds.instances.min(PROCESSES_MAX),
        };
        let (hanging, alive) = (Arc::default(), Arc::default());
        let places = Places::new(places, setup.state.hits());
        let inner = Arc::new(Inner {
            maker: Maker { body, voice, setup: Some(setup), runtime, hanging, alive },
            interface,
            wall: bounds.call_wall,
            hanging_max: hanging_max.max(1),
            places,
            idle: Mutex::default(),
            births: BackOff::new(BIRTH_PAUSES.0, BIRTH_PAUSES.1),
            breaker: BackOff::new(HANG_PAUSES.0, HANG_PAUSES.1),
        });
        match inner.fresh(Instant::now() + inner.wall).await {
            Ok(instance) => inner.idle.lock().push(instance),
            Err(NotReady::Said(rejection)) => return Err(rejection),
            Err(NotReady::Fault(fault)) => return Err(rejected("init", &fault)),
        }
        Ok(Self(inner))
    }

    /// The rules of the slot authz, compiled.
    ///
    /// # Errors
    /// It fails, takes too long, says what is wrong, or gives a rule that is none.
    pub async fn rule_sets(&self) -> Result<Vec<RuleSet>, Rejection> {
        encoded::rule_sets(&self.at_start("rule-sets", function::RULE_SETS).await?)
    }

    /// The limits for everybody of the slot limit, checked; at most 256.
    ///
    /// # Errors
    /// It fails, takes too long, says what is wrong, or gives a limit that is none.
    pub async fn global_limits(&self) -> Result<Vec<Limit>, Rejection> {
        encoded::global_limits(&self.at_start("global-limits", function::GLOBAL_LIMITS).await?)
    }

    /// Has the plugin bring what its older versions kept, in schema `from`, into its own.
    ///
    /// # Errors
    /// It fails, takes too long, or says what is in the way.
    pub async fn migrate(&self, from: u32) -> Result<(), Rejection> {
        let request = theseus_abi::encode(&(from,));
        let reply = self.at_start_with("migrate", function::MIGRATE, request).await?;
        encoded::migrated(from, &reply)
    }

    /// Lets the plugin test itself.
    ///
    /// # Errors
    /// It fails, takes too long, or finds something wrong.
    pub async fn self_test(&self) -> Result<(), Rejection> {
        encoded::tested(&self.at_start("self-test", function::SELF_TEST).await?)
    }

    async fn at_start(&self, call: &str, function: u32) -> Result<Vec<u8>, Rejection> {
        self.at_start_with(call, function, Vec::new()).await
    }

    async fn at_start_with(
        &self,
        call: &str,
        function: u32,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, Rejection> {
        let deadline = Instant::now() + self.0.wall;
        let asked = Asked { function, request, who: None, deadline };
        self.0.clone().ask(asked).await.map_err(|fault| rejected(call, &fault))
    }

    /// How it is.
    pub fn health(&self) -> Health {
        let instances = self.0.maker.alive.load(Ordering::Relaxed);
        Health { instances, idle: self.0.idle.lock().len() }
    }

    /// Calls that are overdue and have not come back: each has a thread to itself.
    pub fn hanging(&self) -> usize {
        self.0.maker.hanging.load(Ordering::Relaxed)
    }

    /// Its own counters, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.0.maker.voice.counters()
    }
}

impl theseus_policy::Version for Version {
    fn ask(&self, question: Question) -> Asking<'_> {
        Box::pin(self.0.clone().answer(question))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").field("health", &self.health()).finish_non_exhaustive()
    }
}

impl Inner {
    async fn answer(self: Arc<Self>, question: Question) -> Result<Answer, Fault> {
        let deadline = question.deadline(self.wall).into_std();
        let (function, request) = encoded::request(&question, self.interface)?;
        let who = question.who.clone();
        let reply = self.ask(Asked { function, request, who, deadline }).await?;
        encoded::answer(&question, &reply)
    }

    /// Who waits for a place, or for the answer, may go away. A call that has begun goes on for as long as any
    /// may take, and keeps its place: a library cannot be interrupted, and only one that takes longer hangs.
    async fn ask(self: Arc<Self>, asked: Asked) -> Result<Vec<u8>, Fault> {
        self.check_breaker()?;
        let (until, time) = (asked.deadline, left(asked.deadline));
        let place = self.places.take(until.into()).await?;
        // Whoever had the place until now may be why nobody asks it any more.
        self.check_breaker()?;
        // It would have too little time, because of others.
        if left(until) * 2 < time {
            return Err(Fault::NoInstance);
        }
        let inner = self.clone();
        let call = self.maker.runtime.spawn(async move { inner.call(asked, place).await });
        match timeout_at((until + GRACE).into(), call).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Fault::Trap("the broker's own code panicked".into())),
            Err(_) => Err(Fault::WallTime),
        }
    }

    async fn call(&self, asked: Asked, _place: OwnedSemaphorePermit) -> Result<Vec<u8>, Fault> {
        let idle = self.idle.lock().pop();
        let instance = match idle {
            Some(instance) => instance,
            None => self.make().await?,
        };
        let deadline = Instant::now() + self.wall;
        let result = instance.call(Asked { deadline, ..asked }).await;
        match &result {
            Ok(_) => self.breaker.worked(),
            Err(Fault::WallTime) => self.overdue(),
            Err(_) => {}
        }
        if !instance.is_over() {
            self.idle.lock().push(instance);
        }
        result
    }

    fn overdue(&self) {
        self.breaker.failed();
        let hanging = self.maker.hanging.load(Ordering::Relaxed);
        if hanging > 0 {
            let voice = &self.maker.voice;
            tracing::warn!(
                "{voice}: a call is overdue; {hanging} of its calls hang, each with a thread"
            );
        }
    }

    fn check_breaker(&self) -> Result<(), Fault> {
        if let Some(left) = self.breaker.closed_for() {
            let seconds = left.as_secs() + 1;
            let why = format!("a call did not come back; it is asked again in {seconds} s");
            return Err(Fault::Trap(why));
        }
        let hanging = self.maker.hanging.load(Ordering::Relaxed);
        if hanging >= self.hanging_max {
            let why = format!("{hanging} calls have not come back (policy.max_hanging_calls)");
            return Err(Fault::Trap(why));
        }
        Ok(())
    }

    async fn make(&self) -> Result<Instance, Fault> {
        if self.births.closed_for().is_some() {
            return Err(Fault::NotReady("fresh instances of it fail".to_owned()));
        }
        let made = self.fresh(Instant::now() + self.wall).await;
        match &made {
            Ok(_) => self.births.worked(),
            Err(_) => self.births.failed(),
        }
        made.map_err(|why| match why {
            NotReady::Fault(fault) => fault,
            NotReady::Said(why) => Fault::NotReady(format!("`init` of a further instance: {why}")),
        })
    }

    async fn fresh(&self, deadline: Instant) -> Result<Instance, NotReady> {
        let no_thread =
            |error| NotReady::Fault(Fault::NotReady(format!("no thread for it: {error}")));
        let instance = self.maker.make().map_err(no_thread)?;
        let asked = Asked { function: function::INIT, request: Vec::new(), who: None, deadline };
        let said = instance.call(asked).await.map_err(NotReady::Fault)?;
        encoded::initialized(&said).map_err(NotReady::Said)?;
        Ok(instance)
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
