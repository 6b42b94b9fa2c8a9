//! The policy pool: where logins wait for their chain, off the shards (invariant 3).
//! Bounded in number and in time; a question whose client is gone is dropped.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use theseus_core::{Challenge, Grant, Policy as _, Revalidation};
use theseus_mqtt::ReasonCode;
use theseus_policy::{
    Admitted, Challenger, Checked, Decided, FAILED_LOGINS, FAILED_REVALIDATIONS, Login, Policies,
    Progress, Refusal,
};
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

use crate::places::Places;

/// The threads of the pool, as wished for by the scheduler: behind the shards, but never starved.
const NICENESS: i32 = 5;

/// Starts the pool with `threads` threads, and as many for hashing passwords as are ever asked for
/// at once.
pub(crate) fn pool(threads: usize, hash_threads: usize) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(hash_threads + SPARE_THREADS)
        .thread_name("policy")
        .on_thread_start(|| step_back(NICENESS))
        .enable_all()
        .build()
}

/// Blocking threads beside those for hashing, for what else needs one.
const SPARE_THREADS: usize = 2;

/// Lowers the priority of the calling thread. Where that is not allowed it stays as it is.
fn step_back(by: i32) {
    let _ = rustix::process::setpriority_process(None, by);
}

/// Where the handshakes of all shards ask.
pub(crate) struct Logins {
    policies: Arc<Policies>,
    pool: Handle,
    timeout: Duration,
    places: Places,
}

impl Logins {
    /// At most `pending_max` logins (`policy.max_pending_logins`) wait, each for at most `timeout`
    /// (`policy.login_timeout`).
    pub(crate) fn new(
        policies: Arc<Policies>,
        pool: Handle,
        pending_max: usize,
        timeout: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { policies, pool, timeout, places: Places::new(pending_max) })
    }

    /// Decides whether a client comes in. Dropping the future drops the question.
    pub(crate) async fn decide(&self, login: &Arc<Login>) -> Result<Progress, Refusal> {
        // Where nobody is to be asked, no other thread is needed.
        if let Some(decided) = self.policies.login_at_once(login) {
            return announce(login, decided);
        }
        self.wait_for(login, self.policies.login(login.clone(), self.timeout)).await
    }

    /// Asks who challenged a client with its answer; in all else as [`Logins::decide`].
    pub(crate) async fn proceed(
        &self,
        login: &Arc<Login>,
        challenger: Challenger,
        challenge: Challenge,
        data: Box<[u8]>,
    ) -> Result<Progress, Refusal> {
        self.wait_for(login, challenger.proceed(login.clone(), challenge, data, self.timeout)).await
    }

    /// Asks for the limits of a client that is let in; in all else as [`Logins::decide`].
    pub(crate) async fn give_limits(
        &self,
        login: &Arc<Login>,
        admitted: Admitted,
    ) -> Result<Progress, Refusal> {
        if !self.policies.gives_limits() {
            return Ok(Progress::Admitted(admitted));
        }
        self.wait_for(login, self.policies.limits_for(login.clone(), admitted, self.timeout)).await
    }

    /// Whom to ask about a challenge of which only the data is left.
    pub(crate) fn challenger(&self, login: &Login, challenge: &Challenge) -> Option<Challenger> {
        self.policies.challenger(&login.listener, &challenge.by)
    }

    /// Asks the plugins of the slot ban whether a client must not connect; how many failed.
    pub(crate) async fn check(&self, login: &Arc<Login>) -> Result<u64, Refusal> {
        if !self.policies.watches() {
            return Ok(0);
        }
        let Checked { refusal, failed } =
            self.wait(login, self.policies.check_bans(login.clone(), self.timeout)).await?;
        refusal.map_or(Ok(failed), Err)
    }

    /// Asks whether a connected client with this grant may stay, for as long as a login may take. The core
    /// bounds how many are asked at the same time (`policy.max_revalidations`).
    pub(crate) async fn revalidate(&self, who: &Arc<Login>, grant: Arc<Grant>) -> Revalidation {
        let asked = Called::on(&self.pool, self.policies.revalidate(who.clone(), grant));
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Some(said)) => said,
            Ok(None) | Err(_) => {
                let client = who.shown_id();
                FAILED_REVALIDATIONS.warn(format_args!(
                    "client \"{client}\": nobody can say whether it may stay: no answer in \
                     policy.login_timeout"
                ));
                Revalidation::Failed(ReasonCode::ServerUnavailable)
            }
        }
    }

    async fn wait_for(
        &self,
        login: &Arc<Login>,
        asking: impl Future<Output = Decided> + Send + 'static,
    ) -> Result<Progress, Refusal> {
        announce(login, self.wait(login, asking).await?)
    }

    async fn wait<T: Send + 'static>(
        &self,
        login: &Login,
        asking: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let Some(_place) = self.places.take() else {
            tracing::debug!("a login refused: policy.max_pending_logins wait already");
            return Err(ReasonCode::ServerBusy.into());
        };
        let asked = Called::on(&self.pool, asking);
        // A little longer: who took all of the time is named by the one who waited for it.
        let patience = self.timeout + self.timeout / 10;
        match tokio::time::timeout(patience, asked).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => {
                tracing::error!("client \"{}\" refused: its login panicked", login.shown_id());
                Err(ReasonCode::ServerUnavailable.into())
            }
            Err(_) => {
                let client = login.shown_id();
                FAILED_LOGINS.warn(format_args!(
                    "client \"{client}\" refused: no answer in policy.login_timeout"
                ));
                Err(ReasonCode::ServerUnavailable.into())
            }
        }
    }
}

fn announce(login: &Login, decided: Decided) -> Result<Progress, Refusal> {
    let Decided { generation, by, outcome } = decided;
    let client = login.shown_id();
    match &outcome {
        Ok(Progress::Admitted(_)) => {
            tracing::debug!("client \"{client}\" let in by {by}, generation {generation}");
        }
        Ok(Progress::Challenged(_)) => {
            tracing::debug!("client \"{client}\" challenged by {by}, generation {generation}");
        }
        Err(refusal) => {
            let reason = refusal.reason;
            tracing::debug!(
                "client \"{client}\" refused by {by}, generation {generation}: {reason}"
            );
        }
    }
    outcome
}

/// A question on its way to the pool; it is not asked any further once this is dropped.
pub(crate) struct Called<T>(JoinHandle<T>);

impl<T: Send + 'static> Called<T> {
    /// Begins to ask.
    pub(crate) fn on(pool: &Handle, asking: impl Future<Output = T> + Send + 'static) -> Self {
        Self(pool.spawn(asking))
    }
}

/// `None` if what was asked panicked.
impl<T> Future for Called<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

impl<T> Drop for Called<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
