//! From an accepted socket to an admitted client: reads CONNECT within its bounds, asks who it
//! is, and takes it to its home shard. A task of its own, so that nothing of it outlives CONNACK.

use std::io;
use std::rc::Rc;

use theseus_core::{Admission, refusal};
use theseus_mqtt::{Connect, Cut, DecodeError, Packet, ProtocolVersion, ReasonCode, cut};
use tokio::net::TcpStream;

use crate::listen::Seat;
use crate::local::Local;
use crate::peers::Arrival;

/// First read; a CONNECT is rarely longer.
const BUFFER: usize = 256;

/// Serves a socket until its CONNECT is answered or its time is over. The error is for the log.
pub(crate) async fn run(local: Rc<Local>, socket: TcpStream, seat: Seat, allow_anonymous: bool) {
    let reading = read_connect(&socket, local.handshake.connect_max);
    let bytes = match tokio::time::timeout(local.handshake.timeout, reading).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(refused)) => return refused.answer(&socket),
        // Silence is not answered: nobody has said which version to answer in.
        Err(_) => return tracing::debug!("no CONNECT in time, connection closed"),
    };
    let admitted = admit(&local, &bytes, allow_anonymous);
    let (admission, unread) = match admitted {
        Ok(admitted) => admitted,
        Err(refused) => return refused.answer(&socket),
    };
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
    reason: Option<ReasonCode>,
}

impl Refused {
    const SILENT: Self = Self { version: ProtocolVersion::V5, reason: None };

    /// Best effort: a socket that was just opened takes a few bytes or is gone.
    fn answer(self, socket: &TcpStream) {
        let Some(reason) = self.reason else { return };
        tracing::debug!("connection refused: {reason}");
        let _ = socket.try_write(&refusal(self.version, reason));
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

/// Judges the CONNECT at the beginning of `bytes`; returns what follows it unread.
fn admit(
    local: &Local,
    bytes: &[u8],
    allow_anonymous: bool,
) -> Result<(Admission, Vec<u8>), Refused> {
    let Ok(Cut::Frame { frame, consumed }) = cut(bytes, usize::MAX) else {
        return Err(Refused::SILENT);
    };
    let connect = match Packet::decode(frame, ProtocolVersion::V5) {
        Ok(Packet::Connect(connect)) => connect,
        Ok(_) => return Err(Refused::SILENT),
        Err(error) => return Err(refused_form(&error)),
    };
    let admission = judge(local, &connect, allow_anonymous)
        .map_err(|reason| Refused { version: connect.version, reason: Some(reason) })?;
    Ok((admission, bytes[consumed..].to_vec()))
}

fn judge(
    local: &Local,
    connect: &Connect<'_>,
    allow_anonymous: bool,
) -> Result<Admission, ReasonCode> {
    let now = local.clock.now();
    let broker = local.state.borrow().shard.broker().clone();
    Admission::new(&broker, local.id, now, connect, allow_anonymous)
}

/// A CONNECT of the wrong form is closed without an answer [MQTT-3.1.4-1]; one of a version we do
/// not speak is told so, in the form that every version's clients read [MQTT-3.1.2-2] (3.1.1).
fn refused_form(error: &DecodeError) -> Refused {
    let reason = error.reason();
    let told = reason == ReasonCode::UnsupportedProtocolVersion;
    Refused { version: ProtocolVersion::V3_1_1, reason: told.then_some(reason) }
}

/// First byte of a CONNECT (MQTT 5.0, 3.1.1).
const CONNECT: u8 = 0x10;
