//! A session and its live connection as bytes, and back: what moves between shards today and
//! between processes later. Deadlines travel as remaining time; nothing else hides anywhere.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use theseus_mqtt::{PacketId, Properties, Publish, QoS};
use theseus_route::Subscription;

use crate::awaiting_rel::AwaitingRel;
use crate::connection::{Connection, Protocol, Withheld};
use crate::inbox::{Parcel, ShardId};
use crate::inflight::{Exchange, State};
use crate::keys::{ConnectionKey, SessionKey};
use crate::outgoing::Outgoing;
use crate::policy::Grant;
use crate::queue::{Delivery, Identifiers};
use crate::replay::{Replay, Wanted};
use crate::session::{Expiry, Session};
use crate::shard::Shard;
use crate::timers::Timer;
use crate::will::Will;
use crate::{Message, Time};

/// The layout below. A reader refuses any other.
const VERSION: u16 = 1;

/// Why a snapshot could not be read back.
#[derive(Debug)]
pub enum SnapshotError {
    /// The bytes are not a snapshot of this version.
    Unreadable(postcard::Error),
    /// Another version wrote it.
    Version(u16),
    /// The client id has a session here already, or the session bound is reached.
    Refused,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "the snapshot cannot be read: {error}"),
            Self::Version(version) => {
                write!(f, "the snapshot has version {version}, this program reads {VERSION}")
            }
            Self::Refused => write!(f, "the client id has a session here, or sessions are full"),
        }
    }
}

impl std::error::Error for SnapshotError {}

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u16,
    session: SessionRecord,
    connection: ConnectionRecord,
}

#[derive(Serialize, Deserialize)]
struct SessionRecord {
    client_id: Box<str>,
    grant: Grant,
    expiry: Expiry,
    subscriptions: Vec<(Box<str>, SubscriptionEntry)>,
    queue: Vec<DeliveryRecord>,
    inflight: Vec<ExchangeRecord>,
    awaiting_rel: AwaitingRel,
    will: Option<WillRecord>,
    wanted: Vec<Wanted>,
    replayed: Vec<DeliveryRecord>,
}

