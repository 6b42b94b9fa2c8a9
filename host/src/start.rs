//! Starting the broker, in order: folder, files, ports, shards; then waiting for the end.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use theseus_config::{Config, Loaded};
use theseus_core::{Broker, ShardId};
use theseus_policy::{Hashing, Policies};
use theseus_reload::{Options, Pace, Reload};
use theseus_wasm::Engine;
use tokio::runtime::Runtime;

use crate::clock::Clock;
use crate::listen::{self, BindError, Bound};
use crate::lock::{DataDir, LockError};
use crate::logins::{self, Logins};
use crate::peers::Peers;
use crate::shard_thread::{self, Seed};
use crate::stop::Watchman;
use crate::{ctl, file_limit, first_user, policy, settings, system};

/// Why the broker did not start, or did not end well.
#[derive(Debug)]
pub(crate) enum StartError {
    Lock(LockError),
    Bind(BindError),
    System(io::Error),
    /// Plugins cannot be run here.
    Engine(String),
    /// The first generation could not be made.
    Reload(String),
    /// A shard ended by itself.
    Shard(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(error) => error.fmt(f),
            Self::Bind(error) => error.fmt(f),
            Self::System(error) => write!(f, "the system refused: {error}"),
            Self::Engine(error) => write!(f, "plugins cannot be run here: {error}"),
            Self::Reload(error) => f.write_str(error),
            Self::Shard(error) => write!(f, "a shard ended by itself: {error}"),
        }
    }
}

impl Error for StartError {}

/// A running shard.
pub(crate) type Thread = JoinHandle<io::Result<()>>;

/// Runs the broker until it is told to stop.
pub(crate) fn run(loaded: Loaded) -> Result<(), StartError> {
    let started = Instant::now();
    let config = loaded.config.clone();
    let _data_dir = DataDir::claim(&config.data_dir).map_err(StartError::Lock)?;
    let shards = shard_count(&config);
    // Before anything is compiled or made: who cannot have the port should hear of it at once.
    let bound = bind_all(&config, shards)?;
    greet(&loaded, shards);
    let pool = policy_pool(&config).map_err(StartError::System)?;
    let address = bound.first().map(|bound| bound.listener.address);
    let broker_slot = Arc::new(OnceLock::new());
    let (policies, reload) = first_generation(loaded, &pool, address, broker_slot.clone())?;
    let logins = Logins::new(
        policies.clone(),
        pool.handle().clone(),
        config.policy.max_pending_logins,
        config.policy.login_timeout,
    );
    let peers = Peers::new(shards);
    let broker = Broker::new(shards, policy::of(&config, &policies), settings::limits(&config));
    let _ = broker_slot.set(broker.clone());
    let watchman = Watchman::new()?;
    for Bound { listener, .. } in &bound {
        tracing::info!("listening on {} (mqtt, {})", listener.address, listener.title);
    }
    let listeners = bound
        .iter()
        .map(|Bound { listener: l, .. }| format!("{} {}", l.title, l.address))
        .collect();
    let threads =
        spawn_all(&config, &broker, bound, &peers, &logins).map_err(StartError::System)?;
    let files = reload.view();
    let reload = reload.spawn().map_err(StartError::System)?;
    let node = config.node.name.clone();
    let sources = ctl::Sources { broker: broker.clone(), files, node, listeners, started };
    let socket = open_socket(&config, &pool, sources);
    watchman.wait(&config, &peers, threads)?;
    drop(socket);
    reload.stop();
    log_counters(&broker);
    // What still runs there waits for clients that are gone.
    pool.shutdown_background();
    Ok(())
}

/// Without the socket the broker does all its work; nobody can ask it how, though.
fn open_socket(config: &Config, pool: &Runtime, sources: ctl::Sources) -> Option<ctl::Socket> {
    let opened = ctl::Socket::open(&config.data_dir, pool.handle(), sources);
    let folder = config.data_dir.display();
    let problem = |error| {
        tracing::error!(
            "`theseus ctl` cannot be answered: no socket in `{folder}` (data_dir; its path may be \
             too long for one): {error}"
        );
    };
    opened.map_err(problem).ok()
}

