//! Packets as a client writes and reads them: bytes for the shell, owned copies for the asserts.
//! Used by the simulated clients and by the tests of single themes.

use theseus_mqtt::{
    Ack, Connect, Cut, Disconnect, Packet, PacketId, Properties, PropertiesBuf, Property,
    ProtocolVersion, Publish, QoS, ReasonCode, Subscribe, SubscribeFiltersBuf, SubscribeOptions,
    Unsubscribe, UnsubscribeFiltersBuf, Will, cut,
};

pub(crate) const V5: ProtocolVersion = ProtocolVersion::V5;
pub(crate) const V3: ProtocolVersion = ProtocolVersion::V3_1_1;

/// What a client says in CONNECT.
#[derive(Clone, Debug)]
pub(crate) struct Hello {
    pub(crate) version: ProtocolVersion,
    pub(crate) client_id: String,
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    pub(crate) expiry: Option<u32>,
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) packet_size_max: Option<u32>,
    /// What else stands among the properties; v5 only.
    pub(crate) extra: &'static [Property<'static>],
    pub(crate) will: Option<WillSpec>,
    /// Authentication Method; v5 only.
    pub(crate) method: Option<String>,
}

/// A will as a client leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WillSpec {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// Seconds; v5 only.
    pub(crate) delay: u32,
    /// What else stands among its properties; v5 only.
    pub(crate) extra: &'static [Property<'static>],
}

impl Hello {
    /// A clean session without anything else.
    pub(crate) fn clean(version: ProtocolVersion, client_id: &str) -> Self {
        Self {
            version,
            client_id: client_id.to_owned(),
            clean: true,
            keep_alive: 0,
            expiry: None,
            receive_maximum: None,
            packet_size_max: None,
            extra: &[],
            will: None,
            method: None,
        }
    }

    /// A session that is resumed and kept: for an hour in v5, as the server has it in v3.
    pub(crate) fn resumed(version: ProtocolVersion, client_id: &str) -> Self {
        let expiry = version.is_v5().then_some(3600);
        Self { clean: false, expiry, ..Self::clean(version, client_id) }
    }

    /// Topic aliases it allows the server.
    pub(crate) fn alias_max(&self) -> u16 {
        let maximum = |property: &Property<'_>| match property {
            Property::TopicAliasMaximum(max) => Some(*max),
            _ => None,
        };
        self.extra.iter().find_map(maximum).unwrap_or(0)
    }

    /// A PUBLISH that has so many bytes with its whole topic is taken in any case, bytes: an alias
    /// may be added to it.
    pub(crate) fn room(&self) -> usize {
        let alias = if self.alias_max() > 0 { 3 } else { 0 };
        self.packet_size_max.map_or(usize::MAX, |max| max as usize - alias)
    }

    pub(crate) fn with_will(self, will: WillSpec) -> Self {
        Self { will: Some(will), ..self }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut properties = PropertiesBuf::new();
        let mut will_properties = PropertiesBuf::new();
        if self.version.is_v5() {
            let stated = [
                self.expiry.map(Property::SessionExpiryInterval),
                self.receive_maximum.map(Property::ReceiveMaximum),
                self.packet_size_max.map(Property::MaximumPacketSize),
                self.method.as_deref().map(Property::AuthenticationMethod),
            ];
            let all = stated.into_iter().flatten().chain(self.extra.iter().copied());
            all.for_each(|property| properties.push(property).unwrap());
            if let Some(will) = &self.will {
                let delay = (will.delay > 0).then_some(Property::WillDelayInterval(will.delay));
                let all = delay.into_iter().chain(will.extra.iter().copied());
                all.for_each(|property| will_properties.push(property).unwrap());
            }
        }
        let will = self.will.as_ref().map(|will| Will {
            qos: will.qos,
            retain: will.retain,
            properties: will_properties.as_properties(),
            topic: &will.topic,
            payload: &will.payload,
        });
        encode(
            self.version,
            &Packet::Connect(Connect {
                version: self.version,
                clean_start: self.clean,
                keep_alive: self.keep_alive,
                properties: properties.as_properties(),
                client_id: &self.client_id,
                will,
                user_name: None,
                password: None,
            }),
        )
    }
}

impl WillSpec {
    pub(crate) fn new(topic: &str, payload: &str, qos: QoS) -> Self {
        let payload = payload.as_bytes().to_vec();
        Self { topic: topic.to_owned(), payload, qos, retain: false, delay: 0, extra: &[] }
    }

    /// The message it becomes.
    pub(crate) fn post(&self) -> Post {
        let interval = |property: &Property<'_>| match property {
            Property::MessageExpiryInterval(seconds) => Some(*seconds),
            _ => None,
        };
        Post {
            topic: self.topic.clone(),
            payload: self.payload.clone(),
            qos: self.qos,
            retain: self.retain,
            expiry: self.extra.iter().find_map(interval),
            extra: &[],
        }
    }
}

