//! The policy pool: where logins wait for their chain, off the shards (invariant 3).
//! Bounded in number and in time; a question whose client is gone is dropped.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use theseus_core::Challenge;
use theseus_mqtt::ReasonCode;
use theseus_policy::{Challenger, Decided, FAILED_LOGINS, Login, Policies, Progress, Refusal};
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;

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
    pending: AtomicUsize,
    pending_max: usize,
}

impl Logins {
    /// At most `pending_max` logins (`policy.max_pending_logins`) wait, each for at most `timeout`
    /// (`policy.login_timeout`) and a little longer: a plugin that took all of it ends by itself,
    /// and then the log can name it.
    pub(crate) fn new(
        policies: Arc<Policies>,
        pool: Handle,
        pending_max: usize,
        timeout: Duration,
    ) -> Arc<Self> {
        let timeout = timeout + timeout / 10;
        Arc::new(Self { policies, pool, timeout, pending: AtomicUsize::new(0), pending_max })
    }

    /// Decides whether a client comes in. Dropping the future drops the question.
    pub(crate) async fn decide(&self, login: &Arc<Login>) -> Result<Progress, Refusal> {
        // Where nobody is to be asked, no other thread is needed.
        if let Some(decided) = self.policies.login_at_once(login) {
            return announce(login, decided);
        }
        self.wait_for(login, self.policies.login(login.clone())).await
    }

    /// Asks who challenged a client with its answer; in all else as [`Logins::decide`].
    pub(crate) async fn proceed(
        &self,
        login: &Arc<Login>,
        challenger: Challenger,
        challenge: Challenge,
        data: Box<[u8]>,
    ) -> Result<Progress, Refusal> {
        self.wait_for(login, challenger.proceed(login.clone(), challenge, data)).await
    }

    /// Whom to ask about a challenge of which only the data is left.
    pub(crate) fn challenger(&self, login: &Login, challenge: &Challenge) -> Option<Challenger> {
        self.policies.challenger(&login.listener, &challenge.by)
    }

    async fn wait_for(
        &self,
        login: &Arc<Login>,
        asking: impl Future<Output = Decided> + Send + 'static,
    ) -> Result<Progress, Refusal> {
        let Some(_place) = Place::take(self) else {
            tracing::debug!("a login refused: policy.max_pending_logins wait already");
            return Err(ReasonCode::ServerBusy.into());
        };
        let asked = Asked(self.pool.spawn(asking));
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Some(decided)) => announce(login, decided),
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

/// A question on its way; it is not asked any further once this is dropped.
struct Asked(JoinHandle<Decided>);

impl Future for Asked {
    type Output = Option<Decided>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A place among the logins that wait.
struct Place<'a>(&'a Logins);

impl<'a> Place<'a> {
    fn take(logins: &'a Logins) -> Option<Self> {
        let place = Self(logins);
        let before = logins.pending.fetch_add(1, Ordering::Relaxed);
        (before < logins.pending_max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}
