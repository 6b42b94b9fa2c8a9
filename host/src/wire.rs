//! What the bytes of one client come from and go to. The rest of the shell sees MQTT here and
//! nothing of what carries it.
//!
//! Plain data between two calls: nothing of a connection hides in a future, so a wire moves to
//! another thread with its connection (see [`Parked`]). What lies between the socket and MQTT
//! belongs here, one layer above the other; plain TCP has none and pays a branch for each.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use theseus_core::Outgoing;
use theseus_mqtt::ReasonCode;
use theseus_tls::{Acceptor, Peer, Session, Unverified};
use theseus_websocket::{CloseCode, Violation};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::framing::Framing;
use crate::stream::{ParkedStream, Stream};

/// Pieces of one `writev`.
const SLICES: usize = 64;

/// Room for one read of what is dropped, bytes.
const STEP: usize = 256;

/// The rest of a frame is read straight into a packet's own buffer if it is at least this long, bytes:
/// many short frames are better read together.
const DIRECT_MIN: usize = 16 * 1024;

/// An open socket, served by the thread that holds it.
pub(crate) struct Wire {
    stream: Stream,
    /// WebSocket, where MQTT is carried by it.
    framing: Option<Box<Framing>>,
}

/// A wire between two threads: no runtime watches its socket.
pub(crate) struct Parked {
    stream: ParkedStream,
    framing: Option<Box<Framing>>,
}

/// What was in the bytes that were read.
pub(crate) enum Piece {
    /// Bytes of MQTT packets, cut anywhere.
    Mqtt(Range<usize>),
    /// The client has closed what carries MQTT.
    Closed,
    /// It broke the rules of that.
    Broken(ReasonCode),
}

