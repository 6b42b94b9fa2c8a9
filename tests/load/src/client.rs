//! Clients over non-blocking sockets, all in one thread and one epoll set.
//! Not an MQTT client to program with: a case answers the packets itself.
//! Used by every case; `Pool` owns the sockets, `Traffic` is the case's side.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::broker::Broker;
use crate::fault::Fault;
use crate::login::Login;
use crate::secure::{Dialer, Secure, Taken};
use crate::wire::{Packet, connect, read_packet};

/// Room for one read; several windows of a case fit. Under TLS one half is for what the socket has, the
/// other for what it says.
const SCRATCH: usize = 256 * 1024;

/// Token of the extra file descriptor a case may watch (its timer).
const EXTRA: Token = Token(usize::MAX - 1);

/// Clients that share one loopback source address, well below the ephemeral ports there are.
const PER_ADDRESS: usize = 1_000;

/// What a case does with what its clients receive.
pub(crate) trait Traffic {
    /// Client `who` received `packet`; an answer is appended to `out`, sent by the next flush.
    fn packet(&mut self, who: usize, packet: Packet<'_>, out: &mut Vec<u8>) -> Result<(), Fault>;

    /// The broker closed the connection of client `who`.
    fn closed(&mut self, who: usize) -> Result<(), Fault> {
        Err(Fault::Protocol(format!("the broker closed the connection of client {who}")))
    }
}

struct Client {
    stream: TcpStream,
    tls: Option<Secure>,
    /// Bytes of a packet that has not wholly arrived.
    carry: Vec<u8>,
    out: Vec<u8>,
    /// The socket buffer was full; wait for the writable event.
    blocked: bool,
    queued: bool,
}

/// All clients of a case.
pub(crate) struct Pool {
    poll: Poll,
    events: Events,
    clients: Vec<Option<Client>>,
    /// Clients with something to send.
    dirty: Vec<usize>,
    scratch: Vec<u8>,
    broker: SocketAddr,
    login: Option<Login>,
    /// Where its clients speak TLS.
    dialer: Option<Dialer>,
    opened: usize,
}

impl Pool {
    /// An empty pool of clients for `broker`, who log in as it wants.
    pub(crate) fn new(broker: &Broker) -> Result<Self, Fault> {
        let port = broker.secrecy.as_ref().map_or(broker.port, |_| broker.tls_port);
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            dirty: Vec::new(),
            scratch: vec![0; SCRATCH],
            broker: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)),
            login: broker.login,
            dialer: broker.secrecy.as_ref().map(Dialer::new).transpose()?,
            opened: 0,
        })
    }

    /// Starts connecting client `who`, replacing the one that was there; CONNECT is sent first. It
    /// logs in as the user of number `user`, where there are users. `keep_alive` is in seconds.
    pub(crate) fn open(
        &mut self,
        who: usize,
        user: usize,
        client_id: &str,
        keep_alive: u16,
    ) -> Result<(), Fault> {
        let name = self.login.map(|login| login.user(user));
        let credentials = name.as_deref().zip(self.login.map(|login| login.password));
        let hello = connect(client_id, keep_alive, credentials);
        let mut stream = dial(self.broker, source(self.opened))?;
        self.opened += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(who), interest)?;
        if self.clients.len() <= who {
            self.clients.resize_with(who + 1, || None);
        }
        let tls = self.dialer.as_mut().map(|dialer| dialer.begin(who)).transpose()?;
        let (carry, out) = (Vec::new(), Vec::new());
        self.clients[who] = Some(Client { stream, tls, carry, out, blocked: false, queued: false });
        self.send(who, |out| out.extend_from_slice(&hello));
        Ok(())
    }

    /// Lets `write` append to what client `who` will send at the next flush.
    pub(crate) fn send(&mut self, who: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(client) = &mut self.clients[who] {
            write(&mut client.out);
            queue(&mut self.dirty, who, client);
        }
    }

    /// Wakes [`Pool::turn`] whenever `timer` is readable; the caller reads it.
    pub(crate) fn watch(&self, timer: &impl AsFd) -> Result<(), Fault> {
        let fd = timer.as_fd().as_raw_fd();
        let source = &mut mio::unix::SourceFd(&fd);
        Ok(self.poll.registry().register(source, EXTRA, Interest::READABLE)?)
    }

    /// Sends what is queued, one write per client, waits at most `timeout` and hands all that
    /// arrived to `traffic`.
    pub(crate) fn turn(
        &mut self,
        timeout: Duration,
        traffic: &mut impl Traffic,
    ) -> Result<(), Fault> {
        self.flush()?;
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        for event in &self.events {
            let Some(slot) = self.clients.get_mut(event.token().0) else { continue };
            let Some(client) = slot else { continue };
            let who = event.token().0;
            if event.is_writable() {
                client.blocked = false;
            }
            let open = !event.is_readable()
                || client.receive(&mut self.scratch, event.is_read_closed(), |packet, out| {
                    traffic.packet(who, packet, out)
                })?;
            queue(&mut self.dirty, who, client);
            if !open {
                *slot = None;
                traffic.closed(who)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        for who in self.dirty.drain(..) {
            let Some(client) = &mut self.clients[who] else { continue };
            client.queued = false;
            if !client.blocked {
                client.flush()?;
            }
        }
        Ok(())
    }
}

impl Client {
    /// Reads until the socket is empty; false once the broker has closed it. A short read means
    /// empty, unless the event said `closing`: then the end has to be read too.
    fn receive(
        &mut self,
        scratch: &mut [u8],
        closing: bool,
        mut packet: impl FnMut(Packet<'_>, &mut Vec<u8>) -> Result<(), Fault>,
    ) -> Result<bool, Fault> {
        loop {
            let held = self.carry.len();
            let (own, room) = match &self.tls {
                None => (held, scratch.len() - held),
                Some(_) => (SCRATCH / 2, SCRATCH / 2),
            };
            let got = match self.stream.read(&mut scratch[own..]) {
                Ok(0) => return Ok(false),
                Ok(got) => got,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            let open = if self.tls.is_some() {
                let (plain, heard) = scratch.split_at_mut(own);
                self.decrypt(&heard[..got], plain, &mut packet)?
            } else {
                scratch[..held].copy_from_slice(&self.carry);
                self.digest(&scratch[..held + got], &mut packet)?;
                true
            };
            if !open || (got < room && !closing) {
                return Ok(open);
            }
        }
    }

    /// Hands on what `heard` says, by way of `plain`; false if it says that nothing follows.
    fn decrypt(
        &mut self,
        mut heard: &[u8],
        plain: &mut [u8],
        packet: &mut impl FnMut(Packet<'_>, &mut Vec<u8>) -> Result<(), Fault>,
    ) -> Result<bool, Fault> {
        while let (Some(tls), false) = (&mut self.tls, heard.is_empty()) {
            tls.hear(&mut heard)?;
            while let Some(tls) = &mut self.tls {
                let held = self.carry.len();
                match tls.take(&mut plain[held..])? {
                    Taken::Nothing => break,
                    Taken::Closed => return Ok(false),
                    Taken::Bytes(count) => {
                        plain[..held].copy_from_slice(&self.carry);
                        self.digest(&plain[..held + count], packet)?;
                    }
                }
            }
        }
        Ok(true)
    }

    /// Hands on the whole packets of `bytes`, and keeps the rest.
    fn digest(
        &mut self,
        bytes: &[u8],
        packet: &mut impl FnMut(Packet<'_>, &mut Vec<u8>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut rest = bytes;
        while let Some((read, len)) = read_packet(rest)? {
            packet(read, &mut self.out)?;
            rest = &rest[len..];
        }
        self.carry.clear();
        self.carry.extend_from_slice(rest);
        Ok(())
    }

    fn has_more(&self) -> bool {
        !self.out.is_empty() || self.tls.as_ref().is_some_and(Secure::has_more)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        if let Some(tls) = &mut self.tls {
            tls.put(&self.out)?;
            self.out.clear();
        }
        let mut sent = 0;
        loop {
            let wrote = match &mut self.tls {
                Some(tls) if tls.has_more() => tls.send(&mut self.stream).map(|_| 0),
                None if sent < self.out.len() => self.stream.write(&self.out[sent..]),
                _ => break,
            };
            match wrote {
                Ok(wrote) => sent += wrote,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked = true;
                    break;
                }
                // The next read reports it as closed, with the client's number.
                Err(error) if is_closed(error.kind()) => {
                    sent = self.out.len();
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.out.drain(..sent);
        Ok(())
    }
}

fn is_closed(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

fn queue(dirty: &mut Vec<usize>, who: usize, client: &mut Client) {
    if !client.queued && client.has_more() {
        client.queued = true;
        dirty.push(who);
    }
}

/// Source address of the n-th connection: 127.0.0.2 and up, so that ports never run short.
fn source(nth: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, 2 + (nth / PER_ADDRESS % 200) as u8)
}

fn dial(broker: SocketAddr, source: Ipv4Addr) -> Result<TcpStream, Fault> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(source, 0)).into())?;
    match socket.connect(&broker.into()) {
        Err(error) if error.raw_os_error() != Some(nix::libc::EINPROGRESS) => {
            return Err(Fault::Io(error));
        }
        _ => {}
    }
    Ok(TcpStream::from_std(socket.into()))
}
