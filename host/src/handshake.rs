//! From an accepted socket to an admitted client: reads CONNECT within its bounds, asks who it
//! is, and takes it to its home shard. A task of its own, so that nothing of it outlives CONNACK.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use theseus_core::{Admission, Candidate, Grant, refusal};
use theseus_mqtt::{Connect, Cut, DecodeError, Packet, ProtocolVersion, ReasonCode, cut};
use theseus_policy::{Login, Refusal};
use tokio::net::TcpStream;

use crate::listen::{Listener, Seat};
use crate::local::Local;
use crate::peers::Arrival;

/// First read; a CONNECT is rarely longer.
const BUFFER: usize = 256;

/// What a client may send before it is let in, bytes.
const EARLY_MAX: usize = 8 * 1024;

/// Serves a socket until its CONNECT is answered or its time is over. The error is for the log.
pub(crate) async fn run(local: Rc<Local>, socket: TcpStream, peer: SocketAddr, seat: Seat) {
    let reading = read_connect(&socket, local.handshake.connect_max);
    let mut bytes = match tokio::time::timeout(local.handshake.timeout, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(refused)) => return refused.answer(&socket),
        // Silence is not answered: nobody has said which version to answer in.
        Err(_) => return tracing::debug!("no CONNECT in time, connection closed"),
    };
    let (candidate, login, consumed) = match read_login(&local, &bytes, peer, &seat) {
        Ok(read) => read,
        Err(refused) => return refused.answer(&socket),
    };
    let version = candidate.version();
    let decided = tokio::select! {
        decided = local.logins.decide(login) => decided,
        () = gone(&socket, &mut bytes) => return tracing::debug!("gone before it was let in"),
    };
    let admission = match decided.and_then(|grant| admit(&local, candidate, grant)) {
        Ok(admission) => admission,
        Err(refusal) => {
            count(&local, refusal.reason);
            return Refused::with(version, refusal).answer(&socket);
        }
    };
    let unread = bytes.split_off(consumed);
    let home = local.state.borrow().shard.broker().home(admission.client_id());
    if home == local.id {
        local.adopt(socket, admission, unread, seat);
    } else if let Ok(socket) = socket.into_std() {
        local.peers.send(home, Arrival { socket, unread, admission, seat });
    }
}

/// Why a connection ends before it began.
struct Refused {
    version: ProtocolVersion,
    /// `None`: nothing is said.
    refusal: Option<Refusal>,
}

impl Refused {
    const SILENT: Self = Self { version: ProtocolVersion::V5, refusal: None };

    fn with(version: ProtocolVersion, refusal: impl Into<Refusal>) -> Self {
        Self { version, refusal: Some(refusal.into()) }
    }

    /// Best effort: a socket that was just opened takes a few bytes or is gone.
    fn answer(self, socket: &TcpStream) {
        let Some(Refusal { reason, message }) = self.refusal else { return };
        tracing::debug!("connection refused: {reason}");
        let _ = socket.try_write(&refusal(self.version, reason, message.as_deref()));
    }
}

/// Reads until the first packet is whole; it is the first in the returned bytes.
async fn read_connect(socket: &TcpStream, size_max: usize) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::with_capacity(BUFFER);
    loop {
        socket.readable().await.map_err(|_| Refused::SILENT)?;
        match socket.try_read_buf(&mut bytes) {
            Ok(0) => return Err(Refused::SILENT),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => return Err(Refused::SILENT),
        }
        // A stranger's first byte must be that of a CONNECT: nothing else is waited for.
        if bytes[0] != CONNECT {
            return Err(Refused::SILENT);
        }
        match cut(&bytes, size_max) {
            Ok(Cut::Frame { .. }) => return Ok(bytes),
            Ok(Cut::Incomplete { .. }) => bytes.reserve(BUFFER),
            Err(_) => return Err(Refused::SILENT),
        }
    }
}

/// Returns when the client has closed its socket. It may send its first packets before CONNACK
/// (MQTT 5.0, 3.1.4): they are kept, and once they are many the socket is not looked at any more.
async fn gone(socket: &TcpStream, bytes: &mut Vec<u8>) {
    let full = bytes.len() + EARLY_MAX;
    while bytes.len() < full {
        if socket.readable().await.is_err() {
            return;
        }
        bytes.reserve(BUFFER);
        match socket.try_read_buf(bytes) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
    std::future::pending::<()>().await;
}

/// Judges the form of the CONNECT at the beginning of `bytes`; returns also how long it is.
fn read_login(
    local: &Local,
    bytes: &[u8],
    peer: SocketAddr,
    seat: &Seat,
) -> Result<(Candidate, Login, usize), Refused> {
    let Ok(Cut::Frame { frame, consumed }) = cut(bytes, usize::MAX) else {
        return Err(Refused::SILENT);
    };
    let connect = match Packet::decode(frame, ProtocolVersion::V5) {
        Ok(Packet::Connect(connect)) => connect,
        Ok(_) => return Err(Refused::SILENT),
        Err(error) => return Err(refused_form(&error)),
    };
    let broker = local.broker();
    let candidate = Candidate::new(broker, local.id, local.clock.now(), &connect)
        .map_err(|reason| Refused::with(connect.version, reason))?;
    let login = login_of(&connect, candidate.client_id(), peer, seat.listener());
    Ok((candidate, login, consumed))
}

/// What the chain is asked about.
fn login_of(
    connect: &Connect<'_>,
    client_id: &str,
    peer: SocketAddr,
    listener: &Listener,
) -> Login {
    let properties = connect.properties;
    Login {
        client_id: client_id.into(),
        user_name: connect.user_name.map(Into::into),
        password: connect.password.map(Into::into),
        method: properties.authentication_method().map(Into::into),
        data: properties.authentication_data().map(Into::into),
        address: Some(peer),
        listener: listener.title.clone(),
        protocol: Some(connect.version),
        facts: vec![
            ("keep-alive", connect.keep_alive.to_string()),
            ("clean-start", connect.clean_start.to_string()),
            ("session-expiry", properties.session_expiry_interval().unwrap_or(0).to_string()),
            ("server.address", listener.address.to_string()),
        ],
        user_properties: properties
            .user_properties()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
    }
}

fn count(local: &Local, reason: ReasonCode) {
    let metrics = local.broker().metrics(local.id);
    let counter = match reason {
        ReasonCode::ServerBusy => &metrics.logins_busy,
        ReasonCode::ServerUnavailable => &metrics.logins_unavailable,
        _ => &metrics.logins_refused,
    };
    counter.add(1);
}

fn admit(local: &Local, candidate: Candidate, grant: Box<Grant>) -> Result<Admission, Refusal> {
    candidate.admit(local.broker(), grant).map_err(Refusal::from)
}

/// A CONNECT of the wrong form is closed without an answer [MQTT-3.1.4-1]; one of a version we do
/// not speak is told so, in the form that every version's clients read [MQTT-3.1.2-2] (3.1.1).
fn refused_form(error: &DecodeError) -> Refused {
    let reason = error.reason();
    let told = reason == ReasonCode::UnsupportedProtocolVersion;
    Refused { version: ProtocolVersion::V3_1_1, refusal: told.then(|| reason.into()) }
}

/// First byte of a CONNECT (MQTT 5.0, 3.1.1).
const CONNECT: u8 = 0x10;
