//! Starting the broker, in order: folder, files, ports, shards; then waiting for the end.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Instant;

use theseus_ban::Table as Bans;
use theseus_config::{Config, ConfigError, Loaded};
use theseus_core::{Broker, ShardId};
use theseus_limit::Buckets;
use theseus_native::{Ending, Loader};
use theseus_policy::{Hashing, Policies, States};
use theseus_reload::{Options, Pace, Reload};
use theseus_wasm::Engine;
use tokio::runtime::Runtime;

use crate::admin::{self, Admin};
use crate::clock::Clock;
use crate::feed::Feed;
use crate::listen::{self, BindError, Bound, Listener};
use crate::local::Shared;
use crate::lock::{DataDir, LockError};
use crate::logins::{self, Logins};
use crate::peers::Peers;
use crate::questions::Questions;
use crate::shard_thread::{self, Seed};
use crate::stop::Watchman;
use crate::telling::{self, Told};
use crate::{ctl, expiry, file_limit, first_user, native, policy, settings, system, tls};

/// Why the broker did not start, or did not end well.
#[derive(Debug)]
pub(crate) enum StartError {
    Lock(LockError),
    Bind(BindError),
    /// What a listener would show its clients does not do.
    Tls(ConfigError),
    /// `admin.bind` could not be had.
    Admin(String),
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
            Self::Tls(error) => error.fmt(f),
            Self::System(error) => write!(f, "the system refused: {error}"),
            Self::Engine(error) => write!(f, "plugins cannot be run here: {error}"),
            Self::Admin(error) | Self::Reload(error) => f.write_str(error),
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
    let bound = bind_all(&loaded, shards)?;
    let admin = config.admin.bind.map(admin::Bound::to).transpose().map_err(StartError::Admin)?;
    greet(&loaded, shards);
    let pool = policy_pool(&config).map_err(StartError::System)?;
    let broker_slot = Arc::new(OnceLock::new());
    let loader = native::loader(&config, pool.handle());
    // However this ends: no library is to blame for an error of ours.
    let ending = loader.until_end();
    let watchman = Watchman::new()?;
    let bans = Bans::new(settings::ban_bounds(&config.ban));
    let (policies, reload) =
        first_generation(loaded, &pool, loader.clone(), &bans, &bound, broker_slot.clone())?;
    let (logins, questions) = pooled(&config, &policies, &pool);
    let events = config.ban.max_pending_events;
    let feed = Feed::new(shards, events);
    let told = Arc::new(Told::default());
    pool.spawn(telling::run(feed.clone(), policies.clone(), told.clone(), events));
    let peers = Peers::new(shards);
    let buckets = Buckets::new(config.policy.max_limit_buckets);
    let policy = policy::of(&config, &policies);
    let broker = Broker::with_buckets(shards, policy, settings::limits(&config), buckets);
    let _ = broker_slot.set(broker.clone());
    let bound_to: Vec<_> = bound.iter().map(|it| it.listener.clone()).collect();
    let listeners = bound_to.iter().map(|l| format!("{} {}", l.title, l.address)).collect();
    let clock = Clock::start();
    let shared = Shared { peers, clock, logins, bans: bans.clone(), feed, questions };
    let threads = spawn_all(&config, &broker, bound, &shared).map_err(StartError::System)?;
    let (files, control) = (reload.view(), reload.control());
    let reload = reload.spawn().map_err(StartError::System)?;
    let sources = admin::Sources {
        broker: broker.clone(),
        policies,
        files: files.clone(),
        loader: loader.clone(),
        bans: bans.clone(),
        told: told.clone(),
        listeners: bound_to.clone(),
    };
    look_after_certificates(&pool, &bound_to);
    let _admin = serve_admin(admin, &pool, sources)?;
    let sources = ctl::Sources {
        broker: broker.clone(),
        files,
        control,
        loader: loader.clone(),
        bans: bans.clone(),
        peers: shared.peers.clone(),
        node: config.node.name.clone(),
        listeners,
        started,
    };
    let socket = open_socket(&config, &pool, sources);
    // Last, so that whoever has read it finds everything there.
    bound_to.iter().for_each(|listener| listener.announce());
    let ending = in_order(watchman.wait(&config, &shared.peers, threads, &loader), ending)?;
    drop(socket);
    reload.stop();
    drop(ending);
    log_counters(&broker, &bans, &told);
    // What still runs there waits for clients that are gone.
    pool.shutdown_background();
    Ok(())
}

/// When they expire, and what those who signed them say of them.
fn look_after_certificates(pool: &Runtime, bound: &[Arc<Listener>]) {
    pool.spawn(expiry::watch(bound.to_vec()));
    for listener in bound {
        if let Some(tls) = &listener.tls {
            pool.spawn(tls::keep(listener.title.clone(), tls.clone()));
        }
    }
}

/// A shard that ends by itself is an end without order, and what was new may be to blame.
fn in_order(stopped: Result<(), StartError>, ending: Ending) -> Result<Ending, StartError> {
    match stopped {
        Ok(()) => Ok(ending),
        Err(error) => {
            if matches!(error, StartError::Shard(_)) {
                ending.leave_marks();
            }
            Err(error)
        }
    }
}

