//! A session and its live connection as bytes, and back: what moves between shards today and
//! between processes later. Deadlines travel as remaining time; nothing else hides anywhere.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Time;
use crate::connection::{Connection, Protocol, Withheld};
use crate::inbox::{Parcel, ShardId};
use crate::keys::{ConnectionKey, SessionKey};
use crate::outgoing::Outgoing;
use crate::question::Asker;
use crate::records::{ConnectionRecord, SessionRecord, SubscriptionEntry};
use crate::replay::Replay;
use crate::session::Session;
use crate::shard::Shard;
use crate::timers::Timer;

/// The layout below. A reader refuses any other.
const VERSION: u16 = 8;

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

impl Shard {
    /// Takes a live connection and its session out of this shard, as bytes, and makes `to` the
    /// home of its client id.
    ///
    /// The caller has stopped all shards and runs [`Shard::work`] to its end first, so that
    /// nothing addressed to the session is on its way. `None` if it is not open.
    pub fn freeze(&mut self, now: Time, key: ConnectionKey, to: ShardId) -> Option<Vec<u8>> {
        let session_key = self.connections.get(key).filter(|c| c.is_open())?.session;
        self.relieve(now, session_key);
        let mut connection = self.remove_connection(key)?;
        // What waits for its turn is counted anew, by the same buckets.
        connection.metered.give_back();
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
        let mut session =
            Session::new(record.client_id.clone(), record.grant.into(), record.expiry);
        session.listener = self.broker.limits.listener(&session.grant.listener);
        session.awaiting_rel = record.awaiting_rel;
        session.will = record.will.map(|will| Box::new(will.restore(now)));
        let wanted = record.wanted;
        if !wanted.is_empty() {
            session.replay = Some(Box::new(Replay::resumed(wanted.into())));
        }
        let replays = session.replay.is_some();
        let key = self.sessions.insert(session);
        self.by_client.insert(record.client_id, key);
        for (filter, SubscriptionEntry(subscription)) in record.subscriptions {
            self.route(key, &filter, subscription);
            self.count_subscription(&filter, true);
            self.sessions[key].subscriptions.insert(filter, subscription);
        }
        // The groups of what is restored now are there.
        let (router, session) = (&self.broker.router, &mut self.sessions[key]);
        for delivery in record.queue.into_iter().chain(record.replayed) {
            session.queue.push(delivery.restore(now, router));
        }
        for exchange in record.inflight {
            session.inflight.restore(exchange.restore(now, router));
        }
        if replays {
            self.push_work(Parcel::Collect(key));
        }
        key
    }

    fn thaw_connection(
        &mut self,
        now: Time,
        session: SessionKey,
        record: ConnectionRecord,
    ) -> ConnectionKey {
        let listener = self.sessions[session].listener;
        let protocol = Protocol { listener, ..record.protocol };
        let mut connection = Connection::new(session, protocol, now);
        connection.outgoing = Outgoing::default();
        connection.outgoing.put(|bytes| bytes.extend_from_slice(&record.outgoing));
        connection.client_aliases = record.client_aliases;
        connection.server_aliases = record.server_aliases;
        connection.partial = record.partial;
        connection.partial_packet = record.partial_packet;
        connection.behind = record.behind;
        connection.last_packet = now.before(record.silent_for);
        connection.since = now.before(record.open_for);
        connection.grant_ends = record.granted_for.map_or(Time::NEVER, |left| now.after(left));
        connection.authentication = record
            .authentication
            .map(|(it, left)| it.ending(left.map_or(Time::NEVER, |left| now.after(left))));
        connection.revalidation = record.revalidation;
        connection.paused_until = record.paused_for.map(|left| now.after(left));
        connection.metered.connection = record.connection;
        connection.waiting = record.waiting.map(|waiting| Box::new(waiting.restore(now)));
        connection.unsettled = record.unsettled;
        let is_waiting = connection.waiting.is_some();
        connection.next_ticket = record.withheld.last().map_or(0, |(last, _)| last.number + 1);
        for (withheld, left) in record.withheld {
            connection.withheld.push_back(Withheld { deadline: now.after(left), ..withheld });
        }
        let keep_alive = connection.protocol.keep_alive.map(|k| connection.last_packet.after(k));
        let next_ack = connection.withheld.front().map(|withheld| withheld.deadline);
        let pause = next_ack.into_iter().chain(connection.paused_until).min();
        let exchange = connection.authentication.as_ref().map(|it| (it.ends(), it.is_asked()));
        let key = self.connections.insert(connection);
        if let Some((ends, is_asked)) = exchange {
            self.timers.set(ends, Timer::Exchange(key));
            // The answer to the question that was asked comes for a connection that is gone.
            if is_asked {
                self.questions.push_back(Asker::Authentication(key));
            }
        }
        if is_waiting {
            self.ask(key);
        }
        self.ask_here(key);
        self.sessions[session].connection = Some(key);
        self.set_online(session, true);
        self.timers.set(keep_alive.unwrap_or(Time::NEVER), Timer::KeepAlive(key));
        self.watch_grant(now, key);
        self.timers.set(pause.unwrap_or(Time::NEVER), Timer::Pause(key));
        self.mark_dirty(key);
        key
    }
}
