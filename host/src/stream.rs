//! A client's socket, and TLS on it where its listener has that. What is above sees bytes in order and
//! nothing of what keeps them secret.
//!
//! Plain data between two calls, like the wire above it. A plain socket pays one branch for what TLS does.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BufMut;
use socket2::SockRef;
use theseus_tls::{Acceptor, Peer, Session, Taken, Unverified};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Room that is made for one read before the client is let in, bytes; a CONNECT is rarely longer.
const STEP: usize = 256;

/// Reads of one turn that may bring nothing for those above: whoever sends empty records must not keep
/// the thread from its others.
const EMPTY_MAX: usize = 16;

/// How often somebody who is waited for is looked at again: others may want its place.
const GLANCE: Duration = Duration::from_millis(250);

/// Computing that may bring nothing for those above: new keys cost the client 27 bytes, and us 10 us.
const STEP_MAX: Duration = Duration::from_millis(1);

/// What the client said may be longer than what was read of the socket, by a record that had begun to arrive before
/// (RFC 8446, 5.2). What does not fit all the same stays with the session until the next read.
const LEAD: usize = 24 * 1024;

/// A socket that the thread's runtime watches.
pub(crate) struct Stream {
    socket: TcpStream,
    tls: Option<Session>,
}

/// A stream between two threads: no runtime watches its socket.
pub(crate) struct ParkedStream {
    socket: std::net::TcpStream,
    tls: Option<Session>,
}

