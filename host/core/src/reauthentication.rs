//! Authentication again on a live connection, by AUTH (MQTT 5.0, 4.12.1). The core knows the order of
//! the packets and the time they may take; whom to ask and what the data mean it does not. Meanwhile
//! the connection goes on with the grant it has.

use serde::{Deserialize, Serialize};
use theseus_mqtt::{
    Auth, Packet, PacketType, PropertiesBuf, Property, ProtocolVersion, ReasonCode,
};

use crate::Time;
use crate::connection::Connection;
use crate::keys::ConnectionKey;
use crate::policy::Grant;
use crate::question::{Answer, Asker, Matter, Question};
use crate::shard::Shard;
use crate::timers::Timer;

/// A challenge that the client has yet to answer: all that the next question needs. Plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// The version of a plugin that challenged and must be asked again, as `scram 0.1.0 (3f2a91c0)`.
    pub by: Box<str>,
    /// What it is given back with the answer, at most 4 KiB.
    pub state: Box<[u8]>,
    /// The challenges so far, this one included.
    pub steps: u8,
}

/// What becomes of a client that authenticates again.
#[derive(Clone, Debug, PartialEq)]
pub enum Reauthentication {
    /// The client is who it was, with a new grant; `data` goes into the last AUTH.
    Admitted {
        /// Replaces the one it has.
        grant: Box<Grant>,
        /// Authentication Data, at most 65,535 bytes.
        data: Option<Box<[u8]>>,
    },
    /// The client is asked to go on.
    Challenged {
        /// Comes back with the next question.
        challenge: Challenge,
        /// Authentication Data, at most 65,535 bytes.
        data: Box<[u8]>,
    },
    /// The connection ends.
    Refused(ReasonCode),
}

/// Why an AUTH ends its connection.
const OUT_OF_TURN: &str = "an AUTH that may not come now, or does not name the method of CONNECT";

/// What a connection keeps whose CONNECT named a method.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Authentication {
    method: Box<str>,
    stage: Stage,
    /// When an exchange that is under way must be over; remaining time in a snapshot.
    #[serde(skip)]
    ends: Time,
}

/// Where an exchange is.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Stage {
    /// None is under way.
    Settled,
    /// Somebody is asked; in a snapshot too, and then asked once more.
    Asked { challenge: Option<Challenge>, data: Option<Box<[u8]>> },
    /// The client is.
    Challenged(Challenge),
}

impl Authentication {
    pub(crate) fn new(method: Box<str>) -> Box<Self> {
        Box::new(Self { method, stage: Stage::Settled, ends: Time::NEVER })
    }

    /// When its exchange must be over; [`Time::NEVER`] while there is none.
    pub(crate) fn ends(&self) -> Time {
        self.ends
    }

    /// The same, of a snapshot that was taken so much time before its end.
    pub(crate) fn ending(mut self: Box<Self>, ends: Time) -> Box<Self> {
        self.ends = ends;
        self
    }

    pub(crate) fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::Asked { .. })
    }

    /// What an AUTH of the client does to the exchange; false if it may not come now.
    fn take(&mut self, auth: &Auth<'_>, ends: Time) -> bool {
        // Every AUTH names the method of CONNECT [MQTT-4.12.0-5] [MQTT-4.12.1-1].
        if auth.properties.authentication_method() != Some(&*self.method) {
            return false;
        }
        let data = auth.properties.authentication_data().map(Into::into);
        match (auth.reason, std::mem::replace(&mut self.stage, Stage::Settled)) {
            (ReasonCode::ReAuthenticate, Stage::Settled) => {
                self.stage = Stage::Asked { challenge: None, data };
                self.ends = ends;
                true
            }
            // The answer to a challenge [MQTT-4.12.0-3].
            (ReasonCode::ContinueAuthentication, Stage::Challenged(challenge)) => {
                self.stage = Stage::Asked { challenge: Some(challenge), data };
                true
            }
            _ => false,
        }
    }

    fn settle(&mut self) {
        (self.stage, self.ends) = (Stage::Settled, Time::NEVER);
    }
}

impl Shard {
    /// Takes the answer to a question about who a client is.
    pub(crate) fn handle_reauthentication(
        &mut self,
        now: Time,
        key: ConnectionKey,
        answer: Answer,
    ) {
        let Some(connection) = self.connections.get_mut(key).filter(|it| it.is_open()) else {
            return;
        };
        let Some(authentication) =
            connection.authentication.as_mut().filter(|authentication| authentication.is_asked())
        else {
            return;
        };
        let answer = match answer {
            Answer::Authentication(answer) => answer,
            Answer::Silence(reason) => Reauthentication::Refused(reason),
            _ => Reauthentication::Refused(ReasonCode::NotAuthorized),
        };
        match answer {
            Reauthentication::Admitted { grant, data } => {
                authentication.settle();
                self.admit_again(now, key, grant, data.as_deref());
            }
            Reauthentication::Challenged { challenge, data } => {
                authentication.stage = Stage::Challenged(challenge);
                // [MQTT-4.12.0-2]
                self.write_auth(now, key, ReasonCode::ContinueAuthentication, Some(&data));
            }
            Reauthentication::Refused(reason) => self.refuse_again(now, key, reason),
        }
    }