fn policy_pool(config: &Config) -> io::Result<Runtime> {
    logins::pool(or_cores(config.policy.threads), or_cores(config.policy.hash_threads))
}

/// Reads, compiles and checks all that the first generation is made of.
fn first_generation(
    loaded: Loaded,
    pool: &Runtime,
    address: Option<SocketAddr>,
    broker: Arc<OnceLock<Arc<Broker>>>,
) -> Result<(Arc<Policies>, Reload), StartError> {
    let policy = &loaded.config.policy;
    let bounds = settings::plugin_bounds(policy);
    let cache = loaded.config.data_dir.join("cache");
    let engine =
        Engine::new(&cache, bounds).map_err(|error| StartError::Engine(error.to_string()))?;
    // Half of what a login may take: the rest of it needs time too.
    let wait_max = policy.login_timeout / 2;
    let hash_threads = or_cores(policy.hash_threads);
    let hashing = Hashing::new(hash_threads, policy.max_pending_hashes, wait_max);
    Reload::first(Options {
        loaded,
        engine,
        hashing,
        runtime: pool.handle().clone(),
        connections: Box::new(move || broker.get().map_or(0, |broker| broker.connections())),
        pace: Pace::default(),
        first_user: Some(Box::new(move |path: &Path| first_user::create(path, address))),
    })
    .map_err(|error| StartError::Reload(error.to_string()))
}

/// What was counted, over all shards; until there is an endpoint to ask, the log has it.
fn log_counters(broker: &Broker) {
    let of_all: Vec<_> = (0..broker.shards()).map(|shard| broker.metrics(shard)).collect();
    for (index, (name, _)) in of_all[0].iter().enumerate() {
        let sum: u64 = of_all.iter().filter_map(|one| one.iter().nth(index)).map(|(_, n)| n).sum();
        if sum > 0 {
            tracing::debug!("counted {name}: {sum}");
        }
    }
}

fn shard_count(config: &Config) -> ShardId {
    ShardId::try_from(or_cores(config.node.shards)).unwrap_or(ShardId::MAX)
}

/// A count of threads, where 0 means one for each core.
fn or_cores(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

fn bind_all(config: &Config, shards: ShardId) -> Result<Vec<Bound>, StartError> {
    let bind = |settings| {
        let handshake = settings::handshake(config.mqtt_of(settings));
        listen::bind(settings, handshake, usize::from(shards))
    };
    config.listeners.iter().map(bind).collect::<Result<_, _>>().map_err(StartError::Bind)
}

/// What a person wants to know, and no more.
fn greet(loaded: &Loaded, shards: ShardId) {
    let config = &loaded.config;
    let source = loaded.path.as_ref().map_or("no file".into(), |path| path.to_string_lossy());
    let version = env!("CARGO_PKG_VERSION");
    tracing::info!("theseus {version} ({}), configuration: {source}", config.node.name);
    let (before, after) = file_limit::raise();
    let raised = if after > before { format!(", raised from {before}") } else { String::new() };
    tracing::info!("{shards} shards, at most {after} open files{raised}");
    for listener in config.listeners.iter().filter(|one| config.allows_anonymous(one)) {
        let title = listener.title();
        tracing::warn!("{title}: anyone may connect without saying who it is (allow_anonymous)");
    }
}

fn spawn_all(
    config: &Config,
    broker: &Arc<Broker>,
    bound: Vec<Bound>,
    peers: &Arc<Peers>,
    logins: &Arc<Logins>,
) -> io::Result<Vec<Thread>> {
    let shards = broker.shards();
    let clock = Clock::start();
    system::announce(config, broker, clock);
    let mut sockets: Vec<_> = (0..shards).map(|_| Vec::new()).collect();
    for Bound { listener, sockets: of_listener } in bound {
        for (shard, socket) in of_listener.into_iter().enumerate() {
            sockets[shard].push((listener.clone(), socket));
        }
    }
    let seed = |(id, listeners)| Seed {
        id,
        broker: broker.clone(),
        peers: peers.clone(),
        clock,
        logins: logins.clone(),
        listeners,
        system: system::Settings::of(config),
    };
    (0..shards).zip(sockets).map(seed).map(shard_thread::spawn).collect()
}
