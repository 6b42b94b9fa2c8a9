//! From a CONNECT packet to what the home shard needs of it: the checks that need no session.
//! Between a candidate and an admission somebody decides whether to let it in; not here.
//! Runs on the shard that accepted the socket; the result travels to the home shard as data.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use theseus_mqtt::{Connect, ProtocolVersion, ReasonCode, Will as Testament};

use crate::Time;
use crate::broker::Broker;
use crate::close::bounded;
use crate::connection::Protocol;
use crate::inbox::ShardId;
use crate::limits::{ClientLimits, KeepAliveLimits, ListenerId};
use crate::policy::Grant;
use crate::refusal::Recipient;
use crate::session::Expiry;
use crate::will::Will;

/// A client that has been let in and waits for its session.
#[derive(Debug)]
pub struct Admission {
    pub(crate) client_id: Box<str>,
    /// The client id was ours to choose.
    pub(crate) assigned: bool,
    pub(crate) clean_start: bool,
    /// The client's own Keep Alive, seconds.
    pub(crate) keep_alive: u16,
    pub(crate) expiry: Expiry,
    /// The client's own Session Expiry Interval, seconds; CONNACK tells it of another.
    pub(crate) requested_expiry: u32,
    /// The Server Keep Alive that CONNACK tells, seconds.
    pub(crate) server_keep_alive: Option<u16>,
    /// It asked for Response Information [MQTT-3.1.2-28].
    pub(crate) wants_response_information: bool,
    pub(crate) protocol: Protocol,
    pub(crate) will: Option<Box<Will>>,
    pub(crate) grant: Box<Grant>,
    /// Its Authentication Method, which every AUTH of the connection has to name.
    pub(crate) method: Option<Box<str>>,
    /// Authentication Data for CONNACK.
    pub(crate) auth_data: Option<Box<[u8]>>,
}

/// A client whose CONNECT is in order, but who has yet to be let in.
#[derive(Debug)]
pub struct Candidate(Admission);

impl Candidate {
    /// Judges the form of a CONNECT that came to shard `shard` by `listener`, which is named as in
    /// [`ClientLimits::listener`].
    ///
    /// An assigned client id is chosen to live on `shard`, so that no move is needed.
    ///
    /// # Errors
    /// The reason code of the CONNACK that refuses it.
    pub fn new(
        broker: &Broker,
        shard: ShardId,
        now: Time,
        listener: &str,
        connect: &Connect<'_>,
    ) -> Result<Self, ReasonCode> {
        Self::judge(broker, shard, now, broker.limits().listener(listener), connect)
            .inspect_err(|_| broker.metrics(shard).connects_refused.add(1))
    }

    fn judge(
        broker: &Broker,
        shard: ShardId,
        now: Time,
        listener: ListenerId,
        connect: &Connect<'_>,
    ) -> Result<Self, ReasonCode> {
        let limits = broker.limits().of(listener);
        check(limits, connect)?;
        if let Some(will) = &connect.will {
            check_will(broker, shard, limits, will)?;
        }
        let (keep_alive, server_keep_alive) = keep_alive(limits, connect)?;
        let assigned = connect.client_id.is_empty();
        let client_id = match assigned {
            true => assign_client_id(broker, shard, now),
            false => connect.client_id.into(),
        };
        let properties = connect.properties;
        let requested_expiry = properties.session_expiry_interval().unwrap_or(0);
        Ok(Self(Admission {
            client_id,
            assigned,
            clean_start: connect.clean_start,
            keep_alive: connect.keep_alive,
            expiry: expiry(limits, connect, requested_expiry),
            requested_expiry,
            server_keep_alive,
            wants_response_information: properties.request_response_information() == Some(true),
            protocol: protocol(limits, listener, keep_alive, connect),
            will: connect.will.as_ref().map(|will| Box::new(Will::from_connect(will))),
            grant: Box::default(),
            method: connect.properties.authentication_method().map(Into::into),
            auth_data: None,
        }))
    }

    /// Its client id is not what CONNECT said: an MQTT 5 client that left it empty is told, as of one that the
    /// broker assigns [MQTT-3.2.2-16].
    #[must_use]
    pub fn named_by_others(mut self, connect: &Connect<'_>) -> Self {
        self.0.assigned |= connect.client_id.is_empty();
        self
    }

    /// The client id it would have.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// How it can be told that it is not let in.
    pub fn recipient(&self) -> Recipient {
        self.0.recipient()
    }

    /// Its Authentication Method, if its CONNECT named one.
    pub fn method(&self) -> Option<&str> {
        self.0.method.as_deref()
    }

    /// The largest packet it takes, bytes.
    pub fn packet_size_max(&self) -> u32 {
        self.0.protocol.packet_size_max
    }

    /// Lets it in with `grant`, under the client id that the grant names, if it names one.
    ///
    /// # Errors
    /// The reason code of the CONNACK, if that client id is no better than one of a client.
    pub fn admit(self, broker: &Broker, mut grant: Box<Grant>) -> Result<Admission, ReasonCode> {
        let mut admission = self.0;
        if let Some(client_id) = grant.client_id.take() {
            let limits = broker.limits().of(admission.protocol.listener);
            if client_id.is_empty() || client_id.len() > limits.client_id_len_max {
                return Err(ReasonCode::ClientIdentifierNotValid);
            }
            admission.client_id = client_id;
        }
        admission.grant = grant;
        Ok(admission)
    }
}