/// Answers operators over HTTP, if they want that.
fn serve_admin(
    bound: Option<admin::Bound>,
    pool: &Runtime,
    sources: admin::Sources,
) -> Result<Option<Admin>, StartError> {
    let Some(bound) = bound else { return Ok(None) };
    tracing::info!("admin on http://{} (/metrics, /livez, /readyz)", bound.address);
    bound.serve(pool.handle(), sources).map(Some).map_err(StartError::System)
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

/// Where logins wait, and where packets do.
fn pooled(
    config: &Config,
    policies: &Arc<Policies>,
    pool: &Runtime,
) -> (Arc<Logins>, Arc<Questions>) {
    let policy = &config.policy;
    let (most, timeout) = (policy.max_pending_logins, policy.login_timeout);
    let logins = Logins::new(policies.clone(), pool.handle().clone(), most, timeout);
    let (most, timeout) = (policy.max_pending_questions, policy.authorize_timeout);
    let questions = Questions::new(policies.clone(), pool.handle().clone(), most, timeout);
    (logins, questions)
}

fn policy_pool(config: &Config) -> io::Result<Runtime> {
    logins::pool(or_cores(config.policy.threads), or_cores(config.policy.hash_threads))
}

/// Reads, compiles and checks all that the first generation is made of.
fn first_generation(
    loaded: Loaded,
    pool: &Runtime,
    loader: Arc<Loader>,
    bans: &Arc<Bans>,
    bound: &[Bound],
    broker: Arc<OnceLock<Arc<Broker>>>,
) -> Result<(Arc<Policies>, Reload), StartError> {
    let _early = Watchman::during_start(pool, &loader)?;
    let policy = &loaded.config.policy;
    let bounds = settings::plugin_bounds(policy);
    let cache = loaded.config.data_dir.join("cache");
    let engine =
        Engine::new(&cache, bounds).map_err(|error| StartError::Engine(error.to_string()))?;
    // Half of what a login may take: the rest of it needs time too.
    let wait_max = policy.login_timeout / 2;
    let hash_threads = or_cores(policy.hash_threads);
    let address = bound.first().map(|bound| bound.listener.address);
    let followers = tls::followers(&loaded.config, bound);
    let hashing = Hashing::new(hash_threads, policy.max_pending_hashes, wait_max);
    let states = States::new(policy.max_state_size, policy.max_plugin_buckets);
    Reload::first(Options {
        loaded,
        engine,
        loader,
        hashing,
        bans: bans.clone(),
        states,
        runtime: pool.handle().clone(),
        connections: Box::new(move || broker.get().map_or(0, |broker| broker.connections())),
        pace: Pace::default(),
        followers,
        first_user: Some(Box::new(move |path: &Path| first_user::create(path, address))),
    })
    .map_err(|error| StartError::Reload(error.to_string()))
}

/// What was counted, over all shards; until there is an endpoint to ask, the log has it.
fn log_counters(broker: &Broker, bans: &Bans, told: &Told) {
    let of_all: Vec<_> = (0..broker.shards()).map(|shard| broker.metrics(shard)).collect();
    for (index, (name, _)) in of_all[0].iter().enumerate() {
        let sum: u64 = of_all.iter().filter_map(|one| one.iter().nth(index)).map(|(_, n)| n).sum();
        if sum > 0 {
            tracing::debug!("counted {name}: {sum}");
        }
    }
    let told = told.iter().map(|(name, _, sum)| (name, sum));
    let of_bans = bans.counters().iter().map(|(name, _, sum)| (name, sum)).chain(told);
    for (name, sum) in of_bans.filter(|(_, sum)| *sum > 0) {
        tracing::debug!("counted {name}: {sum}");
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

fn bind_all(loaded: &Loaded, shards: ShardId) -> Result<Vec<Bound>, StartError> {
    let config = &loaded.config;
    let bind = |settings| {
        let tls = tls::of(loaded, settings).map_err(StartError::Tls)?.map(Arc::new);
        let mqtt = config.mqtt_of(settings);
        listen::bind(settings, mqtt, tls, usize::from(shards)).map_err(StartError::Bind)
    };
    config.listeners.iter().map(bind).collect()
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
    shared: &Shared,
) -> io::Result<Vec<Thread>> {
    let shards = broker.shards();
    system::announce(config, broker, shared.clock);
    let mut sockets: Vec<_> = (0..shards).map(|_| Vec::new()).collect();
    for Bound { listener, sockets: of_listener } in bound {
        for (shard, socket) in of_listener.into_iter().enumerate() {
            sockets[shard].push((listener.clone(), socket));
        }
    }
    let seed = |(id, listeners)| Seed {
        id,
        broker: broker.clone(),
        shared: shared.clone(),
        listeners,
        system: system::Settings::of(config),
    };
    (0..shards).zip(sockets).map(seed).map(shard_thread::spawn).collect()
}