/// An application message on the wire, without its packet id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// Message Expiry Interval, seconds; v5 only.
    pub(crate) expiry: Option<u32>,
    /// What else stands among the properties; v5 only.
    pub(crate) extra: &'static [Property<'static>],
}

impl Post {
    pub(crate) fn new(topic: &str, payload: &str, qos: QoS) -> Self {
        let payload = payload.as_bytes().to_vec();
        Self { topic: topic.to_owned(), payload, qos, retain: false, expiry: None, extra: &[] }
    }

    pub(crate) fn retained(topic: &str, payload: &str, qos: QoS) -> Self {
        Self { retain: true, ..Self::new(topic, payload, qos) }
    }

    pub(crate) fn bytes(&self, version: ProtocolVersion, packet_id: u16, dup: bool) -> Vec<u8> {
        self.bytes_as(version, packet_id, dup, &self.topic, None)
    }

    /// The same under `topic`, which may be empty if `alias` stands for it; v5 only.
    pub(crate) fn bytes_as(
        &self,
        version: ProtocolVersion,
        packet_id: u16,
        dup: bool,
        topic: &str,
        alias: Option<u16>,
    ) -> Vec<u8> {
        let mut properties = PropertiesBuf::new();
        let stated =
            [self.expiry.map(Property::MessageExpiryInterval), alias.map(Property::TopicAlias)];
        let all = stated.into_iter().flatten().chain(self.extra.iter().copied());
        all.filter(|_| version.is_v5()).for_each(|property| properties.push(property).unwrap());
        let publish = Publish {
            dup,
            qos: self.qos,
            retain: self.retain,
            topic,
            packet_id: PacketId::new(packet_id).filter(|_| self.qos != QoS::AtMostOnce),
            properties: properties.as_properties(),
            payload: &self.payload,
        };
        encode(version, &Packet::Publish(publish))
    }
}

pub(crate) fn encode(version: ProtocolVersion, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).expect("a client writes what the codec allows");
    bytes
}

pub(crate) fn subscribe(
    version: ProtocolVersion,
    packet_id: u16,
    filters: &[(&str, SubscribeOptions)],
    identifier: u32,
) -> Vec<u8> {
    let mut wanted = SubscribeFiltersBuf::new();
    filters.iter().for_each(|(filter, options)| wanted.push(filter, *options).unwrap());
    let mut properties = PropertiesBuf::new();
    if identifier > 0 && version.is_v5() {
        properties.push(Property::SubscriptionIdentifier(identifier)).unwrap();
    }
    let packet_id = PacketId::new(packet_id).unwrap();
    let properties = properties.as_properties();
    let subscribe = Subscribe { packet_id, properties, filters: wanted.as_filters() };
    encode(version, &Packet::Subscribe(subscribe))
}

pub(crate) fn unsubscribe(version: ProtocolVersion, packet_id: u16, filters: &[&str]) -> Vec<u8> {
    let mut unwanted = UnsubscribeFiltersBuf::new();
    filters.iter().for_each(|filter| unwanted.push(filter).unwrap());
    let packet_id = PacketId::new(packet_id).unwrap();
    let properties = Properties::default();
    let filters = unwanted.as_filters();
    encode(version, &Packet::Unsubscribe(Unsubscribe { packet_id, properties, filters }))
}

pub(crate) fn disconnect(
    version: ProtocolVersion,
    reason: ReasonCode,
    expiry: Option<u32>,
) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    if let Some(seconds) = expiry.filter(|_| version.is_v5()) {
        properties.push(Property::SessionExpiryInterval(seconds)).unwrap();
    }
    let properties = properties.as_properties();
    encode(version, &Packet::Disconnect(Disconnect { reason, properties }))
}

/// The four acknowledgements of PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AckType {
    Ack,
    Rec,
    Rel,
    Comp,
}

impl AckType {
    pub(crate) fn bytes(self, version: ProtocolVersion, packet_id: u16) -> Vec<u8> {
        let ack = Ack::success(PacketId::new(packet_id).unwrap());
        encode(
            version,
            &match self {
                Self::Ack => Packet::PubAck(ack),
                Self::Rec => Packet::PubRec(ack),
                Self::Rel => Packet::PubRel(ack),
                Self::Comp => Packet::PubComp(ack),
            },
        )
    }
}

impl AckType {
    /// A PUBACK or PUBREC that refuses a message; v5 only.
    pub(crate) fn refusal(self, packet_id: u16) -> Vec<u8> {
        let reason = ReasonCode::QuotaExceeded;
        let ack = Ack { reason, ..Ack::success(PacketId::new(packet_id).unwrap()) };
        encode(V5, &if self == Self::Ack { Packet::PubAck(ack) } else { Packet::PubRec(ack) })
    }
}

