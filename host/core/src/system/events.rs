//! What single clients do, said on topics of the broker's own as EMQX says it:
//! `$SYS/brokers/NODE/clients/CLIENTID/connected` and its like, in JSON, not retained.
//!
//! Everything is behind a switch of `sys_topics.sys_event_messages`; while all are off, nothing of
//! this runs. A client id is one level of its topic, whatever it holds (see `level`); the JSON has
//! it as it is.

use serde::Serialize;
use theseus_mqtt::{ProtocolVersion, ReasonCode, SubscribeOptions};

use super::level::as_level;
use crate::Time;
use crate::connection::{Connection, Ending};
use crate::keys::{ConnectionKey, SessionKey};
use crate::session::Session;
use crate::shard::Shard;

/// Which events are published, and by whom: `sys_topics.sys_event_messages`.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// `node.name`.
    pub node: String,
    /// A client has been let in.
    pub client_connected: bool,
    /// A connection has ended.
    pub client_disconnected: bool,
    /// A client has subscribed to a filter.
    pub client_subscribed: bool,
    /// A client has unsubscribed from a filter.
    pub client_unsubscribed: bool,
}

/// An event that is ready to be published.
pub(crate) struct Said {
    topic: String,
    payload: Vec<u8>,
}

/// The longest topic name [MQTT-4.7.3-3]; an event of a longer one cannot be published.
const TOPIC_MAX: usize = 65_535;

#[derive(Serialize)]
struct Connected<'a> {
    #[serde(flatten)]
    client: Client<'a>,
    /// Seconds, as in CONNECT.
    keepalive: u16,
    clean_start: bool,
    /// Seconds.
    expiry_interval: u32,
    connack: u8,
}

#[derive(Serialize)]
struct Disconnected<'a> {
    #[serde(flatten)]
    client: Client<'a>,
    reason: String,
    disconnected_at: u64,
}

/// What every event of a connection says. Times are milliseconds since 1970.
#[derive(Serialize)]
struct Client<'a> {
    clientid: &'a str,
    username: Option<&'a str>,
    ipaddress: Option<String>,
    listener: &'a str,
    protocol: &'static str,
    proto_name: &'static str,
    proto_ver: u8,
    connected_at: u64,
    ts: u64,
}

#[derive(Serialize)]
struct Subscribed<'a> {
    clientid: &'a str,
    username: Option<&'a str>,
    protocol: &'static str,
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subopts: Option<Options>,
    ts: u64,
}

/// The options of a subscription under EMQX's names.
#[derive(Serialize)]
struct Options {
    qos: u8,
    nl: u8,
    rap: u8,
    rh: u8,
}

impl Shard {
    /// Says that a client has been let in.
    pub(crate) fn announce_connected(
        &mut self,
        now: Time,
        key: ConnectionKey,
        keepalive: u16,
        clean_start: bool,
    ) {
        let said = self.event(
            |events| events.client_connected,
            "connected",
            |shard| {
                let connection = shard.connections.get(key)?;
                let session = shard.sessions.get(connection.session)?;
                let event = Connected {
                    client: shard.client_of(now, connection, session),
                    keepalive,
                    clean_start,
                    expiry_interval: session.expiry.as_seconds(),
                    connack: 0,
                };
                Some((&*session.client_id, serde_json::to_vec(&event).ok()?))
            },
        );
        self.announce(now, said);
    }

    /// What there is to say of the end of a connection, to be announced once it has ended: then its
    /// session may be gone.
    pub(crate) fn farewell(&self, now: Time, key: ConnectionKey, ending: Ending) -> Option<Said> {
        self.event(
            |events| events.client_disconnected,
            "disconnected",
            |shard| {
                let connection = shard.connections.get(key)?;
                let session = shard.sessions.get(connection.session)?;
                let event = Disconnected {
                    client: shard.client_of(now, connection, session),
                    reason: reason(ending),
                    disconnected_at: shard.broker.wall_clock(now),
                };
                Some((&*session.client_id, serde_json::to_vec(&event).ok()?))
            },
        )
    }

    /// Says that a client has subscribed to a filter, or with `None` that it does no more.
    pub(crate) fn announce_subscription(
        &mut self,
        now: Time,
        key: SessionKey,
        filter: &str,
        options: Option<SubscribeOptions>,
    ) {
        let (is_on, name): (fn(&Events) -> bool, _) = match options {
            Some(_) => (|events| events.client_subscribed, "subscribed"),
            None => (|events| events.client_unsubscribed, "unsubscribed"),
        };
        let said = self.event(is_on, name, |shard| {
            let session = shard.sessions.get(key)?;
            let event = Subscribed {
                clientid: &session.client_id,
                username: session.grant.user_name.as_deref(),
                protocol: "mqtt",
                topic: filter,
                subopts: options.map(|options| Options {
                    qos: options.qos as u8,
                    nl: options.no_local.into(),
                    rap: options.retain_as_published.into(),
                    rh: options.retain_handling as u8,
                }),
                ts: shard.broker.wall_clock(now),
            };
            Some((&*session.client_id, serde_json::to_vec(&event).ok()?))
        });
        self.announce(now, said);
    }

    /// Publishes an event.
    pub(crate) fn announce(&mut self, now: Time, said: Option<Said>) {
        if let Some(Said { topic, payload }) = said {
            self.say(now, &topic, &payload, false);
        }
    }

    /// Puts an event together if it is switched on: whose it is and what it says.
    fn event<'a>(
        &'a self,
        is_on: impl FnOnce(&Events) -> bool,
        name: &str,
        write: impl FnOnce(&'a Self) -> Option<(&'a str, Vec<u8>)>,
    ) -> Option<Said> {
        let events = self.broker.events.get().filter(|events| is_on(events))?;
        let (client_id, payload) = write(self)?;
        let (node, client) = (as_level(&events.node), as_level(client_id));
        let topic = format!("$SYS/brokers/{node}/clients/{client}/{name}");
        (topic.len() <= TOPIC_MAX).then_some(Said { topic, payload })
    }

    fn client_of<'a>(
        &self,
        now: Time,
        connection: &Connection,
        session: &'a Session,
    ) -> Client<'a> {
        let grant = &session.grant;
        let version = connection.protocol.version;
        Client {
            clientid: &session.client_id,
            username: grant.user_name.as_deref(),
            ipaddress: grant.address.map(|address| address.to_string()),
            listener: &grant.listener,
            protocol: "mqtt",
            proto_name: if version == ProtocolVersion::V3_1 { "MQIsdp" } else { "MQTT" },
            proto_ver: match version {
                ProtocolVersion::V3_1 => 3,
                ProtocolVersion::V3_1_1 => 4,
                ProtocolVersion::V5 => 5,
            },
            connected_at: self.broker.wall_clock(connection.since),
            ts: self.broker.wall_clock(now),
        }
    }
}

/// EMQX's words for the common ends, the standard's for the rest: `packet_too_large`.
fn reason(ending: Ending) -> String {
    let common = match ending {
        Ending::Client(_) => "normal",
        Ending::Lost => "tcp_closed",
        Ending::Server(ReasonCode::SessionTakenOver) => "takenover",
        Ending::Server(ReasonCode::KeepAliveTimeout) => "keepalive_timeout",
        Ending::Server(other) => return other.to_string().to_lowercase().replace([' ', '-'], "_"),
    };
    common.to_owned()
}
