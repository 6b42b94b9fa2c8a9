//! One shard of the broker as a step function: events in, effects out, `now` an argument.
//! This file holds the state and the verbs of the outside; each verb's work has its own file.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use slotmap::{Key, SlotMap};
use theseus_route::{Cache, Subscriber};

use crate::Time;
use crate::broker::Broker;
use crate::connection::{Connection, Ending, State};
use crate::happened::Happened;
use crate::inbox::{Parcel, ShardId};
use crate::keys::{ConnectionKey, SessionKey, WillKey};
use crate::limits::ClientLimits;
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;
use crate::question::Asker;
use crate::session::Session;
use crate::timers::Timers;
use crate::turns::Turns;
use crate::will::WaitingWill;

/// The sessions and connections of one shard, and what they owe the outside.
///
/// The shell feeds it with [`Shard::connect`], [`Shard::receive`], [`Shard::socket_closed`],
/// [`Shard::handle_timeout`] and [`Shard::work`], then asks: [`Shard::poll_dirty`] and
/// [`Shard::transmit`] for bytes to write, [`Shard::post`] for shards to wake,
/// [`Shard::poll_question`] for what only a plugin can say (its answer goes to
/// [`Shard::handle_answer`]), [`Shard::poll_timeout`] for the next deadline.
pub struct Shard {
    pub(crate) id: ShardId,
    pub(crate) broker: Arc<Broker>,
    pub(crate) connections: SlotMap<ConnectionKey, Connection>,
    pub(crate) sessions: SlotMap<SessionKey, Session>,
    pub(crate) by_client: HashMap<Box<str>, SessionKey>,
    pub(crate) routes: Cache,
    pub(crate) timers: Timers,
    /// Parcels taken from the inbox, and own ones that must keep their place behind them.
    pub(crate) work: VecDeque<Parcel>,
    /// Parcels for other shards, by shard, since the last [`Shard::post`].
    pub(crate) outbox: Box<[Vec<Parcel>]>,
    /// Shards whose inbox went from empty to not empty since the last [`Shard::post`].
    pub(crate) wakes: Vec<ShardId>,
    /// Wills that wait for an answer.
    pub(crate) wills: SlotMap<WillKey, WaitingWill>,
    /// Who waits for an answer to a question that was not handed out yet. Each connection at most once
    /// for its AUTH and once for its packet, each will once.
    pub(crate) questions: VecDeque<Asker>,
    /// Clients that are to be asked about again.
    pub(crate) turns: Turns,
    /// What happened since [`Shard::poll_happened`] was asked last.
    pub(crate) happened: VecDeque<Happened>,
    dirty: VecDeque<ConnectionKey>,
    expired: Vec<ConnectionKey>,
    /// Write buffers without a connection.
    buffers: Vec<Vec<u8>>,
    /// Where a message is put together that does not stand in its frame as it is; empty in between.
    pub(crate) scratch: Vec<u8>,
}

/// Topics each shard remembers the matches of.
const CACHED_TOPICS_MAX: usize = 16 * 1024;

/// Write buffers kept for reuse.
const BUFFERS_KEPT_MAX: usize = 64;

impl Shard {
    /// Shard number `id` of `broker`.
    pub fn new(id: ShardId, broker: Arc<Broker>) -> Self {
        Self {
            id,
            connections: SlotMap::with_key(),
            sessions: SlotMap::with_key(),
            by_client: HashMap::new(),
            routes: Cache::new(CACHED_TOPICS_MAX),
            timers: Timers::default(),
            work: VecDeque::new(),
            outbox: (0..broker.shards()).map(|_| Vec::new()).collect(),
            wakes: Vec::new(),
            wills: SlotMap::with_key(),
            questions: VecDeque::new(),
            turns: Turns::new(broker.limits.revalidations_max / usize::from(broker.shards())),
            happened: VecDeque::new(),
            dirty: VecDeque::new(),
            expired: Vec::new(),
            buffers: Vec::new(),
            scratch: Vec::new(),
            broker,
        }
    }

    /// The shared half of the broker.
    pub fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// A connection with something to write, to be closed, or to be read again; each once.
    pub fn poll_dirty(&mut self) -> Option<ConnectionKey> {
        let key = self.dirty.pop_front()?;
        if let Some(connection) = self.connections.get_mut(key) {
            connection.dirty = false;
        }
        Some(key)
    }

