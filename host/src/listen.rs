//! Listening sockets: one per shard with `SO_REUSEPORT`, or one that all shards accept from.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use theseus_config::{Listener as Settings, Mqtt};
use theseus_websocket::Rules;

use crate::proxy::Proxy;
use crate::settings::handshake;
use crate::tls::Tls;

/// A listener of the configuration, bound.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listener: Arc<Listener>,
    /// One socket per shard.
    pub(crate) sockets: Vec<TcpListener>,
}

/// What all connections of a listener share.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// As plugins and rules know it: `tcp:NAME`, `ssl:NAME` and so on.
    pub(crate) title: Box<str>,
    pub(crate) handshake: HandshakeLimits,
    /// Who connects for others, where it is not the clients themselves.
    pub(crate) proxy: Option<Proxy>,
    /// What comes before everything else, but on plain TCP.
    pub(crate) tls: Option<Arc<Tls>>,
    /// What comes before MQTT, where that is carried by it.
    pub(crate) websocket: Option<WebSocket>,
    connections_max: usize,
    connections: AtomicUsize,
}

/// Bounds before a client is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandshakeLimits {
    /// `mqtt.idle_timeout`: how long the client may be waited for, in all.
    pub(crate) timeout: Duration,
    /// `mqtt.max_connect_packet_size`, bytes.
    pub(crate) packet_size_max: usize,
}

/// How a WebSocket listener is reached.
#[derive(Debug)]
pub(crate) struct WebSocket {
    pub(crate) rules: Rules,
    /// Bytes of one frame.
    pub(crate) frame_size_max: usize,
}

/// A connection's place among those its listener may hold; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Listener>);

/// Why a listener could not be bound.
#[derive(Debug)]
pub(crate) struct BindError {
    /// The listener's section.
    path: String,
    address: SocketAddr,
    error: io::Error,
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, address, error } = self;
        write!(f, "cannot listen on {address} ({path}.bind): {error}")?;
        if error.kind() == io::ErrorKind::AddrInUse {
            write!(f, "; another program has that port")?;
        }
        Ok(())
    }
}

/// Binds a listener for `shards` shards.
pub(crate) fn bind(
    settings: &Settings,
    mqtt: &Mqtt,
    tls: Option<Arc<Tls>>,
    shards: usize,
) -> Result<Bound, BindError> {
    let bound = probe(settings.bind)
        .and_then(|()| sockets(settings, shards))
        .and_then(|sockets| Ok((sockets[0].local_addr()?, sockets)));
    let (address, sockets) = bound.map_err(|error| BindError {
        path: settings.path(),
        address: settings.bind,
        error,
    })?;
    let listener = Arc::new(Listener {
        address,
        title: settings.title().into(),
        handshake: handshake(mqtt),
        proxy: Proxy::of(settings, mqtt),
        tls,
        websocket: settings.websocket.as_ref().map(websocket),
        connections_max: settings.max_connections.unwrap_or(usize::MAX),
        connections: AtomicUsize::new(0),
    });
    Ok(Bound { listener, sockets })
}

fn websocket(settings: &theseus_config::WebSocket) -> WebSocket {
    let rules = Rules {
        path: settings.mqtt_path.clone(),
        fail_if_no_subprotocol: settings.fail_if_no_subprotocol,
        origins: settings.check_origin_enable.then(|| settings.check_origins.clone()),
        allow_origin_absence: settings.allow_origin_absence,
    };
    WebSocket { rules, frame_size_max: settings.max_frame_size }
}

impl Listener {
    /// Says that it can be reached.
    pub(crate) fn announce(&self) {
        tracing::info!("listening on {} (mqtt, {})", self.address, self.title);
    }

    /// A place for one more connection, if there is one.
    pub(crate) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let seat = Seat(self.clone());
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        (before < self.connections_max).then_some(seat)
    }
}

impl Seat {
    /// Where it is.
    pub(crate) fn listener(&self) -> &Listener {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Binds and lets go without `SO_REUSEPORT`: with it, a second broker would silently share the
/// port and take half of the clients.
fn probe(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    // Without SO_REUSEPORT two sockets may be bound with SO_REUSEADDR, but only one may listen.
    socket.listen(1)
}

fn sockets(settings: &Settings, shards: usize) -> io::Result<Vec<TcpListener>> {
    let first = socket(settings, settings.bind)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < shards {
        sockets.push(match settings.reuse_port {
            true => socket(settings, address)?,
            false => sockets[0].try_clone()?,
        });
    }
    Ok(sockets)
}

fn socket(settings: &Settings, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if settings.reuse_port {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it. Without it Nagle holds small packets back until the receiver's
    // delayed acknowledgement.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(settings.backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}
