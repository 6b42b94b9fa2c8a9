//! How connections and sessions end: DISCONNECT either way, network failure, takeover, expiry,
//! shutdown; and what becomes of the will.

use std::time::Duration;

use theseus_mqtt::{Disconnect, Packet, ReasonCode};

use crate::Time;
use crate::connection::{Connection, Ending, State};
use crate::explanation;
use crate::happened::What;
use crate::inbox::Outbound;
use crate::keys::{ConnectionKey, SessionKey};
use crate::passage::{Passage, Stage};
use crate::policy::Verdict;
use crate::session::{Expiry, Session};
use crate::shard::Shard;
use crate::timers::Timer;

/// A closed connection has this long to take its last bytes.
const LINGER: Duration = Duration::from_secs(2);

impl Shard {
    /// The socket is gone. Ends the connection as a network failure if it was still open
    /// [MQTT-3.1.2-22], and forgets it.
    pub fn socket_closed(&mut self, now: Time, key: ConnectionKey) {
        self.detach(now, key, Ending::Lost);
        self.remove_connection(key);
    }

    /// A panic was caught while this connection was handled: it ends, its will is sent.
    pub fn contain_panic(&mut self, now: Time, key: ConnectionKey) {
        self.metrics().panics.add(1);
        self.detach(now, key, Ending::Lost);
        if let Some(connection) = self.connections.get_mut(key) {
            connection.outgoing.clear();
        }
    }

    /// Ends every connection with `reason`; used at shutdown, after
    /// [`Shard::publish_all_wills`] has run on every shard.
    pub fn close_all(&mut self, now: Time, reason: ReasonCode) {
        let open: Vec<_> = self.open_connections().collect();
        open.into_iter().for_each(|key| self.close(now, key, reason));
    }

    /// Publishes the wills of all connected clients: the server is going away.
    pub fn publish_all_wills(&mut self, now: Time) {
        let sessions: Vec<_> = self.sessions.keys().collect();
        sessions.into_iter().for_each(|key| self.publish_will(now, key));
    }

    /// A DISCONNECT: clean unless it asks for the will [MQTT-3.14.4-3].
    pub(crate) fn handle_disconnect(
        &mut self,
        now: Time,
        key: ConnectionKey,
        disconnect: &Disconnect<'_>,
    ) {
        let Some(connection) = self.connections.get(key) else { return };
        let Some(session) = self.sessions.get_mut(connection.session) else { return };
        if let Some(seconds) = disconnect.properties.session_expiry_interval() {
            // An interval of zero at CONNECT cannot be raised (MQTT 5.0, 3.14.2.2.2).
            if session.expiry == Expiry::AtClose && seconds != 0 {
                return self.fail(now, key, ReasonCode::ProtocolError);
            }
            let limits = self.broker.limits.of(session.listener);
            session.expiry = bounded(seconds, limits.session_expiry_max);
        }
        if disconnect.reason == ReasonCode::Success {
            session.will = None;
        }
        self.detach(now, key, Ending::Client(disconnect.reason));
    }

    /// Ends a connection whose client broke a rule, of MQTT or of what carries it.
    pub fn fail(&mut self, now: Time, key: ConnectionKey, reason: ReasonCode) {
        self.metrics().protocol_errors.add(1);
        self.note(key, |_| What::ProtocolError);
        self.close(now, key, reason);
    }

    /// Ends a connection whose client the host does not trust any more; `why` is the Reason String.
    pub fn dismiss(&mut self, now: Time, key: ConnectionKey, reason: ReasonCode, why: &str) {
        self.metrics().disconnected_by_certificate.add(1);
        self.close_saying(now, key, reason, Some(why));
    }

    /// The same with a Reason String that says which rule.
    pub(crate) fn fail_saying(
        &mut self,
        now: Time,
        key: ConnectionKey,
        reason: ReasonCode,
        why: &str,
    ) {
        self.metrics().protocol_errors.add(1);
        self.note(key, |_| What::ProtocolError);
        self.close_saying(now, key, reason, Some(why));
    }

    /// Says why, where the version can [MQTT-3.14.0-1], and ends the connection; the will goes out.
    pub(crate) fn close(&mut self, now: Time, key: ConnectionKey, reason: ReasonCode) {
        self.close_saying(now, key, reason, explanation::of_disconnect(reason));
    }

    pub(crate) fn close_saying(
        &mut self,
        now: Time,
        key: ConnectionKey,
        reason: ReasonCode,
        why: Option<&str>,
    ) {
        let Some(connection) = self.connections.get(key) else { return };
        if !connection.is_open() {
            return;
        }
        if connection.is_v5() {
            // DISCONNECT may always say why [MQTT-3.1.2-29].
            let why = explanation::property(why);
            let disconnect = |properties| Packet::Disconnect(Disconnect { reason, properties });
            self.write_explained(key, &why, disconnect);
        }
        self.detach(now, key, Ending::Server(reason));
    }

    /// Ends a connection whose CONNACK does not fit its client's packets: nothing goes before a
    /// CONNACK [MQTT-3.2.0-1], and no DISCONNECT without one [MQTT-3.14.0-1].
    pub(crate) fn close_unanswered(&mut self, now: Time, key: ConnectionKey, reason: ReasonCode) {
        if let Some(connection) = self.connections.get_mut(key) {
            connection.outgoing.clear();
        }
        self.detach(now, key, Ending::Server(reason));
    }

