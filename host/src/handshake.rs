//! From an accepted socket to an admitted client: reads CONNECT within its bounds, asks who it
//! is, and takes it to its home shard. A task of its own, so that nothing of it outlives CONNACK.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use theseus_core::{Admission, Candidate};
use theseus_limit::{Limit, Whom};
use theseus_mqtt::{DecodeError, ReasonCode, cut};
use theseus_policy::{Admitted, Happening, Login, Refusal, shown};
use theseus_websocket::CloseCode;
use tokio::net::TcpStream;

use crate::clock::since_1970;
use crate::events::{exceeded, is_failed_login, tell};
use crate::exchange::{Failed, Patience, asking, authenticate};
use crate::introduction;
use crate::listen::{HandshakeLimits, Listener, Seat};
use crate::local::Local;
use crate::peers::Arrival;
use crate::proxy;
use crate::stranger::{Refused, Stranger};
use crate::tls::Tls;
use crate::wire::Wire;

/// Serves a socket until its CONNECT is answered or its time is over.
pub(crate) async fn run(local: Rc<Local>, socket: TcpStream, peer: SocketAddr, seat: Seat) {
    let HandshakeLimits { timeout, packet_size_max } = seat.listener().handshake;
    let Some(origin) = proxy::origin(&local, &socket, peer, seat.listener()).await else { return };
    let mut wire = Wire::new(socket);
    if let Some(tls) = &seat.listener().tls
        && !secure(&local, &mut wire, origin.address, seat.listener(), tls).await
    {
        return;
    }
    let mut stranger = Stranger::new(wire, packet_size_max);
    let mut patience = Patience::new(timeout);
    let reading = read_connect(&local, &mut stranger, seat.listener());
    match patience.wait(reading).await {
        Some(Ok(length)) => count_connect(&local, length),
        Some(Err(refused)) => {
            count_too_large(&local, &stranger);
            return stranger.refuse(refused);
        }
        None => return too_late(&local),
    }
    let (candidate, login) = match introduction::read(&local, &mut stranger, origin, &seat) {
        Ok(read) => read,
        Err(refused) => return stranger.refuse(refused),
    };
    let recipient = candidate.recipient();
    let login = Arc::new(login);
    tell(&local, &login, Happening::ConnectSeen);
    let decided = decide(&local, &mut stranger, &candidate, &login, &mut patience).await;
    if stranger.is_full {
        local.broker().metrics(local.id).early_bytes_full.add(1);
    }
    let admission = match decided.and_then(|admitted| admit(&local, candidate, &login, admitted)) {
        Ok(admission) => admission,
        Err(Failed::Gone) => return tracing::debug!("gone before it was let in"),
        Err(Failed::Refused(refusal)) => {
            count(&local, refusal.reason);
            tell(&local, &login, Happening::Refused(refusal.reason));
            return stranger.refuse(Refused::with(recipient, refusal));
        }
    };
    settle(&local, stranger, admission, seat);
}

/// Does the handshake of TLS, which has a time of its own; false if it came to nothing.
async fn secure(
    local: &Local,
    wire: &mut Wire,
    peer: SocketAddr,
    listener: &Listener,
    tls: &Tls,
) -> bool {
    // Before anything is computed for it, and without an answer, which it could not read. Ban plugins hear of
    // clients, and this is none yet.
    if let Err(limit) = knock(local, peer.ip(), &listener.title) {
        local.broker().metrics(local.id).connects_refused_by_limit.add(1);
        tracing::debug!("{peer} closed: more connect than limit \"{}\" allows", limit.name);
        return false;
    }
    let Some(place) = tls.handshakes.take() else {
        local.broker().metrics(local.id).tls_handshakes_busy.add(1);
        tracing::debug!("{peer}: too many handshakes are under way");
        return false;
    };
    let session = match tls.acceptor.accept() {
        Ok(session) => session,
        Err(error) => {
            tracing::warn!("TLS is impossible at the moment: {error}");
            return false;
        }
    };
    let timeout = tls.options.load().handshake_timeout;
    let patience = || tls.handshakes.patience(timeout);
    let securing = wire.secure(session, &local.handshake_step, patience);
    let done = tokio::time::timeout(timeout, securing).await;
    drop(place);
    let metrics = local.broker().metrics(local.id);
    let Err(why) = done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) else {
        metrics.tls_handshakes.add(1);
        return true;
    };
    metrics.tls_handshakes_failed.add(1);
    tracing::debug!("{peer}: no TLS: {why}");
    // What it still sends is taken in, or the system would throw away the alert that says why.
    let _ = wire.shut(CloseCode::Normal);
    let _ = tokio::time::timeout(LINGER, wire.end(&mut Vec::new())).await;
    false
}

