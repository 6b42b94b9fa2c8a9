//! Starting the broker, in order: folder, files, ports, shards; then waiting for the end.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use theseus_config::{Config, Loaded};
use theseus_core::{Broker, ShardId};

use crate::clock::Clock;
use crate::listen::{self, BindError, Bound};
use crate::local::HandshakeLimits;
use crate::lock::{DataDir, LockError};
use crate::peers::Peers;
use crate::shard_thread::{self, Seed};
use crate::{file_limit, policy, settings, stop};

/// Why the broker did not start, or did not end well.
#[derive(Debug)]
pub(crate) enum StartError {
    Lock(LockError),
    Bind(BindError),
    System(io::Error),
    /// A shard ended by itself.
    Shard(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(error) => error.fmt(f),
            Self::Bind(error) => error.fmt(f),
            Self::System(error) => write!(f, "the system refused: {error}"),
            Self::Shard(error) => write!(f, "a shard ended by itself: {error}"),
        }
    }
}

impl Error for StartError {}

/// A running shard.
pub(crate) type Thread = JoinHandle<io::Result<()>>;

/// Runs the broker until it is told to stop.
pub(crate) fn run(loaded: &Loaded) -> Result<(), StartError> {
    let config = &loaded.config;
    let _data_dir = DataDir::claim(&config.data_dir).map_err(StartError::Lock)?;
    let shards = shard_count(config);
    let bound = bind_all(config, shards)?;
    greet(loaded, shards);
    for Bound { listener, .. } in &bound {
        tracing::info!("listening on {} (mqtt, tcp:{})", listener.address, listener.name);
    }
    let peers = Peers::new(shards);
    let broker = Broker::new(shards, policy::of(config), settings::limits(config));
    let threads = spawn_all(config, &broker, bound, &peers).map_err(StartError::System)?;
    stop::wait(config, &peers, threads)?;
    log_counters(&broker);
    Ok(())
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
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let shards = match config.node.shards {
        0 => cores(),
        shards => shards,
    };
    ShardId::try_from(shards).unwrap_or(ShardId::MAX)
}

fn bind_all(config: &Config, shards: ShardId) -> Result<Vec<Bound>, StartError> {
    let bind =
        |settings| listen::bind(settings, config.allows_anonymous(settings), usize::from(shards));
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
    if config.allow_anonymous {
        tracing::warn!("anyone may connect and do everything (allow_anonymous = true)");
    }
}

fn spawn_all(
    config: &Config,
    broker: &Arc<Broker>,
    bound: Vec<Bound>,
    peers: &Arc<Peers>,
) -> io::Result<Vec<Thread>> {
    let shards = broker.shards();
    let clock = Clock::start();
    let handshake = HandshakeLimits {
        timeout: config.mqtt.idle_timeout,
        connect_max: config.mqtt.max_connect_packet_size,
    };
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
        handshake,
        listeners,
    };
    (0..shards).zip(sockets).map(seed).map(shard_thread::spawn).collect()
}
