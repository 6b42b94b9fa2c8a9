//! What the bytes of one client come from and go to. The rest of the shell sees MQTT here and
//! nothing of what carries it.
//!
//! Plain data between two calls: nothing of a connection hides in a future, so a wire moves to
//! another thread with its connection (see [`Parked`]). What lies between the socket and MQTT
//! belongs here, one layer above the other; plain TCP has none and pays for none.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use socket2::SockRef;
use theseus_core::Outgoing;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// Pieces of one `writev`.
const SLICES: usize = 64;

/// Room that is made for one read before the client is let in, bytes; a CONNECT is rarely longer.
const STEP: usize = 256;

/// An open socket, served by the thread that holds it.
pub(crate) struct Wire {
    socket: TcpStream,
}

/// A wire between two threads: no runtime watches its socket.
pub(crate) struct Parked {
    socket: std::net::TcpStream,
}

impl Wire {
    /// Around a socket that was just accepted.
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { socket }
    }

    /// Takes the wire from this thread's runtime.
    pub(crate) fn park(self) -> io::Result<Parked> {
        Ok(Parked { socket: self.socket.into_std()? })
    }

    /// Waits for bytes and appends them to `bytes`; 0 if the client has closed. For a client that is
    /// not let in yet. May be dropped at any time and called again.
    pub(crate) async fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            self.socket.readable().await?;
            bytes.reserve(STEP);
            match self.socket.try_read_buf(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Writes a packet that is part of no connection yet, and waits until the socket has taken all
    /// of it. Once begun it must be waited for, or the wire be given up.
    pub(crate) async fn send(&mut self, packet: &[u8]) -> io::Result<()> {
        let mut rest = packet;
        while !rest.is_empty() {
            self.socket.writable().await?;
            match self.socket.try_write(rest) {
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
        let _ = self.socket.try_write(packet);
    }

    /// Reads once into `scratch`; 0 if the client has closed.
    ///
    /// `poll_read` and not `try_read`: after a read that did not fill the buffer it knows that the
    /// socket is empty, and spares the system call that would say so.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Reads at most `missing` bytes into the spare room of `buffer`; 0 if the client has closed.
    pub(crate) fn poll_read_direct(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        missing: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_read_ready(cx))?;
            match self.socket.try_read_buf(&mut buffer.limit(missing)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Drops what still comes; ready once the client has closed.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<()> {
        while self.socket.poll_read_ready(cx).is_ready() {
            match self.socket.try_read(scratch) {
                Ok(0) => return Poll::Ready(()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(()),
                _ => {}
            }
        }
        Poll::Pending
    }

    /// Ready once the socket takes bytes again.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_write_ready(cx).map(|_| ())
    }

    /// Writes what the socket takes of `outgoing`, at once.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing; any other means that it never will again.
    pub(crate) fn write(&mut self, outgoing: &mut Outgoing) -> io::Result<()> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = match outgoing.slices(&mut slices) {
            1 => self.socket.try_write(&slices[0]),
            count => self.socket.try_write_vectored(&slices[..count]),
        }?;
        outgoing.advance(count);
        Ok(())
    }

    /// Ends our side, all being written; the client sees it.
    pub(crate) fn shut(&mut self) -> io::Result<()> {
        SockRef::from(&self.socket).shutdown(Shutdown::Write)
    }
}

impl Parked {
    /// Gives the wire to this thread's runtime.
    pub(crate) fn resume(self) -> io::Result<Wire> {
        Ok(Wire { socket: TcpStream::from_std(self.socket)? })
    }
}
