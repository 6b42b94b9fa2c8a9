//! A ready version of a plugin: its code with settings and files, and instances that answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use theseus_acl::RuleSet;
use theseus_policy::{Answer, Answering, Authenticator, Description, Fault, Login, Setup};
use tokio::time::{Instant, timeout_at};

use crate::code::Code;
use crate::fault::rejected;
use crate::instance::{Alive, Instance, Question};
use crate::pool::{Lease, Pool};
use crate::rejection::Rejection;
use crate::rules::{self, WrittenSet};
use crate::tally::{Health, Tally};
use crate::voice::{Voice, shown};

/// One version of a plugin, started. What it runs with does not change.
pub struct Version {
    code: Code,
    setup: Arc<Setup>,
    voice: Arc<Voice>,
    pool: Pool,
    alive: Arc<AtomicUsize>,
    tally: Tally,
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
        let voice = Voice::new(&*description.name, description.version.to_string());
        let version = Arc::new(Self {
            code: code.clone(),
            setup,
            voice: Arc::new(voice),
            pool: Pool::new(code.0.engine.bounds.instances),
            alive: Arc::default(),
            tally: Tally::default(),
        });
        let first = timeout_at(version.deadline(), version.fresh()).await;
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
        self.tally.health(self.alive.load(Ordering::Relaxed), self.pool.idle())
    }

    /// Its own counters, by name.
    pub fn counters(&self) -> Vec<(String, u64)> {
        self.voice.counters()
    }

    async fn judge(&self, login: &Arc<Login>, question: Question<'_>) -> Result<Answer, Fault> {
        let began = Instant::now();
        let deadline = began + self.code.0.engine.bounds.call_wall;
        let result = self.ask(login, question, deadline).await;
        self.tally.count(&result, began.elapsed());
        result
    }

    async fn ask(
        &self,
        login: &Arc<Login>,
        question: Question<'_>,
        deadline: Instant,
    ) -> Result<Answer, Fault> {
        let mut lease = self.lease(deadline).await?;
        let asked = timeout_at(deadline, lease.instance()?.ask(login, question)).await;
        let result = asked.unwrap_or(Err(Fault::WallTime));
        if result.is_ok() {
            lease.keep();
        }
        result
    }

    async fn lease(&self, deadline: Instant) -> Result<Lease<'_>, Fault> {
        self.pool.take(deadline, || self.fresh_or_fault()).await
    }

    async fn fresh_or_fault(&self) -> Result<Instance, Fault> {
        self.fresh().await.map_err(|why| match why {
            NotReady::Fault(_, fault) => fault,
            NotReady::Said(why) => init_failed(&why),
        })
    }

    async fn fresh(&self) -> Result<Instance, NotReady> {
        let alive = Alive::count(&self.alive);
        let setup = Some(self.setup.clone());
        let made = Instance::new(&self.code.0, self.voice.clone(), setup, alive).await;
        let mut instance = made.map_err(|fault| NotReady::Fault("start", fault))?;
        match instance.init().await {
            Ok(Ok(())) => Ok(instance),
            Ok(Err(why)) => Err(NotReady::Said(why)),
            Err(fault) => Err(NotReady::Fault("init", fault)),
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.code.0.engine.bounds.call_wall
    }
}

/// It said yes the first time, with the same settings.
fn init_failed(why: &str) -> Fault {
    Fault::Invalid(format!("`init` of a further instance: {}", shown(why)))
}

impl Authenticator for Version {
    fn authenticate<'a>(&'a self, login: &'a Arc<Login>) -> Answering<'a> {
        Box::pin(self.judge(login, Question::Login))
    }

    fn proceed<'a>(
        &'a self,
        login: &'a Arc<Login>,
        state: &'a [u8],
        data: &'a [u8],
    ) -> Answering<'a> {
        Box::pin(self.judge(login, Question::Answer { state, data }))
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").field("health", &self.health()).finish_non_exhaustive()
    }
}