    /// An AUTH: begins an exchange or goes on with one, if its client named a method in CONNECT
    /// [MQTT-4.12.0-7]. One that may not come now is a protocol error.
    pub(crate) fn handle_auth(&mut self, now: Time, key: ConnectionKey, auth: &Auth<'_>) {
        let ends = now.after(self.client_limits(key).exchange_max);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let authentication = connection.authentication.as_mut();
        if !authentication.is_some_and(|authentication| authentication.take(auth, ends)) {
            return self.fail_saying(now, key, ReasonCode::ProtocolError, OUT_OF_TURN);
        }
        // Stands already if this AUTH goes on with an exchange: all its steps share the time.
        self.timers.set(ends, Timer::Exchange(key));
        self.questions.push_back(Asker::Authentication(key));
    }

    /// An exchange has had its time, whoever was awaited.
    pub(crate) fn handle_exchange_timer(&mut self, now: Time, key: ConnectionKey) {
        let is_open = self.connections.get(key).is_some_and(Connection::is_open);
        if is_open {
            self.refuse_again(now, key, ReasonCode::NotAuthorized);
        }
    }

    pub(crate) fn authentication_question(&self, key: ConnectionKey) -> Option<Question> {
        let client = self.client(key)?;
        let authentication = self.connections.get(key)?.authentication.as_ref()?;
        let Stage::Asked { challenge, data } = &authentication.stage else { return None };
        let matter = Matter::Authentication {
            method: authentication.method.clone(),
            data: data.clone(),
            challenge: challenge.clone(),
        };
        Some(Question { asker: Asker::Authentication(key), client, matter })
    }

    /// The new grant replaces the old one.
    fn admit_again(
        &mut self,
        now: Time,
        key: ConnectionKey,
        grant: Box<Grant>,
        data: Option<&[u8]>,
    ) {
        self.timers.cancel(Timer::Exchange(key));
        if !self.regrant(now, key, grant) {
            return self.refuse_again(now, key, ReasonCode::NotAuthorized);
        }
        self.metrics().reauthentications.add(1);
        // Whether it may stay is asked of the new grant.
        self.ask_anew(key);
        self.write_auth(now, key, ReasonCode::Success, data);
    }

    /// Gives a connected client another grant, with a new end, and has its subscriptions judged by it;
    /// false if it is not the same client's: a session is one user's.
    pub(crate) fn regrant(&mut self, now: Time, key: ConnectionKey, mut grant: Box<Grant>) -> bool {
        let Some(connection) = self.connections.get_mut(key) else { return false };
        let session_key = connection.session;
        let Some(session) = self.sessions.get_mut(session_key) else { return false };
        let other_id = grant.client_id.take().is_some_and(|id| id != session.client_id);
        if other_id || grant.user_name != session.grant.user_name {
            return false;
        }
        // The limit slot is asked at CONNECT only.
        grant.slot_limits.clone_from(&session.grant.slot_limits);
        connection.metered.forget();
        session.regrant(grant);
        // An answer about what the old grant allowed is not waited for.
        if connection.waiting.as_ref().is_some_and(|waiting| waiting.depends_on_grant()) {
            self.ask(key);
        }
        self.begin_grant(now, key);
        self.judge_subscriptions(now, session_key);
        true
    }

    /// A failed exchange ends its connection [MQTT-4.12.1-2]; the reason is one that DISCONNECT has.
    fn refuse_again(&mut self, now: Time, key: ConnectionKey, reason: ReasonCode) {
        self.metrics().reauthentications_refused.add(1);
        let listed = reason.listed_for(PacketType::Disconnect);
        self.close(now, key, if listed { reason } else { ReasonCode::NotAuthorized });
    }

    /// Sends an AUTH with the method of CONNECT [MQTT-4.12.0-5]. A client that takes no packet as
    /// large as that cannot go on.
    fn write_auth(
        &mut self,
        now: Time,
        key: ConnectionKey,
        reason: ReasonCode,
        data: Option<&[u8]>,
    ) {
        let Some(connection) = self.connections.get(key) else { return };
        let Some(authentication) = &connection.authentication else { return };
        let method = authentication.method.clone();
        let is_told = properties(&method, data).is_some_and(|properties| {
            let auth = Auth { reason, properties: properties.as_properties() };
            self.write_packet(key, &Packet::Auth(auth))
        });
        if !is_told {
            self.close(now, key, ReasonCode::PacketTooLarge);
        }
    }
}

/// The bytes of an AUTH to a client that is not let in yet; none if it is larger than `size_max`, the
/// Maximum Packet Size of that client.
pub fn auth(
    reason: ReasonCode,
    method: &str,
    data: Option<&[u8]>,
    size_max: u32,
) -> Option<Vec<u8>> {
    let properties = properties(method, data)?;
    let packet = Packet::Auth(Auth { reason, properties: properties.as_properties() });
    let mut bytes = Vec::new();
    packet.encode(ProtocolVersion::V5, &mut bytes).ok()?;
    (bytes.len() <= size_max as usize).then_some(bytes)
}

/// What every AUTH has [MQTT-4.12.0-5]; none if a part is too long for MQTT.
fn properties(method: &str, data: Option<&[u8]>) -> Option<PropertiesBuf> {
    let mut properties = PropertiesBuf::new();
    properties.push(Property::AuthenticationMethod(method)).ok()?;
    if let Some(data) = data {
        properties.push(Property::AuthenticationData(data)).ok()?;
    }
    Some(properties)
}
