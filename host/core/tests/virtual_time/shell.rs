//! A shell without sockets: shards, a virtual clock, and byte streams between clients and shards
//! that move when the test says so. It flushes only connections that the core calls dirty.

use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use theseus_core::{
    Action, Broker, Candidate, ConnectionKey, Grant, Identity, Judged, Limits, LimitsForAll,
    Policy, Question, Recipient, Shard, ShardId, Time, Verdict, refusal,
};
use theseus_limit::Limit;
use theseus_mqtt::{Cut, Packet, cut};

/// Allows everything but what begins with `forbidden`, what the live generation forbids too, and what
/// begins with the attribute `denied` of a grant. What begins with `asked` is left open, and a hook
/// sees messages whose topic holds `hooked`.
pub(crate) struct Open {
    generation: AtomicU64,
    forbidden: Mutex<(&'static str, Verdict)>,
    limits: Mutex<LimitsForAll>,
    /// Somebody wants to know what happens.
    pub(crate) watches: AtomicBool,
    /// How often it was asked.
    pub(crate) asked: AtomicU64,
}

impl Open {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            generation: AtomicU64::new(1),
            forbidden: Mutex::new(("forbidden", Verdict::Deny)),
            limits: Mutex::default(),
            watches: AtomicBool::new(false),
            asked: AtomicU64::new(0),
        })
    }

    /// From now on what begins with `name` gets this verdict, and nothing else.
    pub(crate) fn forbid(&self, name: &'static str, verdict: Verdict) {
        *self.forbidden.lock().unwrap() = (name, verdict);
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// From now on everybody is held to these.
    pub(crate) fn limit(&self, limits: &[Limit]) {
        let mut live = self.limits.lock().unwrap();
        live.number += 1;
        live.limits = limits.iter().cloned().map(Arc::new).collect();
    }
}

impl Policy for Open {
    fn watches(&self) -> bool {
        self.watches.load(Ordering::Relaxed)
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    fn limits_number(&self) -> u64 {
        self.limits.lock().unwrap().number
    }

    fn limits(&self) -> LimitsForAll {
        self.limits.lock().unwrap().clone()
    }

    fn authorize(&self, client: Identity<'_>, action: Action<'_>) -> Judged {
        let (Action::Publish { topic: name, .. } | Action::Subscribe { filter: name, .. }) = action;
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (forbidden, verdict) = *self.forbidden.lock().unwrap();
        let attributes = &client.grant.attributes;
        let denies =
            attributes.iter().any(|(of, text)| &**of == "denied" && name.starts_with(&**text));
        let verdict = match name.starts_with(forbidden) {
            true => verdict,
            false if denies => Verdict::Deny,
            false if name.starts_with("asked") => Verdict::Ask,
            false => Verdict::Allow,
        };
        let hooked = matches!(action, Action::Publish { topic, .. } if topic.contains("hooked"));
        Judged { verdict, hooked, generation: Some(self.generation()) }
    }
}

/// The three shards, the clock and the sockets.
pub(crate) struct Shell {
    pub(crate) broker: Arc<Broker>,
    pub(crate) shards: Vec<Shard>,
    pub(crate) now: Time,
    /// Grows with every message that is put together.
    pub(crate) step: u64,
    pub(crate) sockets: Vec<Socket>,
    by_key: HashMap<(usize, ConnectionKey), usize>,
    pub(crate) policy: Arc<Open>,
    /// The listener that clients come in by.
    pub(crate) listener: &'static str,
    /// What everybody is given who comes in.
    pub(crate) grant: Grant,
}

/// One socket with what is under way in it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) server: Server,
    /// From client to server, packet by packet; of the first one `sent` bytes have arrived.
    pub(crate) to_server: VecDeque<Vec<u8>>,
    sent: usize,
    pub(crate) to_client: VecDeque<u8>,
    /// The network is gone: nothing moves any more.
    pub(crate) cut: bool,
    /// The core has something to write, or did not get everything written.
    pub(crate) flushable: bool,
    accepted_by: ShardId,
    unread: Vec<u8>,
    /// Bytes that the server has written to it.
    written: u64,
    /// When messages were put together: how far the stream went after each time, oldest first.
    encoded: VecDeque<(u64, Moment)>,
}

/// When a message was put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) time: Time,
    /// Greater for what comes later in the same millisecond.
    pub(crate) step: u64,
}