/// Asks the ban table, then the plugins of the slot ban, then those that authenticate.
async fn decide(
    local: &Local,
    stranger: &mut Stranger,
    candidate: &Candidate,
    login: &Arc<Login>,
    patience: &mut Patience,
) -> Result<Admitted, Failed> {
    let (client_id, user_name) = (&login.client_id, login.user_name.as_deref());
    if let Some(address) = login.address.filter(|_| !stranger.wire.is_secure()) {
        knock(local, address.ip(), &login.listener)
            .map_err(|limit| Failed::Refused(too_soon(local, login, &limit)))?;
    }
    look_up(local, client_id, user_name).map_err(Failed::Refused)?;
    let failed = asking(stranger, local.logins.check(login)).await?;
    local.broker().metrics(local.id).ban_checks_failed.add(failed);
    let decided = authenticate(local, stranger, candidate, login, patience).await;
    if let Err(Failed::Refused(refusal)) = &decided
        && is_failed_login(refusal.reason)
    {
        tell(local, login, Happening::AuthFailed);
    }
    decided
}

/// Reads the first packet, on the way that the listener has to it; returns its length.
async fn read_connect(
    local: &Local,
    stranger: &mut Stranger,
    listener: &Listener,
) -> Result<usize, Refused> {
    if let Some(websocket) = &listener.websocket
        && !stranger.upgrade(websocket).await
    {
        local.broker().metrics(local.id).upgrades_refused.add(1);
        stranger.wire.end(&mut stranger.bytes).await;
        return Err(Refused::SILENT);
    }
    stranger.read_packet(&[CONNECT]).await
}

/// Takes an admitted client to its home shard.
fn settle(local: &Rc<Local>, stranger: Stranger, admission: Admission, seat: Seat) {
    let Stranger { wire, bytes: unread, .. } = stranger;
    let home = local.state.borrow().shard.broker().home(admission.client_id());
    if home == local.id {
        local.adopt(wire, admission, unread, seat);
    } else if let Ok(wire) = wire.park() {
        local.peers.send(home, Arrival { wire, unread, admission, seat });
    }
}

/// Silence is not answered: nobody has said which version to answer in.
fn too_late(local: &Local) {
    local.broker().metrics(local.id).connect_timeouts.add(1);
    tracing::debug!("no CONNECT in time, connection closed");
}

/// Counts a first packet that was refused for its size.
fn count_too_large(local: &Local, stranger: &Stranger) {
    let bytes = &stranger.bytes;
    let is_connect = bytes.first() == Some(&CONNECT);
    let found = cut(bytes, stranger.packet_size_max);
    if is_connect && matches!(found, Err(DecodeError::PacketTooLarge { .. })) {
        local.broker().metrics(local.id).connects_too_large.add(1);
    }
}

/// What came behind it is counted when it is handled.
fn count_connect(local: &Local, length: usize) {
    let metrics = local.broker().metrics(local.id);
    metrics.bytes_received.add(length as u64);
    metrics.packets_received.count(CONNECT);
}

fn count(local: &Local, reason: ReasonCode) {
    let metrics = local.broker().metrics(local.id);
    let counter = match reason {
        ReasonCode::ServerBusy => &metrics.logins_busy,
        ReasonCode::ServerUnavailable => &metrics.logins_unavailable,
        ReasonCode::Banned => &metrics.logins_banned,
        _ => &metrics.logins_refused,
    };
    counter.add(1);
}

/// Counts who comes from this address and by this listener.
fn knock(local: &Local, address: IpAddr, listener: &str) -> Result<(), Arc<Limit>> {
    let whom = Whom { address: Some(address), listener, ..Whom::default() };
    local.broker().count_connect(local.clock.now(), &whom)
}

fn too_soon(local: &Local, login: &Login, limit: &Limit) -> Refusal {
    tell(local, login, exceeded(limit));
    let who = login.shown_id();
    tracing::debug!("{who} refused: it connects more often than limit \"{}\" allows", limit.name);
    local.broker().metrics(local.id).connects_refused_by_limit.add(1);
    ReasonCode::ConnectionRateExceeded.into()
}

/// Refuses who is banned. The client is not told why, or by whom.
fn look_up(local: &Local, client_id: &str, user_name: Option<&str>) -> Result<(), Refusal> {
    let Some(ban) = local.bans.find_client(since_1970(), client_id, user_name) else {
        return Ok(());
    };
    let (client, author) = (shown(client_id), &ban.author);
    tracing::debug!("client \"{client}\" refused: its name is banned by {author}");
    Err(ReasonCode::Banned.into())
}

/// The names are final now, and may be others than those of CONNECT.
fn admit(
    local: &Local,
    candidate: Candidate,
    login: &Login,
    admitted: Admitted,
) -> Result<Admission, Failed> {
    let Admitted { grant, data } = admitted;
    let client_id = grant.client_id.as_deref().unwrap_or_else(|| candidate.client_id());
    look_up(local, client_id, grant.user_name.as_deref()).map_err(Failed::Refused)?;
    let unanswered = grant.slot_limits.iter().filter(|one| one.limits.is_none()).count();
    local.broker().metrics(local.id).limits_unanswered.add(unanswered as u64);
    local
        .broker()
        .count_login(local.clock.now(), client_id, &grant)
        .map_err(|limit| Failed::Refused(too_soon(local, login, &limit)))?;
    let admission = candidate.admit(local.broker(), grant);
    let admission = admission.map_err(|reason| Failed::Refused(reason.into()))?;
    Ok(admission.with_auth_data(data))
}

/// How long a client may take to read why its handshake failed.
const LINGER: Duration = Duration::from_secs(1);

/// First byte of a CONNECT (MQTT 5.0, 3.1.1).
const CONNECT: u8 = 0x10;
