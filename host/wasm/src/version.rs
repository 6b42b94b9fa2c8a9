//! A ready version of a plugin: its code with settings and files, and instances that answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use theseus_acl::RuleSet;
use theseus_limit::Limit;
use theseus_policy::{Answer, Asking, Description, Fault, Question, Setup};
use tokio::time::{Instant, timeout_at};

use crate::bindings::interface::types::Limit as WrittenLimit;
use crate::bounds::Bounds;
use crate::code::Code;
use crate::fault::rejected;
use crate::health::Health;
use crate::instance::{Alive, Instance};
use crate::limit;
use crate::places::Places;
use crate::pool::{Lease, Pool};
use crate::rejection::Rejection;
use crate::rules::{self, WrittenSet};
use crate::voice::{Voice, shown};

/// One version of a plugin, started. What it runs with does not change.
pub struct Version {
    code: Code,
    setup: Arc<Setup>,
    bounds: Bounds,
    voice: Arc<Voice>,
    pool: Pool,
    alive: Arc<AtomicUsize>,
}

/// Why there is no fresh instance.
enum NotReady {
    Fault(&'static str, Fault),
    /// The plugin itself says what is wrong.
    Said(String),
}

impl Version {
    /// Makes the first instance and initializes it. Must be awaited within a tokio runtime with time.
    ///
    /// # Errors
    /// `init` fails, takes too long, or says what is wrong with the settings.
    pub async fn start(
        code: &Code,
        description: &Description,
        setup: Arc<Setup>,
    ) -> Result<Arc<Self>, Rejection> {
        let hits = setup.state.hits();
        let voice = Voice::new(&*description.name, description.version.to_string());
        let bounds = code.0.engine.bounds.with(&setup.budget);
        let version = Arc::new(Self {
            code: code.clone(),
            setup,
            bounds,
            voice: Arc::new(voice.counted_by(hits.clone())),
            pool: Pool::new(Places::new(bounds.instances, hits)),
            alive: Arc::default(),
        });
        let deadline = version.deadline();
        let first = timeout_at(deadline, version.fresh(deadline)).await;
        match first.unwrap_or(Err(NotReady::Fault("init", Fault::WallTime))) {
            Ok(instance) => version.pool.put(instance),
            Err(NotReady::Said(why)) => return Err(Rejection::said(&why)),
            Err(NotReady::Fault(call, fault)) => return Err(rejected(call, &fault)),
        }
        Ok(version)
    }

    /// The rules of the slot authz, compiled.
    ///
    /// # Errors
    /// It fails, takes too long, says what is wrong, or gives a rule that is none.
    pub async fn rule_sets(&self) -> Result<Vec<RuleSet>, Rejection> {
        let deadline = self.deadline();
        let said = timeout_at(deadline, self.ask_rule_sets(deadline)).await;
        let sets = said
            .unwrap_or(Err(Fault::WallTime))
            .map_err(|fault| rejected("rule-sets", &fault))?
            .map_err(|why| Rejection::said(&why))?;
        rules::compile_sets(sets).map_err(|why| Rejection::said(&why))
    }

    async fn ask_rule_sets(
        &self,
        deadline: Instant,
    ) -> Result<Result<Vec<WrittenSet>, String>, Fault> {
        let mut lease = self.lease(deadline).await?;
        let said = lease.instance()?.rule_sets().await?;
        lease.keep();
        Ok(said)
    }

    /// The limits for everybody of the slot limit, checked; at most 256.
    ///
    /// # Errors
    /// It fails, takes too long, says what is wrong, or gives a limit that is none.
    pub async fn global_limits(&self) -> Result<Vec<Limit>, Rejection> {
        let deadline = self.deadline();
        let said = timeout_at(deadline, self.ask_global_limits(deadline)).await;
        let limits = said
            .unwrap_or(Err(Fault::WallTime))
            .map_err(|fault| rejected("global-limits", &fault))?
            .map_err(|why| Rejection::said(&why))?;
        limit::limits(limits, limit::GLOBALS_MAX).map_err(|why| Rejection::said(&why))
    }