/// The server's end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// CONNECT has not come whole.
    Waiting,
    /// The core has it.
    Open(usize, ConnectionKey),
    /// It is closed.
    Closed,
}

/// Bytes in flight to a client that does not read, at the most.
const SOCKET_BUFFER: usize = 3000;

impl Shell {
    pub(crate) fn new(shards: ShardId, limits: impl Into<Limits>) -> Self {
        let policy = Open::new();
        let broker = Broker::new(shards, policy.clone(), limits);
        let shards = (0..shards).map(|id| Shard::new(id, broker.clone())).collect();
        let now = Time::from_millis(1000);
        Self {
            broker,
            shards,
            now,
            step: 0,
            sockets: Vec::new(),
            by_key: HashMap::new(),
            policy,
            listener: "",
            grant: Grant::default(),
        }
    }

    /// A client id of constant length that lives on `home`, whatever this process hashes with.
    pub(crate) fn name_on(&self, home: usize, name: &str) -> String {
        (0..1000)
            .map(|number| format!("{name}-{number:03}"))
            .find(|id| usize::from(self.broker.home(id)) == home)
            .expect("one of a thousand lives there")
    }

    pub(crate) fn open(&mut self, accepted_by: usize) -> usize {
        self.sockets.push(Socket {
            server: Server::Waiting,
            to_server: VecDeque::new(),
            sent: 0,
            to_client: VecDeque::new(),
            cut: false,
            flushable: false,
            accepted_by: accepted_by as ShardId,
            unread: Vec::new(),
            written: 0,
            encoded: VecDeque::new(),
        });
        self.sockets.len() - 1
    }

    pub(crate) fn send(&mut self, socket: usize, packet: Vec<u8>) {
        self.sockets[socket].to_server.push_back(packet);
    }

    /// Bytes under way to the server.
    pub(crate) fn in_flight(&self, socket: usize) -> usize {
        let socket = &self.sockets[socket];
        socket.to_server.iter().map(Vec::len).sum::<usize>() - socket.sent
    }

    /// True if the server would read from this socket now.
    pub(crate) fn reads(&self, socket: usize) -> bool {
        let it = &self.sockets[socket];
        !it.cut
            && match it.server {
                Server::Waiting => true,
                Server::Open(shard, key) => self.shards[shard].wants_read(key),
                Server::Closed => false,
            }
    }

    /// Lets up to `count` bytes arrive at the server, of at most `packets` packets, in one read;
    /// returns the bytes.
    pub(crate) fn arrive(&mut self, socket: usize, count: usize, packets: usize) -> Vec<u8> {
        let bytes = self.peek(socket, count, packets);
        let it = &mut self.sockets[socket];
        it.sent += bytes.len();
        while let Some(packet) = it.to_server.front()
            && it.sent >= packet.len()
        {
            it.sent -= packet.len();
            it.to_server.pop_front();
        }
        self.read(socket, &bytes);
        bytes
    }

    /// What [`Shell::arrive`] would let arrive.
    pub(crate) fn peek(&self, socket: usize, count: usize, packets: usize) -> Vec<u8> {
        if !self.reads(socket) {
            return Vec::new();
        }
        let it = &self.sockets[socket];
        let all = it.to_server.iter().take(packets).flatten().skip(it.sent);
        all.take(count).copied().collect()
    }

    fn read(&mut self, socket: usize, bytes: &[u8]) {
        match self.sockets[socket].server {
            Server::Waiting => {
                self.sockets[socket].unread.extend_from_slice(bytes);
                self.accept(socket);
            }
            Server::Open(shard, key) => self.receive(shard, key, bytes),
            Server::Closed => {}
        }
    }

    /// As the shell does it: large packets are read into their own buffer.
    fn receive(&mut self, shard: usize, key: ConnectionKey, bytes: &[u8]) {
        let (now, shard) = (self.now, &mut self.shards[shard]);
        let mut rest = bytes;
        while let Some((buffer, missing)) = shard.direct_read(key)
            && !rest.is_empty()
        {
            let taken = missing.min(rest.len());
            buffer.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            shard.received_direct(now, key, taken);
        }
        if !rest.is_empty() {
            shard.receive(now, key, rest);
        }
    }