impl Wire {
    /// Around a socket that was just accepted.
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { stream: Stream::new(socket), framing: None }
    }

    /// Takes the wire from this thread's runtime.
    pub(crate) fn park(self) -> io::Result<Parked> {
        Ok(Parked { stream: self.stream.park()?, framing: self.framing })
    }

    /// From here on everything is under TLS: see [`Stream::secure`].
    pub(crate) async fn secure(
        &mut self,
        session: Session,
        step: &Semaphore,
        patience: impl Fn() -> Duration,
    ) -> io::Result<()> {
        self.stream.secure(session, step, patience).await
    }

    /// True if all of it is under TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.stream.is_secure()
    }

    /// Whose certificate the client has shown.
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.stream.peer()
    }

    /// See [`Stream::admit`].
    pub(crate) fn admit(&mut self, acceptor: &Acceptor, now: i64) -> Result<(), Unverified> {
        self.stream.admit(acceptor, now)
    }

    /// See [`Stream::verify`].
    pub(crate) fn verify(&mut self, acceptor: &Acceptor, now: i64) -> Result<(), Unverified> {
        self.stream.verify(acceptor, now)
    }

    /// See [`Stream::is_verified`].
    pub(crate) fn is_verified(&self, acceptor: &Acceptor) -> bool {
        self.stream.is_verified(acceptor)
    }

    /// What there is to know of the TLS under everything.
    pub(crate) fn facts(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.stream.facts()
    }

    /// From here on MQTT comes in WebSocket frames; `bytes` is what was read of them already.
    pub(crate) fn frame(&mut self, size_max: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.framing = Some(Box::new(Framing::new(size_max)));
        self.unframe(bytes, 0).map(|_| ())
    }

    /// Waits for bytes of MQTT and appends them to `bytes`; 0 if the client has closed. For a client
    /// that is not let in yet. May be dropped at any time and called again.
    pub(crate) async fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            let before = bytes.len();
            match self.stream.read(bytes).await {
                Ok(1..) if self.framing.is_some() => match self.unframe(bytes, before)? {
                    // A flood of frames without data must not keep the thread from its others.
                    Some(0) => tokio::task::yield_now().await,
                    count => return Ok(count.unwrap_or(0)),
                },
                result => return result,
            }
        }
    }

    /// Leaves only MQTT of what is in `bytes` from `from` on, and returns its length; `None` if the
    /// client has closed. What that is answered with is written, if the socket takes it.
    fn unframe(&mut self, bytes: &mut Vec<u8>, from: usize) -> io::Result<Option<usize>> {
        let (mut at, mut end) = (from, from);
        let mut result = Ok(());
        while let Some(piece) = self.next(bytes, &mut at) {
            match piece {
                Piece::Mqtt(range) => {
                    bytes.copy_within(range.clone(), end);
                    end += range.len();
                }
                Piece::Closed => result = Err(None),
                Piece::Broken(_) => result = Err(Some(io::ErrorKind::InvalidData)),
            }
        }
        bytes.truncate(end);
        if self.owes() {
            let _ = self.write(&mut Outgoing::default());
        }
        match result {
            Ok(()) => Ok(Some(end - from)),
            Err(None) => Ok(None),
            Err(Some(kind)) => Err(kind.into()),
        }
    }

    /// Writes a packet that is part of no connection yet, and waits until the socket has taken all
    /// of it. Once begun it must be waited for, or the wire be given up.
    pub(crate) async fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        let framed = self.framing.as_mut().map(|framing| framing.whole(packet));
        let mut rest = framed.as_deref().unwrap_or(packet);
        while !rest.is_empty() || self.stream.owes() {
            self.stream.room().await?;
            match self.stream.write(&[IoSlice::new(rest)]) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Says why a client is not let in. Best effort: a socket that was just opened takes a few bytes
    /// or is gone.
    pub(crate) fn refuse(self, packet: &[u8]) {
        match self.framing {
            None => self.stream.last(packet),
            Some(mut framing) => self.stream.last(&framing.last(packet)),
        }
    }

    /// Reads once into `scratch`; 0 if the client has closed. [`Wire::next`] says what it is.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_read(cx, scratch)
    }

    /// Takes the next piece from bytes that were read, beginning at `at`, which is moved along.
    pub(crate) fn next(&mut self, bytes: &mut [u8], at: &mut usize) -> Option<Piece> {
        let Some(framing) = &mut self.framing else {
            let range = std::mem::replace(at, bytes.len())..bytes.len();
            return (!range.is_empty()).then_some(Piece::Mqtt(range));
        };
        framing.next(bytes, at).unwrap_or_else(|violation| {
            tracing::debug!("WebSocket: {violation}");
            Some(Piece::Broken(reason(violation)))
        })
    }

    /// How many bytes may be read straight into a packet's buffer; 0 where that is of no use.
    pub(crate) fn direct_ahead(&self) -> usize {
        match &self.framing {
            _ if self.stream.is_secure() => 0,
            None => usize::MAX,
            Some(framing) => Some(framing.data_ahead()).filter(|n| *n >= DIRECT_MIN).unwrap_or(0),
        }
    }

    /// Reads at most `most` bytes, no more than [`Wire::direct_ahead`], into the spare room of
    /// `buffer`; 0 if the client has closed.
    pub(crate) fn poll_read_direct(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        let before = buffer.len();
        let result = ready!(self.stream.poll_read_direct(cx, buffer, most));
        if let Some(framing) = &mut self.framing {
            framing.read_elsewhere(&mut buffer[before..]);
        }
        Poll::Ready(result)
    }

    /// Drops what still comes; ready once the client has closed.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<()> {
        loop {
            match ready!(self.stream.poll_drop(cx, scratch)) {
                0 => return Poll::Ready(()),
                count if self.closes(&mut scratch[..count]) => return Poll::Ready(()),
                _ => {}
            }
        }
    }

    /// Waits as [`Wire::poll_end`] does; nothing is left in `bytes`.
    pub(crate) async fn end(&mut self, bytes: &mut Vec<u8>) {
        let mut scratch = std::mem::take(bytes);
        scratch.resize(STEP, 0);
        std::future::poll_fn(|cx| self.poll_end(cx, &mut scratch)).await;
    }

    /// Whether the client says in these bytes that it closes. Under TLS nobody knows.
    fn closes(&mut self, bytes: &mut [u8]) -> bool {
        let mut at = 0;
        self.framing.is_some()
            && !self.stream.is_secure()
            && std::iter::from_fn(|| self.next(bytes, &mut at))
                .any(|piece| matches!(piece, Piece::Closed))
    }

    /// Ready once the socket takes bytes again.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_room(cx)
    }

    /// True if the wire has something of its own to write, whether or not there are packets.
    pub(crate) fn owes(&self) -> bool {
        self.stream.owes() || self.framing.as_ref().is_some_and(|framing| framing.owes())
    }

    /// Writes what the socket takes of `outgoing`, at once.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing; any other means that it never will again.
    pub(crate) fn write(&mut self, outgoing: &mut Outgoing) -> io::Result<()> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (before, most) = match &mut self.framing {
            None => (&[][..], usize::MAX),
            Some(framing) => framing.prepare(outgoing.remaining()),
        };
        let first = usize::from(!before.is_empty());
        slices[0] = IoSlice::new(before);
        let count = match first + outgoing.slices(&mut slices[first..], most) {
            // Goodbye was said: nothing can follow.
            0 if !self.stream.owes() => return Err(io::ErrorKind::BrokenPipe.into()),
            count => self.stream.write(&slices[..count])?,
        };
        let of_packets = match &mut self.framing {
            None => count,
            Some(framing) => framing.advance(count),
        };
        outgoing.advance(of_packets);
        Ok(())
    }

    /// True if the sides tell each other that they close, beyond MQTT.
    pub(crate) fn has_goodbyes(&self) -> bool {
        self.framing.is_some() || self.stream.is_secure()
    }

    /// Ends our side, all being written; the client sees it.
    ///
    /// # Errors
    /// `WouldBlock`: try again when the socket has room.
    pub(crate) fn shut(&mut self, code: CloseCode) -> io::Result<()> {
        if let Some(framing) = &mut self.framing {
            framing.close(code);
        }
        while self.owes() {
            self.write(&mut Outgoing::default())?;
        }
        self.stream.shut()
    }
}

impl Parked {
    /// Gives the wire to this thread's runtime.
    pub(crate) fn resume(self) -> io::Result<Wire> {
        Ok(Wire { stream: self.stream.resume()?, framing: self.framing })
    }
}

/// What MQTT calls it.
fn reason(violation: Violation) -> ReasonCode {
    match violation {
        Violation::TooLarge => ReasonCode::PacketTooLarge,
        _ => ReasonCode::ProtocolError,
    }
}