    /// Takes a connection from its session. What is in its output is still written.
    fn detach(&mut self, now: Time, key: ConnectionKey, ending: Ending) {
        if !self.connections.get(key).is_some_and(Connection::is_open) {
            return;
        }
        self.note_end(now, key, ending);
        let farewell = self.farewell(now, key, ending);
        self.give_up_revalidation(key);
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.state = State::Closing(ending);
        connection.partial = Vec::new();
        connection.waiting = None;
        connection.unsettled.clear();
        connection.withheld.clear();
        connection.metered.give_back();
        connection.metered.meters = None;
        let session = connection.session;
        // First of all: a session without a connection presses on nobody.
        if let Some(session) = self.sessions.get_mut(session) {
            session.connection = None;
        }
        self.timers.set(now.after(LINGER), Timer::Linger(key));
        self.mark_dirty(key);
        self.metrics().client_disconnected.add(1);
        self.relieve(now, session);
        // A client that takes its session over has not left.
        if ending != Ending::Server(ReasonCode::SessionTakenOver) {
            self.go_offline(now, session);
        }
        self.leave(now, session);
        self.announce(now, farewell);
    }

    /// Forgets a connection and its deadlines.
    pub(crate) fn remove_connection(&mut self, key: ConnectionKey) -> Option<Connection> {
        let timers: [fn(ConnectionKey) -> Timer; 7] = [
            Timer::KeepAlive,
            Timer::Grant,
            Timer::Revalidation,
            Timer::Exchange,
            Timer::Pause,
            Timer::Limit,
            Timer::Linger,
        ];
        timers.into_iter().for_each(|of| self.timers.cancel(of(key)));
        self.turns.forget(key);
        self.connections.remove(key)
    }

    /// Forgets a session, its deadlines and its subscriptions.
    pub(crate) fn remove_session(&mut self, key: SessionKey) -> Option<Session> {
        let timers = [Timer::Absence(key), Timer::Pressure(key)];
        timers.into_iter().for_each(|timer| self.timers.cancel(timer));
        let subscriber = self.subscriber(key);
        let session = self.sessions.remove(key)?;
        for filter in session.subscriptions.keys() {
            self.count_subscription(filter, false);
            self.unroute(subscriber, filter);
        }
        self.by_client.remove(&session.client_id);
        self.broker.release_session();
        Some(session)
    }

    /// A session is without its connection: it ends, or waits for its expiry and its will.
    fn leave(&mut self, now: Time, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.expires = match session.expiry {
            Expiry::AtClose => return self.end_session(now, key),
            Expiry::After(span) => now.after(span),
            Expiry::Never => Time::NEVER,
        };
        let mut next = session.expires;
        if let Some(will) = &mut session.will {
            will.due = now.after(will.delay);
            next = next.min(will.due);
        }
        if next <= now {
            return self.handle_absence_timer(now, key);
        }
        self.timers.set(next, Timer::Absence(key));
    }

    /// An absent client's will may be due, or its session over.
    pub(crate) fn handle_absence_timer(&mut self, now: Time, key: SessionKey) {
        let Some(session) = self.sessions.get(key) else { return };
        if session.connection.is_some() {
            return;
        }
        if session.expires <= now {
            self.metrics().sessions_expired.add(1);
            return self.end_session(now, key);
        }
        let due = session.will.as_ref().map_or(Time::NEVER, |will| will.due);
        let expires = session.expires;
        if due <= now {
            self.publish_will(now, key);
            self.timers.set(expires, Timer::Absence(key));
        } else {
            self.timers.set(due.min(expires), Timer::Absence(key));
        }
    }

    /// Ends a session: its will goes out [MQTT-3.1.2-8], its subscriptions and queue are dropped.
    pub(crate) fn end_session(&mut self, now: Time, key: SessionKey) {
        self.publish_will(now, key);
        self.relieve(now, key);
        if let Some(mut session) = self.remove_session(key) {
            self.bequeath(now, &mut session);
            self.broker.forget_home(&session.client_id);
        }
    }

    /// Publishes a session's will, once [MQTT-3.1.2-10], if its client may publish there; those who have
    /// to be asked about that are asked.
    pub(crate) fn publish_will(&mut self, now: Time, key: SessionKey) {
        let publisher = self.subscriber(key);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(will) = session.will.take() else { return };
        let message = will.message.reissued(now);
        let judged = self.judge(now, key, message.action());
        match judged.verdict {
            Verdict::Allow | Verdict::Ask => match Stage::of(&judged) {
                None => {
                    self.publish(now, Outbound { message, publisher, ticket: None });
                }
                Some(stage) => self.keep_will(key, publisher, Passage { message, stage }),
            },
            // Nobody is there to be told.
            Verdict::Deny | Verdict::Disconnect => self.metrics().wills_denied.add(1),
        }
    }
}

/// A Session Expiry Interval within the server's bound.
pub(crate) fn bounded(seconds: u32, max: Option<Duration>) -> Expiry {
    match (Expiry::from_seconds(seconds), max) {
        (Expiry::Never, Some(max)) => Expiry::After(max),
        (Expiry::After(span), Some(max)) => Expiry::After(span.min(max)),
        (expiry, _) => expiry,
    }
}