    fn accept(&mut self, socket: usize) {
        let unread = std::mem::take(&mut self.sockets[socket].unread);
        let Ok(Cut::Frame { frame, consumed }) = cut(&unread, usize::MAX) else {
            self.sockets[socket].unread = unread;
            return;
        };
        let Ok(Packet::Connect(connect)) = Packet::decode(frame, theseus_mqtt::ProtocolVersion::V5)
        else {
            panic!("clients begin with CONNECT")
        };
        let accepted_by = self.sockets[socket].accepted_by;
        let admission =
            Candidate::new(&self.broker, accepted_by, self.now, self.listener, &connect)
                .and_then(|candidate| candidate.admit(&self.broker, Box::new(self.grant.clone())));
        let key = admission.and_then(|admission| {
            let home = usize::from(self.broker.home(admission.client_id()));
            let key = self.shards[home].connect(self.now, admission)?;
            Ok((home, key))
        });
        match key {
            Ok((home, key)) => {
                self.sockets[socket].server = Server::Open(home, key);
                self.by_key.insert((home, key), socket);
                self.receive(home, key, &unread[consumed..]);
            }
            Err(reason) => {
                self.sockets[socket].to_client.extend(refusal(
                    Recipient::of(&connect),
                    reason,
                    None,
                ));
                self.sockets[socket].server = Server::Closed;
            }
        }
    }

    /// What the shards want to have asked about clients that authenticate again.
    pub(crate) fn questions(&mut self) -> Vec<Question> {
        let shards = self.shards.iter_mut();
        shards.flat_map(|shard| std::iter::from_fn(|| shard.poll_question())).collect()
    }

    /// The socket of a connection, if it is still there.
    pub(crate) fn socket_of(&self, shard: usize, key: ConnectionKey) -> Option<usize> {
        self.by_key.get(&(shard, key)).copied()
    }

    /// Asks a shard which connections want to write.
    pub(crate) fn collect_dirty(&mut self, shard: usize) {
        while let Some(key) = self.shards[shard].poll_dirty() {
            if let Some(socket) = self.by_key.get(&(shard, key)) {
                self.sockets[*socket].flushable = true;
            }
            if self.shards[shard].wants_read(key) {
                self.shards[shard].catch_up(self.now, key);
            }
        }
        self.collect_expired(shard);
    }

    /// Drops the sockets that did not take their last bytes in time.
    pub(crate) fn collect_expired(&mut self, shard: usize) {
        while let Some(key) = self.shards[shard].poll_expired() {
            if let Some(socket) = self.by_key.get(&(shard, key)).copied() {
                self.drop_server_end(socket);
            }
        }
    }

    /// Writes up to `max` bytes of a flushable connection; the socket may be full before.
    pub(crate) fn flush(&mut self, socket: usize, max: usize) -> usize {
        let Server::Open(shard, key) = self.sockets[socket].server else { return 0 };
        let mut written = 0;
        loop {
            let more = self.shards[shard].transmit(self.now, key);
            self.stamp(socket, shard, key);
            let it = &mut self.sockets[socket];
            let room =
                if it.cut { usize::MAX } else { SOCKET_BUFFER.saturating_sub(it.to_client.len()) };
            let count = self.write(socket, room.min(max - written));
            written += count;
            let left = self.shards[shard].outgoing(key).is_some_and(|out| !out.is_empty());
            if count == 0 || !more {
                self.sockets[socket].flushable = left || more;
                break;
            }
        }
        self.shards[shard].reclaim(key);
        if self.shards[shard].is_finished(key) {
            self.drop_server_end(socket);
        } else if self.shards[shard].wants_read(key) {
            // What was kept back while too many answers waited.
            self.shards[shard].catch_up(self.now, key);
        }
        written
    }

    /// Notes that what the output holds now was put together by now.
    fn stamp(&mut self, socket: usize, shard: usize, key: ConnectionKey) {
        let waiting = self.shards[shard].outgoing(key).map_or(0, |out| out.remaining());
        let it = &mut self.sockets[socket];
        let end = it.written + waiting as u64;
        if it.encoded.back().is_none_or(|(known, _)| *known < end) {
            self.step += 1;
            it.encoded.push_back((end, Moment { time: self.now, step: self.step }));
        }
    }

