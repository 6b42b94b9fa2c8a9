//! Accepts sockets on one shard, and pauses when the system has no more to give.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use crate::clock::since_1970;
use crate::handshake;
use crate::listen::Listener;
use crate::local::Local;

/// How long accepting rests when there are no more file descriptors (EMFILE): trying again at
/// once would spin, because the waiting connection stays ready.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until its task is dropped.
pub(crate) async fn run(local: Rc<Local>, socket: TcpListener, listener: Arc<Listener>) {
    let mut exhausted = false;
    loop {
        match socket.accept().await {
            Ok((stream, peer)) => {
                if std::mem::take(&mut exhausted) {
                    tracing::info!("accepting on {} again", listener.address);
                }
                welcome(&local, stream, peer, &listener);
            }
            Err(error) if is_connection_error(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut exhausted, true) {
                    tracing::warn!("accepting on {} pauses: {error}", listener.address);
                }
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Starts the handshake of a new connection, if its address is not banned, may connect there at all, and its
/// listener has room for it. Otherwise its socket is closed before anything is read from it.
fn welcome(local: &Rc<Local>, stream: TcpStream, peer: SocketAddr, listener: &Arc<Listener>) {
    local.broker().metrics(local.id).sockets_accepted.add(1);
    if is_banned(local, peer) {
        return;
    }
    if listener.proxy.as_ref().is_some_and(|proxy| !proxy.knows(peer.ip())) {
        local.broker().metrics(local.id).proxy_peers_refused.add(1);
        return tracing::debug!("{peer} closed: it is none of {}'s balancers", listener.title);
    }
    let Some(seat) = listener.seat() else {
        local.broker().metrics(local.id).listener_full.add(1);
        return tracing::debug!("listener {} is full, connection closed", listener.title);
    };
    tokio::task::spawn_local(handshake::run(local.clone(), stream, peer, seat));
}

/// Whether nobody from there may connect.
pub(crate) fn is_banned(local: &Local, address: SocketAddr) -> bool {
    let Some(ban) = local.bans.find_address(since_1970(), address.ip()) else { return false };
    local.broker().metrics(local.id).sockets_banned.add(1);
    tracing::debug!("{address} closed: {} is banned by {}", ban.target, ban.author);
    true
}

/// An error of the one connection that was to be accepted, not of the listener.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