    async fn ask_global_limits(
        &self,
        deadline: Instant,
    ) -> Result<Result<Vec<WrittenLimit>, String>, Fault> {
        let mut lease = self.lease(deadline).await?;
        let said = lease.instance()?.global_limits().await?;
        lease.keep();
        Ok(said)
    }

    /// Has the plugin bring what its older versions kept, in schema `from`, into its own.
    ///
    /// # Errors
    /// It fails, takes too long, or says what is in the way.
    pub async fn migrate(&self, from: u32) -> Result<(), Rejection> {
        let deadline = self.deadline();
        let said = timeout_at(deadline, self.ask_to_migrate(from, deadline)).await;
        said.unwrap_or(Err(Fault::WallTime))
            .map_err(|fault| rejected("migrate", &fault))?
            .map_err(|why| Rejection::said(&format!("it cannot migrate from {from}: {why}")))
    }

    async fn ask_to_migrate(
        &self,
        from: u32,
        deadline: Instant,
    ) -> Result<Result<(), String>, Fault> {
        let mut lease = self.lease(deadline).await?;
        let said = lease.instance()?.migrate(from).await?;
        lease.keep();
        Ok(said)
    }

    /// Lets the plugin test itself.
    ///
    /// # Errors
    /// It fails, takes too long, or finds something wrong.
    pub async fn self_test(&self) -> Result<(), Rejection> {
        let deadline = self.deadline();
        let said = timeout_at(deadline, self.ask_self_test(deadline)).await;
        said.unwrap_or(Err(Fault::WallTime))
            .map_err(|fault| rejected("self-test", &fault))?
            .map_err(|why| Rejection::said(&format!("its self-test failed: {why}")))
    }

    async fn ask_self_test(&self, deadline: Instant) -> Result<Result<(), String>, Fault> {
        let mut lease = self.lease(deadline).await?;
        let said = lease.instance()?.self_test().await?;
        lease.keep();
        Ok(said)
    }

    /// How it is.
    pub fn health(&self) -> Health {
        Health { instances: self.alive.load(Ordering::Relaxed), idle: self.pool.idle() }
    }

    /// Its own counters, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.voice.counters()
    }

    async fn answer(&self, question: Question) -> Result<Answer, Fault> {
        let deadline = question.deadline(self.bounds.call_wall);
        let mut lease = self.lease(deadline).await?;
        let began = Instant::now();
        let asked = timeout_at(deadline, lease.instance()?.ask(&question)).await;
        let result = match asked {
            Ok(result) => result,
            Err(_) => Err(lease.instance()?.overdue(began.elapsed())),
        };
        if result.is_ok() {
            lease.keep();
        }
        result
    }

    async fn lease(&self, deadline: Instant) -> Result<Lease<'_>, Fault> {
        self.pool.take(deadline, || self.fresh_or_fault(deadline)).await
    }

    async fn fresh_or_fault(&self, deadline: Instant) -> Result<Instance, Fault> {
        self.fresh(deadline).await.map_err(|why| match why {
            NotReady::Fault(_, fault) => fault,
            NotReady::Said(why) => init_failed(&why),
        })
    }

    async fn fresh(&self, deadline: Instant) -> Result<Instance, NotReady> {
        let alive = Alive::count(&self.alive);
        let setup = Some(self.setup.clone());
        let made = Instance::new(&self.code.0, self.voice.clone(), setup, alive).await;
        let mut instance = made.map_err(|fault| NotReady::Fault("start", fault))?;
        let began = Instant::now();
        match timeout_at(deadline, instance.init()).await {
            Ok(Ok(Ok(()))) => Ok(instance),
            Ok(Ok(Err(why))) => Err(NotReady::Said(why)),
            Ok(Err(fault)) => Err(NotReady::Fault("init", fault)),
            Err(_) => Err(NotReady::Fault("init", instance.overdue(began.elapsed()))),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.bounds.call_wall
    }
}

/// It said yes the first time, with the same settings.
fn init_failed(why: &str) -> Fault {
    Fault::NotReady(shown(why))
}

impl theseus_policy::Version for Version {
    fn ask(&self, question: Question) -> Asking<'_> {
        Box::pin(self.answer(question))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").field("health", &self.health()).finish_non_exhaustive()
    }
}