    /// When the message was put together that ends with byte number `end` of what a socket's
    /// client gets; asked for in the order of the stream.
    pub(crate) fn encoded_at(&mut self, socket: usize, end: u64) -> Moment {
        let encoded = &mut self.sockets[socket].encoded;
        while encoded.front().is_some_and(|(known, _)| *known < end) {
            encoded.pop_front();
        }
        encoded.front().expect("nothing is written that was not put together").1
    }

    fn write(&mut self, socket: usize, max: usize) -> usize {
        let Server::Open(shard, key) = self.sockets[socket].server else { return 0 };
        let Some(outgoing) = self.shards[shard].outgoing(key) else { return 0 };
        let it = &mut self.sockets[socket];
        let mut written = 0;
        while written < max && !outgoing.is_empty() {
            let mut slices = [IoSlice::new(&[]); 3];
            let used = outgoing.slices(&mut slices, usize::MAX);
            let all = slices[..used].iter().flat_map(|slice| slice.iter().copied());
            let bytes: Vec<u8> = all.take(max - written).collect();
            outgoing.advance(bytes.len());
            written += bytes.len();
            if !it.cut {
                it.to_client.extend(bytes);
            }
        }
        it.written += written as u64;
        self.shards[shard].wrote(written);
        written
    }

    /// The server learns that the socket is gone, or closes it itself.
    pub(crate) fn drop_server_end(&mut self, socket: usize) {
        if let Server::Open(shard, key) = self.sockets[socket].server {
            self.shards[shard].socket_closed(self.now, key);
            self.by_key.remove(&(shard, key));
        }
        self.sockets[socket].server = Server::Closed;
        self.sockets[socket].flushable = false;
    }

    /// The client reads up to `count` bytes.
    pub(crate) fn take(&mut self, socket: usize, count: usize) -> Vec<u8> {
        let arrived = &mut self.sockets[socket].to_client;
        arrived.drain(..count.min(arrived.len())).collect()
    }

    /// True if the core has this connection open.
    pub(crate) fn is_open(&self, socket: usize) -> bool {
        match self.sockets[socket].server {
            Server::Open(shard, key) => self.shards[shard].open_connections().any(|it| it == key),
            _ => false,
        }
    }

    pub(crate) fn post(&mut self, shard: usize) {
        let _woken: Vec<_> = self.shards[shard].post().collect();
    }

    pub(crate) fn work(&mut self, shard: usize) -> bool {
        let now = self.now;
        self.shards[shard].work(now)
    }

    /// Lets the shards do everything they owe each other.
    pub(crate) fn work_off(&mut self) {
        loop {
            (0..self.shards.len()).for_each(|shard| self.post(shard));
            if !self.shards.iter().any(Shard::has_work) {
                return;
            }
            for shard in 0..self.shards.len() {
                self.work(shard);
            }
        }
    }

    /// The next deadline of any shard.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.shards.iter().filter_map(Shard::poll_timeout).min()
    }

    /// Lets `span` pass, stopping at each deadline; `at` sees every stop.
    pub(crate) fn advance(&mut self, span: Duration, mut at: impl FnMut(&mut Self)) {
        let end = self.now.after(span);
        loop {
            self.now = self.next_deadline().map_or(end, |next| next.max(self.now).min(end));
            let now = self.now;
            self.shards.iter_mut().for_each(|shard| shard.handle_timeout(now));
            at(self);
            if self.now >= end && self.next_deadline().is_none_or(|next| next > end) {
                return;
            }
        }
    }

    /// Moves an open connection to another shard, half-written frames and all.
    pub(crate) fn migrate(&mut self, socket: usize, to: usize) -> bool {
        self.work_off();
        let Server::Open(from, key) = self.sockets[socket].server else { return false };
        let now = self.now;
        let Some(frozen) = self.shards[from].freeze(now, key, to as ShardId) else { return false };
        self.by_key.remove(&(from, key));
        let key = self.shards[to].thaw(now, &frozen).expect("the other shard has room");
        self.by_key.insert((to, key), socket);
        self.sockets[socket].server = Server::Open(to, key);
        // What was not written yet must be flushed by the word of the core alone.
        self.sockets[socket].flushable = false;
        true
    }

    /// The sum of one counter over the shards.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let shards = 0..self.broker.shards();
        let all = shards.flat_map(|shard| self.broker.metrics(shard).iter());
        all.filter(|(found, _)| *found == name).map(|(_, value)| value).sum()
    }
}
