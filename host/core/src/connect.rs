//! An admitted client meets its session on the home shard: takeover, resume or a new one, then
//! CONNACK and what was in flight.

use theseus_mqtt::{ConnAck, Packet, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode};

use crate::Time;
use crate::admission::Admission;
use crate::connection::Connection;
use crate::happened::What;
use crate::keys::{ConnectionKey, SessionKey};
use crate::reauthentication::Authentication;
use crate::session::Session;
use crate::shard::Shard;
use crate::timers::Timer;

impl Shard {
    /// Opens the connection of an admitted client on its home shard; CONNACK is in its output.
    ///
    /// An error is the reason code for the CONNACK that refuses it.
    pub fn connect(
        &mut self,
        now: Time,
        mut admission: Admission,
    ) -> Result<ConnectionKey, ReasonCode> {
        self.keep_slot_limits(&mut admission);
        self.take_over(now, &admission);
        let (session, present) = match self.by_client.get(&admission.client_id) {
            Some(session) => (*session, true),
            None => match self.open_session(&admission) {
                Ok(session) => (session, false),
                Err(reason) => {
                    self.note_refused(&admission, reason);
                    return Err(reason);
                }
            },
        };
        let connection = Connection::new(session, admission.protocol, now);
        let key = self.connections.insert(connection);
        self.connections[key].authentication = admission.method.clone().map(Authentication::new);
        self.write_connack(key, &admission, present);
        let is_told = !self.connections[key].outgoing.is_empty();
        let (keep_alive, clean_start) = (admission.keep_alive, admission.clean_start);
        self.attach(session, key, admission);
        if present {
            self.judge_subscriptions(now, session);
            self.set_online(session, true);
        }
        if let Some(keep_alive) = self.connections[key].protocol.keep_alive {
            self.timers.set(now.after(keep_alive), Timer::KeepAlive(key));
        }
        self.begin_grant(now, key);
        self.redeliver(key, session);
        self.mark_dirty(key);
        self.metrics().client_connected.add(1);
        self.note(key, |_| What::Connected);
        self.announce_connected(now, key, keep_alive, clean_start);
        if !is_told {
            // The client takes no packet as large as its CONNACK: there is no way to serve it.
            self.close_unanswered(now, key, ReasonCode::PacketTooLarge);
        }
        Ok(key)
    }

    /// A plugin that could not be asked for limits: those that it gave the same user's session hold.
    fn keep_slot_limits(&self, admission: &mut Admission) {
        let grant = &mut admission.grant;
        let earlier = self.by_client.get(&admission.client_id);
        if let Some(session) = earlier.and_then(|key| self.sessions.get(*key))
            && session.grant.user_name == grant.user_name
        {
            grant.keep_slot_limits(&session.grant);
        }
    }

    /// Ends the client's earlier connection [MQTT-3.1.4-3], and its session if this one starts
    /// clean [MQTT-3.1.2-4], or the session's time is over and its timer has not come up yet, or it
    /// is another user's: who guesses a client id must not get what was meant for somebody else.
    fn take_over(&mut self, now: Time, admission: &Admission) {
        let client_id = &admission.client_id;
        let Some(session) = self.by_client.get(client_id).copied() else { return };
        if let Some(old) = self.sessions.get(session).and_then(|session| session.connection) {
            self.metrics().session_takeovers.add(1);
            self.close(now, old, ReasonCode::SessionTakenOver);
        }
        let is_over = |session: &Session| {
            admission.clean_start
                || session.expires <= now
                || session.grant.user_name != admission.grant.user_name
        };
        if self.sessions.get(session).is_some_and(is_over) {
            self.end_session(now, session);
        }
    }

    fn open_session(&mut self, admission: &Admission) -> Result<SessionKey, ReasonCode> {
        if !self.broker.admit_session() {
            self.metrics().sessions_refused.add(1);
            return Err(ReasonCode::QuotaExceeded);
        }
        let client_id = admission.client_id.clone();
        // A moved client that starts anew: ending its old session has forgotten the move.
        if self.broker.home(&client_id) != self.id {
            self.broker.rehome(&client_id, self.id);
        }
        let session =
            Session::new(client_id.clone(), admission.grant.clone().into(), admission.expiry);
        let key = self.sessions.insert(session);
        self.by_client.insert(client_id, key);
        Ok(key)
    }

    fn attach(&mut self, session: SessionKey, key: ConnectionKey, admission: Admission) {
        let Some(session) = self.sessions.get_mut(session) else { return };
        session.connection = Some(key);
        session.listener = admission.protocol.listener;
        session.awaiting_rel.inherit();
        session.regrant(admission.grant);
        session.expiry = admission.expiry;
        session.expires = Time::NEVER;
        // A will that still waited for its delay is not sent [MQTT-3.1.3-9].
        session.will = admission.will;
    }

    fn write_connack(&mut self, key: ConnectionKey, admission: &Admission, present: bool) {
        let properties = match admission.protocol.version {
            ProtocolVersion::V5 => self.connack_properties(admission),
            _ => PropertiesBuf::new(),
        };
        let session_present = present && admission.protocol.version != ProtocolVersion::V3_1;
        let connack = ConnAck {
            session_present,
            reason: ReasonCode::Success,
            properties: properties.as_properties(),
        };
        self.write_packet(key, &Packet::ConnAck(connack));
    }

    /// What a v5 client must know of this server (MQTT 5.0, 3.2.2.3).
    fn connack_properties(&self, admission: &Admission) -> PropertiesBuf {
        let node = &self.broker.limits;
        let limits = node.of(admission.protocol.listener);
        let response_information = limits.response_information.as_deref();
        let granted_expiry = admission.expiry.as_seconds();
        let properties = [
            (granted_expiry != admission.requested_expiry)
                .then_some(Property::SessionExpiryInterval(granted_expiry)),
            Some(Property::ReceiveMaximum(limits.announced_receive_maximum() as u16)),
            (limits.qos_max < QoS::ExactlyOnce).then_some(Property::MaximumQoS(limits.qos_max)),
            (!node.retain_available).then_some(Property::RetainAvailable(false)),
            Some(Property::MaximumPacketSize(
                u32::try_from(limits.packet_size_max).unwrap_or(u32::MAX),
            )),
            (limits.topic_alias_max > 0)
                .then_some(Property::TopicAliasMaximum(limits.topic_alias_max)),
            (!limits.wildcards).then_some(Property::WildcardSubscriptionAvailable(false)),
            admission.assigned.then_some(Property::AssignedClientIdentifier(&admission.client_id)),
            (!limits.shared_subscriptions).then_some(Property::SharedSubscriptionAvailable(false)),
            admission.server_keep_alive.map(Property::ServerKeepAlive),
            response_information
                .filter(|_| admission.wants_response_information)
                .map(Property::ResponseInformation),
            // [MQTT-4.12.0-5]
            admission.method.as_deref().map(Property::AuthenticationMethod),
            admission.auth_data.as_deref().map(Property::AuthenticationData),
        ];
        let mut buffer = PropertiesBuf::new();
        for property in properties.into_iter().flatten() {
            // Fails for a client id that is too long for a string only, and those were refused.
            let pushed = buffer.push(property);
            debug_assert!(pushed.is_ok(), "CONNACK properties fit");
        }
        buffer
    }
}
