//! One socket's side of a client: version, keep-alive, half-read and half-written packets,
//! acknowledgements owed. Plain data between two packets (invariant 8).

use std::collections::VecDeque;
use std::time::Duration;

use theseus_mqtt::{PacketId, ProtocolVersion, QoS};

use crate::Time;
use crate::aliases::{ClientAliases, ServerAliases};
use crate::inbox::ShardId;
use crate::keys::SessionKey;
use crate::limits::ListenerId;
use crate::metered::Metered;
use crate::outgoing::Outgoing;
use crate::reauthentication::Authentication;
use crate::revalidation::Revalidating;
use crate::waiting::Waiting;

/// What the core keeps of a connection from CONNACK to close.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) session: SessionKey,
    pub(crate) protocol: Protocol,
    /// Bytes for the socket.
    pub(crate) outgoing: Outgoing,
    /// What the client's topic aliases stand for; nothing until it uses one.
    pub(crate) client_aliases: Option<Box<ClientAliases>>,
    /// What our own stand for; nothing until one is used.
    pub(crate) server_aliases: Option<Box<ServerAliases>>,
    /// It stands in the list of connections with something to write.
    pub(crate) dirty: bool,
    /// The beginning of a packet that is not whole yet, or packets that were not handled yet.
    pub(crate) partial: Vec<u8>,
    /// `partial` holds packets that a pause or a full output kept from being handled.
    pub(crate) behind: bool,
    /// Length of the packet that `partial` begins with, once its header says so.
    pub(crate) partial_packet: usize,
    /// When the last whole packet came, for the keep-alive.
    pub(crate) last_packet: Time,
    /// When it began.
    pub(crate) since: Time,
    /// When the client must have connected anew; [`Time::NEVER`] if its grant has no end.
    pub(crate) grant_ends: Time,
    /// What AUTH packets are judged by; nothing if CONNECT named no method.
    pub(crate) authentication: Option<Box<Authentication>>,
    /// Somebody is asked whether it may stay, or is to be.
    pub(crate) revalidation: Option<Revalidating>,
    /// Acknowledgements not sent yet, in the order of their PUBLISH [MQTT-4.6.0-2] (3.1.1).
    pub(crate) withheld: VecDeque<Withheld>,
    /// The number of the next withheld acknowledgement.
    pub(crate) next_ticket: u32,
    /// Reading stops until then, because of withheld acknowledgements or a full inbox.
    pub(crate) paused_until: Option<Time>,
    /// The shard whose full inbox it waits for.
    pub(crate) waits_for: Option<ShardId>,
    /// What its packets are counted against.
    pub(crate) metered: Metered,
    /// What has to be asked about before the next packet.
    pub(crate) waiting: Option<Box<Waiting>>,
    /// The number of the last question about it.
    pub(crate) question: u32,
    /// Subscriptions of its session that have to be asked about after that.
    pub(crate) unsettled: Vec<(Box<str>, QoS)>,
    pub(crate) state: State,
}

/// What CONNECT and CONNACK settled for the life of the connection.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Protocol {
    pub(crate) version: ProtocolVersion,
    /// The listener it came in by. Its number means nothing elsewhere: it is found by name again.
    #[serde(skip)]
    pub(crate) listener: ListenerId,
    /// Closed after this long without a packet; `None` never.
    pub(crate) keep_alive: Option<Duration>,
    /// Unacknowledged PUBLISHes to this client: its Receive Maximum or our own bound.
    pub(crate) window: u16,
    /// The client's Maximum Packet Size, bytes.
    pub(crate) packet_size_max: u32,
    /// Topic aliases that may be used towards the client [MQTT-3.1.2-26].
    pub(crate) topic_alias_max: u16,
    /// Reason Strings may stand in acknowledgements [MQTT-3.1.2-29].
    pub(crate) problem_information: bool,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Attached to its session.
    Open,
    /// Detached; what is in `outgoing` is still written, then the socket is closed.
    Closing(Ending),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client said DISCONNECT, for this reason: nobody waits for anything any more.
    Client(theseus_mqtt::ReasonCode),
    /// We ended it, for this reason.
    Server(theseus_mqtt::ReasonCode),
    /// The socket broke, or its handling panicked.
    Lost,
}

/// A PUBACK or PUBREC that waits for slow receivers, or for an older one.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Withheld {
    pub(crate) number: u32,
    pub(crate) ack: Ack,
    /// Slow receivers known and not drained yet; below zero while a release overtakes its count.
    pub(crate) holds: i32,
    /// Shards that have yet to say how many slow receivers they have.
    pub(crate) asked: u16,
    /// Given back then at the latest; remaining milliseconds in a snapshot.
    #[serde(skip)]
    pub(crate) deadline: Time,
}

/// The first answer to a PUBLISH of QoS 1 or 2.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ack {
    pub(crate) kind: AckKind,
    pub(crate) packet_id: PacketId,
    pub(crate) reason: theseus_mqtt::ReasonCode,
}

/// Which packet answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum AckKind {
    PubAck,
    PubRec,
}

impl Connection {
    pub(crate) fn new(session: SessionKey, protocol: Protocol, now: Time) -> Self {
        Self {
            session,
            protocol,
            outgoing: Outgoing::default(),
            client_aliases: None,
            server_aliases: None,
            dirty: false,
            partial: Vec::new(),
            behind: false,
            partial_packet: 0,
            last_packet: now,
            since: now,
            grant_ends: Time::NEVER,
            authentication: None,
            revalidation: None,
            withheld: VecDeque::new(),
            next_ticket: 0,
            paused_until: None,
            waits_for: None,
            metered: Metered::default(),
            waiting: None,
            question: 0,
            unsettled: Vec::new(),
            state: State::Open,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// True while its packets are handled, and more are read.
    pub(crate) fn takes_packets(&self) -> bool {
        self.paused_until.is_none()
            && !self.metered.is_paused
            && self.waiting.is_none()
            && self.outgoing.answers() < ANSWERS_MAX
    }

    /// True while its packets are kept back for our own reasons, so that it cannot be blamed for
    /// silence.
    pub(crate) fn is_kept_waiting(&self) -> bool {
        self.paused_until.is_some() || self.metered.is_paused || self.waiting.is_some()
    }

    /// Notes whole packets of `len` bytes for the keep-alive: bytes of one that never becomes whole
    /// do not count [MQTT-3.1.2-22].
    pub(crate) fn heard(&mut self, now: Time, len: usize) {
        if len > 0 {
            self.last_packet = now;
        }
    }

    /// Messages received and not answered yet that are not awaiting their PUBREL either.
    pub(crate) fn unanswered(&self) -> usize {
        let settles = |ack: &Ack| ack.kind == AckKind::PubAck || ack.reason.is_error();
        self.withheld.iter().filter(|withheld| settles(&withheld.ack)).count()
    }

    /// True if the PUBREC for this id is on its way already.
    pub(crate) fn withholds_pubrec(&self, packet_id: PacketId) -> bool {
        let mut acks = self.withheld.iter().map(|withheld| withheld.ack);
        acks.any(|ack| ack.kind == AckKind::PubRec && ack.packet_id == packet_id)
    }

    pub(crate) fn is_v5(&self) -> bool {
        self.protocol.version == ProtocolVersion::V5
    }
}

/// No further packet of a client is handled or read while answers of this size, in bytes, wait to be
/// written to it: a client that sends and never reads must not fill memory with its own
/// acknowledgements.
pub(crate) const ANSWERS_MAX: usize = 128 * 1024;