impl Admission {
    /// With Authentication Data for CONNACK, at most 65,535 bytes. For a client that named a method;
    /// others are never sent any [MQTT-4.12.0-6].
    #[must_use]
    pub fn with_auth_data(mut self, data: Option<Box<[u8]>>) -> Self {
        self.auth_data = data.filter(|_| self.method.is_some());
        self
    }

    /// The client id its session has.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// How it can be told that it gets no session.
    pub fn recipient(&self) -> Recipient {
        let Protocol { version, packet_size_max, .. } = self.protocol;
        Recipient { version, packet_size_max }
    }
}

fn check(limits: &ClientLimits, connect: &Connect<'_>) -> Result<(), ReasonCode> {
    // 3.1 wants an id always, 3.1.1 one for sessions that are kept [MQTT-3.1.3-8] (3.1.1).
    let needs_id = match connect.version {
        ProtocolVersion::V3_1 => true,
        ProtocolVersion::V3_1_1 => !connect.clean_start,
        ProtocolVersion::V5 => false,
    };
    if (connect.client_id.is_empty() && needs_id)
        || connect.client_id.len() > limits.client_id_len_max
    {
        return Err(ReasonCode::ClientIdentifierNotValid);
    }
    match limits.has_too_many_user_properties(connect.properties) {
        true => Err(ReasonCode::QuotaExceeded),
        false => Ok(()),
    }
}

/// A will is held to what a PUBLISH is held to, before it is stored.
fn check_will(
    broker: &Broker,
    shard: ShardId,
    limits: &ClientLimits,
    will: &Testament<'_>,
) -> Result<(), ReasonCode> {
    // [MQTT-3.2.2-13]
    if will.retain && !broker.limits().retain_available {
        return Err(ReasonCode::RetainNotSupported);
    }
    // [MQTT-3.2.2-12]
    if will.qos > limits.qos_max {
        return Err(ReasonCode::QoSNotSupported);
    }
    if will.topic.starts_with("$share/") {
        return Err(ReasonCode::TopicNameInvalid);
    }
    if limits.is_topic_too_large(will.topic) {
        broker.metrics(shard).topics_too_large.add(1);
        return Err(ReasonCode::TopicNameInvalid);
    }
    if limits.has_too_many_user_properties(will.properties) {
        return Err(ReasonCode::QuotaExceeded);
    }
    match limits.breaks_payload_format(will.properties, will.payload) {
        true => Err(ReasonCode::PayloadFormatInvalid),
        false => Ok(()),
    }
}

fn expiry(limits: &ClientLimits, connect: &Connect<'_>, requested: u32) -> Expiry {
    match connect.version {
        ProtocolVersion::V5 => bounded(requested, limits.session_expiry_max),
        _ if connect.clean_start => Expiry::AtClose,
        _ => limits.session_expiry_v3,
    }
}

/// The keep-alive that holds, in seconds, and what a v5 client is told of it.
fn keep_alive(
    limits: &ClientLimits,
    connect: &Connect<'_>,
) -> Result<(u16, Option<u16>), ReasonCode> {
    let KeepAliveLimits { imposed, min, max } = limits.keep_alive;
    let wanted = connect.keep_alive;
    let too_long = max.filter(|max| wanted == 0 || wanted > *max);
    let bounded = match too_long {
        Some(max) => max,
        None if wanted == 0 => 0,
        None => wanted.max(min),
    };
    match connect.version {
        ProtocolVersion::V5 => {
            let told = imposed.or((bounded != wanted).then_some(bounded));
            Ok((told.unwrap_or(wanted), told))
        }
        // A 3.x client cannot be told. Patience with one that is quick harms nobody; one that may be
        // silent for longer than the operator wants is refused as mosquitto refuses it.
        _ if too_long.is_some() => Err(ReasonCode::ClientIdentifierNotValid),
        _ => Ok((bounded, None)),
    }
}

fn protocol(
    limits: &ClientLimits,
    listener: ListenerId,
    keep_alive: u16,
    connect: &Connect<'_>,
) -> Protocol {
    let properties = connect.properties;
    let millis = u64::from(keep_alive) * 10 * u64::from(limits.keep_alive_percent);
    let receive_maximum = properties.receive_maximum().unwrap_or(u16::MAX);
    let Recipient { version, packet_size_max } = Recipient::of(connect);
    let aliases = properties.topic_alias_maximum().unwrap_or(0);
    Protocol {
        version,
        listener,
        keep_alive: (keep_alive > 0).then(|| Duration::from_millis(millis)),
        window: receive_maximum.min(limits.inflight_max),
        packet_size_max,
        topic_alias_max: aliases.min(limits.topic_alias_max),
        problem_information: properties.request_problem_information().unwrap_or(true),
    }
}

/// A client id that nobody else has and that lives on `shard` [MQTT-3.1.3-6].
fn assign_client_id(broker: &Broker, shard: ShardId, now: Time) -> Box<str> {
    loop {
        let client_id = format!("auto-{:016x}{:016x}", random(now), random(now));
        if broker.home(&client_id) == shard {
            return client_id.into();
        }
    }
}

/// 64 bits out of the process's random hash seeds, which are new for every builder.
fn random(now: Time) -> u64 {
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u64(now.as_millis());
    hasher.finish()
}