#[derive(Serialize, Deserialize)]
struct SubscriptionEntry(#[serde(with = "SubscriptionRecord")] Subscription);

/// How serde sees [`Subscription`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Subscription")]
pub(crate) struct SubscriptionRecord {
    qos: u8,
    no_local: bool,
    retain_as_published: bool,
    identifier: u32,
}

#[derive(Serialize, Deserialize)]
struct ConnectionRecord {
    protocol: Protocol,
    outgoing: Vec<u8>,
    partial: Vec<u8>,
    partial_packet: usize,
    silent_for: Duration,
    withheld: Vec<(Withheld, Duration)>,
    paused_for: Option<Duration>,
}

#[derive(Serialize, Deserialize)]
struct DeliveryRecord {
    message: MessageRecord,
    qos: QoS,
    retain: bool,
    identifiers: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
struct MessageRecord {
    topic: String,
    properties: Vec<u8>,
    payload: Vec<u8>,
    qos: QoS,
    retain: bool,
    expires_in: Option<Duration>,
}

#[derive(Serialize, Deserialize)]
struct ExchangeRecord {
    packet_id: PacketId,
    /// The message while PUBACK or PUBREC is awaited; none once PUBREL was sent.
    published: Option<DeliveryRecord>,
    /// It has yet to be sent again on this connection.
    interrupted: bool,
}

#[derive(Serialize, Deserialize)]
struct WillRecord {
    message: MessageRecord,
    delay: Duration,
}

impl Shard {
    /// Takes a live connection and its session out of this shard, as bytes, and makes `to` the
    /// home of its client id.
    ///
    /// The caller has stopped all shards and runs [`Shard::work`] to its end first, so that
    /// nothing addressed to the session is on its way. `None` if it is not open.
    pub fn freeze(&mut self, now: Time, key: ConnectionKey, to: ShardId) -> Option<Vec<u8>> {
        let session_key = self.connections.get(key).filter(|c| c.is_open())?.session;
        self.relieve(now, session_key);
        let connection = self.remove_connection(key)?;
        let mut session = self.remove_session(session_key)?;
        // What was replaced since it was read has its successor in the queue.
        if let Some(replay) = &mut session.replay {
            replay.keep(|message| self.broker.is_current(message));
        }
        self.broker.rehome(&session.client_id, to);
        let snapshot = Snapshot {
            version: VERSION,
            session: SessionRecord::of(session, now),
            connection: ConnectionRecord::of(&connection, now),
        };
        postcard::to_stdvec(&snapshot).ok()
    }

    /// Puts a frozen connection and its session into this shard.
    pub fn thaw(&mut self, now: Time, bytes: &[u8]) -> Result<ConnectionKey, SnapshotError> {
        let snapshot: Snapshot = postcard::from_bytes(bytes).map_err(SnapshotError::Unreadable)?;
        if snapshot.version != VERSION {
            return Err(SnapshotError::Version(snapshot.version));
        }
        if self.by_client.contains_key(&snapshot.session.client_id) || !self.broker.admit_session()
        {
            return Err(SnapshotError::Refused);
        }
        let session = self.thaw_session(now, snapshot.session);
        Ok(self.thaw_connection(now, session, snapshot.connection))
    }

    fn thaw_session(&mut self, now: Time, record: SessionRecord) -> SessionKey {
        let mut session = Session::new(record.client_id.clone(), record.grant, record.expiry);
        session.awaiting_rel = record.awaiting_rel;
        session.will = record.will.map(|will| Box::new(will.restore(now)));
        for delivery in record.queue.into_iter().chain(record.replayed) {
            session.queue.push(delivery.restore(now));
        }
        for exchange in record.inflight {
            session.inflight.restore(exchange.restore(now));
        }
        let wanted = record.wanted;
        if !wanted.is_empty() {
            session.replay = Some(Box::new(Replay::resumed(wanted.into())));
        }
        let replays = session.replay.is_some();
        let key = self.sessions.insert(session);
        self.by_client.insert(record.client_id, key);
        for (filter, SubscriptionEntry(subscription)) in record.subscriptions {
            self.broker.router.subscribe(&filter, self.subscriber(key), subscription);
            self.sessions[key].subscriptions.insert(filter, subscription);
        }
        if replays {
            self.work.push_back(Parcel::Collect(key));
        }
        key
    }

    fn thaw_connection(
        &mut self,
        now: Time,
        session: SessionKey,
        record: ConnectionRecord,
    ) -> ConnectionKey {
        let mut connection = Connection::new(session, record.protocol, now);
        connection.outgoing = Outgoing::default();
        connection.outgoing.put(|bytes| bytes.extend_from_slice(&record.outgoing));
        connection.partial = record.partial;
        connection.partial_packet = record.partial_packet;
        let silent_ms = record.silent_for.as_millis() as u64;
        connection.last_packet = Time::from_millis(now.as_millis().saturating_sub(silent_ms));
        connection.paused_until = record.paused_for.map(|left| now.after(left));
        connection.next_ticket = record.withheld.last().map_or(0, |(last, _)| last.number + 1);
        for (withheld, left) in record.withheld {
            connection.withheld.push_back(Withheld { deadline: now.after(left), ..withheld });
        }
        let keep_alive = connection.protocol.keep_alive.map(|k| connection.last_packet.after(k));
        let next_ack = connection.withheld.front().map(|withheld| withheld.deadline);
        let pause = next_ack.into_iter().chain(connection.paused_until).min();
        let key = self.connections.insert(connection);
        self.sessions[session].connection = Some(key);
        self.timers.set(keep_alive.unwrap_or(Time::NEVER), Timer::KeepAlive(key));
        self.timers.set(pause.unwrap_or(Time::NEVER), Timer::Pause(key));
        self.mark_dirty(key);
        key
    }
}

impl SessionRecord {
    fn of(session: Session, now: Time) -> Self {
        let deliveries = |queue: &crate::queue::Queue| {
            queue.iter().map(|delivery| DeliveryRecord::of(delivery, now)).collect()
        };
        let (wanted, replayed) = session.replay.map_or_else(Default::default, |replay| {
            let rest = replay.rest();
            let rest = rest.iter().map(|delivery| DeliveryRecord::of(delivery, now)).collect();
            (replay.wanted.into(), rest)
        });
        Self {
            queue: deliveries(&session.queue),
            inflight: session.inflight.iter().map(|e| ExchangeRecord::of(e, now)).collect(),
            client_id: session.client_id,
            grant: session.grant,
            expiry: session.expiry,
            subscriptions: session
                .subscriptions
                .into_iter()
                .map(|(filter, subscription)| (filter, SubscriptionEntry(subscription)))
                .collect(),
            awaiting_rel: session.awaiting_rel,
            will: session.will.map(|will| WillRecord {
                message: MessageRecord::of(&will.message, now),
                delay: will.delay,
            }),
            wanted,
            replayed,
        }
    }
}

impl ConnectionRecord {
    fn of(connection: &Connection, now: Time) -> Self {
        let withheld = connection.withheld.iter();
        Self {
            protocol: connection.protocol,
            outgoing: connection.outgoing.to_bytes(),
            partial: connection.partial.clone(),
            partial_packet: connection.partial_packet,
            silent_for: connection.last_packet.until(now),
            withheld: withheld.map(|w| (*w, now.until(w.deadline))).collect(),
            paused_for: connection.paused_until.map(|until| now.until(until)),
        }
    }
}

impl DeliveryRecord {
    fn of(delivery: &Delivery, now: Time) -> Self {
        Self {
            message: MessageRecord::of(&delivery.message, now),
            qos: delivery.qos,
            retain: delivery.retain,
            identifiers: delivery.identifiers.as_slice().to_vec(),
        }
    }

    fn restore(self, now: Time) -> Delivery {
        Delivery {
            message: self.message.restore(now),
            qos: self.qos,
            retain: self.retain,
            identifiers: Identifiers::from_slice(&self.identifiers),
        }
    }
}

impl MessageRecord {
    fn of(message: &Message, now: Time) -> Self {
        let expires = message.expires();
        Self {
            topic: message.topic().to_owned(),
            properties: message.properties().as_bytes().to_vec(),
            payload: message.payload().to_vec(),
            qos: message.qos(),
            retain: message.retain(),
            expires_in: (expires != Time::NEVER).then(|| now.until(expires)),
        }
    }

    fn restore(self, now: Time) -> Message {
        let publish = Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: &self.topic,
            packet_id: None,
            properties: Properties::from_checked(&self.properties),
            payload: &self.payload,
        };
        let expires = self.expires_in.map_or(Time::NEVER, |left| now.after(left));
        Message::from_parts(&publish, expires)
    }
}

impl ExchangeRecord {
    fn of(exchange: &Exchange, now: Time) -> Self {
        let published = match &exchange.state {
            State::Published(delivery) | State::Interrupted(delivery) => {
                Some(DeliveryRecord::of(delivery, now))
            }
            State::Released => None,
        };
        let interrupted = matches!(exchange.state, State::Interrupted(_));
        Self { packet_id: exchange.packet_id, published, interrupted }
    }

    fn restore(self, now: Time) -> Exchange {
        let state = match self.published {
            Some(delivery) if self.interrupted => State::Interrupted(delivery.restore(now)),
            Some(delivery) => State::Published(delivery.restore(now)),
            None => State::Released,
        };
        Exchange { packet_id: self.packet_id, state }
    }
}

impl WillRecord {
    fn restore(self, now: Time) -> Will {
        Will { message: self.message.restore(now), delay: self.delay, due: Time::NEVER }
    }
}