    /// A connection whose last bytes did not leave in time: its socket must be dropped now.
    pub fn poll_expired(&mut self) -> Option<ConnectionKey> {
        self.expired.pop()
    }

    /// The socket has room again.
    pub fn wants_flush(&mut self, key: ConnectionKey) {
        self.mark_dirty(key);
    }

    /// The bytes to write; fill it with [`Shard::transmit`] first.
    pub fn outgoing(&mut self, key: ConnectionKey) -> Option<&mut Outgoing> {
        self.connections.get_mut(key).map(|connection| &mut connection.outgoing)
    }

    /// Notes for the counters that a socket has taken `count` bytes.
    pub fn wrote(&self, count: usize) {
        self.metrics().bytes_sent.add(count as u64);
    }

    /// True while the shell should read from this socket.
    pub fn wants_read(&self, key: ConnectionKey) -> bool {
        self.connections
            .get(key)
            .is_some_and(|connection| connection.is_open() && connection.takes_packets())
    }

    /// True once the socket may be closed: the connection is over and everything is written.
    pub fn is_finished(&self, key: ConnectionKey) -> bool {
        self.connections
            .get(key)
            .is_none_or(|connection| !connection.is_open() && connection.outgoing.is_empty())
    }

    /// How a connection ended that is not open any more.
    pub fn ending(&self, key: ConnectionKey) -> Option<Ending> {
        match self.connections.get(key)?.state {
            State::Closing(ending) => Some(ending),
            State::Open => None,
        }
    }

    /// Earliest time at which [`Shard::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Hands parcels to other shards and returns those to be woken, once per batch.
    pub fn post(&mut self) -> std::vec::Drain<'_, ShardId> {
        self.commit();
        self.wakes.drain(..)
    }

    /// Connections, open or closing.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Keys of the open connections.
    pub fn open_connections(&self) -> impl Iterator<Item = ConnectionKey> {
        self.connections.iter().filter(|(_, connection)| connection.is_open()).map(|(key, _)| key)
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        self.broker.metrics(self.id)
    }

    /// What the client of a connection is held to.
    pub(crate) fn client_limits(&self, key: ConnectionKey) -> &ClientLimits {
        let listener = self.connections.get(key).map_or(0, |it| it.protocol.listener);
        self.broker.limits.of(listener)
    }

    /// The address of one of this shard's sessions.
    pub(crate) fn subscriber(&self, session: SessionKey) -> Subscriber {
        Subscriber { session: session.data().as_ffi(), shard: self.id }
    }

    /// Puts the outbox into the inboxes of the others.
    pub(crate) fn commit(&mut self) {
        for (shard, parcels) in self.outbox.iter_mut().enumerate() {
            if !parcels.is_empty() && self.broker.inboxes[shard].post(parcels) {
                self.wakes.push(shard as ShardId);
            }
        }
    }

    pub(crate) fn mark_dirty(&mut self, key: ConnectionKey) {
        if let Some(connection) = self.connections.get_mut(key)
            && !connection.dirty
        {
            connection.dirty = true;
            self.dirty.push_back(key);
        }
    }

    pub(crate) fn mark_expired(&mut self, key: ConnectionKey) {
        self.expired.push(key);
    }

    /// The output of a connection, with a buffer to write into; the shell will flush it.
    pub(crate) fn output(&mut self, key: ConnectionKey) -> Option<&mut Outgoing> {
        self.mark_dirty(key);
        self.lend_buffer(key);
        self.outgoing(key)
    }

    /// Makes sure that the output of a connection has a buffer to write into.
    pub(crate) fn lend_buffer(&mut self, key: ConnectionKey) {
        if let Some(connection) = self.connections.get_mut(key)
            && connection.outgoing.is_bare()
        {
            connection.outgoing = Outgoing::from_buffer(self.buffers.pop().unwrap_or_default());
        }
    }

    /// Takes the buffer of a connection that has written everything.
    pub fn reclaim(&mut self, key: ConnectionKey) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !connection.outgoing.is_empty() {
            return;
        }
        let outgoing = std::mem::take(&mut connection.outgoing);
        if let Some(buffer) = outgoing.into_buffer()
            && self.buffers.len() < BUFFERS_KEPT_MAX
        {
            self.buffers.push(buffer);
        }
    }
}