impl Stream {
    /// Around a socket that was just accepted.
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { socket, tls: None }
    }

    /// Takes the stream from this thread's runtime.
    pub(crate) fn park(self) -> io::Result<ParkedStream> {
        Ok(ParkedStream { socket: self.socket.into_std()?, tls: self.tls })
    }

    /// From here on everything is under TLS: does the handshake, computing only while it has the `step` of this
    /// thread. The time is the caller's to bound; of it the client may be waited for no longer than `patience`
    /// says meanwhile.
    ///
    /// # Errors
    /// The client is gone, took too long, or broke the rules; then it was told, if it listens.
    pub(crate) async fn secure(
        &mut self,
        session: Session,
        step: &Semaphore,
        patience: impl Fn() -> Duration,
    ) -> io::Result<()> {
        let mut session = session;
        let mut waited = Duration::ZERO;
        while session.is_handshaking() {
            waited += next_word(&self.socket, waited, &patience).await?;
            let step = step.acquire().await;
            let heard = hear(&self.socket, &mut session);
            // Who is served already has a turn before the next step, whoever's it is.
            tokio::task::yield_now().await;
            drop(step);
            say(&self.socket, &mut session).await?;
            heard?;
        }
        self.tls = Some(session);
        Ok(())
    }

    /// True if what is read and written is under TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// See [`Session::peer`].
    pub(crate) fn peer(&self) -> Option<Peer> {
        self.tls.as_ref()?.peer()
    }

    /// See [`Acceptor::admit`]; who comes without TLS is not asked for a certificate.
    pub(crate) fn admit(&mut self, acceptor: &Acceptor, now: i64) -> Result<(), Unverified> {
        self.tls.as_mut().map_or(Ok(()), |session| acceptor.admit(session, now))
    }

    /// See [`Acceptor::verify`].
    pub(crate) fn verify(&mut self, acceptor: &Acceptor, now: i64) -> Result<(), Unverified> {
        self.tls.as_mut().map_or(Ok(()), |session| acceptor.verify(session, now))
    }

    /// True if that is known already, by the settings of now.
    pub(crate) fn is_verified(&self, acceptor: &Acceptor) -> bool {
        self.tls.as_ref().is_none_or(|session| acceptor.has_verified(session))
    }

    /// See [`Session::facts`].
    pub(crate) fn facts(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.tls.iter().flat_map(Session::facts)
    }

    /// Waits for bytes, reads once and appends them to `bytes`; 0 if the client has closed. For a client that
    /// is not let in yet. May be dropped at any time and called again.
    pub(crate) async fn read(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        if self.tls.is_some() {
            // Not in the spare room of `bytes`: dropped, this would leave it there.
            let mut scratch = [0; STEP];
            let count = std::future::poll_fn(|cx| self.poll_read(cx, &mut scratch)).await?;
            bytes.extend_from_slice(&scratch[..count]);
            return Ok(count);
        }
        loop {
            self.socket.readable().await?;
            bytes.reserve(STEP);
            match self.socket.try_read_buf(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Reads once into `scratch`; 0 if the client has closed. `InvalidData`: it broke the rules of TLS.
    ///
    /// `poll_read` and not `try_read`: after a read that did not fill the buffer it knows that the
    /// socket is empty, and spares the system call that would say so.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(session) = &mut self.tls {
            return poll_read_secure(&mut self.socket, session, cx, scratch);
        }
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Reads at most `most` bytes into the spare room of `buffer`; 0 if the client has closed. Not for
    /// streams under TLS, whose bytes pass through memory of its own.
    pub(crate) fn poll_read_direct(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_read_ready(cx))?;
            match self.socket.try_read_buf(&mut (&mut *buffer).limit(most)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Reads what the socket has, to be dropped: under TLS as nobody can read it. Ready once the client
    /// has closed, or with a count of bytes in `scratch`.
    pub(crate) fn poll_drop(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<usize> {
        while self.socket.poll_read_ready(cx).is_ready() {
            match self.socket.try_read(scratch) {
                Ok(count) => return Poll::Ready(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(0),
            }
        }
        Poll::Pending
    }

    /// Ready once the socket takes bytes again.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_write_ready(cx).map(|_| ())
    }

    /// Waits until the socket takes bytes again.
    pub(crate) async fn room(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// True if TLS has something to send that was taken before, or is its own.
    pub(crate) fn owes(&self) -> bool {
        self.tls.as_ref().is_some_and(Session::has_more)
    }

    /// Writes what is owed, then takes what fits of `slices`, which may be empty; how many bytes of them.
    /// Under TLS some of those may be owed now.
    ///
    /// # Errors
    /// `WouldBlock` if nothing of them is taken; any other means that nothing ever will be again.
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(session) = &mut self.tls else {
            return match slices {
                [one] => self.socket.try_write(one),
                many => self.socket.try_write_vectored(many),
            };
        };
        send(session, &mut Ends(&self.socket))?;
        let taken = session.put(slices)?;
        match send(session, &mut Ends(&self.socket)) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    /// Writes `bytes`, which are the last, past the runtime, which does not know yet that a stream has room
    /// that has just come from another thread. Best effort.
    pub(crate) fn last(mut self, bytes: &[u8]) {
        let socket = SockRef::from(&self.socket);
        let _ = match &mut self.tls {
            None => socket.send(bytes).map(|_| ()),
            Some(session) => {
                // What is not taken is not said.
                let _ = session.put(&[IoSlice::new(bytes)]);
                session.close();
                send(session, &mut Past(&socket))
            }
        };
    }

    /// Ends our side, all being written; the client sees it.
    ///
    /// # Errors
    /// `WouldBlock`: try again when the socket has room.
    pub(crate) fn shut(&mut self) -> io::Result<()> {
        if let Some(session) = &mut self.tls {
            session.close();
            send(session, &mut Ends(&self.socket))?;
        }
        SockRef::from(&self.socket).shutdown(Shutdown::Write)
    }
}

impl ParkedStream {
    /// Gives the stream to this thread's runtime.
    pub(crate) fn resume(self) -> io::Result<Stream> {
        Ok(Stream { socket: TcpStream::from_std(self.socket)?, tls: self.tls })
    }
}

/// Waits until the client says something, after it was `waited` for; how long that took. Only its own time counts:
/// in a crowd of clients who answer at once, it is ours that they wait for.
async fn next_word(
    socket: &TcpStream,
    waited: Duration,
    patience: &impl Fn() -> Duration,
) -> io::Result<Duration> {
    let began = Instant::now();
    while waited + began.elapsed() < patience() {
        if let Ok(ready) = timeout(GLANCE, socket.readable()).await {
            return ready.map(|()| began.elapsed());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// The client's next words of the handshake.
fn hear(socket: &TcpStream, session: &mut Session) -> io::Result<()> {
    match session.receive(&mut Ends(socket)) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        heard => heard.map(|_| ()),
    }
}

/// Ours, which are an alert if the client broke the rules.
async fn say(socket: &TcpStream, session: &mut Session) -> io::Result<()> {
    loop {
        match send(session, &mut Ends(socket)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            said => return said,
        }
    }
}

fn poll_read_secure(
    socket: &mut TcpStream,
    session: &mut Session,
    cx: &mut Context<'_>,
    out: &mut [u8],
) -> Poll<io::Result<usize>> {
    let began = Instant::now();
    for _ in 0..EMPTY_MAX {
        match session.take(out) {
            Taken::Bytes(count) => return Poll::Ready(Ok(count)),
            Taken::Closed => {
                // It is answered (RFC 5246, 7.2.1), if the client listens.
                session.close();
                let _ = send(session, &mut Ends(socket));
                return Poll::Ready(Ok(0));
            }
            Taken::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
            Taken::Nothing => {}
        }
        let heard = if out.len() >= 2 * LEAD {
            ready!(poll_hear_much(socket, session, cx, out))
        } else {
            let mut incoming = Incoming { socket: &mut *socket, cx: &mut *cx };
            session.receive(&mut incoming).map(|count| Heard { count, said: 0 })
        };
        // New keys that the client asked for, or an alert. Best effort: what the socket does not take goes
        // with the next bytes.
        let _ = send(session, &mut Ends(socket));
        match heard {
            Ok(Heard { count: 0, .. }) => return Poll::Ready(Ok(0)),
            Ok(Heard { said: 0, .. }) => {}
            Ok(Heard { said, .. }) => return Poll::Ready(Ok(said)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            // The next round says what was read before it.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
            Err(error) => return Poll::Ready(Err(error)),
        }
        if began.elapsed() >= STEP_MAX {
            break;
        }
    }
    // Not at once: who has work is woken behind those that the system has news for.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
    Poll::Pending
}

/// What one read has brought.
struct Heard {
    /// Bytes of the socket.
    count: usize,
    /// Bytes that the client said, where they were taken already.
    said: usize,
}

/// Reads once as much as `out` holds behind its first [`LEAD`] bytes, and moves what the client said in it to the
/// beginning. By itself a session reads 4 KiB at a time.
fn poll_hear_much(
    socket: &mut TcpStream,
    session: &mut Session,
    cx: &mut Context<'_>,
    out: &mut [u8],
) -> Poll<io::Result<Heard>> {
    let mut buffer = ReadBuf::new(&mut out[LEAD..]);
    ready!(Pin::new(socket).poll_read(cx, &mut buffer))?;
    let count = buffer.filled().len();
    let (mut at, mut said) = (LEAD, 0);
    while at < LEAD + count {
        let heard = session.receive(&mut &out[at..LEAD + count]);
        while said < at
            && let Taken::Bytes(more) = session.take(&mut out[said..at])
        {
            said += more;
        }
        match heard {
            // What follows after the client's end, or after what breaks the rules, does not count.
            Ok(0) => break,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => break,
            heard => at += heard?,
        }
    }
    Poll::Ready(Ok(Heard { count, said }))
}

/// Sends all that waits.
fn send(session: &mut Session, sink: &mut dyn Write) -> io::Result<()> {
    while session.has_more() {
        session.send(sink)?;
    }
    Ok(())
}

/// Both ends of a socket that does not block, as TLS wants them.
struct Ends<'a>(&'a TcpStream);

impl Read for Ends<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl Write for Ends<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket to be read from once, by the runtime's way: see [`Stream::poll_read`]. `WouldBlock` if its task will
/// be woken.
struct Incoming<'a, 'b> {
    socket: &'a mut TcpStream,
    cx: &'a mut Context<'b>,
}

impl Read for Incoming<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        match Pin::new(&mut *self.socket).poll_read(self.cx, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// A socket past the runtime.
struct Past<'a>(&'a SockRef<'a>);

impl Write for Past<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