/// A packet from the server, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    ConnAck {
        present: bool,
        reason: ReasonCode,
        assigned: Option<String>,
        method: Option<String>,
        told: Told,
    },
    /// With method and data.
    Auth(ReasonCode, String, Option<Vec<u8>>),
    Publish(Copy),
    Ack(AckType, u16, ReasonCode),
    SubAck(u16, Vec<u8>),
    UnsubAck(u16, Vec<u8>),
    PingResp,
    Disconnect(ReasonCode),
}

/// What CONNACK tells a client to keep to; nothing in 3.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) receive_maximum: u16,
    /// Seconds, if it is not what the client asked for.
    pub(crate) expiry: Option<u32>,
    /// Seconds, if it is not what the client said.
    pub(crate) keep_alive: Option<u16>,
    /// 0 if there are none.
    pub(crate) alias_max: u16,
}

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) dup: bool,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) topic: String,
    /// 0 at QoS 0.
    pub(crate) packet_id: u16,
    pub(crate) payload: Vec<u8>,
    pub(crate) identifiers: Vec<u32>,
    pub(crate) expiry: Option<u32>,
    pub(crate) alias: Option<u16>,
}

impl Copy {
    /// Bytes of its packet with the whole topic and without an alias.
    pub(crate) fn len(&self, version: ProtocolVersion) -> usize {
        let mut properties = PropertiesBuf::new();
        let expiry = self.expiry.map(Property::MessageExpiryInterval);
        let identifiers = self.identifiers.iter().map(|id| Property::SubscriptionIdentifier(*id));
        let all = expiry.into_iter().chain(identifiers).filter(|_| version.is_v5());
        all.for_each(|property| properties.push(property).unwrap());
        let publish = Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: &self.topic,
            packet_id: PacketId::new(1).filter(|_| self.qos != QoS::AtMostOnce),
            properties: properties.as_properties(),
            payload: &self.payload,
        };
        encode(version, &Packet::Publish(publish)).len()
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.payload).unwrap()
    }
}

impl Got {
    /// Decodes one whole packet of the server.
    pub(crate) fn decode(frame: &[u8], version: ProtocolVersion) -> Self {
        let Ok(Cut::Frame { frame, .. }) = cut(frame, usize::MAX) else {
            panic!("the server wrote no frame: {frame:02x?}")
        };
        let packet = Packet::decode(frame, version)
            .unwrap_or_else(|error| panic!("the server wrote {frame:02x?}: {error:?}"));
        let ack = |kind, ack: Ack<'_>| Self::Ack(kind, ack.packet_id.get(), ack.reason);
        match packet {
            Packet::ConnAck(connack) => Self::ConnAck {
                present: connack.session_present,
                reason: connack.reason,
                assigned: connack.properties.assigned_client_identifier().map(str::to_owned),
                method: connack.properties.authentication_method().map(str::to_owned),
                told: Told::of(connack.properties),
            },
            Packet::Publish(publish) => Self::Publish(Copy::of(&publish)),
            Packet::PubAck(it) => ack(AckType::Ack, it),
            Packet::PubRec(it) => ack(AckType::Rec, it),
            Packet::PubRel(it) => ack(AckType::Rel, it),
            Packet::PubComp(it) => ack(AckType::Comp, it),
            Packet::SubAck(it) => Self::SubAck(it.packet_id.get(), it.reasons.to_vec()),
            Packet::UnsubAck(it) => Self::UnsubAck(it.packet_id.get(), it.reasons.to_vec()),
            Packet::PingResp => Self::PingResp,
            Packet::Disconnect(it) => Self::Disconnect(it.reason),
            Packet::Auth(it) => Self::Auth(
                it.reason,
                it.properties.authentication_method().unwrap_or_default().to_owned(),
                it.properties.authentication_data().map(<[u8]>::to_vec),
            ),
            other => panic!("a server must not send {other:?}"),
        }
    }
}

impl Told {
    fn of(properties: Properties<'_>) -> Self {
        Self {
            receive_maximum: properties.receive_maximum().unwrap_or(u16::MAX),
            expiry: properties.session_expiry_interval(),
            keep_alive: properties.server_keep_alive(),
            alias_max: properties.topic_alias_maximum().unwrap_or(0),
        }
    }
}

impl Copy {
    fn of(publish: &Publish<'_>) -> Self {
        Self {
            dup: publish.dup,
            qos: publish.qos,
            retain: publish.retain,
            topic: publish.topic.to_owned(),
            packet_id: publish.packet_id.map_or(0, PacketId::get),
            payload: publish.payload.to_vec(),
            identifiers: publish.properties.subscription_identifiers().collect(),
            expiry: publish.properties.message_expiry_interval(),
            alias: publish.properties.topic_alias(),
        }
    }
}

/// Cuts whole packets out of a stream that comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Frames(Vec<u8>);

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        match cut(&self.0, usize::MAX).expect("a stream of packets") {
            Cut::Frame { consumed, .. } => Some(self.0.drain(..consumed).collect()),
            Cut::Incomplete { .. } => None,
        }
    }
}
