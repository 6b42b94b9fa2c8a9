//! The main thread after the start: it waits for a signal, gives the shards their common orders,
//! and ends the broker cleanly: wills first, then DISCONNECT 0x8B to everyone.

use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use theseus_config::Config;
use theseus_core::Time;
use theseus_mqtt::ReasonCode;
use theseus_native::Loader;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::local::{Link, Local};
use crate::moving::Move;
use crate::peers::{Order, Peers};
use crate::start::{StartError, Thread};

/// Connections have this long to take their last bytes before the process ends.
const GRACE: Duration = Duration::from_secs(2);

/// How often the main thread looks whether a shard has ended by itself.
const LOOK: Duration = Duration::from_millis(200);

/// What listens for SIGINT and SIGTERM from the moment it is made: whoever has read that the broker
/// listens may end it.
pub(crate) struct Watchman {
    runtime: Runtime,
    signals: Signals,
}

impl Watchman {
    pub(crate) fn new() -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::System)?;
        let signals = runtime.block_on(async { Signals::new() }).map_err(StartError::System)?;
        Ok(Self { runtime, signals })
    }

    /// Until what is returned is dropped, a signal ends the process at once, with nobody to be told: a start may
    /// take long.
    pub(crate) fn during_start(pool: &Runtime, loader: &Arc<Loader>) -> Result<Early, StartError> {
        let _context = pool.enter();
        let mut signals = Signals::new().map_err(StartError::System)?;
        let loader = loader.clone();
        let task = pool.spawn(async move {
            signals.any().await;
            loader.end();
            std::process::exit(0);
        });
        Ok(Early(task))
    }

    /// Waits for a signal, then stops the broker.
    pub(crate) fn wait(
        mut self,
        config: &Config,
        peers: &Arc<Peers>,
        threads: Vec<Thread>,
        loader: &Loader,
    ) -> Result<(), StartError> {
        self.runtime.block_on(async {
            self.signals.wait(config, peers, &threads).await;
            peers.give(Order::Stop(Stop::new(peers.len())));
            end(&mut self.signals, threads, loader).await
        })
    }
}

/// Ends the process at a signal, until it is dropped.
pub(crate) struct Early(JoinHandle<()>);

impl Drop for Early {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Waits for the shards; a second signal ends the process at once, though in order.
async fn end(
    signals: &mut Signals,
    threads: Vec<Thread>,
    loader: &Loader,
) -> Result<(), StartError> {
    while !threads.iter().all(Thread::is_finished) {
        if signals.within(Duration::from_millis(5)).await {
            loader.end();
            std::process::exit(130);
        }
    }
    threads.into_iter().try_for_each(|thread| match thread.join() {
        Ok(result) => result.map_err(StartError::System),
        Err(_) => Err(StartError::Shard("it panicked".to_owned())),
    })?;
    tracing::info!("stopped");
    Ok(())
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    async fn any(&mut self) {
        std::future::poll_fn(|cx| {
            let came =
                self.terminate.poll_recv(cx).is_ready() || self.interrupt.poll_recv(cx).is_ready();
            if came { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    /// True if a signal came within `span`.
    async fn within(&mut self, span: Duration) -> bool {
        tokio::time::timeout(span, self.any()).await.is_ok()
    }

    /// Returns at a signal, or when a shard has ended by itself.
    async fn wait(&mut self, config: &Config, peers: &Peers, threads: &[Thread]) {
        let moves = config.testing.move_connections_every;
        let (mut round, mut moved) = (0, 0);
        while !threads.iter().any(Thread::is_finished) && !self.within(moves.unwrap_or(LOOK)).await
        {
            if moves.is_some() && peers.len() > 1 {
                round += 1;
                moved += u32::from(Move::carry_out_once(peers, round).await);
            }
        }
        if moves.is_some() {
            tracing::info!("moved {moved} live connections between shards");
        }
        tracing::info!("stopping: wills are sent, clients are told");
    }
}

/// The order to stop, carried out by all shards together.
pub(crate) struct Stop {
    /// Every will has been handed to the inboxes of those who get it.
    wills_sent: Barrier,
}

/// A shard that has told its clients and waits for the last bytes to leave.
pub(crate) struct Stopping {
    until: Time,
}

impl Stop {
    fn new(shards: usize) -> Arc<Self> {
        Arc::new(Self { wills_sent: Barrier::new(shards) })
    }

    /// One shard's part. Blocking here is fine: nobody is served any more.
    pub(crate) fn carry_out(&self, local: &Rc<Local>) -> Stopping {
        let now = local.clock.now();
        let mut state = local.state.borrow_mut();
        state.shard.publish_all_wills(now);
        state.shard.post().for_each(drop);
        self.wills_sent.wait();
        let until = now.after(GRACE);
        while local.clock.now() < until && state.shard.work(now) {}
        // What is queued goes out before the DISCONNECT.
        state.flush(now);
        state.shard.close_all(now, ReasonCode::ServerShuttingDown);
        Stopping { until }
    }
}

impl Stopping {
    /// True once every client has taken its last bytes, or had the time to.
    pub(crate) fn is_done(&self, local: &Local) -> bool {
        let state = local.state.borrow();
        // What says goodbye below MQTT does so when all packets are written.
        let is_over = |link: &Link| link.shut || link.broken || !link.wire.has_goodbyes();
        state.links.iter().all(|(key, link)| state.shard.is_finished(key) && is_over(link))
            || local.clock.now() >= self.until
    }
}
